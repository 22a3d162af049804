"""Several networks as one: each learns by itself, their mean answers."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="imbalance")
class MemberMean(keras.layers.Layer):
    """The mean of the logits of several networks; in training each network's own.

    A loss of the mean would let the networks lean on each other, and they would make the same
    mistakes. In training the logits of all members stand one after the other along the batch;
    :class:`LossStateModel` repeats the labels likewise, so that the loss is the mean of the
    members' losses.

    Args:
        members: how many networks there are.

    Input and output: ``members`` tensors of shape (batch, ...); in training (members · batch,
    ...), else (batch, ...); float32.

    Source:
        Lakshminarayanan et al. 2017, Simple and Scalable Predictive Uncertainty Estimation using
        Deep Ensembles, arXiv:1612.01474; the mean of logits instead of probabilities is ours.

    Example:
        >>> both = [ops.array([[1.0]]), ops.array([[3.0]])]
        >>> MemberMean(2)(both).numpy().tolist(), MemberMean(2)(both, training=True).shape[0]
        ([[2.0]], 2)
    """

    def __init__(self, members, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.members = members

    def call(self, inputs, training=None):
        if training:
            return ops.concatenate(inputs, axis=0)
        return ops.mean(ops.stack(inputs, axis=0), axis=0)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "members": self.members}
