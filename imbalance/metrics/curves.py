"""Areas under ROC and precision-recall curves, from a histogram of the scores.

**Binning.** The exact areas need all scores at once; a metric that sees batches keeps, for each
class, a histogram of the scores of its own rows and of all others. Evenly spaced probabilities
(as in ``keras.metrics.AUC``) serve badly here: a trained network is saturated, and nearly all
scores of a rare class lie below the first threshold, where their order, which is what an area
measures, is lost. The bins are therefore evenly spaced in asinh(z) for the one-vs-rest logit
z = log(p / (1 − p)), clipped to ±64: linear in z near p = ½ and logarithmic far out, so an
untrained network's scores near 0 and scores of ±40, where float32 probabilities are 0 and 1,
are both told apart. With the default 1,024 bins a bin is about .0095·√(1 + z²) wide.

**Error.** Scores in one bin count as tied. A class's ROC area is then off by at most
½ Σ_b π_b·ν_b, π_b and ν_b being the shares of its own and of the other rows in bin b; its
average precision has no such bound when a handful of rows decides it. The tests hold both within
.003 of scikit-learn, on plain and on saturated scores.
"""

import math

import keras
import numpy as np
from keras import ops

from imbalance import checks
from imbalance.metrics.base import ClassificationMetric

_LARGEST_LOGIT = 64.0
_RANGE = math.asinh(_LARGEST_LOGIT)


