"""Logits of spans from logits of tokens: pointers, and positions of an answer."""

import keras
from keras import ops

# Far below any logit, and still finite: a loss may multiply it by 0.
_NEVER = -1e9


@keras.saving.register_keras_serializable(package="imbalance")
class PointerLogits(keras.layers.Layer):
    """Split the logits of a token in two: those of a span's start there, and those of its end.

    Call:
        (batch, time, 2 · units) to float32 of shape (batch, time, 2, units). What padding is, the
        weights say from here on, not the mask, whose shape no longer fits.

    Example:
        >>> tuple(PointerLogits()(ops.ones((1, 4, 6))).shape)
        (1, 4, 2, 3)
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.supports_masking = True

    def call(self, logits):
        batch, time, units = ops.shape(logits)
        return ops.reshape(ops.cast(logits, "float32"), (batch, time, 2, units // 2))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], 2, input_shape[2] // 2)


@keras.saving.register_keras_serializable(package="imbalance")
class AnswerLogits(keras.layers.Layer):
    """Turn two logits a token into two choices among the positions after the separator.

    Args:
        separator_id: the token between question and context.

    Call:
        ``[ids, logits]``: ids (batch, time), int, 0 at padding; logits (batch, time, 2). Returns
        float32 of shape (batch, 2, time): those of start and end, -1e9 at positions of the
        question, the separator and the padding.

    Example:
        >>> layer = AnswerLogits(separator_id=2)
        >>> logits = layer([ops.array([[5, 2, 6, 0]]), ops.ones((1, 4, 2))])
        >>> ops.convert_to_numpy(logits[0, 0] > 0).tolist()
        [False, False, True, False]
    """

    def __init__(self, separator_id, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.supports_masking = True
        self.separator_id = separator_id

    def call(self, inputs):
        ids, logits = inputs
        separators = ops.cast(ids == self.separator_id, "int32")
        inside = (ops.cumsum(separators, axis=1) - separators > 0) & (ids > 0)
        logits = ops.transpose(ops.cast(logits, "float32"), (0, 2, 1))
        return ops.where(inside[:, None, :], logits, _NEVER)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        batch, time, pointers = input_shape[1]
        return (batch, pointers, time)

    def get_config(self):
        return {**super().get_config(), "separator_id": self.separator_id}
