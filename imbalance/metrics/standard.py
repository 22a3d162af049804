"""The metrics that training compiles in."""

import keras

from imbalance.metrics.confusion import (
    Accuracy,
    BalancedAccuracy,
    GeometricMean,
    MacroF1,
    MatthewsCorrelation,
    WeightedF1,
)
from imbalance.metrics.curves import MacroPRAUC, MacroROCAUC

_STANDARD = (
    Accuracy,
    BalancedAccuracy,
    MacroF1,
    WeightedF1,
    GeometricMean,
    MatthewsCorrelation,
    MacroROCAUC,
    MacroPRAUC,
)


def standard_metrics(
    num_classes: int, activation: str = "softmax", from_logits: bool = True
) -> list[keras.metrics.Metric]:
    """Return a fresh instance of every metric here, under its default name.

    Args:
        num_classes, activation, from_logits: see
            :class:`~imbalance.metrics.base.ClassificationMetric`.

    Returns:
        A list for ``model.compile(metrics=...)``; the names, after ``val_``, are those that
        ``training.monitor`` takes.

    Example:
        >>> [metric.name for metric in standard_metrics(3)][:3]
        ['accuracy', 'balanced_accuracy', 'macro_f1']
    """
    return [metric(num_classes, activation, from_logits) for metric in _STANDARD]