class CurveMetric(ClassificationMetric):
    """Base of the metrics that rank rows by each class's score, one class against the rest.

    The states ``positives`` and ``negatives``, of shape (C, num_thresholds) and dtype float32,
    hold the weight of each class's own and of the other rows whose score lies in each bin; the
    bin of the highest scores comes first. With ``activation="softmax"`` a logit is first set
    against those of all other classes, z_c − log Σ_{k≠c} exp z_k, whose sigmoid is the softmax
    probability.

    Args:
        num_thresholds: bins a class, at least 2.
        num_classes, activation, from_logits, name: see
            :class:`~imbalance.metrics.base.ClassificationMetric`.
    """

    def __init__(
        self, num_classes, activation="softmax", from_logits=True, num_thresholds=1024, name=None
    ):
        super().__init__(num_classes, activation, from_logits, name)
        self.num_thresholds = checks.integer("num_thresholds", num_thresholds, low=2)
        shape = (self.num_classes, self.num_thresholds)
        self.positives = self.add_variable(shape, "zeros", dtype="float32", name="positives")
        self.negatives = self.add_variable(shape, "zeros", dtype="float32", name="negatives")

    def get_config(self):
        """Return what ``from_config`` needs to build this metric again."""
        return {**super().get_config(), "num_thresholds": self.num_thresholds}

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch to the histograms."""
        ids, scores, weights = self._read(y_true, y_pred, sample_weight)
        classes = ops.arange(self.num_classes, dtype="int32")
        cells = classes * self.num_thresholds + _bins(self._margins(scores), self.num_thresholds)
        own = ops.expand_dims(ids, -1) == classes
        weights = ops.broadcast_to(ops.expand_dims(weights, -1), ops.shape(cells))
        nothing = ops.zeros_like(weights)
        self.positives.assign_add(self._histogram(cells, ops.where(own, weights, nothing)))
        self.negatives.assign_add(self._histogram(cells, ops.where(own, nothing, weights)))

    def curve_counts(self, thresholds=None) -> dict[str, np.ndarray]:
        """Count hits and errors at each threshold, for drawing curves outside the graph.

        A row counts as predicted where its score is above the threshold.

        Args:
            thresholds: probabilities of shape (T,); each is moved to the nearest bin edge in
                the bins' scale. By default the lower edges of all bins, ascending.
                TensorBoard labels its PR curves as if they were ``numpy.linspace(0, 1, T)``.

        Returns:
            float32 arrays ``true_positives``, ``false_positives``, ``true_negatives``,
            ``false_negatives`` of shape (C, T), and ``thresholds`` of shape (T,): the edges
            used, as float64 probabilities.

        Raises:
            InputError: if a threshold is no probability.

        Example:
            >>> metric = MacroPRAUC(2, activation="sigmoid")
            >>> metric.update_state([0, 0, 1, 1], [-3.0, 1.0, 2.0, 4.0])
            >>> counts = metric.curve_counts([0.0, 0.5, 0.9])
            >>> counts["true_positives"][1].tolist(), counts["false_positives"][1].tolist()
            ([2.0, 2.0, 1.0], [2.0, 1.0, 0.0])
        """
        if thresholds is None:
            last = np.arange(self.num_thresholds)[::-1]
        else:
            last = self._last_bins(thresholds)
        edges = _RANGE - (last + 1) * (2 * _RANGE / self.num_thresholds)
        positives = ops.convert_to_numpy(self.positives).cumsum(axis=1)
        negatives = ops.convert_to_numpy(self.negatives).cumsum(axis=1)
        return {
            "thresholds": 1 / (1 + np.exp(-np.sinh(edges))),
            "true_positives": positives[:, last],
            "false_positives": negatives[:, last],
            "true_negatives": negatives[:, -1:] - negatives[:, last],
            "false_negatives": positives[:, -1:] - positives[:, last],
        }

    def _last_bins(self, thresholds):
        """Return, for each threshold, the last bin that counts as above it."""
        thresholds = np.asarray(thresholds, dtype="float64")
        if thresholds.ndim != 1 or not ((thresholds >= 0) & (thresholds <= 1)).all():
            raise checks.wrong("thresholds", thresholds, "a list of numbers from 0 to 1")
        with np.errstate(divide="ignore"):
            places = np.arcsinh(np.log(thresholds) - np.log1p(-thresholds))
        bins_above = np.rint((_RANGE - places) * (self.num_thresholds / (2 * _RANGE)))
        return np.clip(bins_above - 1, 0, self.num_thresholds - 1).astype(int)

    def _histogram(self, cells, weights):
        sums = ops.segment_sum(
            ops.reshape(weights, (-1,)),
            ops.reshape(cells, (-1,)),
            num_segments=self.num_classes * self.num_thresholds,
        )
        return ops.reshape(sums, (self.num_classes, self.num_thresholds))

    def _margins(self, scores):
        """Return the one-vs-rest logit of every class, of shape (n, C)."""
        if not self.from_logits:
            scores = ops.clip(scores, 0.0, 1.0)
            scores = ops.log(scores) - ops.log1p(-scores)
        elif self.activation == "softmax":
            scores = _against_rest(scores)
        return ops.concatenate([-scores, scores], axis=-1) if scores.shape[-1] == 1 else scores


@keras.saving.register_keras_serializable(package="imbalance")
class MacroROCAUC(CurveMetric):
    """Mean over classes of the area under the one-vs-rest ROC curve (``roc_auc_score``).

    For class c it is the chance that one of its rows scores above another class's, ties
    counting half. A class for which it is undefined (no row of its own, or no other row) is
    left out of the mean; 0 where that leaves none. Binning and its error: see
    :mod:`imbalance.metrics.curves`.

    Args, inputs, errors: see :class:`CurveMetric`.

    Example:
        >>> metric = MacroROCAUC(2, activation="sigmoid")
        >>> metric.update_state([0, 0, 1, 1], [-3.0, 1.0, -2.0, 4.0])
        >>> float(metric.result())
        0.75
    """

    def __init__(
        self,
        num_classes,
        activation="softmax",
        from_logits=True,
        num_thresholds=1024,
        name="roc_auc",
    ):
        super().__init__(num_classes, activation, from_logits, num_thresholds, name)

    def result(self):
        """Return the macro-averaged area, a scalar in [0, 1]."""
        positives = _shares(ops.convert_to_tensor(self.positives))
        negatives = _shares(ops.convert_to_tensor(self.negatives))
        beaten = 1 - ops.cumsum(negatives, axis=-1) + negatives / 2
        defined = ops.logical_and(_any(self.positives), _any(self.negatives))
        return _mean_where(ops.sum(positives * beaten, axis=-1), defined)


@keras.saving.register_keras_serializable(package="imbalance")
class MacroPRAUC(CurveMetric):
    """Mean over classes of the one-vs-rest average precision (``average_precision_score``).

    AP_c = Σ_k (R_k − R_{k−1})·P_k over falling thresholds k: a step curve, without the
    optimistic straight lines of a trapezoid. A class without rows of its own is left out of the
    mean; 0 where that leaves none. Binning and its error: see :mod:`imbalance.metrics.curves`.

    Args, inputs, errors: see :class:`CurveMetric`.

    Example:
        >>> metric = MacroPRAUC(2, activation="sigmoid")
        >>> metric.update_state([0, 0, 1, 1], [-3.0, 1.0, -2.0, 4.0])
        >>> round(float(metric.result()), 4)
        0.8333
    """

    def __init__(
        self,
        num_classes,
        activation="softmax",
        from_logits=True,
        num_thresholds=1024,
        name="pr_auc",
    ):
        super().__init__(num_classes, activation, from_logits, num_thresholds, name)

    def result(self):
        """Return the macro-averaged average precision, a scalar in [0, 1]."""
        positives = ops.convert_to_tensor(self.positives)
        hits = ops.cumsum(positives, axis=-1)
        false_alarms = ops.cumsum(ops.convert_to_tensor(self.negatives), axis=-1)
        precision = ops.divide_no_nan(hits, hits + false_alarms)
        return _mean_where(ops.sum(_shares(positives) * precision, axis=-1), _any(self.positives))


def _against_rest(logits):
    """Set each logit against the others: z_c − logsumexp_{k≠c} z_k, exact when saturated."""
    highest = ops.max(logits, axis=-1, keepdims=True)
    logits = logits - highest
    classes = ops.arange(logits.shape[-1], dtype="int32")
    top = ops.expand_dims(ops.cast(ops.argmax(logits, axis=-1), "int32"), -1) == classes
    minus_infinity = ops.full_like(logits, -float("inf"))
    rest = ops.logsumexp(ops.where(top, minus_infinity, logits), axis=-1, keepdims=True)
    # Below the top class p ≤ ½, where 1 − p loses nothing; for the top class it would round to 0.
    log_p = logits - ops.logsumexp(logits, axis=-1, keepdims=True)
    return ops.where(top, logits - rest, log_p - ops.log1p(-ops.minimum(ops.exp(log_p), 0.5)))


def _bins(margins, bins):
    places = ops.arcsinh(ops.clip(margins, -_LARGEST_LOGIT, _LARGEST_LOGIT))
    places = (_RANGE - places) * (bins / (2 * _RANGE))
    # A NaN, whose weight is NaN as well, has no bin: any will do, but casting it may fail.
    places = ops.where(ops.isnan(places), ops.zeros_like(places), places)
    return ops.clip(ops.cast(ops.floor(places), "int32"), 0, bins - 1)


def _shares(histogram):
    return ops.divide_no_nan(histogram, ops.sum(histogram, axis=-1, keepdims=True))


def _any(histogram):
    return ops.sum(histogram, axis=-1) != 0


def _mean_where(values, defined):
    defined = ops.cast(defined, "float32")
    return ops.divide_no_nan(ops.sum(values * defined), ops.sum(defined))
