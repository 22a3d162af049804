"""Dice losses: soft dice over the batch (plain and squared), and self-adjusting DSC."""

import keras
from keras import ops

from imbalance import checks
from imbalance.losses.base import (
    ACTIVATIONS,
    BatchLoss,
    ImbalanceLoss,
    align,
    batch_sum,
    log_complement,
    log_probability,
    probability,
    row_weights,
    same_for_each_row,
)


def dice_loss(
    y_true,
    y_pred,
    smooth=1e-5,
    squared=False,
    alpha=0.0,
    activation="softmax",
    *,
    sample_weight=None,
    from_logits=True,
):
    """Soft dice of each class over the batch, mean over classes.

    ``1 − (2 Σ w q y + s) / (Σ w q + Σ w y + s)`` with ``q = (1 − p)^α p``, the sums over all
    rows (and tokens) of the batch, w the sample weights. The squared form has
    ``Σ w q² + Σ w y² + s`` below. With a small s a class without a label in the batch has next
    to no gradient; with an s that is large beside the rows of the rare classes in a batch those
    classes have little, and the network may never predict them.

    Args:
        y_true: ids of shape (...,) or labels of shape (..., C); with a single sigmoid output 0
            or 1 of shape (batch,) or (batch, 1).
        y_pred: logits (or probabilities) of shape (..., C); with a single sigmoid output also
            (batch,), and only the positive class is measured.
        smooth: s, at least 0, in rows.
        squared: whether the denominator sums squares.
        alpha: self-adjusting exponent, at least 0: decays the weight of confident predictions.
        activation: ``"softmax"`` or ``"sigmoid"``.
        sample_weight: weights of the rows, shape (...,); a weight of n equals n copies.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        The batch's value, given to each row: shape (...,).

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Milletari et al. 2016, V-Net, arXiv:1606.04797 (squared form);
        Li et al. 2020, Dice Loss for Data-imbalanced NLP Tasks, arXiv:1911.02855 (exponent).

    Example:
        >>> values = dice_loss([0, 1], [[2.0, 0.0], [0.0, 0.0]], smooth=0.0)
        >>> [round(float(value), 4) for value in values]
        [0.3212, 0.3212]
    """
    smooth, alpha = _checked_smooth(smooth), _checked_alpha(alpha)
    y, q, y_pred = _decayed(y_true, y_pred, alpha, activation, from_logits)
    weight = row_weights(sample_weight, y_pred)
    # 1 − (2a + s)/(b + s) is written as (b − 2a)/(b + s): no cancellation near 0, and with all
    # weights 0 the numerator is 0 as well.
    if squared:
        distance, size = ops.square(q - y), ops.square(q) + ops.square(y)
    else:
        distance, size = _distance_and_size(q, y)
    value = ops.divide_no_nan(batch_sum(distance, weight), batch_sum(size, weight) + smooth)
    value = ops.mean(value)
    return same_for_each_row(value, y_pred)


def dsc_loss(y_true, y_pred, alpha=0.1, smooth=1.0, activation="softmax", *, from_logits=True):
    """Self-adjusting dice of each example, mean over classes.

    ``1 − (2 q y + s) / (q + y + s)`` with ``q = (1 − p)^α p``: the factor (1 − p)^α takes the
    weight off easy examples, as focal loss does. For y = 1 the minimum is at p = 1 / (1 + α),
    not at 1: the loss stops pushing an example once it is likely enough. Each negative pulls as
    hard as each positive, so beside many negatives it wants weights (``class_weight: balanced``).
    As p → 1, q falls to 0, for the wrong class as well: a saturated softmax has next to no loss
    from its one wrong class and no gradient. With several classes a network that begins from
    nothing may end there, with one class for every row (``configs/studies/sst5.yaml``); published
    results are of pre-trained ones. Beside cross entropy, ``cross_entropy+dsc_loss``, it did not,
    nor after some epochs of it, ``training.cross_entropy_first``
    (``configs/studies/pos_ud.yaml``).

    Args:
        y_true: ids of shape (...,) or labels of shape (..., C); with a single sigmoid output 0
            or 1 of shape (batch,) or (batch, 1).
        y_pred: logits (or probabilities) of shape (..., C); with a single sigmoid output also
            (batch,), which is the paper's binary form.
        alpha: exponent α, at least 0.
        smooth: s, at least 0 (γ in the paper); with 0 a negative has no gradient.
        activation: ``"softmax"`` or ``"sigmoid"``.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,).

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Li et al. 2020, Dice Loss for Data-imbalanced NLP Tasks, arXiv:1911.02855.

    Example:
        >>> values = dsc_loss([1, 0], [2.0, 2.0], activation="sigmoid")
        >>> [round(float(value), 4) for value in values]
        [0.1062, 0.4159]
    """
    smooth, alpha = _checked_smooth(smooth), _checked_alpha(alpha)
    y, q, _ = _decayed(y_true, y_pred, alpha, activation, from_logits)
    distance, size = _distance_and_size(q, y)
    return ops.mean(ops.divide_no_nan(distance, size + smooth), axis=-1)


