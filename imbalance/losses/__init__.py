"""Losses for imbalanced labels: Keras ``Loss`` subclasses, and the same as pure functions.

``get("focal_loss", gamma=2.0)`` builds one by name; ``TABLE`` holds the names.
"""

from imbalance.losses.base import BatchLoss, ImbalanceLoss
from imbalance.losses.cross_entropy import (
    BinaryCrossEntropy,
    CrossEntropy,
    LabelSmoothing,
    WeightedCrossEntropy,
    binary_cross_entropy,
    cross_entropy,
    label_smoothing_cross_entropy,
    weighted_cross_entropy,
)
from imbalance.losses.dice import DiceLoss, DSCLoss, dice_loss, dsc_loss
from imbalance.losses.focal import BinaryFocalLoss, FocalLoss, binary_focal_loss, focal_loss
from imbalance.losses.ghm import BinShares, GHMLoss, ghm_loss
from imbalance.losses.table import ALIASES, TABLE, LossEntry, describe, entry, get
from imbalance.losses.tversky import (
    FocalTverskyLoss,
    TverskyLoss,
    focal_tversky_loss,
    tversky_loss,
)
from imbalance.losses.variant import VariantCrossEntropy, variant_cross_entropy

__all__ = [
    "ALIASES",
    "TABLE",
    "BatchLoss",
    "BinShares",
    "BinaryCrossEntropy",
    "BinaryFocalLoss",
    "CrossEntropy",
    "DSCLoss",
    "DiceLoss",
    "FocalLoss",
    "FocalTverskyLoss",
    "GHMLoss",
    "ImbalanceLoss",
    "LabelSmoothing",
    "LossEntry",
    "TverskyLoss",
    "VariantCrossEntropy",
    "WeightedCrossEntropy",
    "binary_cross_entropy",
    "binary_focal_loss",
    "cross_entropy",
    "describe",
    "dice_loss",
    "dsc_loss",
    "entry",
    "focal_loss",
    "focal_tversky_loss",
    "get",
    "ghm_loss",
    "label_smoothing_cross_entropy",
    "tversky_loss",
    "variant_cross_entropy",
    "weighted_cross_entropy",
]
