"""Dilated convolutions over the tokens, logits for each token."""

import keras

from imbalance import checks
from imbalance.models.loss_state import LossStateModel
from imbalance.models.residual_convolution import ResidualConvolution
from imbalance.models.token_vectors import token_logits, token_vectors
from imbalance.models.word_dropout import WordDropout


def dilated_cnn(
    vocabulary_size: int,
    units: int,
    *,
    embedding_dim=128,
    ngram_sizes=(2,),
    ngram_buckets=30_000,
    ngram_dim=32,
    filters=256,
    kernel_size=3,
    dilations=(1, 2, 4, 1),
    dropout=0.3,
    word_dropout=0.0,
    dtype=None,
) -> LossStateModel:
    """Build a network for tokens: vectors, residual dilated convolutions, float32 logits.

    Args:
        vocabulary_size: number of token ids; id 0 is padding.
        units: number of logits of a token.
        embedding_dim: size of a token's vector.
        ngram_sizes, ngram_buckets, ngram_dim: see :class:`NgramVectors`; ``ngram_sizes`` empty,
            no vectors of n-grams.
        filters: features of each layer.
        kernel_size: tokens in a window.
        dilations: of each layer, the distance of the tokens in its windows.
        dropout: share of features dropped in training, in [0, 1).
        word_dropout: share of tokens that are made unknown in training, in [0, 1).
        dtype: policy of the layers, such as ``"mixed_float16"``; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, to logits (batch, time, units), float32. Those at
        padding mean nothing.

    Raises:
        InputError: if an argument is out of range.

    Source:
        Strubell et al. 2017, Fast and Accurate Entity Recognition with Iterated Dilated
        Convolutions, arXiv:1702.02098.

    Example:
        >>> model = dilated_cnn(100, 5, filters=8)
        >>> model(keras.ops.ones((2, 7), dtype="int32")).shape[2]
        5
    """
    checks.integer("units", units, low=1)
    checks.integer("filters", filters, low=1)
    checks.number("dropout", dropout, low=0, high=1, high_open=True)
    if not isinstance(dilations, (list, tuple)) or not dilations:
        raise checks.wrong("dilations", dilations, "a list of distances, such as [1, 2, 4]")

    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = keras.ops.not_equal(ids, 0)
    read = WordDropout(word_dropout, name="word_dropout")(ids) if word_dropout else ids
    vectors = token_vectors(
        read,
        vocabulary_size,
        embedding_dim=embedding_dim,
        ngram_sizes=ngram_sizes,
        ngram_buckets=ngram_buckets,
        ngram_dim=ngram_dim,
        dropout=dropout,
        dtype=dtype,
    )
    features = keras.layers.Dense(filters, dtype=dtype, name="projection")(vectors)
    for index, dilation in enumerate(dilations):
        block = ResidualConvolution(
            kernel_size, dilation, dropout, dtype=dtype, name=f"block_{index}"
        )
        features = block(features, mask=mask)
    features = keras.layers.LayerNormalization(dtype=dtype, name="normalization")(features)
    features = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(features)
    return LossStateModel(ids, token_logits(features, units), name="dilated_cnn")
