"""GHM-C: cross entropy with every gradient length counting the same in total."""

import keras
from keras import ops

from imbalance import checks
from imbalance.losses.base import (
    ACTIVATIONS,
    ImbalanceLoss,
    align,
    label_log_odds,
    log_probability,
    row_weights,
)


def ghm_loss(
    y_true, y_pred, bins=10, activation="softmax", *, sample_weight=None, from_logits=True
):
    """Gradient-harmonised cross entropy: ``CE · N / (M · R_bin)``.

    The gradient length of a label, ``g = 1 − p_y`` for softmax and ``|p − y|`` for each sigmoid
    output, falls in one of M equal bins of [0, 1] (g = 1 in the last); R_bin is the weight of
    the batch's labels in that bin and N that of all. Neither the very many easy labels nor the
    outliers of a bin dominate the gradient.

    Args:
        y_true: ids of shape (...,) or labels of shape (..., C); with a single sigmoid output 0
            or 1 of shape (batch,) or (batch, 1).
        y_pred: logits (or probabilities) of shape (..., C); with a single sigmoid output also
            (batch,).
        bins: M, 1 to 10,000; 1 is cross entropy.
        activation: ``"softmax"`` or ``"sigmoid"``.
        sample_weight: weights of the rows in the counts, shape (...,).
        from_logits: whether ``y_pred`` holds logits.

    Returns:
        Loss of each label, for sigmoid the mean over its C outputs, shape (...,), not yet
        multiplied by ``sample_weight``.

    Raises:
        InputError: if an argument is out of range, or the shapes do not fit.

    Source:
        Li et al. 2019, Gradient Harmonized Single-stage Detector, arXiv:1811.05181.

    Example:
        >>> values = ghm_loss([0, 0, 1], [[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]], bins=2)
        >>> [round(float(value), 4) for value in values]
        [0.0952, 0.0952, 3.1904]
    """
    bins = _checked_bins(bins)
    ce, index, weight = _terms(y_true, y_pred, bins, activation, sample_weight, from_logits)
    return _harmonised(ce, index, _shares(ce, index, weight, bins))


def _terms(y_true, y_pred, bins, activation, sample_weight, from_logits):
    """Return cross entropy (..., K), the number of its bin (..., K), and weights (..., 1) or None.

    K is 1 for softmax and the number of outputs for sigmoid.
    """
    checks.choice("activation", activation, ACTIVATIONS)
    y, y_pred = align(y_true, y_pred, activation)
    if activation == "softmax":
        ce = -ops.sum(y * log_probability(y_pred, activation, from_logits), -1, keepdims=True)
        length = 1.0 - ops.exp(-ce)
    else:
        odds = label_log_odds(y, y_pred, from_logits)
        ce = -ops.log_sigmoid(odds)
        length = ops.sigmoid(-odds)
    index = ops.clip(ops.cast(length * bins, "int32"), 0, bins - 1)
    return ce, index, row_weights(sample_weight, y_pred)


def _shares(ce, index, weight, bins):
    """Return the share of the labels' weight in each bin, shape (M,); zeros without weight."""
    weight = ops.ones_like(ce) if weight is None else weight * ops.ones_like(ce)
    counts = ops.segment_sum(
        ops.reshape(weight, (-1,)), ops.reshape(index, (-1,)), num_segments=bins
    )
    return ops.divide_no_nan(counts, ops.sum(counts))


def _harmonised(ce, index, shares):
    share = ops.take(ops.cast(shares, ce.dtype), index)
    factor = ops.divide_no_nan(1.0, shares.shape[0] * share)
    return ops.mean(ce * ops.stop_gradient(factor), axis=-1)


def _checked_bins(bins) -> int:
    return checks.integer("bins", bins, low=1, high=10_000)


