"""Keras metrics for imbalanced classes, fit to be compiled into any Keras 3 model."""

from imbalance.metrics.base import ClassificationMetric
from imbalance.metrics.confusion import (
    Accuracy,
    BalancedAccuracy,
    ConfusionMatrixMetric,
    GeometricMean,
    MacroF1,
    MatthewsCorrelation,
    WeightedF1,
)
from imbalance.metrics.curves import CurveMetric, MacroPRAUC, MacroROCAUC
from imbalance.metrics.standard import standard_metrics

__all__ = [
    "Accuracy",
    "BalancedAccuracy",
    "ClassificationMetric",
    "ConfusionMatrixMetric",
    "CurveMetric",
    "GeometricMean",
    "MacroF1",
    "MacroPRAUC",
    "MacroROCAUC",
    "MatthewsCorrelation",
    "WeightedF1",
    "standard_metrics",
]
