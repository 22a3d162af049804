"""Mean and maximum over time as one layer."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="imbalance")
class MeanMaxOverTime(keras.layers.Layer):
    """The mean of each feature over a text and its maximum beside it, blind to padding.

    Input and output: features (batch, time, features) with a mask (batch, time); (batch, 2 ×
    features), the means first. A text without a token gives zeros.

    Example:
        >>> features, mask = [[[1.0], [3.0], [9.0]]], [[True, True, False]]
        >>> pooled = MeanMaxOverTime()(ops.array(features), mask=ops.array(mask))
        >>> ops.convert_to_numpy(pooled).tolist()
        [[2.0, 3.0]]
    """

    def call(self, features, mask=None):
        if mask is None:
            mask = ops.ones(ops.shape(features)[:2], dtype="bool")
        mask = ops.expand_dims(mask, -1)
        # In float32: of a long text half precision would lose the last digits of the sum.
        kept = ops.where(mask, ops.cast(features, "float32"), 0.0)
        tokens = ops.maximum(ops.sum(ops.cast(mask, "float32"), axis=1), 1.0)
        mean = ops.cast(ops.sum(kept, axis=1) / tokens, self.compute_dtype)
        lowest = ops.cast(-3e4, self.compute_dtype)  # float16 ends at 65,504
        most = ops.max(ops.where(mask, features, lowest), axis=1)
        most = ops.where(ops.any(mask, axis=1), most, ops.zeros_like(most))
        return ops.concatenate([mean, most], axis=-1)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * input_shape[-1])
