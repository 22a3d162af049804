"""Cross entropy: plain, weighted by class, smoothed, and of independent yes/no labels."""

import keras
from keras import ops

from imbalance import checks
from imbalance.losses.base import (
    ImbalanceLoss,
    align,
    known_classes,
    log_odds,
    log_probability,
    per_class,
)


def cross_entropy(y_true, y_pred, *, from_logits=True):
    """Cross entropy of a softmax: ``−Σ_c y_c log p_c``.

    Args:
        y_true: ids of shape (...,), or one-hot or soft labels of shape (..., C).
        y_pred: logits (or probabilities) of shape (..., C).
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,).

    Raises:
        InputError: if the shapes do not fit.

    Example:
        >>> round(float(cross_entropy([1], [[0.0, 0.0]])[0]), 4)
        0.6931
    """
    y, y_pred = align(y_true, y_pred, "softmax")
    return -ops.sum(y * log_probability(y_pred, "softmax", from_logits), axis=-1)


def weighted_cross_entropy(y_true, y_pred, class_weight, *, from_logits=True):
    """Cross entropy that weighs each class: ``−Σ_c w_c y_c log p_c``.

    Args:
        y_true: ids of shape (...,), or one-hot or soft labels of shape (..., C).
        y_pred: logits (or probabilities) of shape (..., C).
        class_weight: C numbers of at least 0, see :mod:`imbalance.weights`.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,).

    Raises:
        InputError: if ``class_weight`` is not C such numbers, or the shapes do not fit.

    Example:
        >>> round(float(weighted_cross_entropy([1], [[0.0, 0.0]], [1.0, 2.0])[0]), 4)
        1.3863
    """
    y, y_pred = align(y_true, y_pred, "softmax")
    weight = per_class("class_weight", class_weight, y_pred.shape[-1], y_pred.dtype)
    return -ops.sum(weight * y * log_probability(y_pred, "softmax", from_logits), axis=-1)


def label_smoothing_cross_entropy(y_true, y_pred, epsilon=0.1, *, from_logits=True):
    """Cross entropy against softened labels, ``(1 − ε) y + ε / C``.

    Args:
        y_true: ids of shape (...,), or one-hot labels of shape (..., C).
        y_pred: logits (or probabilities) of shape (..., C).
        epsilon: share of the label given to all classes alike, in [0, 1].
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,).

    Raises:
        InputError: if ``epsilon`` is outside [0, 1], or the shapes do not fit.

    Source:
        Szegedy et al. 2016, Rethinking the Inception Architecture, arXiv:1512.00567.

    Example:
        >>> round(float(label_smoothing_cross_entropy([1], [[0.0, 2.0]], 0.2)[0]), 4)
        0.3269
    """
    epsilon = checks.number("epsilon", epsilon, low=0, high=1)
    y, y_pred = align(y_true, y_pred, "softmax")
    y = (1.0 - epsilon) * y + epsilon / known_classes(y_pred)
    return -ops.sum(y * log_probability(y_pred, "softmax", from_logits), axis=-1)


def binary_cross_entropy(y_true, y_pred, *, from_logits=True):
    """Cross entropy of C independent sigmoids, their mean: ``−y log p − (1 − y) log(1 − p)``.

    Args:
        y_true: 0 or 1 of shape (batch,) or (batch, 1) for a single output; multi-hot labels of
            shape (..., C), or ids of shape (...,) as one-vs-rest, for several.
        y_pred: logits (or probabilities) of shape (batch,), (batch, 1) or (..., C).
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each row, the mean over its C outputs, shape (...,).

    Raises:
        InputError: if the shapes do not fit.

    Example:
        >>> round(float(binary_cross_entropy([1], [2.0])[0]), 4)
        0.1269
    """
    y, y_pred = align(y_true, y_pred, "sigmoid")
    logits = log_odds(y_pred, from_logits)
    return ops.mean(ops.binary_crossentropy(y, logits, from_logits=True), axis=-1)


@keras.saving.register_keras_serializable(package="imbalance")
class CrossEntropy(ImbalanceLoss):
    """Cross entropy of a softmax: ``−Σ_c y_c log p_c``.

    Args:
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Example:
        >>> loss = CrossEntropy()
        >>> round(float(loss([0, 1], [[2.0, 0.0], [0.0, 0.0]])), 4)
        0.41
    """

    _function = staticmethod(cross_entropy)

    def __init__(self, *, name="cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)


@keras.saving.register_keras_serializable(package="imbalance")
class WeightedCrossEntropy(ImbalanceLoss):
    """Cross entropy that weighs each class: ``−Σ_c w_c y_c log p_c``.

    Args:
        class_weight: C numbers of at least 0, not all 0. Weights whose mean over rows is not 1
            also change the learning rate; those of :mod:`imbalance.weights` have mean 1.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Example:
        >>> loss = WeightedCrossEntropy(class_weight=[0.5, 2.0])
        >>> round(float(loss([0, 1], [[2.0, 0.0], [0.0, 0.0]])), 4)
        0.7249
    """

    _function = staticmethod(weighted_cross_entropy)
    _of_classes = True
    _arguments = ("class_weight",)

    def __init__(self, class_weight, *, name="weighted_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.class_weight = checks.weights("class_weight", class_weight)


@keras.saving.register_keras_serializable(package="imbalance")
class LabelSmoothing(ImbalanceLoss):
    """Cross entropy against softened labels, ``(1 − ε) y + ε / C``.

    Args:
        epsilon: share of the label given to all classes alike, in [0, 1].
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Szegedy et al. 2016, Rethinking the Inception Architecture, arXiv:1512.00567.

    Example:
        >>> loss = LabelSmoothing(epsilon=0.2)
        >>> round(float(loss([1], [[0.0, 2.0]])), 4)
        0.3269
    """

    _function = staticmethod(label_smoothing_cross_entropy)
    _of_classes = True
    _arguments = ("epsilon",)

    def __init__(self, epsilon=0.1, *, name="label_smoothing", **kwargs):
        super().__init__(name=name, **kwargs)
        self.epsilon = checks.number("epsilon", epsilon, low=0, high=1)


@keras.saving.register_keras_serializable(package="imbalance")
class BinaryCrossEntropy(ImbalanceLoss):
    """Cross entropy of C independent sigmoids, their mean: ``−y log p − (1 − y) log(1 − p)``.

    Args:
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Example:
        >>> loss = BinaryCrossEntropy()
        >>> round(float(loss([1, 0], [2.0, 0.0])), 4)
        0.41
    """

    activation = "sigmoid"
    _function = staticmethod(binary_cross_entropy)

    def __init__(self, *, name="binary_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
