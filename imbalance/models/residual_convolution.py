"""A residual block of a convolution over tokens."""

import keras
from keras import ops

from imbalance import checks


@keras.saving.register_keras_serializable(package="imbalance")
class ResidualConvolution(keras.layers.Layer):
    """x + dropout(GELU(convolution(normalised x))), blind to padding.

    Padded positions are zero before the convolution, and each token is normalised by itself
    (layer normalisation), so that the output of a text does not depend on its batch.

    Args:
        kernel_size: tokens in a window.
        dilation: distance of the tokens in a window.
        dropout: share dropped in training.

    Input and output: (batch, time, features) with a mask (batch, time); the same shape.

    Source:
        Strubell et al. 2017, Fast and Accurate Entity Recognition with Iterated Dilated
        Convolutions, arXiv:1702.02098, with the residuals of He et al. 2016, arXiv:1603.05027.

    Example:
        >>> block = ResidualConvolution(kernel_size=3, dilation=2, dropout=0.1)
        >>> block(ops.ones((2, 5, 8)), mask=ops.ones((2, 5), dtype="bool")).shape[-1]
        8
    """

    def __init__(self, kernel_size, dilation, dropout, **kwargs):
        super().__init__(**kwargs)
        checks.integer("kernel_size", kernel_size, low=1)
        checks.integer("dilations, one of its numbers", dilation, low=1)
        checks.number("dropout", dropout, low=0, high=1, high_open=True)
        self.supports_masking = True
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.normalization = keras.layers.LayerNormalization(
            dtype=self.dtype_policy, name="normalization"
        )
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, input_shape):
        self.convolution = keras.layers.Conv1D(
            input_shape[-1],
            self.kernel_size,
            dilation_rate=self.dilation,
            padding="same",
            activation="gelu",
            dtype=self.dtype_policy,
            name="convolution",
        )
        self.convolution.build(input_shape)
        self.normalization.build(input_shape)

    def call(self, inputs, mask=None, training=None):
        normalized = self.normalization(inputs)
        if mask is not None:
            normalized = normalized * ops.cast(mask, normalized.dtype)[..., None]
        return inputs + self.dropout(self.convolution(normalized), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "dilation": self.dilation,
            "dropout": self.dropout.rate,
        }
