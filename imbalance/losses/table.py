"""The losses by name: one entry a command-line name."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from imbalance.losses.asymmetric import AsymmetricLoss, BinaryAsymmetricLoss
from imbalance.losses.base import ImbalanceLoss
from imbalance.losses.class_counts import LDAMLoss, LogitAdjustment
from imbalance.losses.cross_entropy import (
    BinaryCrossEntropy,
    CrossEntropy,
    LabelSmoothing,
    WeightedCrossEntropy,
)
from imbalance.losses.dice import DiceLoss, DSCLoss
from imbalance.losses.f1 import SoftF1Loss
from imbalance.losses.focal import BinaryFocalLoss, FocalLoss
from imbalance.losses.ghm import GHMLoss
from imbalance.losses.poly import Poly1Loss
from imbalance.losses.tversky import FocalTverskyLoss, TverskyLoss
from imbalance.losses.unified_focal import UnifiedFocalLoss
from imbalance.losses.variant import VariantCrossEntropy

# Arguments of every loss.
COMMON = frozenset(inspect.signature(ImbalanceLoss).parameters) - {"kwargs"}

_CLASS_COUNTS = MappingProxyType({"class_counts": "class_counts"})


@dataclass(frozen=True)
class LossEntry:
    """A named loss.

    Attributes:
        loss_class: the Keras ``Loss`` subclass.
        summary: one line for people.
        paper: where the formula is from.
        defaults: arguments in which this name differs from the class's own defaults.
        data_arguments: arguments that take one number a class, each with what it takes:
            ``class_weights`` or ``class_counts``, of the rows drawn; ``train.py`` fills
            them in when they are not given.
        aliases: other names for it, those of the published systems.
    """

    loss_class: type[ImbalanceLoss]
    summary: str
    paper: str
    defaults: Mapping = field(default_factory=dict)
    data_arguments: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict:
        """Return the loss's own arguments with their defaults (``Parameter.empty``: required)."""
        signature = inspect.signature(self.loss_class)
        own = {
            name: parameter.default
            for name, parameter in signature.parameters.items()
            if name not in COMMON | {"kwargs"}
        }
        return {**own, **self.defaults}


