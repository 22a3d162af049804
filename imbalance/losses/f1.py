"""Soft macro-F1: the score itself, with probabilities in place of decisions."""

import keras
from keras import ops

from imbalance import checks
from imbalance.losses.base import (
    ACTIVATIONS,
    BatchLoss,
    align,
    batch_sum,
    probability,
    row_weights,
    same_for_each_row,
)
from imbalance.losses.tversky import missing_index


def soft_f1_loss(
    y_true, y_pred, smooth=1e-5, activation="softmax", *, sample_weight=None, from_logits=True
):
    """One minus the soft F1 of each class over the batch, mean over the classes in the batch.

    ``1 − (2 TP + s) / (2 TP + FP + FN + s)`` with ``TP = Σ w p y``, ``FP = Σ w p (1 − y)``,
    ``FN = Σ w (1 − p) y`` over all rows (and tokens) of the batch. A class without a label in
    the batch has no F1 and is left out of the mean, so that it does not dilute the others; in a
    batch with every class this is soft dice.

    Args:
        y_true: ids of shape (...,) or labels of shape (..., C); with a single sigmoid output 0
            or 1 of shape (batch,) or (batch, 1).
        y_pred: logits (or probabilities) of shape (..., C); with a single sigmoid output also
            (batch,), and only the positive class is measured: a batch without one teaches
            nothing.
        smooth: s, at least 0, in rows.
        activation: ``"softmax"`` or ``"sigmoid"``.
        sample_weight: weights of the rows, shape (...,); a weight of n equals n copies.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        The batch's value, given to each row: shape (...,).

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Bénédict et al. 2022, sigmoidF1, arXiv:2108.10566, with the probability as the soft count.

    Example:
        >>> values = soft_f1_loss([0, 0], [[2.0, 0.0], [0.0, 0.0]], smooth=0.0)
        >>> [round(float(value), 4) for value in values]
        [0.1832, 0.1832]
    """
    smooth = _checked_smooth(smooth)
    checks.choice("activation", activation, ACTIVATIONS)
    y, y_pred = align(y_true, y_pred, activation)
    p = probability(y_pred, activation, from_logits)
    weight = row_weights(sample_weight, y_pred)
    # F1 is the Tversky index at α = β = ½, and 2 (TP + s/2) is 2 TP + s.
    missing = missing_index(y, p, 0.5, 0.5, smooth / 2.0, weight)
    present = ops.cast(batch_sum(y, weight) > 0.0, missing.dtype)
    loss = ops.divide_no_nan(ops.sum(present * missing), ops.sum(present))
    return same_for_each_row(loss, y_pred)


def _checked_smooth(smooth) -> float:
    return checks.number("smooth", smooth, low=0)


@keras.saving.register_keras_serializable(package="imbalance")
class SoftF1Loss(BatchLoss):
    """One minus the soft F1 of each class over the batch, mean over the classes in the batch.

    See :func:`soft_f1_loss` for the formula. Sample weights act inside its sums.

    Args:
        smooth: s, at least 0, in rows.
        activation: ``"softmax"`` or ``"sigmoid"``.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Bénédict et al. 2022, sigmoidF1, arXiv:2108.10566, with the probability as the soft count.

    Example:
        >>> loss = SoftF1Loss(smooth=0.0)
        >>> round(float(loss([0, 0], [[2.0, 0.0], [0.0, 0.0]])), 4)
        0.1832
    """

    _function = staticmethod(soft_f1_loss)
    _of_classes = True
    _arguments = ("smooth", "activation")

    def __init__(self, smooth=1e-5, activation="softmax", *, name="soft_f1_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.smooth = _checked_smooth(smooth)
        self.activation = checks.choice("activation", activation, ACTIVATIONS)
