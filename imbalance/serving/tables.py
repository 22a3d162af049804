"""Token convolutions without arithmetic on vectors: tables over the whole vocabulary."""

import math

import tensorflow as tf

from imbalance.models import TokenConvolutions, token_tables

# Positions that are computed at once. XLA compiles for these two sizes, whatever the request:
# a single text of a few hundred tokens must not pay for many.
_ONE_TEXT, _MANY_TEXTS = 512, 2048


class FoldedConvolutions(tf.Module):
    """What a :class:`TokenConvolutions` does, by tables made once.

    The convolution of a vector is linear, so what a token adds to a window at each offset can be
    computed before serving: a window is then a sum of as many table rows as it is wide. Equal to
    the layer but for the order of the additions, and the rounding of ``float16``.

    Args:
        layer: built, with its weights.
        dtype: of the tables, ``"float32"`` or ``"float16"``; sums are float32.

    Input and output: ids (batch, time), int32; (batch, widths × filters), float32.

    Example:
        >>> layer = TokenConvolutions(100, embedding_dim=8, filters=4, kernel_sizes=(2, 3))
        >>> features = layer(tf.ones((2, 7), tf.int32))
        >>> folded = FoldedConvolutions(layer, "float32")(tf.ones((2, 7), tf.int32))
        >>> bool(tf.reduce_all(tf.abs(features - folded) < 1e-5))
        True
    """

    def __init__(self, layer: TokenConvolutions, dtype: str):
        super().__init__(name="folded_convolutions")
        convolutions = [each.convolution for each in layer.convolutions]
        offsets = tf.concat([each.kernel.value for each in convolutions], axis=0)
        tables = token_tables.to_tables(layer.embedding.embeddings.value, offsets)
        # Id 0 is padding and adds nothing.
        tables = tf.concat([tf.zeros_like(tables[:1]), tables[1:]], axis=0)
        self.tables = tf.Variable(tf.cast(tables, dtype), trainable=False, name="tables")
        bias = tf.concat([each.bias.value for each in convolutions], axis=0)
        self.bias = tf.Variable(bias, trainable=False, name="bias")
        self.widths = tuple(layer.kernel_sizes)

    # Traced for any shape: of a known one, TensorFlow would refuse the branch not taken.
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False)
    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        texts, time = tf.unstack(tf.shape(ids))
        maxima = tf.cond(
            (texts == 1) & (time <= _ONE_TEXT),
            lambda: self._of_one_text(ids),
            lambda: self._of_many_texts(ids),
        )
        return tf.nn.relu(maxima + self.bias)

    def terms(self, ids: tf.Tensor, table: int) -> tf.Tensor:
        """Return what tokens add to windows at one offset of one width.

        Args:
            ids: of any shape.
            table: number of the offset, those of all widths one after the other.

        Returns:
            float32, the shape of ``ids`` and the filters.
        """
        total, filters = self.tables.shape[1:]
        rows = tf.reshape(self.tables, [-1, filters])
        return tf.cast(tf.gather(rows, ids * total + table), tf.float32)

    def _of_one_text(self, ids):
        """Return the maxima over time of a short text, by a single operation."""
        ids = tf.pad(ids, [[0, 0], [0, _ONE_TEXT - tf.shape(ids)[1]]])
        return self._compiled(tf.ensure_shape(ids, [1, _ONE_TEXT]), self.tables.read_value())

    @tf.function(jit_compile=True, autograph=False)
    def _compiled(self, ids, tables):
        stream = token_tables.to_stream(
            ids, self.widths, lambda size: -(-size // token_tables.CHUNK) * token_tables.CHUNK
        )
        maxima = token_tables.chunk_maxima(stream, tables, self.widths)
        return tf.concat([tf.reduce_max(each, axis=1) for each in maxima], axis=1)

    def _of_many_texts(self, ids):
        """Return the maxima over time, computed piece by piece."""

        def whole_pieces(size):
            return tf.maximum(1, -(-size // _MANY_TEXTS)) * _MANY_TEXTS

        stream = token_tables.to_stream(ids, self.widths, whole_pieces)
        compiled = token_tables.window_maxima(self.widths, stream.halo)
        tables = self.tables.read_value()

        def of_piece(index):
            start, end = index * _MANY_TEXTS, (index + 1) * _MANY_TEXTS
            rows = tf.ensure_shape(
                stream.rows[start : end + 2 * stream.halo], [_MANY_TEXTS + 2 * stream.halo]
            )
            starts = tf.ensure_shape(stream.starts[start:end], [_MANY_TEXTS])
            return compiled(rows, starts, tables)

        shape = [_MANY_TEXTS // token_tables.CHUNK, self.tables.shape[-1]]
        found = tf.map_fn(
            of_piece,
            tf.range(tf.size(stream.starts) // _MANY_TEXTS),
            fn_output_signature=[tf.TensorSpec(shape) for _ in self.widths],
            parallel_iterations=2,
        )
        by_text = [token_tables.by_text(tf.reshape(each, [-1, shape[1]]), stream) for each in found]
        return tf.concat([tf.reduce_max(each, axis=1) for each in by_text], axis=1)


def megabytes(layer: TokenConvolutions, dtype: str) -> int:
    """Return the size of the tables of a layer, in units of 10^6 bytes.

    Example:
        >>> megabytes(TokenConvolutions(8000, 128, 128, (2, 3, 4, 5)), "float32")
        58
    """
    cells = layer.vocabulary_size * layer.filters * sum(layer.kernel_sizes)
    return math.ceil(cells * tf.as_dtype(dtype).size / 1e6)
