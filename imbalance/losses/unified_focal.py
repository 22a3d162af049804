"""Asymmetric unified focal loss: a focal loss and a focal Tversky loss for rare classes."""

import keras
import numpy as np
from keras import ops

from imbalance import checks
from imbalance.losses.base import (
    BatchLoss,
    ImbalanceLoss,
    LossSum,
    align,
    log_complement,
    log_probability,
    probability,
    row_weights,
    same_for_each_row,
)
from imbalance.losses.class_counts import checked_counts
from imbalance.losses.tversky import missing_index, power


def unified_focal_loss(
    y_true,
    y_pred,
    class_counts,
    weight=0.5,
    delta=0.6,
    gamma=0.5,
    smooth=1e-5,
    *,
    sample_weight=None,
    from_logits=True,
):
    """Asymmetric unified focal loss: ``λ L_F + (1 − λ) L_T``.

    A class is rare that has fewer training rows than the average class. ``L_F`` of a label is
    ``−δ log p`` if its class is rare and ``−(1 − δ) (1 − p)^γ log p`` if it is common. ``L_T``
    is the mean over classes of ``1 − TI``, of the rare ones ``(1 − TI)^(1 − γ)``, with
    ``TI = (TP + s) / (TP + δ FN + (1 − δ) FP + s)`` over the batch. So the focus weakens the
    easy rows of common classes alone, and enhances the rare classes' overlap alone.

    Args:
        y_true: ids of shape (...,), or one-hot or soft labels of shape (..., C).
        y_pred: logits (or probabilities) of shape (..., C). The paper's binary form has C = 2.
        class_counts: C numbers above 0, the training rows of each class; their ratios count.
        weight: λ, share of the focal loss, in [0, 1].
        delta: δ in [0, 1]: weight of rare labels beside common ones, and of false negatives
            beside false positives.
        gamma: γ in [0, 1).
        smooth: s, at least 0, in rows.
        sample_weight: weights of the rows in the sums of ``L_T``, shape (...,).
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,), with the batch's ``L_T`` in each.

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Yeung et al. 2022, Unified Focal loss, arXiv:2102.04525.

    Example:
        >>> values = unified_focal_loss([0, 1], [[2.0, 0.0], [0.0, 0.0]], [9, 1], smooth=0.0)
        >>> [round(float(value), 4) for value in values]
        [0.2278, 0.427]
    """
    weight, delta, gamma, smooth = _checked(weight, delta, gamma, smooth)
    focal = _asymmetric_focal(y_true, y_pred, class_counts, delta, gamma, from_logits=from_logits)
    overlap = _asymmetric_focal_tversky(
        y_true,
        y_pred,
        class_counts,
        delta,
        gamma,
        smooth,
        sample_weight=sample_weight,
        from_logits=from_logits,
    )
    return weight * focal + (1.0 - weight) * overlap


def _asymmetric_focal(y_true, y_pred, class_counts, delta, gamma, *, from_logits):
    y, y_pred = align(y_true, y_pred, "softmax")
    rare = _rare(class_counts, y_pred)
    log_p = log_probability(y_pred, "softmax", from_logits)
    focus = (1.0 - delta) * (1.0 - rare)
    if gamma:
        # Through the logarithm: the power itself has an infinite slope at p = 1.
        focus = focus * ops.exp(gamma * log_complement(y_pred, log_p, "softmax", from_logits))
    return -ops.sum((delta * rare + focus) * y * log_p, axis=-1)


def _asymmetric_focal_tversky(
    y_true, y_pred, class_counts, delta, gamma, smooth, *, sample_weight, from_logits
):
    y, y_pred = align(y_true, y_pred, "softmax")
    rare = _rare(class_counts, y_pred)
    p = probability(y_pred, "softmax", from_logits)
    weight = row_weights(sample_weight, y_pred)
    loss = missing_index(y, p, 1.0 - delta, delta, smooth, weight)
    loss = rare * power(loss, 1.0 - gamma) + (1.0 - rare) * loss
    return same_for_each_row(ops.mean(loss), y_pred)


def _rare(class_counts, y_pred):
    counts = np.array(checked_counts(class_counts, length=y_pred.shape[-1]))
    return ops.convert_to_tensor(counts < counts.mean(), dtype=y_pred.dtype)


def _checked(weight, delta, gamma, smooth):
    return (
        checks.number("weight", weight, low=0, high=1),
        checks.number("delta", delta, low=0, high=1),
        checks.number("gamma", gamma, low=0, high=1, high_open=True),
        checks.number("smooth", smooth, low=0),
    )


class _Focal(ImbalanceLoss):
    _function = staticmethod(_asymmetric_focal)
    _of_classes = True
    _arguments = ("class_counts", "delta", "gamma")


class _FocalTversky(BatchLoss):
    _function = staticmethod(_asymmetric_focal_tversky)
    _of_classes = True
    _arguments = ("class_counts", "delta", "gamma", "smooth")


@keras.saving.register_keras_serializable(package="imbalance")
class UnifiedFocalLoss(LossSum):
    """Asymmetric unified focal loss: ``λ L_F + (1 − λ) L_T``.

    See :func:`unified_focal_loss` for the formula. Sample weights act inside the sums of
    ``L_T`` and multiply ``L_F`` of each row.

    Args:
        class_counts: C numbers above 0, the rows of each class that an epoch draws;
            ``train.py`` counts them.
        weight: λ, share of the focal loss, in [0, 1].
        delta: δ in [0, 1], weight of rare labels and of false negatives.
        gamma: γ in [0, 1).
        smooth: s, at least 0, in rows.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Yeung et al. 2022, Unified Focal loss, arXiv:2102.04525.

    Example:
        >>> loss = UnifiedFocalLoss(class_counts=[9, 1], smooth=0.0)
        >>> round(float(loss([0, 1], [[2.0, 0.0], [0.0, 0.0]])), 4)
        0.3274
    """

    _arguments = ("class_counts", "weight", "delta", "gamma", "smooth")

    def __init__(
        self,
        class_counts,
        weight=0.5,
        delta=0.6,
        gamma=0.5,
        smooth=1e-5,
        *,
        name="unified_focal_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.class_counts = checked_counts(class_counts)
        self.weight, self.delta, self.gamma, self.smooth = _checked(weight, delta, gamma, smooth)
        self._terms = (
            (self.weight, self._term(_Focal)),
            (1.0 - self.weight, self._term(_FocalTversky)),
        )

    def _term(self, loss_class) -> ImbalanceLoss:
        term = loss_class(
            from_logits=self.from_logits,
            reduction=self.reduction,
            # Not of the class: TensorFlow has no scope whose name begins with "_".
            name=f"{self.name}_{loss_class.__name__.strip('_').lower()}",
            dtype=self.dtype,
        )
        for name in term._arguments:
            setattr(term, name, getattr(self, name))
        return term
