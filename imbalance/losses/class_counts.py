"""Losses that know how many training rows each class has: logit adjustment and LDAM margins."""

import keras
import numpy as np
from keras import ops

from imbalance import checks
from imbalance.losses.base import ImbalanceLoss, align, log_probability


def logit_adjusted_cross_entropy(y_true, y_pred, class_counts, tau=1.0, *, from_logits=True):
    """Cross entropy of logits moved by the class priors: ``−Σ_c y_c log softmax(z + τ log π)_c``.

    The adjustment belongs to training alone: it lets the network leave the prior out of its own
    logits, so their plain argmax is that of the balanced error (at τ = 1), and prediction uses
    them as they are. ``softmax(z)`` is then the probability under equal priors;
    ``softmax(z + τ log π)`` is the one that fits the frequencies of the training data.

    Args:
        y_true: ids of shape (...,), or one-hot or soft labels of shape (..., C).
        y_pred: logits (or probabilities) of shape (..., C), not adjusted.
        class_counts: C numbers above 0, the training rows of each class. Only their ratios
            count, so priors π do as well.
        tau: strength τ, at least 0: 1 is balanced softmax, 0 is cross entropy.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,).

    Raises:
        InputError: if ``class_counts`` is not C such numbers (a class without rows has no
            logarithm), ``tau`` is out of range, or the shapes do not fit.

    Source:
        Menon et al. 2021, Long-tail learning via logit adjustment, arXiv:2007.07314;
        Ren et al. 2020, Balanced Meta-Softmax, arXiv:2007.10740 (τ = 1).

    Example:
        >>> values = logit_adjusted_cross_entropy([0, 1], [[0.0, 0.0], [0.0, 0.0]], [90, 10])
        >>> [round(float(value), 4) for value in values]
        [0.1054, 2.3026]
    """
    tau = _checked_tau(tau)
    y, z = _logits(y_true, y_pred, from_logits)
    counts = np.array(checked_counts(class_counts, length=z.shape[-1]))
    shift = ops.convert_to_tensor(tau * np.log(counts / counts.sum()), dtype=z.dtype)
    return -ops.sum(y * ops.log_softmax(z + shift, axis=-1), axis=-1)


def ldam_loss(y_true, y_pred, class_counts, max_margin=0.5, scale=1.0, *, from_logits=True):
    """Cross entropy that asks rare classes for a larger margin (LDAM).

    ``−log softmax(s (z − Δ_y e_y))_y`` with ``Δ_c = max_margin · (n_min / n_c)^¼``: the label's
    own logit must win by Δ, which grows as the fourth root of the class gets rarer.

    The paper's last layer is normalised: its logits are cosines in [−1, 1], with Δ up to .5 and
    s = 30. A plain layer has logits of any size, in which a scale says nothing that its weights
    could not: with ``scale`` 1 the probabilities at prediction are those of training, and
    ``max_margin`` is in logits (the paper's .5 at s = 30 is 15 of them). The paper's deferred
    re-weighting is no part of the loss: train with class weights that set in late.

    Args:
        y_true: ids of shape (...,), or one-hot labels of shape (..., C).
        y_pred: logits (or probabilities) of shape (..., C).
        class_counts: C numbers above 0, the training rows of each class; their ratios count.
        max_margin: Δ of the rarest class, at least 0; 0 at scale 1 is cross entropy.
        scale: s, above 0.
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, shape (...,).

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Cao et al. 2019, Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss,
        arXiv:1906.07413.

    Example:
        >>> values = ldam_loss([0, 1], [[0.0, 0.0], [0.0, 0.0]], [160, 10], max_margin=1.0)
        >>> [round(float(value), 4) for value in values]
        [0.9741, 1.3133]
    """
    max_margin, scale = _checked_margin(max_margin), _checked_scale(scale)
    y, z = _logits(y_true, y_pred, from_logits)
    counts = np.array(checked_counts(class_counts, length=z.shape[-1]))
    margin = ops.convert_to_tensor(max_margin * (counts.min() / counts) ** 0.25, dtype=z.dtype)
    return -ops.sum(y * ops.log_softmax(scale * (z - margin * y), axis=-1), axis=-1)


def checked_counts(class_counts, length: int | None = None) -> tuple[float, ...]:
    """Return the rows of each class as numbers, none of them 0; refuse another length."""
    counts = checks.weights("class_counts", class_counts, length=length)
    if not all(counts):
        raise checks.wrong(
            "class_counts", list(class_counts), "numbers above 0: each class needs training rows"
        )
    return counts


def _logits(y_true, y_pred, from_logits: bool):
    """Return labels and logits; logarithms of probabilities differ from logits by a constant."""
    y, y_pred = align(y_true, y_pred, "softmax")
    return y, y_pred if from_logits else log_probability(y_pred, "softmax", from_logits)


def _checked_tau(tau) -> float:
    return checks.number("tau", tau, low=0)


def _checked_margin(max_margin) -> float:
    return checks.number("max_margin", max_margin, low=0)


def _checked_scale(scale) -> float:
    return checks.number("scale", scale, low=0, low_open=True)


@keras.saving.register_keras_serializable(package="imbalance")
class LogitAdjustment(ImbalanceLoss):
    """Cross entropy of logits moved by the class priors: ``−Σ_c y_c log softmax(z + τ log π)_c``.

    See :func:`logit_adjusted_cross_entropy`: prediction uses the logits as they are, and with
    them the argmax needs no further correction. Class weights, or rows drawn evenly from the
    classes, correct for the same priors once more.

    Args:
        class_counts: C numbers above 0, the rows of each class that an epoch draws;
            ``train.py`` counts them.
        tau: strength τ, at least 0; 1 is balanced softmax.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Menon et al. 2021, arXiv:2007.07314; Ren et al. 2020, arXiv:2007.10740.

    Example:
        >>> loss = LogitAdjustment(class_counts=[90, 10])
        >>> round(float(loss([0, 1], [[0.0, 0.0], [0.0, 0.0]])), 4)
        1.204
    """

    _function = staticmethod(logit_adjusted_cross_entropy)
    _of_classes = True
    _arguments = ("class_counts", "tau")

    def __init__(self, class_counts, tau=1.0, *, name="logit_adjustment", **kwargs):
        super().__init__(name=name, **kwargs)
        self.class_counts = checked_counts(class_counts)
        self.tau = _checked_tau(tau)


@keras.saving.register_keras_serializable(package="imbalance")
class LDAMLoss(ImbalanceLoss):
    """Cross entropy that asks rare classes for a larger margin.

    See :func:`ldam_loss` for the formula, and for margin and scale without the paper's
    normalised last layer.

    Args:
        class_counts: C numbers above 0, the rows of each class that an epoch draws;
            ``train.py`` counts them.
        max_margin: margin of the rarest class, at least 0, in logits.
        scale: of the logits, above 0.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Cao et al. 2019, arXiv:1906.07413.

    Example:
        >>> loss = LDAMLoss(class_counts=[160, 10], max_margin=1.0)
        >>> round(float(loss([0, 1], [[0.0, 0.0], [0.0, 0.0]])), 4)
        1.1437
    """

    _function = staticmethod(ldam_loss)
    _of_classes = True
    _arguments = ("class_counts", "max_margin", "scale")

    def __init__(self, class_counts, max_margin=0.5, scale=1.0, *, name="ldam_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.class_counts = checked_counts(class_counts)
        self.max_margin = _checked_margin(max_margin)
        self.scale = _checked_scale(scale)
