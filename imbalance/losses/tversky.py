"""Tversky losses: dice with false positives and false negatives weighed apart."""

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


def tversky_loss(
    y_true,
    y_pred,
    alpha=0.3,
    beta=0.7,
    smooth=1e-5,
    activation="softmax",
    *,
    sample_weight=None,
    from_logits=True,
):
    """One minus the Tversky index of each class over the batch, mean over classes.

    ``1 − TI``, ``TI = (TP + s) / (TP + α FP + β FN + s)`` with ``TP = Σ w p y``,
    ``FP = Σ w p (1 − y)``, ``FN = Σ w (1 − p) y`` over all rows (and tokens) of the batch.
    α weighs false positives, β false negatives (other libraries swap the two names); α = β = ½
    is dice with twice the smoothing.

    Args:
        y_true: ids of shape (...,) or labels of shape (..., C); with a single sigmoid output 0
            or 1 of shape (batch,) or (batch, 1).
        y_pred: logits (or probabilities) of shape (..., C); with a single sigmoid output also
            (batch,), and only the positive class is measured.
        alpha: weight of false positives, at least 0.
        beta: weight of false negatives, at least 0.
        smooth: s, at least 0, in rows.
        activation: ``"softmax"`` or ``"sigmoid"``.
        sample_weight: weights of the rows, shape (...,); a weight of n equals n copies.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        The batch's value, given to each row: shape (...,).

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Salehi et al. 2017, Tversky loss function for image segmentation, arXiv:1706.05721.

    Example:
        >>> values = tversky_loss([0, 1], [[2.0, 0.0], [0.0, 0.0]], smooth=0.0)
        >>> [round(float(value), 4) for value in values]
        [0.3225, 0.3225]
    """
    return focal_tversky_loss(
        y_true,
        y_pred,
        alpha,
        beta,
        1.0,
        smooth,
        activation,
        sample_weight=sample_weight,
        from_logits=from_logits,
    )


def focal_tversky_loss(
    y_true,
    y_pred,
    alpha=0.3,
    beta=0.7,
    gamma=0.75,
    smooth=1e-5,
    activation="softmax",
    *,
    sample_weight=None,
    from_logits=True,
):
    """A power of the Tversky loss of each class, mean over classes: ``(1 − TI)^γ``.

    γ < 1 raises the slope of classes that are nearly right, γ > 1 that of the poor ones. (The
    paper writes the exponent as 1/γ.)

    Args:
        gamma: exponent γ, above 0.
        y_true, y_pred, alpha, beta, smooth, activation, sample_weight, from_logits: as in
            :func:`tversky_loss`.

    Returns:
        The batch's value, given to each row: shape (...,).

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Abraham and Khan 2018, A novel focal Tversky loss function, arXiv:1810.07842.

    Example:
        >>> values = focal_tversky_loss([0, 1], [[2.0, 0.0], [0.0, 0.0]], smooth=0.0)
        >>> [round(float(value), 4) for value in values]
        [0.4229, 0.4229]
    """
    alpha, beta, smooth = _checked(alpha, beta, smooth)
    gamma = _checked_gamma(gamma)
    checks.choice("activation", activation, ACTIVATIONS)
    y, y_pred = align(y_true, y_pred, activation)
    p = probability(y_pred, activation, from_logits)
    loss = missing_index(y, p, alpha, beta, smooth, row_weights(sample_weight, y_pred))
    return same_for_each_row(ops.mean(power(loss, gamma)), y_pred)


def missing_index(y, p, alpha: float, beta: float, smooth: float, weight):
    """Return 1 − TI of each class over the batch, shape (C,).

    Args:
        y, p: labels and probabilities, shape (..., C).
        alpha, beta, smooth: as in :func:`tversky_loss`.
        weight: of the rows, shape (..., 1), or None.
    """
    # Without the subtraction from 1: exact near 0, and 0 when all weights are 0.
    right = p * y
    errors = batch_sum(alpha * (p - right) + beta * (y - right), weight)
    return ops.divide_no_nan(errors, batch_sum(right, weight) + errors + smooth)


def power(loss, exponent: float):
    """Return ``loss ** exponent`` of losses of at least 0, its slope at 0 taken as 0."""
    if exponent == 1.0:
        return loss
    # Below 1 the slope at 0 is infinite; a class without an error has nothing to learn.
    wrong = loss > 0.0
    return ops.where(wrong, ops.power(ops.where(wrong, loss, 1.0), exponent), 0.0)


def _checked(alpha, beta, smooth):
    if alpha == 0 and beta == 0:
        raise checks.wrong(
            "alpha and beta", (alpha, beta), "one of them above 0: errors must count"
        )
    return (
        checks.number("alpha", alpha, low=0),
        checks.number("beta", beta, low=0),
        checks.number("smooth", smooth, low=0),
    )


def _checked_gamma(gamma) -> float:
    return checks.number("gamma", gamma, low=0, low_open=True)


@keras.saving.register_keras_serializable(package="imbalance")
class TverskyLoss(BatchLoss):
    """One minus the Tversky index of each class over the batch, mean over classes.

    See :func:`tversky_loss` for the formula.

    Args:
        alpha: weight of false positives, at least 0.
        beta: weight of false negatives, at least 0; above ``alpha`` it favours recall.
        smooth: s, at least 0, in rows.
        activation: ``"softmax"`` or ``"sigmoid"``.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Salehi et al. 2017, Tversky loss function for image segmentation, arXiv:1706.05721.

    Example:
        >>> loss = TverskyLoss(alpha=0.3, beta=0.7, smooth=0.0)
        >>> round(float(loss([0, 1], [[2.0, 0.0], [0.0, 0.0]])), 4)
        0.3225
    """

    _function = staticmethod(tversky_loss)
    _of_classes = True
    _arguments = ("alpha", "beta", "smooth", "activation")

    def __init__(
        self,
        alpha=0.3,
        beta=0.7,
        smooth=1e-5,
        activation="softmax",
        *,
        name="tversky_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.alpha, self.beta, self.smooth = _checked(alpha, beta, smooth)
        self.activation = checks.choice("activation", activation, ACTIVATIONS)


@keras.saving.register_keras_serializable(package="imbalance")
class FocalTverskyLoss(TverskyLoss):
    """A power of the Tversky loss of each class, mean over classes: ``(1 − TI)^γ``.

    Args:
        alpha: weight of false positives, at least 0.
        beta: weight of false negatives, at least 0.
        gamma: exponent γ, above 0.
        smooth: s, at least 0, in rows.
        activation: ``"softmax"`` or ``"sigmoid"``.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Abraham and Khan 2018, A novel focal Tversky loss function, arXiv:1810.07842.

    Example:
        >>> loss = FocalTverskyLoss(smooth=0.0)
        >>> round(float(loss([0, 1], [[2.0, 0.0], [0.0, 0.0]])), 4)
        0.4229
    """

    _function = staticmethod(focal_tversky_loss)
    _of_classes = True
    _arguments = ("alpha", "beta", "gamma", "smooth", "activation")

    def __init__(
        self,
        alpha=0.3,
        beta=0.7,
        gamma=0.75,
        smooth=1e-5,
        activation="softmax",
        *,
        name="focal_tversky_loss",
        **kwargs,
    ):
        super().__init__(alpha, beta, smooth, activation, name=name, **kwargs)
        self.gamma = _checked_gamma(gamma)
