"""Losses for imbalanced labels: Keras ``Loss`` subclasses, and the same as pure functions.

``get("focal_loss", gamma=2.0)`` builds one by name, ``get("cross_entropy+dice_loss")`` a sum;
``TABLE`` holds the names.
"""

from imbalance.losses.asymmetric import (
    AsymmetricLoss,
    BinaryAsymmetricLoss,
    asymmetric_loss,
    binary_asymmetric_loss,
)
from imbalance.losses.base import BatchLoss, ImbalanceLoss
from imbalance.losses.by_name import (
    check_arguments,
    describe,
    entry,
    fill,
    get,
    parts,
    weighted_arguments,
)
from imbalance.losses.class_counts import (
    LDAMLoss,
    LogitAdjustment,
    ldam_loss,
    logit_adjusted_cross_entropy,
)
from imbalance.losses.compound import CompoundLoss
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
from imbalance.losses.f1 import SoftF1Loss, soft_f1_loss
from imbalance.losses.focal import BinaryFocalLoss, FocalLoss, binary_focal_loss, focal_loss
from imbalance.losses.ghm import BinShares, GHMLoss, ghm_loss
from imbalance.losses.poly import Poly1Loss, poly1_loss
from imbalance.losses.table import ALIASES, TABLE, LossEntry
from imbalance.losses.tversky import (
    FocalTverskyLoss,
    TverskyLoss,
    focal_tversky_loss,
    tversky_loss,
)
from imbalance.losses.unified_focal import UnifiedFocalLoss, unified_focal_loss
from imbalance.losses.variant import VariantCrossEntropy, variant_cross_entropy

__all__ = [
    "BinaryCrossEntropy",
    "dsc_loss",
    "variant_cross_entropy",
    "parts",
    "LabelSmoothing",
    "get",
    "poly1_loss",
    "unified_focal_loss",
    "SoftF1Loss",
    "logit_adjusted_cross_entropy",
    "FocalLoss",
    "focal_tversky_loss",
    "WeightedCrossEntropy",
    "Poly1Loss",
    "ghm_loss",
    "cross_entropy",
    "focal_loss",
    "BinaryAsymmetricLoss",
    "CompoundLoss",
    "dice_loss",
    "GHMLoss",
    "VariantCrossEntropy",
    "binary_asymmetric_loss",
    "entry",
    "soft_f1_loss",
    "ALIASES",
    "label_smoothing_cross_entropy",
    "tversky_loss",
    "BatchLoss",
    "FocalTverskyLoss",
    "weighted_arguments",
    "binary_cross_entropy",
    "LossEntry",
    "TverskyLoss",
    "fill",
    "BinaryFocalLoss",
    "DSCLoss",
    "AsymmetricLoss",
    "check_arguments",
    "TABLE",
    "asymmetric_loss",
    "UnifiedFocalLoss",
    "ldam_loss",
    "LogitAdjustment",
    "CrossEntropy",
    "describe",
    "weighted_cross_entropy",
    "LDAMLoss",
    "BinShares",
    "DiceLoss",
    "ImbalanceLoss",
    "binary_focal_loss",
]
