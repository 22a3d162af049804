"""Vectors of tokens and of the short n-grams around them."""

import keras
from keras import ops

from imbalance import checks

# Codes stay below 2**31 while they are mixed: _FACTOR · buckets + vocabulary_size.
_FACTOR = 16_381
_MOST = 100_000


@keras.saving.register_keras_serializable(package="imbalance")
class TokenVectors(keras.layers.Layer):
    """A table of token vectors.

    As ``keras.layers.Embedding``, but the gradient is one dense tensor: of TensorFlow's slices,
    Keras's Adam squares those of a token that stands twice each by itself (Σg² for (Σg)²).

    Args:
        vocabulary_size: number of token ids; id 0 is padding.
        dimension: size of a vector.

    Input and output: ids (batch, time), int32; (batch, time, dimension).

    Example:
        >>> TokenVectors(10, 4)(ops.array([[3, 7, 0]])).shape[-1]
        4
    """

    def __init__(self, vocabulary_size, dimension, **kwargs):
        super().__init__(**kwargs)
        checks.integer("vocabulary_size", vocabulary_size, low=1)
        checks.integer("embedding_dim", dimension, low=1)
        self.vocabulary_size = vocabulary_size
        self.dimension = dimension
        self.embeddings = self.add_weight(
            name="embeddings", shape=(vocabulary_size, dimension), initializer="uniform"
        )
        self.built = True

    def call(self, ids):
        return ops.take(ops.cast(self.embeddings, self.compute_dtype) * 1, ids, axis=0)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dimension)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dimension": self.dimension,
        }


@keras.saving.register_keras_serializable(package="imbalance")
class NgramVectors(keras.layers.Layer):
    """Vectors of the n-grams that hold a token, looked up by hash.

    An n-gram (g_1, …, g_n) has row h_n of one table, h_1 = g_1 and
    h_i = (h_(i−1) · 16381 + g_i + n) mod buckets; different n-grams may share a row. What is
    beyond the text is a token of its own, so that its first and last token are seen as such.

    Args:
        sizes: of the n-grams. A token stands in n of size n; each has its place in the output.
        buckets: rows of the table, at most 100,000.
        dimension: size of a vector.

    Input and output: ids (batch, time), int32, 0 = padding; (batch, time, Σ n · dimension).

    Raises:
        InputError: if an argument is out of range.

    Source:
        Bojanowski et al. 2017, Enriching Word Vectors with Subword Information, for the hash.

    Example:
        >>> NgramVectors((2, 3), buckets=1000, dimension=4)(ops.array([[3, 7, 0]])).shape[-1]
        20
    """

    def __init__(self, sizes, buckets, dimension, **kwargs):
        super().__init__(**kwargs)
        checks.integer("ngram_buckets", buckets, low=1, high=_MOST)
        checks.integer("ngram_dim", dimension, low=1)
        for size in sizes:
            checks.integer("ngram_sizes, one of its numbers", size, low=2)
        self.sizes = tuple(sizes)
        self.buckets = buckets
        self.dimension = dimension
        self.table = self.add_weight(
            name="ngram_table", shape=(buckets, dimension), initializer="uniform"
        )
        self.built = True

    def call(self, ids):
        rows = []
        for size in self.sizes:
            code = ops.pad(ids, [[0, 0], [size - 1, size - 1]])
            time = ops.shape(code)[1]
            parts = [code[:, first : time - size + 1 + first] for first in range(size)]
            code = parts[0]
            for part in parts[1:]:
                code = (code * _FACTOR + part + size) % self.buckets
            # The n-gram that ends at a token, then those that end one later, and so on.
            last = ops.shape(code)[1] - size + 1
            rows += [code[:, first : last + first] for first in range(size)]
        vectors = ops.take(
            ops.cast(self.table, self.compute_dtype) * 1, ops.stack(rows, axis=2), axis=0
        )
        batch, time = ops.shape(ids)
        return ops.reshape(vectors, (batch, time, len(rows) * self.dimension))

    def compute_output_shape(self, input_shape):
        return (*input_shape, sum(self.sizes) * self.dimension)

    def get_config(self):
        return {
            **super().get_config(),
            "sizes": self.sizes,
            "buckets": self.buckets,
            "dimension": self.dimension,
        }


def token_vectors(
    ids,
    vocabulary_size,
    *,
    embedding_dim,
    ngram_sizes,
    ngram_buckets,
    ngram_dim,
    dropout,
    dtype,
    words=None,
    words_dim=0,
    name="{}".format,
):
    """Return the vectors of tokens, those of their n-grams and words beside them, with dropout.

    Args:
        ids: symbolic (batch, time), int32.
        vocabulary_size, embedding_dim: see :class:`TokenVectors`.
        ngram_sizes, ngram_buckets, ngram_dim: see :class:`NgramVectors`; no sizes, no n-grams.
        dropout: share of all of them dropped in training.
        dtype: policy of the layers.
        words: symbolic features of words, see :class:`WordMatches`; or None.
        words_dim: features that they are brought to.
        name: from the usual name of a layer to its name.

    Example:
        >>> ids = keras.Input((None,), dtype="int32")
        >>> options = {"ngram_buckets": 50, "ngram_dim": 4, "dropout": 0.1, "dtype": None}
        >>> token_vectors(ids, 9, embedding_dim=8, ngram_sizes=(2,), **options).shape
        (None, None, 16)
    """
    tokens = TokenVectors(vocabulary_size, embedding_dim, dtype=dtype, name=name("embedding"))
    vectors = [tokens(ids)]
    if ngram_sizes:
        ngrams = NgramVectors(
            ngram_sizes, ngram_buckets, ngram_dim, dtype=dtype, name=name("ngrams")
        )
        vectors.append(ngrams(ids))
    if words is not None:
        vectors.append(keras.layers.Dense(words_dim, dtype=dtype, name=name("words"))(words))
    joined = vectors[0]
    if len(vectors) > 1:
        joined = keras.layers.Concatenate(dtype=dtype, name=name("vectors"))(vectors)
    return keras.layers.Dropout(dropout, dtype=dtype, name=name("input_dropout"))(joined)


def token_logits(features, units, name="logits"):
    """Return float32 logits of each token, symbolic (batch, time, units).

    Args:
        features: symbolic (batch, time, features).
        units: number of logits.
        name: of the layer.

    Example:
        >>> token_logits(keras.Input((None, 4)), 3).shape
        (None, None, 3)
    """
    # Half-precision logits would have lost the rare classes before the loss sees them.
    logits = keras.layers.Dense(units, dtype="float32", name=name)(features)
    # An operation's new tensor, unlike a layer's, has no mask: the sample weights say what counts.
    return logits * 1
