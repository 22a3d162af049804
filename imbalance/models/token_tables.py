"""Maximum over time of convolutions over token vectors, by tables: TensorFlow on a CPU.

A convolution is linear, so what a token adds to a window at offset j is a row of the table
``vectors @ kernel[j]``. A batch has far fewer distinct tokens than positions: the tables cost one
matrix product over the distinct tokens, and a window is a sum of as many rows as it is wide. Of
all windows only the one that wins the maximum carries gradient, so the gradients are products
with a sparse matrix, (offset and filter) by token, with one entry for each winner and offset.

Nothing is approximated: only the order of the additions differs from a convolution's.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

# Positions whose maximum is taken while their sums are made, so that most sums never reach
# memory. With more there are fewer maxima to compare, but it compiles for longer.
CHUNK = 4

# Below any sum; what a window that may not win starts from.
NEVER = -1e30

# The smallest sizes that batches are padded to, positions and rows of the tables.
_POSITIONS, _ROWS = 4096, 1024


class Stream(NamedTuple):
    """The texts of a batch, one after the other, with zeros between and around them.

    Attributes:
        rows: row of the tables at each position, (halo + positions + halo,), int32.
        starts: what the sum of the window centred on a position starts from, (positions,),
            float32: 0, or NEVER where there is no token.
        halo: positions before the first.
        stride: positions from one text to the next, a multiple of CHUNK.
        texts: the number of texts.
    """

    rows: tf.Tensor
    starts: tf.Tensor
    halo: int
    stride: tf.Tensor
    texts: tf.Tensor


def rounded(size, smallest: int) -> tf.Tensor:
    """Return one of few sizes, no smaller: XLA compiles anew for each size that it meets.

    They are ``smallest``, a power of two, and 5, 6, 7 and 8 quarters of it and of its multiples
    by powers of two, so less than a quarter is added.

    Example:
        >>> [int(rounded(size, 1024)) for size in (3, 1025, 1281, 2048, 2049)]
        [1024, 1280, 1536, 2048, 2560]
    """
    size = tf.maximum(size, smallest)
    # Exact in float64 for every int32, powers of two included.
    exponent = tf.math.floor(tf.experimental.numpy.log2(tf.cast(size, tf.float64)))
    unit = tf.bitwise.left_shift(1, tf.cast(exponent, tf.int32) - 2)
    return -(-size // unit) * unit


def max_over_time(ids, embeddings, kernels: Sequence) -> tf.Tensor:
    """Return the maximum over time of each filter, before bias and activation.

    Padding is "same": a window may reach over either end of its text, into zeros, but is centred
    on a token; one centred on padding never wins.

    Args:
        ids: token ids, (batch, time), int32; 0 is padding, wherever it stands.
        embeddings: vectors by token id, (vocabulary, features), float32.
        kernels: one for each width, (width, features, filters), float32; all of as many filters.

    Returns:
        (batch, widths × filters), float32; NEVER for a text without a token.
    """
    # Also of variables, which a function with a gradient of its own may not read.
    embeddings, *kernels = map(tf.convert_to_tensor, (embeddings, *kernels))
    widths = tuple(kernel.shape[0] for kernel in kernels)
    tokens, positions = tf.unique(tf.reshape(ids, [-1]))
    # Row 0 of the tables is of zeros: padding points there.
    rows = tf.where(tf.equal(ids, 0), 0, tf.reshape(positions, tf.shape(ids)) + 1)
    stream = to_stream(rows, widths)
    # Gathered outside the function below, so that the gradient of `embeddings` is sparse.
    vectors = tf.gather(embeddings, tokens)
    used = tf.size(tokens) + 1
    vectors = tf.pad(vectors, [[1, rounded(used, _ROWS) - used], [0, 0]])

    @tf.custom_gradient
    def of_vectors(vectors, *kernels):
        offsets = tf.concat(kernels, axis=0)
        tables = to_tables(vectors, offsets)
        maxima = chunk_maxima(stream, tables, widths)

        def gradient(upstream):
            entries = _winners(upstream, maxima, stream, tables, widths)
            of_vectors, of_offsets = _products(entries, vectors, offsets)
            return of_vectors, *tf.split(of_offsets, widths)

        return tf.concat([tf.reduce_max(each, axis=1) for each in maxima], axis=1), gradient

    return of_vectors(vectors, *kernels)


def to_tables(vectors, offsets) -> tf.Tensor:
    """Return what each token adds to a window at each offset.

    Args:
        vectors: (tokens, features), float32.
        offsets: kernels of all widths, one after the other, (sum of widths, features, filters).

    Returns:
        (tokens, sum of widths, filters), float32.
    """
    total, features, filters = offsets.shape
    # One large product is faster than one for each offset, even with the transposition.
    side_by_side = tf.reshape(tf.transpose(offsets, [1, 0, 2]), [features, total * filters])
    return tf.reshape(tf.matmul(vectors, side_by_side), [-1, total, filters])


def to_stream(rows, widths: Sequence[int], round_up=None) -> Stream:
    """Lay the texts of a batch one after the other.

    Args:
        rows: row of the tables of each token, (batch, time), int32; 0 where there is no token.
        widths: of the windows that will be taken.
        round_up: from the positions that are needed to how many there will be; by default to
            one of few numbers.
    """
    round_up = round_up or functools.partial(rounded, smallest=_POSITIONS)
    halo = max(widths) // 2
    texts, time = tf.unstack(tf.shape(rows))
    gap = halo + (-(time + halo)) % CHUNK
    rows = tf.reshape(tf.pad(rows, [[0, 0], [0, gap]]), [-1])
    spare = round_up(tf.size(rows)) - tf.size(rows)
    rows = tf.pad(rows, [[halo, spare + halo]])
    starts = tf.where(tf.equal(rows[halo : tf.size(rows) - halo], 0), NEVER, 0.0)
    return Stream(rows, starts, halo, time + gap, texts)


def chunk_maxima(stream: Stream, tables, widths: tuple[int, ...]) -> list[tf.Tensor]:
    """Return, for each width, the maximum of each filter over each CHUNK positions.

    Args:
        stream: the texts.
        tables: as :func:`to_tables` returns them.
        widths: of the windows.

    Returns:
        (texts, chunks of a text, filters), float32, for each width.
    """
    found = window_maxima(widths, stream.halo)(stream.rows, stream.starts, tables)
    return [by_text(each, stream) for each in found]


def by_text(maxima, stream: Stream) -> tf.Tensor:
    """Return chunk maxima (chunks, filters) as (texts, chunks of a text, filters)."""
    chunks = stream.stride // CHUNK
    shape = [stream.texts, chunks, maxima.shape[-1]]
    return tf.reshape(maxima[: stream.texts * chunks], shape)


@functools.cache
def window_maxima(widths: tuple[int, ...], halo: int):
    """Return the function, compiled by XLA for each shape, that sums rows and takes maxima.

    Its arguments are the ``rows`` and ``starts`` of a :class:`Stream` and the tables as of
    :func:`to_tables`, float32 or float16; it returns, for each width, the maxima over each
    CHUNK positions, (positions / CHUNK, filters), float32.

    TensorFlow has no operation for a sum of gathered rows that neither writes each row to memory
    first nor walks them one by one; XLA makes one loop of it.
    """

    @tf.function(jit_compile=True, reduce_retracing=True, autograph=False)
    def maxima(rows, starts, tables):
        positions = tf.shape(starts)[0]
        found = []
        for table, width in zip(_first_tables(widths), widths, strict=True):
            first = halo - (width - 1) // 2
            sums = []
            for place in range(CHUNK):
                total = starts[place::CHUNK, tf.newaxis]
                for offset in range(width):
                    begin = first + place + offset
                    at = rows[begin : begin + positions - CHUNK + 1 : CHUNK]
                    total += tf.cast(tf.gather(tables[:, table + offset], at), tf.float32)
                sums.append(total)
            found.append(functools.reduce(tf.maximum, sums))
        return found

    return maxima


def _winners(upstream, maxima, stream: Stream, tables, widths: Sequence[int]):
    """Return the sparse matrix (table and filter) by row of the winning windows' gradients.

    Returns:
        Positions (entries, 2), int64, sorted by the first; values (entries,), float32.
    """
    total, filters = tables.shape[1:]
    cells = tf.reshape(tables, [-1])
    positions, values = [], []
    for table, width, maximum, gradient in zip(
        _first_tables(widths), widths, maxima, tf.split(upstream, len(widths), axis=1), strict=True
    ):
        # Dropout and ReLU leave most filters without a gradient. Sorted by filter.
        gradient = tf.transpose(gradient)
        alive = tf.where(tf.not_equal(gradient, 0))
        value = tf.gather_nd(gradient, alive)
        filter_, text = tf.unstack(tf.cast(alive, tf.int32), axis=1)
        chunk = tf.argmax(maximum, axis=1, output_type=tf.int32)
        start = text * stream.stride + CHUNK * tf.gather_nd(tf.transpose(chunk), alive)

        # The sums of the winning chunk once more, to see which of its windows it was.
        first = stream.halo - (width - 1) // 2
        near = tf.gather(stream.rows, start[:, tf.newaxis] + first + tf.range(CHUNK + width - 1))
        cell = (near * total + table) * filters + filter_[:, tf.newaxis]
        sums = tf.gather(stream.starts, start[:, tf.newaxis] + tf.range(CHUNK))
        for offset in range(width):
            sums += tf.gather(cells, cell[:, offset : offset + CHUNK] + offset * filters)
        window = start + tf.argmax(sums, axis=1, output_type=tf.int32)

        offsets = tf.range(width)[:, tf.newaxis]
        lines = (table + offsets) * filters + filter_
        columns = tf.gather(stream.rows, window + first + offsets)
        positions.append(tf.stack([tf.reshape(lines, [-1]), tf.reshape(columns, [-1])], axis=1))
        values.append(tf.tile(value, [width]))
    return tf.cast(tf.concat(positions, axis=0), tf.int64), tf.concat(values, axis=0)


def _products(entries, vectors, offsets):
    """Return the gradients of the vectors (rows, features) and of the kernels' offsets."""
    positions, values = entries
    total, features, filters = offsets.shape
    shape = tf.cast([total * filters, tf.shape(vectors)[0]], tf.int64)
    matrix = tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=positions, values=values, dense_shape=shape
    )
    # Not `transpose_a=True`, whose threads add up in any order.
    transposed = tf.raw_ops.SparseMatrixTranspose(input=matrix, type=tf.float32)
    lines = tf.reshape(tf.transpose(offsets, [0, 2, 1]), [total * filters, features])
    of_vectors = tf.raw_ops.SparseMatrixMatMul(a=transposed, b=lines)
    of_lines = tf.raw_ops.SparseMatrixMatMul(a=matrix, b=vectors)
    of_offsets = tf.transpose(tf.reshape(of_lines, [total, filters, features]), [0, 2, 1])
    return of_vectors, of_offsets


def _first_tables(widths: Sequence[int]) -> list[int]:
    """Return the number of each width's first table.

    Example:
        >>> _first_tables((2, 3, 4))
        [0, 2, 5]
    """
    return [0, *itertools.accumulate(widths)][: len(widths)]
