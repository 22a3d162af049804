"""TextCNN: convolutions of several widths over the tokens, the maximum of each over time."""

import keras
from keras import ops

from imbalance import checks
from imbalance.models.loss_state import LossStateModel


@keras.saving.register_keras_serializable(package="imbalance")
class ConvMaxOverTime(keras.layers.Layer):
    """Convolution, ReLU and maximum over time, blind to padding.

    Keras's ``Conv1D`` and ``GlobalMaxPooling1D`` drop the mask, and the output then depends on
    how far a batch is padded. Here padded positions are zero before the convolution and cannot
    win the maximum, so it does not. A text without a token gives zeros.

    Args:
        filters: number of filters.
        kernel_size: tokens in a window.
        kernel_regularizer: as of ``keras.layers.Conv1D``.

    Input and output: (batch, time, features) with a mask (batch, time); (batch, filters).

    Example:
        >>> layer = ConvMaxOverTime(filters=2, kernel_size=3)
        >>> layer(ops.ones((4, 5, 8)), mask=ops.ones((4, 5), dtype="bool")).shape[1]
        2
    """

    def __init__(self, filters, kernel_size, kernel_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.convolution = keras.layers.Conv1D(
            filters,
            kernel_size,
            padding="same",
            activation="relu",
            kernel_regularizer=kernel_regularizer,
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, input_shape):
        self.convolution.build(input_shape)

    def call(self, inputs, mask=None):
        if mask is None:
            return ops.max(self.convolution(inputs), axis=1)
        visible = ops.expand_dims(ops.cast(mask, inputs.dtype), -1)
        # After ReLU nothing is below 0, so a padded position set to 0 never wins.
        return ops.max(self.convolution(inputs * visible) * visible, axis=1)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "kernel_regularizer": keras.regularizers.serialize(self.convolution.kernel_regularizer),
        }


def text_cnn(
    vocabulary_size: int,
    units: int,
    *,
    embedding_dim=128,
    filters=128,
    kernel_sizes=(2, 3, 4, 5),
    dropout=0.5,
    l2=0.0,
    dtype=None,
) -> LossStateModel:
    """Build a TextCNN: embedding, convolutions, maximum over time, dropout, float32 logits.

    Args:
        vocabulary_size: number of token ids; id 0 is padding.
        units: number of logits.
        embedding_dim: size of a token's vector.
        filters: filters of each width.
        kernel_sizes: widths of the windows, in tokens.
        dropout: share of features dropped in training, in [0, 1).
        l2: weight of the squared convolution kernels in the loss.
        dtype: policy of the layers, such as ``"mixed_float16"``; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, to logits (batch, units), float32.

    Raises:
        InputError: if an argument is out of range.

    Source:
        Kim 2014, Convolutional Neural Networks for Sentence Classification, arXiv:1408.5882.

    Example:
        >>> model = text_cnn(100, 3, embedding_dim=8, filters=4, kernel_sizes=(2, 3))
        >>> model(ops.ones((2, 7), dtype="int32")).shape[1]
        3
    """
    checks.integer("embedding_dim", embedding_dim, low=1)
    checks.integer("filters", filters, low=1)
    checks.number("dropout", dropout, low=0, high=1, high_open=True)
    checks.number("l2", l2, low=0)
    if not isinstance(kernel_sizes, (list, tuple)) or not kernel_sizes:
        raise checks.wrong("kernel_sizes", kernel_sizes, "a list of window widths")
    for size in kernel_sizes:
        checks.integer("kernel_sizes, one of its numbers", size, low=1)

    ids = keras.Input((None,), dtype="int32", name="ids")
    embedded = keras.layers.Embedding(
        vocabulary_size, embedding_dim, mask_zero=True, dtype=dtype, name="embedding"
    )(ids)
    features = [
        ConvMaxOverTime(
            filters,
            size,
            kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
            dtype=dtype,
            # The index keeps names apart where a width is given twice.
            name=f"conv_{index}_width_{size}",
        )(embedded)
        for index, size in enumerate(kernel_sizes)
    ]
    joined = keras.layers.Concatenate(dtype=dtype, name="features")(features)
    kept = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(joined)
    # Half-precision logits would have lost the rare classes before the loss sees them.
    logits = keras.layers.Dense(units, dtype="float32", name="logits")(kept)
    return LossStateModel(ids, logits, name="text_cnn")
