"""Recurrent units over the tokens in both directions, logits for each token."""

import keras

from imbalance import checks
from imbalance.models.loss_state import LossStateModel
from imbalance.models.residual_convolution import ResidualConvolution
from imbalance.models.token_vectors import token_logits, token_vectors
from imbalance.models.word_dropout import WordDropout


def bigru_tagger(
    vocabulary_size: int,
    units: int,
    *,
    embedding_dim=128,
    ngram_sizes=(2,),
    ngram_buckets=30_000,
    ngram_dim=32,
    hidden=128,
    layers=1,
    kernel_size=None,
    dropout=0.3,
    word_dropout=0.0,
    dtype=None,
) -> LossStateModel:
    """Build a network for tokens: vectors, GRUs in both directions, float32 logits.

    Args:
        vocabulary_size: number of token ids; id 0 is padding.
        units: number of logits of a token.
        embedding_dim: size of a token's vector.
        ngram_sizes, ngram_buckets, ngram_dim: see :class:`NgramVectors`; ``ngram_sizes`` empty,
            no vectors of n-grams.
        hidden: features of each direction.
        layers: recurrent layers.
        kernel_size: tokens in the windows of a :class:`ResidualConvolution` before the
            recurrent layers; ``None``, there is none.
        dropout: share of features dropped in training, in [0, 1).
        word_dropout: share of tokens that are made unknown in training, in [0, 1).
        dtype: policy of the layers, such as ``"mixed_float16"``; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, to logits (batch, time, units), float32. Those at
        padding mean nothing.

    Raises:
        InputError: if an argument is out of range.

    Source:
        Huang et al. 2015, Bidirectional LSTM-CRF Models for Sequence Tagging, arXiv:1508.01991,
        with the GRU of Cho et al. 2014, arXiv:1406.1078.

    Example:
        >>> model = bigru_tagger(100, 5, hidden=8)
        >>> model(keras.ops.ones((2, 7), dtype="int32")).shape[2]
        5
    """
    checks.integer("units", units, low=1)
    checks.integer("hidden", hidden, low=1)
    checks.integer("layers", layers, low=1)
    checks.number("dropout", dropout, low=0, high=1, high_open=True)

    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = keras.ops.not_equal(ids, 0)
    read = WordDropout(word_dropout, name="word_dropout")(ids) if word_dropout else ids
    features = token_vectors(
        read,
        vocabulary_size,
        embedding_dim=embedding_dim,
        ngram_sizes=ngram_sizes,
        ngram_buckets=ngram_buckets,
        ngram_dim=ngram_dim,
        dropout=dropout,
        dtype=dtype,
    )
    if kernel_size is not None:
        features = keras.layers.Dense(2 * hidden, dtype=dtype, name="projection")(features)
        block = ResidualConvolution(kernel_size, 1, dropout, dtype=dtype, name="convolution")
        features = block(features, mask=mask)
    for index in range(layers):
        both = keras.layers.Bidirectional(
            keras.layers.GRU(hidden, return_sequences=True, dtype=dtype),
            dtype=dtype,
            name=f"gru_{index}",
        )
        features = both(features, mask=mask)
        features = keras.layers.Dropout(dropout, dtype=dtype, name=f"dropout_{index}")(features)
    return LossStateModel(ids, token_logits(features, units), name="bigru_tagger")
