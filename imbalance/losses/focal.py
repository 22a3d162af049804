"""Focal loss: examples that are already right count less."""

import keras
from keras import ops

from imbalance import checks
from imbalance.losses.base import (
    TINY,
    ImbalanceLoss,
    align,
    holds_ids,
    label_log_odds,
    log_probability,
    per_class,
    row_weights,
)


def focal_loss(
    y_true, y_pred, gamma=2.0, alpha=None, rescale=False, *, sample_weight=None, from_logits=True
):
    """Focal loss of a softmax: ``−Σ_c α_c y_c (1 − p_c)^γ log p_c``.

    Args:
        y_true: ids of shape (...,), or one-hot or soft labels of shape (..., C).
        y_pred: logits (or probabilities) of shape (..., C).
        gamma: focusing exponent γ, at least 0; 0 is cross entropy.
        alpha: weight of the classes: C numbers, or one number, which only scales the loss;
            ``None`` is 1.
        rescale: whether to multiply by the batch's Σ CE / Σ FL, held constant for the gradient,
            so that the loss keeps the magnitude of cross entropy.
        sample_weight: weights of the rows in those two sums, shape (...,); used by ``rescale``.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,), not yet multiplied by ``sample_weight``.

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002.

    Example:
        >>> values = focal_loss([0, 1], [[2.0, 0.0], [2.0, 0.0]], gamma=2.0)
        >>> [round(float(value), 4) for value in values]
        [0.0018, 1.6501]
    """
    gamma, alpha = _checked_gamma(gamma), _checked_alpha(alpha)
    y, y_pred = align(y_true, y_pred, "softmax")
    log_p = log_probability(y_pred, "softmax", from_logits)
    if isinstance(alpha, tuple):
        alpha = per_class("alpha", alpha, y_pred.shape[-1], y_pred.dtype)
    weight = y if alpha is None else alpha * y
    if holds_ids(y_true, y_pred):
        # Of one class each, so that the power need not be taken for all the others.
        log_p = ops.sum(y * log_p, axis=-1, keepdims=True)
        weight = ops.sum(weight, axis=-1, keepdims=True)
        y = ops.ones_like(log_p)
    # Where p is near 1 both factors vanish with 1 − p, so its error there is of no account.
    log_q = ops.log(ops.relu(-ops.expm1(log_p)) + TINY)
    fl = -ops.sum(weight * _focus(gamma, log_q) * log_p, axis=-1)
    if rescale:
        fl = fl * _rescaling(-ops.sum(y * log_p, axis=-1), fl, sample_weight, y_pred)
    return fl


def binary_focal_loss(
    y_true, y_pred, gamma=2.0, alpha=None, rescale=False, *, sample_weight=None, from_logits=True
):
    """Focal loss of C independent sigmoids, their mean: ``−α_t (1 − p_t)^γ log p_t``.

    p_t is p for a positive and 1 − p for a negative; α_t is α and 1 − α.

    Args:
        y_true: 0 or 1 of shape (batch,) or (batch, 1) for a single output; multi-hot labels of
            shape (..., C), or ids of shape (...,) as one-vs-rest, for several.
        y_pred: logits (or probabilities) of shape (batch,), (batch, 1) or (..., C).
        gamma: focusing exponent γ, at least 0; 0 is (weighted) binary cross entropy.
        alpha: weight of positives, in [0, 1], negatives having 1 − α: one number, or C of them;
            ``None`` weighs both 1.
        rescale, sample_weight, from_logits: as in :func:`focal_loss`.

    Returns:
        Loss of each row, the mean over its C outputs, shape (...,), not yet multiplied by
        ``sample_weight``.

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002.

    Example:
        >>> values = binary_focal_loss([1, 0], [2.0, 2.0], gamma=2.0, alpha=0.25)
        >>> [round(float(value), 4) for value in values]
        [0.0005, 1.2376]
    """
    gamma, alpha = _checked_gamma(gamma), _checked_alpha(alpha, high=1)
    y, y_pred = align(y_true, y_pred, "sigmoid")
    odds = label_log_odds(y, y_pred, from_logits)
    log_p = ops.log_sigmoid(odds)
    # Not log_p − odds: cancellation in its gradient, when the odds are long.
    focused = _focus(gamma, ops.log_sigmoid(-odds)) * log_p
    if isinstance(alpha, tuple):
        alpha = per_class("alpha", alpha, y.shape[-1], y.dtype)
    if alpha is not None:
        focused = (alpha * y + (1.0 - alpha) * (1.0 - y)) * focused
    fl = -ops.mean(focused, axis=-1)
    return fl * _rescaling(-ops.mean(log_p, axis=-1), fl, sample_weight, y) if rescale else fl


