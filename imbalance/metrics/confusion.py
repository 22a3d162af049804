"""Metrics read off a confusion matrix; each equals its scikit-learn namesake.

Below, for class c, TP_c, FP_c, FN_c, TN_c are weights of rows, t_c = TP_c + FN_c is the weight
of its true rows, p_c = TP_c + FP_c that of the rows predicted as c, and n the weight of all
rows. x / 0 counts as 0 everywhere (``zero_division=0``), so without any row a metric is 0.
"""

import keras
from keras import ops

from imbalance.metrics.base import ClassificationMetric


class ConfusionMatrixMetric(ClassificationMetric):
    """Base of the metrics that need no more than a confusion matrix.

    The state ``confusion_matrix``, of shape (C, C) and dtype float32, has a row for each true
    and a column for each predicted class; unweighted counts are exact up to 2²⁴ rows a cell.
    Subclasses define ``result``. Arguments and inputs: see
    :class:`~imbalance.metrics.base.ClassificationMetric`.
    """

    def __init__(self, num_classes, activation="softmax", from_logits=True, name=None):
        super().__init__(num_classes, activation, from_logits, name)
        self.confusion_matrix = self.add_variable(
            shape=(self.num_classes, self.num_classes),
            initializer="zeros",
            dtype="float32",
            name="confusion_matrix",
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch to the confusion matrix."""
        ids, scores, weights = self._read(y_true, y_pred, sample_weight)
        # A segment sum, not a product of one-hot matrices: GPUs round those to TF32.
        cells = ops.segment_sum(
            weights,
            ids * self.num_classes + self._predicted(scores),
            num_segments=self.num_classes**2,
        )
        self.confusion_matrix.assign_add(ops.reshape(cells, self.confusion_matrix.shape))

    def _predicted(self, scores):
        if scores.shape[-1] == 1:
            return ops.cast(scores[:, 0] > (0.0 if self.from_logits else 0.5), "int32")
        return ops.cast(ops.argmax(scores, axis=-1), "int32")

    def _counts(self):
        """Return TP_c, t_c and p_c, each of shape (C,)."""
        matrix = ops.convert_to_tensor(self.confusion_matrix)
        return ops.diagonal(matrix), ops.sum(matrix, axis=1), ops.sum(matrix, axis=0)

    def _f1(self):
        hits, true, predicted = self._counts()
        return ops.divide_no_nan(2 * hits, true + predicted)


@keras.saving.register_keras_serializable(package="imbalance")
class Accuracy(ConfusionMatrixMetric):
    """Share of rows predicted right: Σ_c TP_c / n (``accuracy_score``).

    Args, inputs, errors: see :class:`~imbalance.metrics.base.ClassificationMetric`.

    Example:
        >>> metric = Accuracy(3)
        >>> metric.update_state([0, 1, 2, 2], [[9, 0, 0], [0, 9, 0], [9, 0, 0], [0, 0, 9]])
        >>> float(metric.result())
        0.75
    """

    def __init__(self, num_classes, activation="softmax", from_logits=True, name="accuracy"):
        super().__init__(num_classes, activation, from_logits, name)

    def result(self):
        """Return the accuracy, a scalar in [0, 1]."""
        hits, true, _ = self._counts()
        return ops.divide_no_nan(ops.sum(hits), ops.sum(true))


@keras.saving.register_keras_serializable(package="imbalance")
class BalancedAccuracy(ConfusionMatrixMetric):
    """Mean recall: mean of TP_c / t_c over the classes with true rows.

    As in ``balanced_accuracy_score``, a class without true rows is left out of the mean.

    Args, inputs, errors: see :class:`~imbalance.metrics.base.ClassificationMetric`.

    Example:
        >>> metric = BalancedAccuracy(3)
        >>> metric.update_state([0, 0, 0, 1], [[9, 0, 0], [9, 0, 0], [9, 0, 0], [9, 0, 0]])
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self, num_classes, activation="softmax", from_logits=True, name="balanced_accuracy"
    ):
        super().__init__(num_classes, activation, from_logits, name)

    def result(self):
        """Return the balanced accuracy, a scalar in [0, 1]."""
        hits, true, _ = self._counts()
        recalls = ops.divide_no_nan(hits, true)
        return ops.divide_no_nan(ops.sum(recalls), _number_present(true))


@keras.saving.register_keras_serializable(package="imbalance")
class MacroF1(ConfusionMatrixMetric):
    """Plain mean over all C classes of F1_c = 2·TP_c / (t_c + p_c).

    As in ``f1_score(labels=range(C), average="macro", zero_division=0)``, a class that is
    neither true nor predicted anywhere counts with F1 0.

    Args, inputs, errors: see :class:`~imbalance.metrics.base.ClassificationMetric`.

    Example:
        >>> metric = MacroF1(2, activation="sigmoid")
        >>> metric.update_state([0, 0, 1, 1], [-3.0, -1.0, -2.0, 4.0])
        >>> round(float(metric.result()), 4)
        0.7333
    """

    def __init__(self, num_classes, activation="softmax", from_logits=True, name="macro_f1"):
        super().__init__(num_classes, activation, from_logits, name)

    def result(self):
        """Return the macro-averaged F1, a scalar in [0, 1]."""
        return ops.mean(self._f1())


