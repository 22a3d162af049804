"""Encoded rows to ``tf.data``: shuffled into length buckets for training, in one order else."""

import itertools

import numpy as np
import tensorflow as tf

from imbalance import checks
from imbalance.data.encoded import EncodedRows

# Of the lengths, where one bucket ends and the next begins.
_BUCKET_QUANTILES = (0.25, 0.5, 0.75, 0.9)
# Prepared while a step runs, and enough for the moment in which a part is read.
_BATCHES_AHEAD = 16


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


def training_dataset(
    rows: EncodedRows, labels, weights, *, batch_size: int, seed: int, chances=None
) -> tf.data.Dataset:
    """Return shuffled batches ``(ids, label, weight)``, texts of like length together.

    Each row comes once an epoch; or, with ``chances``, an epoch is as many rows, drawn with
    replacement.

    Args:
        rows: the token ids.
        labels: class ids, int32 of shape (rows,).
        weights: float32 of shape (rows,), read anew in each epoch.
        batch_size: rows a batch; the last one of a bucket may be smaller. Of drawn rows the last
            ones of all buckets share batches, so that each epoch has as many.
        seed: of the shuffle and the draw, which differ from epoch to epoch.
        chances: of each row to be drawn, of :func:`row_chances`, or None.

    Returns:
        A dataset of ids (batch, longest in it), int32, padded by 0; labels and weights (batch,).
    """
    edges = np.quantile(rows.lengths, _BUCKET_QUANTILES)
    boundaries = sorted({int(edge) + 1 for edge in edges})
    bucket_of_row = np.digitize(np.maximum(rows.lengths, 1), boundaries)
    epochs = itertools.count()

    def batches():
        random = np.random.default_rng([seed, next(epochs)])
        times = None
        if chances is not None:
            drawn = random.choice(len(rows), size=len(rows), p=chances)
            times = np.bincount(drawn, minlength=len(rows))
        return _batches(rows, bucket_of_row, labels, weights, batch_size, random, times)

    if chances is None:
        steps = int(np.ceil(np.bincount(bucket_of_row) / batch_size).sum())
    else:
        steps = -(-len(rows) // batch_size)
    return _dataset(batches, steps)


def evaluation_dataset(
    rows: EncodedRows, labels, weights, *, batch_size: int, seed: int = 0
) -> tf.data.Dataset:
    """Return batches ``(ids, label, weight)`` in an order that is mixed and always the same.

    Files are often sorted by class; a loss that couples the rows of a batch would then see
    batches unlike those of training.

    Args and return as of :func:`training_dataset`.
    """
    one_bucket = np.zeros(len(rows), np.int64)

    def batches():
        random = np.random.default_rng(seed)
        return _batches(rows, one_bucket, labels, weights, batch_size, random)

    return _dataset(batches, -(-len(rows) // batch_size))


def _batches(rows, bucket_of_row, labels, weights, batch_size, random, times=None):
    """Yield every row once, or so many ``times``: a bucket is a batch when it is full, or when no
    row is left; what is left in the buckets of drawn rows goes together.
    """
    labels, weights = np.asarray(labels, "int32"), np.asarray(weights, "float32")
    waiting = {}

    def batch(members):
        members, texts = zip(*members, strict=True)
        members = list(members)
        # A batch of empty texts must have a position to take a maximum over.
        ids = np.zeros((len(texts), max(1, *map(len, texts))), np.int32)
        for place, text in zip(ids, texts, strict=True):
            place[: len(text)] = text
        return ids, labels[members], weights[members]

    for part in rows.parts(random):
        order = np.arange(len(part.rows))
        order = random.permutation(order if times is None else order.repeat(times[part.rows]))
        members = part.rows[order]
        columns = (members, bucket_of_row[members], part.starts[order], part.starts[order + 1])
        for row, bucket, start, end in zip(*(each.tolist() for each in columns), strict=True):
            waiting.setdefault(bucket, []).append((row, part.ids[start:end]))
            if len(waiting[bucket]) == batch_size:
                yield batch(waiting.pop(bucket))
    left = [waiting[bucket] for bucket in sorted(waiting)]
    if times is not None:
        together = list(itertools.chain(*left))
        left = [together[i : i + batch_size] for i in range(0, len(together), batch_size)]
    for members in left:
        yield batch(members)


def _dataset(batches, steps: int) -> tf.data.Dataset:
    signature = (
        tf.TensorSpec([None, None], tf.int32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.float32),
    )
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    # Progress bars and schedules want to know how many batches there are.
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    return dataset.prefetch(_BATCHES_AHEAD)
