"""Asymmetric losses (ASL): focal losses with another focus for the classes a row is not."""

import keras
from keras import ops

from imbalance import checks
from imbalance.losses.base import (
    TINY,
    ImbalanceLoss,
    align,
    known_classes,
    log_complement,
    log_odds,
    log_probability,
)


def asymmetric_loss(
    y_true, y_pred, gamma_positive=0.0, gamma_negative=4.0, epsilon=0.1, *, from_logits=True
):
    """Asymmetric loss of a softmax: smoothed cross entropy with a focus for each side.

    ``−Σ_c ỹ_c w_c log p_c`` with ``ỹ = (1 − ε) y + ε / C`` and the weights
    ``w = (1 − p)^γ₊`` of the label and ``w = p^γ₋`` of the other classes: their share of the
    smoothing counts only as far as they are likely.

    Args:
        y_true: ids of shape (...,), or one-hot labels of shape (..., C).
        y_pred: logits (or probabilities) of shape (..., C).
        gamma_positive: γ₊, at least 0.
        gamma_negative: γ₋, at least 0; with both 0 this is label smoothing.
        epsilon: ε in [0, 1]; with 0 only the label counts: focal loss with γ₊.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,).

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Ridnik et al. 2021, Asymmetric Loss for Multi-Label Classification, arXiv:2009.14119;
        this form for one label a row is that of the authors' published code.

    Example:
        >>> values = asymmetric_loss([0, 1], [[2.0, 0.0], [2.0, 0.0]])
        >>> [round(float(value), 4) for value in values]
        [0.1206, 2.0244]
    """
    gamma_positive, gamma_negative = _checked_gammas(gamma_positive, gamma_negative)
    epsilon = _checked_epsilon(epsilon)
    y, y_pred = align(y_true, y_pred, "softmax")
    log_p = log_probability(y_pred, "softmax", from_logits)
    log_q = log_complement(y_pred, log_p, "softmax", from_logits)
    target = (1.0 - epsilon) * y + epsilon / known_classes(y_pred)
    weight = y * _power(gamma_positive, log_q) + (1.0 - y) * _power(gamma_negative, log_p)
    return -ops.sum(target * weight * log_p, axis=-1)


def binary_asymmetric_loss(
    y_true, y_pred, gamma_positive=0.0, gamma_negative=4.0, margin=0.05, *, from_logits=True
):
    """Asymmetric loss of C independent sigmoids, their mean (ASL).

    ``−(1 − p)^γ₊ log p`` of a positive and ``−p_m^γ₋ log(1 − p_m)`` of a negative, with
    ``p_m = max(p − m, 0)``: easy negatives count little, and those below m not at all.

    Args:
        y_true: 0 or 1 of shape (batch,) or (batch, 1) for a single output; multi-hot or soft
            labels of shape (..., C), or ids of shape (...,) as one-vs-rest, for several.
        y_pred: logits (or probabilities) of shape (batch,), (batch, 1) or (..., C).
        gamma_positive: γ₊, at least 0.
        gamma_negative: γ₋, at least 0.
        margin: m, in [0, 1). A negative costs at most −log m, with next to no gradient where it
            is sure to be wrong: wrong labels are let go.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each row, the mean over its C outputs (the authors sum), shape (...,).

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Ridnik et al. 2021, Asymmetric Loss for Multi-Label Classification, arXiv:2009.14119.

    Example:
        >>> values = binary_asymmetric_loss([1, 0], [2.0, 2.0])
        >>> [round(float(value), 4) for value in values]
        [0.1269, 0.8464]
    """
    gamma_positive, gamma_negative = _checked_gammas(gamma_positive, gamma_negative)
    margin = _checked_margin(margin)
    y, y_pred = align(y_true, y_pred, "sigmoid")
    z = log_odds(y_pred, from_logits)
    log_p, log_q = ops.log_sigmoid(z), ops.log_sigmoid(-z)
    positive = _power(gamma_positive, log_q) * log_p
    if margin:
        # 1 − p_m is at least m, so its logarithm needs no clipping.
        log_p = ops.log(ops.relu(ops.sigmoid(z) - margin) + TINY)
        log_q = -ops.relu(-ops.log(ops.sigmoid(-z) + margin))
    negative = _power(gamma_negative, log_p) * log_q
    return -ops.mean(y * positive + (1.0 - y) * negative, axis=-1)


def _power(gamma: float, log_base):
    # Through the logarithm: for γ < 1 the power itself has an infinite slope at 0.
    return ops.exp(gamma * log_base) if gamma else 1.0


def _checked_gammas(gamma_positive, gamma_negative) -> tuple[float, float]:
    return (
        checks.number("gamma_positive", gamma_positive, low=0),
        checks.number("gamma_negative", gamma_negative, low=0),
    )


def _checked_epsilon(epsilon) -> float:
    return checks.number("epsilon", epsilon, low=0, high=1)


def _checked_margin(margin) -> float:
    return checks.number("margin", margin, low=0, high=1, high_open=True)


@keras.saving.register_keras_serializable(package="imbalance")
class AsymmetricLoss(ImbalanceLoss):
    """Asymmetric loss of a softmax: smoothed cross entropy with a focus for each side.

    See :func:`asymmetric_loss` for the formula.

    Args:
        gamma_positive: γ₊ of the label, at least 0.
        gamma_negative: γ₋ of the other classes, at least 0.
        epsilon: share of the label given to all classes alike, in [0, 1].
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Ridnik et al. 2021, arXiv:2009.14119, the published code's form for one label a row.

    Example:
        >>> loss = AsymmetricLoss()
        >>> round(float(loss([0, 1], [[2.0, 0.0], [2.0, 0.0]])), 4)
        1.0725
    """

    _function = staticmethod(asymmetric_loss)
    _of_classes = True
    _arguments = ("gamma_positive", "gamma_negative", "epsilon")

    def __init__(
        self,
        gamma_positive=0.0,
        gamma_negative=4.0,
        epsilon=0.1,
        *,
        name="asymmetric_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.gamma_positive, self.gamma_negative = _checked_gammas(gamma_positive, gamma_negative)
        self.epsilon = _checked_epsilon(epsilon)


@keras.saving.register_keras_serializable(package="imbalance")
class BinaryAsymmetricLoss(ImbalanceLoss):
    """Asymmetric loss of C independent sigmoids, their mean (ASL).

    See :func:`binary_asymmetric_loss` for the formula.

    Args:
        gamma_positive: γ₊, at least 0.
        gamma_negative: γ₋, at least 0.
        margin: m, in [0, 1): negatives less likely than this do not count.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Ridnik et al. 2021, arXiv:2009.14119.

    Example:
        >>> loss = BinaryAsymmetricLoss()
        >>> round(float(loss([1, 0], [2.0, 2.0])), 4)
        0.4867
    """

    activation = "sigmoid"
    _function = staticmethod(binary_asymmetric_loss)
    _arguments = ("gamma_positive", "gamma_negative", "margin")

    def __init__(
        self,
        gamma_positive=0.0,
        gamma_negative=4.0,
        margin=0.05,
        *,
        name="binary_asymmetric_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.gamma_positive, self.gamma_negative = _checked_gammas(gamma_positive, gamma_negative)
        self.margin = _checked_margin(margin)
