"""Poly-1: cross entropy with the first coefficient of its polynomial expansion changed."""

import keras
from keras import ops

from imbalance import checks
from imbalance.losses.base import ImbalanceLoss, align, log_probability, probability


def poly1_loss(y_true, y_pred, epsilon=1.0, *, from_logits=True):
    """Cross entropy plus a multiple of the missing probability: ``CE + ε (1 − Σ_c y_c p_c)``.

    Cross entropy is ``Σ_j (1 − p_t)^j / j``; ε is added to the coefficient of ``j = 1``, whose
    slope does not vanish as p_t nears 1. It helps where predictions are too unsure, and a
    negative ε where they are too sure.

    Args:
        y_true: ids of shape (...,), or one-hot or soft labels of shape (..., C).
        y_pred: logits (or probabilities) of shape (..., C).
        epsilon: ε, at least −1; 0 is cross entropy.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,).

    Raises:
        InputError: if ``epsilon`` is below −1, or the shapes do not fit.

    Source:
        Leng et al. 2022, PolyLoss, arXiv:2204.12511.

    Example:
        >>> round(float(poly1_loss([1], [[0.0, 0.0]], epsilon=2.0)[0]), 4)
        1.6931
    """
    epsilon = _checked_epsilon(epsilon)
    y, y_pred = align(y_true, y_pred, "softmax")
    ce = -ops.sum(y * log_probability(y_pred, "softmax", from_logits), axis=-1)
    p_t = ops.sum(y * probability(y_pred, "softmax", from_logits), axis=-1)
    return ce + epsilon * (1.0 - p_t)


def _checked_epsilon(epsilon) -> float:
    return checks.number("epsilon", epsilon, low=-1)


@keras.saving.register_keras_serializable(package="imbalance")
class Poly1Loss(ImbalanceLoss):
    """Cross entropy plus a multiple of the missing probability: ``CE + ε (1 − Σ_c y_c p_c)``.

    Args:
        epsilon: ε, at least −1; 0 is cross entropy.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Leng et al. 2022, PolyLoss, arXiv:2204.12511.

    Example:
        >>> loss = Poly1Loss(epsilon=2.0)
        >>> round(float(loss([1], [[0.0, 0.0]])), 4)
        1.6931
    """

    _function = staticmethod(poly1_loss)
    _arguments = ("epsilon",)

    def __init__(self, epsilon=1.0, *, name="poly1_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.epsilon = _checked_epsilon(epsilon)