def _focus(gamma: float, log_complement):
    # (1 − p)^γ through the logarithm: for γ < 1 the power itself has an infinite slope at p = 1.
    return ops.exp(gamma * log_complement) if gamma else 1.0


def _rescaling(ce, fl, sample_weight, y_pred):
    weight = row_weights(sample_weight, y_pred)
    if weight is not None:
        ce, fl = weight[..., 0] * ce, weight[..., 0] * fl
    return ops.stop_gradient(ops.divide_no_nan(ops.sum(ce), ops.sum(fl)))


def _checked_gamma(gamma) -> float:
    return checks.number("gamma", gamma, low=0)


def _checked_alpha(alpha, high=float("inf")):
    if alpha is None:
        return None
    if isinstance(alpha, (list, tuple)) or hasattr(alpha, "tolist"):
        values = checks.weights("alpha", alpha)
        return tuple(checks.number("alpha, one of its numbers", each, high=high) for each in values)
    return checks.number("alpha", alpha, low=0, high=high)


class _Focal(ImbalanceLoss):
    _arguments = ("gamma", "alpha", "rescale")
    _weighs_inside = True

    def __init__(self, gamma, alpha, rescale, **kwargs):
        super().__init__(**kwargs)
        self.gamma = _checked_gamma(gamma)
        self.alpha = _checked_alpha(alpha, self._largest_alpha)
        self._of_classes = isinstance(self.alpha, tuple)
        self.rescale = checks.boolean("rescale", rescale)


@keras.saving.register_keras_serializable(package="imbalance")
class FocalLoss(_Focal):
    """Focal loss of a softmax: ``−Σ_c α_c y_c (1 − p_c)^γ log p_c``.

    Args:
        gamma: focusing exponent γ, at least 0.
        alpha: weights of the classes: C numbers, or one, which only scales the loss.
        rescale: whether to keep the magnitude of cross entropy, see :func:`focal_loss`.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002.

    Example:
        >>> loss = FocalLoss(gamma=2.0, alpha=[0.5, 2.0])
        >>> round(float(loss([0, 1], [[2.0, 0.0], [2.0, 0.0]])), 4)
        1.6505
    """

    _function = staticmethod(focal_loss)
    _largest_alpha = float("inf")

    def __init__(self, gamma=2.0, alpha=None, rescale=False, *, name="focal_loss", **kwargs):
        super().__init__(gamma, alpha, rescale, name=name, **kwargs)


@keras.saving.register_keras_serializable(package="imbalance")
class BinaryFocalLoss(_Focal):
    """Focal loss of C independent sigmoids, their mean: ``−α_t (1 − p_t)^γ log p_t``.

    Args:
        gamma: focusing exponent γ, at least 0.
        alpha: weight of positives in [0, 1], negatives having 1 − α: one number or C of them.
        rescale: whether to keep the magnitude of cross entropy, see :func:`focal_loss`.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002.

    Example:
        >>> loss = BinaryFocalLoss(gamma=2.0, alpha=0.25)
        >>> round(float(loss([1, 0], [2.0, 2.0])), 4)
        0.619
    """

    activation = "sigmoid"
    _function = staticmethod(binary_focal_loss)
    _largest_alpha = 1.0

    def __init__(self, gamma=2.0, alpha=None, rescale=False, *, name="binary_focal_loss", **kwargs):
        super().__init__(gamma, alpha, rescale, name=name, **kwargs)