@keras.saving.register_keras_serializable(package="imbalance")
class WeightedF1(ConfusionMatrixMetric):
    """Mean of F1_c = 2·TP_c / (t_c + p_c), each class weighing t_c / n.

    Equals ``f1_score(average="weighted", zero_division=0)``.

    Args, inputs, errors: see :class:`~imbalance.metrics.base.ClassificationMetric`.

    Example:
        >>> metric = WeightedF1(2, activation="sigmoid")
        >>> metric.update_state([0, 0, 0, 1], [-3.0, -1.0, -2.0, -4.0])
        >>> round(float(metric.result()), 4)
        0.6429
    """

    def __init__(self, num_classes, activation="softmax", from_logits=True, name="weighted_f1"):
        super().__init__(num_classes, activation, from_logits, name)

    def result(self):
        """Return the support-weighted F1, a scalar in [0, 1]."""
        _, true, _ = self._counts()
        return ops.divide_no_nan(ops.sum(true * self._f1()), ops.sum(true))


@keras.saving.register_keras_serializable(package="imbalance")
class GeometricMean(ConfusionMatrixMetric):
    """Geometric mean of the recalls: (Π_c TP_c / t_c)^(1/k) over the k classes with true rows.

    It is 0 as soon as one class with true rows has no hit. Classes without true rows are left
    out, as in :class:`BalancedAccuracy`.

    Args, inputs, errors: see :class:`~imbalance.metrics.base.ClassificationMetric`.

    Source:
        Kubat and Matwin 1997, Addressing the Curse of Imbalanced Training Sets.

    Example:
        >>> metric = GeometricMean(2, activation="sigmoid")
        >>> metric.update_state([0, 0, 0, 0, 1], [-3.0, -1.0, -2.0, 4.0, 1.0])
        >>> round(float(metric.result()), 4)
        0.866
    """

    def __init__(self, num_classes, activation="softmax", from_logits=True, name="geometric_mean"):
        super().__init__(num_classes, activation, from_logits, name)

    def result(self):
        """Return the geometric mean of the recalls, a scalar in [0, 1]."""
        hits, true, _ = self._counts()
        present = _number_present(true)
        # log 0 = −∞ is meant: one class without a hit makes the whole mean exp(−∞) = 0.
        logs = ops.log(ops.where(true == 0, ops.ones_like(hits), ops.divide_no_nan(hits, true)))
        mean = ops.exp(ops.divide_no_nan(ops.sum(logs), present))
        return ops.where(present == 0, ops.zeros_like(mean), mean)


@keras.saving.register_keras_serializable(package="imbalance")
class MatthewsCorrelation(ConfusionMatrixMetric):
    """Correlation between true and predicted classes (``matthews_corrcoef``).

    Σ_c (TP_c·TN_c − FP_c·FN_c) / √(Σ_c t_c·(n − t_c) · Σ_c p_c·(n − p_c)): Gorodkin's R_K, which
    for two classes is Matthews' coefficient. In this form no large squares are subtracted, so
    float32 keeps its precision when nearly all rows are of one class. 0 where all rows have one
    true or one predicted class.

    Args, inputs, errors: see :class:`~imbalance.metrics.base.ClassificationMetric`.

    Source:
        Gorodkin 2004, Comparing two K-category assignments by a K-category correlation
        coefficient.

    Example:
        >>> metric = MatthewsCorrelation(2, activation="sigmoid")
        >>> metric.update_state([0, 0, 1, 1], [-3.0, -1.0, -2.0, 4.0])
        >>> round(float(metric.result()), 4)
        0.5774
    """

    def __init__(self, num_classes, activation="softmax", from_logits=True, name="mcc"):
        super().__init__(num_classes, activation, from_logits, name)

    def result(self):
        """Return the correlation, a scalar in [−1, 1]."""
        hits, true, predicted = self._counts()
        rows = ops.sum(true)
        rejected = rows - true - predicted + hits
        covariance = ops.sum(hits * rejected - (predicted - hits) * (true - hits))
        spread_true = ops.sqrt(ops.sum(true * (rows - true)))
        spread_predicted = ops.sqrt(ops.sum(predicted * (rows - predicted)))
        return ops.divide_no_nan(covariance, spread_true * spread_predicted)


def _number_present(true):
    return ops.sum(ops.cast(true != 0, "float32"))
