"""Encoded rows to ``tf.data``: shuffled into length buckets for training, in one order else."""

import itertools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from imbalance import checks
from imbalance.data.encoded import EncodedRows

# Of the lengths, where one bucket ends and the next begins.
_BUCKET_QUANTILES = (0.25, 0.5, 0.75, 0.9)
# Prepared while a step runs, and enough for the moment in which a part is read.
_BATCHES_AHEAD = 16


class TokenValues(NamedTuple):
    """Labels or weights of tokens, those of all rows one after the other.

    Attributes:
        values: shape (tokens, ...).
        starts: where each row starts in ``values``, and the end of the last, shape (rows + 1,).
    """

    values: np.ndarray
    starts: np.ndarray

    def of(self, rows, width: int) -> np.ndarray:
        """Return the values of some rows, shape (rows, width, ...), padded by 0."""
        padded = np.zeros((len(rows), width, *self.values.shape[1:]), self.values.dtype)
        for place, row in zip(padded, rows, strict=True):
            start, end = self.starts[row], self.starts[row + 1]
            place[: end - start] = self.values[start:end]
        return padded


def row_weights(labels, class_weights=None, sample_weights=None, chances=None) -> np.ndarray:
    """Fold class weights and sample weights into one weight a row, mean 1.

    Where rows are drawn, the mean weight of a drawn row has the expectation 1.

    Keras applies class weights wrongly to some labels and refuses them beside sample weights;
    and a mean other than 1 would change the learning rate.

    Args:
        labels: class ids, shape (rows,).
        class_weights: one number a class, or None.
        sample_weights: one number a row, or None.
        chances: of each row to be drawn, of :func:`row_chances`; None, each row comes once.

    Returns:
        float32 of shape (rows,).

    Raises:
        InputError: if every row would have weight 0.

    Example:
        >>> row_weights([0, 0, 0, 1], class_weights=[0.5, 2.5]).tolist()
        [0.5, 0.5, 0.5, 2.5]
    """
    weights = np.ones(len(labels))
    if class_weights is not None:
        weights = weights * np.asarray(class_weights, float)[labels]
    if sample_weights is not None:
        weights = weights * np.asarray(sample_weights, float)
    if len(weights) and not weights.sum() > 0:
        raise checks.InputError("weights: got 0 for every row, expected one above 0")
    if len(weights):
        weights = weights / np.average(weights, weights=chances)
    return weights.astype("float32")


def row_chances(labels, draws) -> np.ndarray:
    """Return the chance of each row when classes are drawn and then one of their rows.

    Args:
        labels: class ids, shape (rows,).
        draws: rows of each class that are expected to be drawn, shape (classes,), see
            :func:`imbalance.weights.expected_draws`.

    Returns:
        float64 of shape (rows,), of sum 1.

    Example:
        >>> row_chances([0, 0, 0, 1], draws=[2, 2]).round(3).tolist()
        [0.167, 0.167, 0.167, 0.5]
    """
    chances = (np.asarray(draws, float) / np.maximum(np.bincount(labels), 1))[labels]
    return chances / chances.sum()


