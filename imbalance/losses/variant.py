"""Variant (margin) binary cross entropy: rows that are right by a margin stop counting."""

import math

import keras
from keras import ops

from imbalance import checks
from imbalance.losses.base import ImbalanceLoss, align, label_log_odds

FORMS = ("hard", "smooth")


def variant_cross_entropy(
    y_true, y_pred, margin=0.8, form="hard", sharpness=1.0, *, from_logits=True
):
    """Binary cross entropy times λ, which turns a row off once it is right by a margin.

    Hard form: λ = 0 for a positive with p > m and for a negative with p < 1 − m, else 1.
    Smooth form, z the logit and K the sharpness: λ = σ(K (logit(m) − z)) for a positive and
    σ(K (z + logit(m))) for a negative; with m = ½ these are σ(−Kz) and σ(Kz).

    Args:
        y_true: 0 or 1 of shape (batch,) or (batch, 1) for a single output; multi-hot labels of
            shape (..., C), or ids of shape (...,) as one-vs-rest, for several.
        y_pred: logits (or probabilities) of shape (batch,), (batch, 1) or (..., C).
        margin: m, at least ½; from 1 on nothing is turned off and this is binary cross entropy.
        form: ``"hard"`` or ``"smooth"``. The hard λ has no gradient, the smooth one has.
        sharpness: K, above 0, of the smooth form; its limit K → ∞ is the hard form.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each row, the mean over its C outputs, shape (...,).

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Su Jianlin 2017, https://kexue.fm/archives/4293 (hard form) and
        https://kexue.fm/archives/4733 (smooth form, m = ½).

    Example:
        >>> values = variant_cross_entropy([1, 1], [2.0, 0.0], margin=0.8)
        >>> [round(float(value), 4) for value in values]
        [0.0, 0.6931]
    """
    margin, form, sharpness = _checked(margin, form, sharpness)
    y, y_pred = align(y_true, y_pred, "sigmoid")
    odds = label_log_odds(y, y_pred, from_logits)
    ce = -ops.log_sigmoid(odds)
    if margin < 1.0:
        border = math.log(margin) - math.log1p(-margin)
        if form == "smooth":
            ce = ce * ops.sigmoid(sharpness * (border - odds))
        else:
            ce = ce * ops.cast(odds <= border, ce.dtype)
    return ops.mean(ce, axis=-1)


def _checked(margin, form, sharpness):
    return (
        checks.number("margin", margin, low=0.5),
        checks.choice("form", form, FORMS),
        checks.number("sharpness", sharpness, low=0, low_open=True),
    )


@keras.saving.register_keras_serializable(package="imbalance")
class VariantCrossEntropy(ImbalanceLoss):
    """Binary cross entropy that turns a row off once it is right by a margin.

    See :func:`variant_cross_entropy` for the formula. A batch in which every row is right by
    the margin has no gradient in the hard form.

    Args:
        margin: m, at least ½; the published systems use .6 to .8.
        form: ``"hard"`` or ``"smooth"``.
        sharpness: of the smooth form, above 0.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Su Jianlin 2017, https://kexue.fm/archives/4293 and https://kexue.fm/archives/4733.

    Example:
        >>> loss = VariantCrossEntropy(margin=0.8)
        >>> round(float(loss([1, 0], [2.0, 0.0])), 4)
        0.3466
    """

    activation = "sigmoid"
    _function = staticmethod(variant_cross_entropy)
    _arguments = ("margin", "form", "sharpness")

    def __init__(
        self, margin=0.8, form="hard", sharpness=1.0, *, name="variant_cross_entropy", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.margin, self.form, self.sharpness = _checked(margin, form, sharpness)
