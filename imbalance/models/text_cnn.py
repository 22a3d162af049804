"""TextCNN: convolutions of several widths over the tokens, the maximum of each over time."""

import keras

from imbalance import checks
from imbalance.models.loss_state import LossStateModel
from imbalance.models.token_convolutions import TokenConvolutions
from imbalance.models.word_dropout import WordDropout


def text_cnn(
    vocabulary_size: int,
    units: int,
    *,
    embedding_dim=128,
    filters=128,
    kernel_sizes=(2, 3, 4, 5),
    dropout=0.5,
    l2=0.0,
    implementation="auto",
    tokens=None,
    word_dropout=0.0,
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
        implementation: how the convolutions are computed, see :class:`TokenConvolutions`; all
            give equal results.
        tokens: tokens from the start of a text that the convolutions read; ``None``, all.
        word_dropout: share of tokens that are made unknown in training, in [0, 1).
        dtype: policy of the layers, such as ``"mixed_float16"``; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, to logits (batch, units), float32.

    Raises:
        InputError: if an argument is out of range.

    Source:
        Kim 2014, Convolutional Neural Networks for Sentence Classification, arXiv:1408.5882.

    Example:
        >>> model = text_cnn(100, 3, embedding_dim=8, filters=4, kernel_sizes=(2, 3))
        >>> model(keras.ops.ones((2, 7), dtype="int32")).shape[1]
        3
    """
    check_sizes(embedding_dim, filters, kernel_sizes, dropout, l2)
    if tokens is not None:
        checks.integer("tokens", tokens, low=1)
    checks.number("word_dropout", word_dropout, low=0, high=1, high_open=True)

    ids = keras.Input((None,), dtype="int32", name="ids")
    read = ids if tokens is None else ids[:, :tokens]
    if word_dropout:
        read = WordDropout(word_dropout, name="word_dropout")(read)
    joined = TokenConvolutions(
        vocabulary_size,
        embedding_dim,
        filters,
        kernel_sizes,
        kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
        implementation=implementation,
        dtype=dtype,
        name="features",
    )(read)
    kept = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(joined)
    # Half-precision logits would have lost the rare classes before the loss sees them.
    logits = keras.layers.Dense(units, dtype="float32", name="logits")(kept)
    return LossStateModel(ids, logits, name="text_cnn")


def check_sizes(embedding_dim, filters, kernel_sizes, dropout, l2) -> None:
    """Refuse what no token convolutions can be built of.

    Raises:
        InputError: if an argument is out of range.
    """
    checks.integer("embedding_dim", embedding_dim, low=1)
    checks.integer("filters", filters, low=1)
    checks.number("dropout", dropout, low=0, high=1, high_open=True)
    checks.number("l2", l2, low=0)
    if not isinstance(kernel_sizes, (list, tuple)) or not kernel_sizes:
        raise checks.wrong(
            "kernel_sizes", kernel_sizes, "a list of window widths, such as [2, 3, 4]"
        )
    for size in kernel_sizes:
        checks.integer("kernel_sizes, one of its numbers", size, low=1)