class TrainingBatches:
    """Shuffled batches, texts of like length together, and which rows and classes they hold.

    Each row comes once an epoch; or, with ``chances``, an epoch is as many rows, drawn with
    replacement.

    Args:
        rows: the token ids.
        labels: class ids of shape (rows,), or :class:`TokenValues` for labels of tokens.
        weights: of shape (rows,), or :class:`TokenValues`; read anew in each epoch.
        batch_size: rows a batch; the last one of a bucket may be smaller. Of drawn rows the last
            ones of all buckets share batches, so that each epoch has as many.
        seed: of the shuffle and the draw, which differ from epoch to epoch.
        chances: of each row to be drawn, of :func:`row_chances`, or None.

    Attributes:
        steps: batches of an epoch.
        next_epoch: that of the next pass over :meth:`dataset`, counted from 0.
        held: batches of the epoch so far that hold each class with a weight above 0, shape
            (largest id + 1,); of labels that are not ids, empty.
    """

    def __init__(
        self, rows: EncodedRows, labels, weights, *, batch_size: int, seed: int, chances=None
    ):
        self._rows, self._labels, self._weights = rows, labels, weights
        self._batch_size, self._seed, self._chances = batch_size, seed, chances
        edges = np.quantile(rows.lengths, _BUCKET_QUANTILES)
        boundaries = sorted({int(edge) + 1 for edge in edges})
        self._bucket_of_row = np.digitize(np.maximum(rows.lengths, 1), boundaries)
        if chances is None:
            self.steps = int(np.ceil(np.bincount(self._bucket_of_row) / batch_size).sum())
        else:
            self.steps = -(-len(rows) // batch_size)
        self.next_epoch = 0
        values = np.asarray(getattr(labels, "values", labels))
        ids = np.issubdtype(values.dtype, np.integer)
        self.held = np.zeros(values.max(initial=0) + 1 if ids else 0, np.int64)

    def dataset(self) -> tf.data.Dataset:
        """Return batches ``(ids, label, weight)``; each pass over it is another epoch.

        Ids are of shape (batch, longest in it), int32, padded by 0; labels and weights of shape
        (batch,), or (batch, longest in it, ...) of tokens, float32 weights being 0 at padding.
        """

        def batches():
            epoch = self.next_epoch
            self.next_epoch += 1
            self.held[:] = 0
            for batch in self._batches(epoch):
                self._count(*batch[1:])
                yield batch

        return _dataset(batches, self.steps, self._labels, self._weights)

    def sample(self, rows: int) -> tf.data.Dataset:
        """Return the first batches of epoch 0, the same in each pass, of at least so many rows."""
        steps = min(self.steps, -(-rows // self._batch_size))

        def batches():
            return itertools.islice(self._batches(0), steps)

        return _dataset(batches, steps, self._labels, self._weights)

    def rows_of(self, epoch: int, step: int) -> np.ndarray:
        """Return which rows a batch held, int64, shape (batch,); both count from 0.

        It goes through the epoch again up to that batch.
        """
        [members] = itertools.islice(self._members(epoch), step, step + 1)
        return np.array([row for row, _ in members])

    def _members(self, epoch: int):
        random = np.random.default_rng([self._seed, epoch])
        times = None
        if self._chances is not None:
            rows, chances = len(self._rows), self._chances
            drawn = random.choice(rows, size=rows, p=chances)  # nosec B311 # no secret
            times = np.bincount(drawn, minlength=len(self._rows))
        return _members(self._rows, self._bucket_of_row, self._batch_size, random, times)

    def _batches(self, epoch: int):
        return _batches(self._members(epoch), self._labels, self._weights)

    def _count(self, labels, weights):
        if len(self.held):
            found = np.bincount(labels[weights > 0], minlength=len(self.held))
            self.held += found > 0


def evaluation_dataset(
    rows: EncodedRows, labels, weights, *, batch_size: int, seed: int = 0
) -> tf.data.Dataset:
    """Return batches ``(ids, label, weight)`` in an order that is mixed and always the same.

    Files are often sorted by class; a loss that couples the rows of a batch would then see
    batches unlike those of training.

    Args and return as of :class:`TrainingBatches`.
    """
    one_bucket = np.zeros(len(rows), np.int64)

    def batches():
        random = np.random.default_rng(seed)
        return _batches(_members(rows, one_bucket, batch_size, random), labels, weights)

    return _dataset(batches, -(-len(rows) // batch_size), labels, weights)


def _members(rows, bucket_of_row, batch_size, random, times=None):
    """Yield the rows of each batch, with the ids of each: every row once, or so many ``times``.

    A bucket is a batch when it is full, or when no row is left; what is left in the buckets of
    drawn rows goes together.
    """
    waiting = {}
    for part in rows.parts(random):
        order = np.arange(len(part.rows))
        order = random.permutation(order if times is None else order.repeat(times[part.rows]))
        members = part.rows[order]
        columns = (members, bucket_of_row[members], part.starts[order], part.starts[order + 1])
        for row, bucket, start, end in zip(*(each.tolist() for each in columns), strict=True):
            waiting.setdefault(bucket, []).append((row, part.ids[start:end]))
            if len(waiting[bucket]) == batch_size:
                yield waiting.pop(bucket)
    left = [waiting[bucket] for bucket in sorted(waiting)]
    if times is not None:
        together = list(itertools.chain(*left))
        left = [together[i : i + batch_size] for i in range(0, len(together), batch_size)]
    yield from left


def _batches(batches, labels, weights):
    """Yield ids, labels and weights of the rows of each batch."""
    of_rows = [_reader(labels, "int32"), _reader(weights, "float32")]
    for members in batches:
        rows, texts = zip(*members, strict=True)
        rows = list(rows)
        # A batch of empty texts must have a position to take a maximum over.
        ids = np.zeros((len(texts), max(1, *map(len, texts))), np.int32)
        for place, text in zip(ids, texts, strict=True):
            place[: len(text)] = text
        yield ids, *(of(rows, ids.shape[1]) for of in of_rows)


def _reader(values, dtype):
    """Return what gives the values of some rows, for a batch of a width."""
    if isinstance(values, TokenValues):
        return values.of
    values = np.asarray(values, dtype)
    return lambda rows, width: values[rows]


def _dataset(batches, steps: int, labels, weights) -> tf.data.Dataset:
    def spec(values, dtype):
        if not isinstance(values, TokenValues):
            return tf.TensorSpec([None], dtype)
        values = values.values
        return tf.TensorSpec([None, None, *values.shape[1:]], values.dtype)

    ids = tf.TensorSpec([None, None], tf.int32)
    signature = (ids, spec(labels, tf.int32), spec(weights, tf.float32))
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    # Progress bars and schedules want to know how many batches there are.
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    return dataset.prefetch(_BATCHES_AHEAD)