def _distance_and_size(q, y):
    size = q + y
    return size - q * (2.0 * y), size


def _decayed(y_true, y_pred, alpha: float, activation: str, from_logits: bool):
    checks.choice("activation", activation, ACTIVATIONS)
    y, y_pred = align(y_true, y_pred, activation)
    if not alpha:
        return y, probability(y_pred, activation, from_logits), y_pred
    log_p = log_probability(y_pred, activation, from_logits)
    log_q = log_p + alpha * log_complement(y_pred, log_p, activation, from_logits)
    return y, ops.exp(log_q), y_pred


def _checked_smooth(smooth) -> float:
    return checks.number("smooth", smooth, low=0)


def _checked_alpha(alpha) -> float:
    return checks.number("alpha", alpha, low=0)


@keras.saving.register_keras_serializable(package="imbalance")
class DiceLoss(BatchLoss):
    """Soft dice of each class over the batch, mean over classes.

    See :func:`dice_loss` for the formula. It measures overlap, as F1 does, so it needs batches
    that hold the rare classes now and then; sample weights act inside its sums.

    Args:
        smooth: s, at least 0, in rows.
        squared: whether the denominator sums squares.
        alpha: self-adjusting exponent, at least 0. The published Fudan system has α = .2 and
            s = 1e-8.
        activation: ``"softmax"`` or ``"sigmoid"``.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Milletari et al. 2016, arXiv:1606.04797; Li et al. 2020, arXiv:1911.02855.

    Example:
        >>> loss = DiceLoss(smooth=0.0)
        >>> round(float(loss([0, 1], [[2.0, 0.0], [0.0, 0.0]])), 4)
        0.3212
    """

    _function = staticmethod(dice_loss)
    _of_classes = True
    _arguments = ("smooth", "squared", "alpha", "activation")

    def __init__(
        self,
        smooth=1e-5,
        squared=False,
        alpha=0.0,
        activation="softmax",
        *,
        name="dice_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.smooth = _checked_smooth(smooth)
        self.squared = checks.boolean("squared", squared)
        self.alpha = _checked_alpha(alpha)
        self.activation = checks.choice("activation", activation, ACTIVATIONS)


@keras.saving.register_keras_serializable(package="imbalance")
class DSCLoss(ImbalanceLoss):
    """Self-adjusting dice of each example, mean over classes.

    See :func:`dsc_loss` for the formula and where its minimum lies.

    Args:
        alpha: exponent α, at least 0.
        smooth: s, at least 0 (γ in the paper).
        activation: ``"softmax"`` or ``"sigmoid"``.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Li et al. 2020, Dice Loss for Data-imbalanced NLP Tasks, arXiv:1911.02855.

    Example:
        >>> loss = DSCLoss(activation="sigmoid")
        >>> round(float(loss([1, 0], [2.0, 2.0])), 4)
        0.261
    """

    _function = staticmethod(dsc_loss)
    _of_classes = True
    _arguments = ("alpha", "smooth", "activation")

    def __init__(self, alpha=0.1, smooth=1.0, activation="softmax", *, name="dsc_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.alpha = _checked_alpha(alpha)
        self.smooth = _checked_smooth(smooth)
        self.activation = checks.choice("activation", activation, ACTIVATIONS)