@keras.saving.register_keras_serializable(package="imbalance")
class BinShares(keras.layers.Layer):
    """Moving average of the share of labels in each bin: the state of :class:`GHMLoss`.

    The average starts at 0 and is divided by ``1 − momentum^steps``, so that the first step is
    the first batch's own shares and not a tenth of them. It is a layer so that a model which
    holds it saves it, restores it and shares it between replicas.

    Args:
        bins: number of bins M.
        momentum: weight of the past, in [0, 1).
    """

    def __init__(self, bins, momentum, **kwargs):
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self.bins = _checked_bins(bins)
        self.momentum = _checked_momentum(momentum)
        self.average = self.add_weight(
            shape=(self.bins,), initializer="zeros", trainable=False, name="average"
        )
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")
        self.recording = False
        self.built = True

    def update(self, shares):
        """Return the average with ``shares`` as its newest step; keep it only in training.

        Args:
            shares: of the batch, shape (M,); all zero for a batch without weight, which is
                then no step.

        Returns:
            Bias-corrected shares, shape (M,).
        """
        shares = ops.cast(shares, "float32")
        counts = ops.cast(ops.sum(shares) > 0.0, "float32")
        before = ops.convert_to_tensor(self.average)
        steps = self.steps + counts
        newer = self.momentum * before + (1.0 - self.momentum) * shares
        average = ops.where(counts > 0.0, newer, before)
        if self.recording:
            self.average.assign(average)
            self.steps.assign(steps)
        return ops.divide_no_nan(average, 1.0 - ops.power(self.momentum, steps))

    def get_config(self):
        return {**super().get_config(), "bins": self.bins, "momentum": self.momentum}


def _checked_momentum(momentum) -> float:
    return checks.number("momentum", momentum, low=0, high=1, high_open=True)


@keras.saving.register_keras_serializable(package="imbalance")
class GHMLoss(ImbalanceLoss):
    """Gradient-harmonised cross entropy: ``CE · N / (M · R_bin)``.

    See :func:`ghm_loss` for the formula. With ``momentum`` the shares R/N are averaged over
    training batches, which small batches need. That average is state: it is kept by the model,
    so the model must be a :class:`imbalance.models.LossStateModel` (``train.py`` builds one).
    ``evaluate`` reads the average and leaves it as it is.

    Args:
        bins: M, 1 to 10,000.
        momentum: weight of past batches, in [0, 1); 0 needs no state and works in any model.
        activation: ``"softmax"`` or ``"sigmoid"``.
        from_logits, reduction, name, dtype: see :class:`~imbalance.losses.base.ImbalanceLoss`.

    Source:
        Li et al. 2019, Gradient Harmonized Single-stage Detector, arXiv:1811.05181.

    Example:
        >>> loss = GHMLoss(bins=2)
        >>> round(float(loss([0, 0, 1], [[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])), 4)
        1.1269
    """

    _arguments = ("bins", "momentum", "activation")

    def __init__(self, bins=10, momentum=0.0, activation="softmax", *, name="ghm_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.bins = _checked_bins(bins)
        self.momentum = _checked_momentum(momentum)
        self.activation = checks.choice("activation", activation, ACTIVATIONS)
        self.state = None

    def create_state(self):
        """Return the layer that holds the moving average, or None where none is needed.

        A model calls this when it is compiled and keeps the layer among its own.
        """
        if self.momentum and self.state is None:
            self.state = BinShares(self.bins, self.momentum, name=f"{self.name}_shares")
        return self.state

    def call(self, y_true, y_pred, sample_weight=None):
        ce, index, weight = _terms(
            y_true, y_pred, self.bins, self.activation, sample_weight, self.from_logits
        )
        shares = _shares(ce, index, weight, self.bins)
        if self.momentum:
            if self.state is None:
                raise checks.wrong(
                    "momentum",
                    self.momentum,
                    "0, or a model that keeps the average: build it as "
                    "imbalance.models.LossStateModel(inputs, outputs)",
                )
            shares = self.state.update(shares)
        return _harmonised(ce, index, shares)
