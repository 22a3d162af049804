"""Encoded rows to ``tf.data``: length buckets in training, order kept elsewhere."""

import numpy as np
import tensorflow as tf

from imbalance import checks

# Of the lengths, where one bucket ends and the next begins.
_BUCKET_QUANTILES = (0.25, 0.5, 0.75, 0.9)


def row_weights(labels, class_weights=None, sample_weights=None) -> np.ndarray:
    """Fold class weights and sample weights into one weight a row, mean 1.

    Keras applies class weights wrongly to some labels and refuses them beside sample weights;
    and a mean other than 1 would change the learning rate.

    Args:
        labels: class ids, shape (rows,).
        class_weights: one number a class, or None.
        sample_weights: one number a row, or None.

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
    return (weights / weights.mean() if len(weights) else weights).astype("float32")


def training_dataset(
    ids: tf.RaggedTensor, labels, weights, *, batch_size: int, seed: int
) -> tf.data.Dataset:
    """Return shuffled batches ``(ids, label, weight)``, texts of like length together.

    Args:
        ids: token ids, ragged int32 of shape (rows, tokens).
        labels: class ids, int32 of shape (rows,).
        weights: float32 of shape (rows,).
        batch_size: rows a batch; the last one of a bucket may be smaller.
        seed: of the shuffle, which differs from epoch to epoch.

    Returns:
        A dataset of ids (batch, longest in it), int32, padded by 0; labels and weights (batch,).
    """
    rows = _rows(ids, labels, weights).shuffle(len(labels), seed=seed)
    lengths = ids.row_lengths().numpy()
    boundaries = sorted({int(edge) + 1 for edge in np.quantile(lengths, _BUCKET_QUANTILES)})
    batches = rows.bucket_by_sequence_length(
        lambda row, label, weight: tf.shape(row)[0],
        bucket_boundaries=boundaries,
        bucket_batch_sizes=[batch_size] * (len(boundaries) + 1),
    )
    # Bucketing forgets how many batches there are; progress bars and schedules want to know.
    in_bucket = np.bincount(np.digitize(np.maximum(lengths, 1), boundaries))
    steps = int(np.ceil(in_bucket / batch_size).sum())
    return batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(tf.data.AUTOTUNE)


def evaluation_dataset(ids: tf.RaggedTensor, labels, weights, *, batch_size: int):
    """Return batches ``(ids, label, weight)`` in the order of the rows, cached.

    Args and return as of :func:`training_dataset`.
    """
    batches = _rows(ids, labels, weights).padded_batch(batch_size)
    return batches.cache().prefetch(tf.data.AUTOTUNE)


def _rows(ids, labels, weights):
    def with_a_token(row, label, weight):
        # A batch of empty texts must have a position to take a maximum over.
        row = tf.pad(row, [[0, tf.maximum(0, 1 - tf.shape(row)[0])]])
        return tf.ensure_shape(row, [None]), label, weight

    return tf.data.Dataset.from_tensor_slices(
        (ids, np.asarray(labels, "int32"), np.asarray(weights, "float32"))
    ).map(with_a_token)
