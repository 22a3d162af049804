"""Recurrent units over the tokens in both directions, pooled over time: one label a text."""

import keras

from imbalance import checks
from imbalance.models.loss_state import LossStateModel
from imbalance.models.mean_max_over_time import MeanMaxOverTime
from imbalance.models.token_vectors import TokenVectors
from imbalance.models.word_dropout import WordDropout


def bigru(
    vocabulary_size: int,
    units: int,
    *,
    embedding_dim=128,
    hidden=64,
    dense=64,
    spatial_dropout=0.2,
    dropout=0.3,
    word_dropout=0.0,
    dtype=None,
) -> LossStateModel:
    """Build a network for texts: vectors, GRUs in both directions, mean and maximum over time, a
    dense layer, float32 logits.

    Args:
        vocabulary_size: number of token ids; id 0 is padding.
        units: number of logits.
        embedding_dim: size of a token's vector.
        hidden: features of each direction.
        dense: units of the layer before the logits.
        spatial_dropout: share of the vectors' features dropped in training, of all tokens of a
            text alike, in [0, 1).
        dropout: share of the dense layer's input and output dropped in training, in [0, 1).
        word_dropout: share of tokens that are made unknown in training, in [0, 1).
        dtype: policy of the layers, such as ``"mixed_float16"``; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, to logits (batch, units), float32.

    Raises:
        InputError: if an argument is out of range.

    Source:
        Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder, arXiv:1406.1078
        (GRU); Tompson et al. 2015, Efficient Object Localization Using Convolutional Networks,
        arXiv:1411.4280 (spatial dropout).

    Example:
        >>> model = bigru(100, 1, embedding_dim=8, hidden=4)
        >>> model(keras.ops.ones((2, 7), dtype="int32")).shape[1]
        1
    """
    for name, value in (("embedding_dim", embedding_dim), ("hidden", hidden), ("dense", dense)):
        checks.integer(name, value, low=1)
    shares = {"spatial_dropout": spatial_dropout, "dropout": dropout, "word_dropout": word_dropout}
    for name, value in shares.items():
        checks.number(name, value, low=0, high=1, high_open=True)

    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = keras.ops.not_equal(ids, 0)
    read = WordDropout(word_dropout, name="word_dropout")(ids) if word_dropout else ids
    vectors = TokenVectors(vocabulary_size, embedding_dim, dtype=dtype, name="embedding")(read)
    dropped = keras.layers.SpatialDropout1D(spatial_dropout, dtype=dtype, name="spatial_dropout")
    # Neither unrolled nor compiled by XLA: either is built anew for each length of a batch, which
    # takes seconds each time; `reset_after`, the default, is what cuDNN computes.
    both = keras.layers.Bidirectional(
        keras.layers.GRU(hidden, return_sequences=True, dtype=dtype), dtype=dtype, name="gru"
    )
    features = both(dropped(vectors), mask=mask)
    pooled = MeanMaxOverTime(dtype=dtype, name="pooled")(features, mask=mask)
    pooled = keras.layers.Dropout(dropout, dtype=dtype, name="pooled_dropout")(pooled)
    joined = keras.layers.Dense(dense, activation="relu", dtype=dtype, name="dense")(pooled)
    joined = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(joined)
    # Half-precision logits would have lost the rare classes before the loss sees them.
    logits = keras.layers.Dense(units, dtype="float32", name="logits")(joined)
    return LossStateModel(ids, logits, name="bigru")