TABLE: Mapping[str, LossEntry] = MappingProxyType(
    {
        "cross_entropy": LossEntry(
            CrossEntropy,
            "softmax cross entropy",
            "maximum likelihood",
            aliases=("normal", "ce"),
        ),
        "weight_cross_entropy": LossEntry(
            WeightedCrossEntropy,
            "softmax cross entropy, each class weighed",
            "maximum likelihood, weighed",
            data_arguments=MappingProxyType({"class_weight": "class_weights"}),
            aliases=("weighted_cross_entropy",),
        ),
        "label_smoothing": LossEntry(
            LabelSmoothing,
            "softmax cross entropy against softened labels",
            "Szegedy et al. 2016, arXiv:1512.00567",
        ),
        "logit_adjustment": LossEntry(
            LogitAdjustment,
            "softmax cross entropy of logits moved by the class priors; balanced softmax at tau 1",
            "Menon et al. 2021, arXiv:2007.07314; Ren et al. 2020, arXiv:2007.10740",
            data_arguments=_CLASS_COUNTS,
            aliases=("logit_adjusted_loss", "balanced_softmax"),
        ),
        "ldam_loss": LossEntry(
            LDAMLoss,
            "softmax cross entropy with a margin that is larger for rare classes",
            "Cao et al. 2019, arXiv:1906.07413",
            data_arguments=_CLASS_COUNTS,
            aliases=("ldam",),
        ),
        "poly1_loss": LossEntry(
            Poly1Loss,
            "softmax cross entropy plus a multiple of the missing probability",
            "Leng et al. 2022, arXiv:2204.12511",
            aliases=("poly1",),
        ),
        "focal_loss": LossEntry(
            FocalLoss,
            "softmax cross entropy, easy examples counting less",
            "Lin et al. 2017, arXiv:1708.02002",
            aliases=("focal",),
        ),
        "weight_focal_loss": LossEntry(
            FocalLoss,
            "focal loss, each class weighed",
            "Lin et al. 2017, arXiv:1708.02002",
            data_arguments=MappingProxyType({"alpha": "class_weights"}),
            aliases=("weighted_focal_loss",),
        ),
        "asymmetric_loss": LossEntry(
            AsymmetricLoss,
            "smoothed softmax cross entropy, the label and the other classes focused apart",
            "Ridnik et al. 2021, arXiv:2009.14119",
        ),
        "unified_focal_loss": LossEntry(
            UnifiedFocalLoss,
            "focal loss on common classes and focal Tversky loss on rare ones, summed",
            "Yeung et al. 2022, arXiv:2102.04525",
            data_arguments=_CLASS_COUNTS,
            aliases=("unified_focal",),
        ),
        "ghm_loss": LossEntry(
            GHMLoss,
            "cross entropy, gradient lengths harmonised (GHM-C)",
            "Li et al. 2019, arXiv:1811.05181",
            aliases=("ghm", "ghmc_loss"),
        ),
        "dice_loss": LossEntry(
            DiceLoss,
            "soft dice of each class over the batch",
            "Milletari et al. 2016, arXiv:1606.04797",
            aliases=("dice", "soft_dice_loss"),
        ),
        "squared_dice_loss": LossEntry(
            DiceLoss,
            "soft dice with squares in the denominator",
            "Milletari et al. 2016, arXiv:1606.04797",
            defaults=MappingProxyType({"squared": True}),
        ),
        "dsc_loss": LossEntry(
            DSCLoss,
            "self-adjusting dice of each example (DSC)",
            "Li et al. 2020, arXiv:1911.02855",
            aliases=("dsc", "self_adjusting_dice_loss"),
        ),
        "tversky_loss": LossEntry(
            TverskyLoss,
            "dice with false positives and negatives weighed apart",
            "Salehi et al. 2017, arXiv:1706.05721",
            aliases=("tversky",),
        ),
        "focal_tversky_loss": LossEntry(
            FocalTverskyLoss,
            "a power of the Tversky loss",
            "Abraham and Khan 2018, arXiv:1810.07842",
        ),
        "soft_f1_loss": LossEntry(
            SoftF1Loss,
            "soft F1 over the batch, mean over the classes in it",
            "Bénédict et al. 2022, arXiv:2108.10566",
            aliases=("soft_f1", "macro_soft_f1"),
        ),
        "binary_cross_entropy": LossEntry(
            BinaryCrossEntropy,
            "sigmoid cross entropy",
            "maximum likelihood",
            aliases=("binary_crossentropy", "bce"),
        ),
        "variant_crossentropy": LossEntry(
            VariantCrossEntropy,
            "sigmoid cross entropy that stops at a margin",
            "Su 2017, kexue.fm/archives/4293 and 4733",
            aliases=("variant_cross_entropy", "margin_bce"),
        ),
        "binary_focal_loss": LossEntry(
            BinaryFocalLoss,
            "sigmoid cross entropy, easy examples counting less",
            "Lin et al. 2017, arXiv:1708.02002",
        ),
        "variant_focal_loss": LossEntry(
            BinaryFocalLoss,
            "binary focal loss as in the published sentiment system",
            "Lin et al. 2017, arXiv:1708.02002",
            defaults=MappingProxyType({"alpha": 0.5}),
        ),
        "binary_asymmetric_loss": LossEntry(
            BinaryAsymmetricLoss,
            "sigmoid cross entropy, positives and negatives focused apart (ASL)",
            "Ridnik et al. 2021, arXiv:2009.14119",
            aliases=("asl",),
        ),
    }
)

ALIASES: Mapping[str, str] = MappingProxyType(
    {alias: name for name, entry in TABLE.items() for alias in (name, *entry.aliases)}
)
