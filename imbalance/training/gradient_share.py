"""How much of the gradient each class contributes, on a fixed sample of the training rows."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from imbalance.losses.base import holds_ids

# Of the rows of an epoch, and how many they are at least and at most: few, since they cost a pass
# of their own after each epoch.
_SHARE, _FEWEST, _MOST = 0.1, 256, 1024


class Gradients(NamedTuple):
    """What a sample says of each class; what weighs 0 is left out.

    The gradient of a label is the sum of the absolute values of d loss / d logits over the logits
    that its row, or token, has for it.

    Attributes:
        labels: how many labels there are, shape (classes,).
        wrong: how many of them are predicted as another class.
        all: the sum of their gradients.
        of_wrong: the sum of the gradients of the wrong ones.
        uninformed: what ``all`` would be of a network that gives 0 for every logit.
    """

    labels: np.ndarray
    wrong: np.ndarray
    all: np.ndarray
    of_wrong: np.ndarray
    uninformed: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Share of the whole gradient, shape (classes,); NaN for a class without a label here, and
        where there is no gradient at all.

        Example:
            >>> three, zeros = np.array([6, 2, 0]), np.zeros(3)
            >>> Gradients(three, zeros, np.array([0.3, 0.1, 0.0]), zeros, zeros).shares.round(2)
            array([0.75, 0.25,  nan])
        """
        total = self.all.sum()
        shares = np.full(len(self.all), np.nan)
        known = (self.labels > 0) & (total > 0)
        return np.divide(self.all, total, out=shares, where=known)


class GradientShares(keras.callbacks.Callback):
    """Measures the gradient of each class after each epoch.

    The network answers as in prediction, without dropout, and its loss keeps its state: training
    is not touched. A loss over the batch sees batches as training draws them.

    Args:
        batches: of ids, labels and weights, as the network is trained on; see :func:`rows`.
        activation: of the loss.
        class_of: see :meth:`imbalance.tasks.base.Task.class_of`.
        classes: how many there are.

    Attributes:
        latest: :class:`Gradients` of the last epoch, None before its end.
    """

    def __init__(self, batches: tf.data.Dataset, activation: str, class_of: Callable, classes: int):
        super().__init__()
        self._batches, self._activation = batches, activation
        self._class_of, self._classes = class_of, classes
        self._of_batch = self._loss = None
        self.latest: Gradients | None = None

    def on_epoch_end(self, epoch, logs=None):
        if self.model.loss is not self._loss:
            self._loss = self.model.loss
            # Once for all widths of batches.
            signature = self._batches.element_spec
            self._of_batch = tf.function(self._gradients, input_signature=signature)
        sums = np.zeros((len(Gradients._fields), self._classes))
        for batch in self._batches:
            sums += self._summed(batch[1:], self._of_batch(*batch))
        self.latest = Gradients(*sums)

    def _summed(self, given, found) -> np.ndarray:
        labels, weights = (each.numpy() for each in given)
        size, uninformed, wrong = (each.numpy() for each in found)
        # The weight of a token holds for all of its labels.
        weights = weights.reshape(weights.shape + (1,) * (size.ndim - weights.ndim))
        counted = np.broadcast_to(weights > 0, size.shape)
        classes = self._class_of(labels, size.shape)[counted].astype(np.int64)
        values = (np.ones(size.shape), wrong, size, size * wrong, uninformed)
        by_class = [np.bincount(classes, v[counted], minlength=self._classes) for v in values]
        return np.stack(by_class)

    def _gradients(self, ids, labels, weights):
        logits = self.model(ids, training=False)
        size = self._size(ids, labels, logits, weights)
        uninformed = self._size(ids, labels, tf.zeros_like(logits), weights)
        return size, uninformed, self._wrong(labels, logits)

    def _size(self, ids, labels, logits, weights):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = self.model.compute_loss(ids, labels, logits, weights, training=False)
        size = tf.abs(tape.gradient(loss, logits))
        return tf.reduce_sum(size, axis=-1) if self._chooses(labels, logits) else size

    def _wrong(self, labels, logits):
        """Return whether each label is predicted as another, in the shape of the choices."""
        if not self._chooses(labels, logits):
            return tf.not_equal(logits > 0, labels > 0.5)
        if logits.shape[-1] == 1:
            return tf.not_equal(logits[..., 0] > 0, labels > 0)
        chosen = tf.argmax(logits, axis=-1)
        if not holds_ids(labels, logits):
            labels = tf.argmax(labels, axis=-1)
        return tf.not_equal(chosen, tf.cast(labels, chosen.dtype))

    def _chooses(self, labels, logits) -> bool:
        """Say whether the last axis of the logits is a choice among classes or positions."""
        return self._activation == "softmax" or holds_ids(labels, logits)


def rows(of_epoch: int) -> int:
    """Return how many rows a sample has, of those of an epoch.

    Example:
        >>> rows(58), rows(7_000), rows(10**6)
        (256, 700, 1024)
    """
    return int(np.clip(_SHARE * of_epoch, _FEWEST, _MOST))
