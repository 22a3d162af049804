"""The losses by name: one entry a command-line name, and how to build one."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from imbalance import checks
from imbalance.losses.base import ImbalanceLoss
from imbalance.losses.cross_entropy import (
    BinaryCrossEntropy,
    CrossEntropy,
    LabelSmoothing,
    WeightedCrossEntropy,
)
from imbalance.losses.dice import DiceLoss, DSCLoss
from imbalance.losses.focal import BinaryFocalLoss, FocalLoss
from imbalance.losses.ghm import GHMLoss
from imbalance.losses.tversky import FocalTverskyLoss, TverskyLoss
from imbalance.losses.variant import VariantCrossEntropy

_COMMON = frozenset(inspect.signature(ImbalanceLoss).parameters) | {"kwargs"}


@dataclass(frozen=True)
class LossEntry:
    """A named loss.

    Attributes:
        loss_class: the Keras ``Loss`` subclass.
        summary: one line for people.
        paper: where the formula is from.
        defaults: arguments in which this name differs from the class's own defaults.
        data_arguments: arguments that take one weight a class; ``train.py`` fills them with the
            balanced weights of the training split when they are not given.
        aliases: other names for it, those of the published systems.
    """

    loss_class: type[ImbalanceLoss]
    summary: str
    paper: str
    defaults: Mapping = field(default_factory=dict)
    data_arguments: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict:
        """Return the loss's own arguments with their defaults (``Parameter.empty``: required)."""
        signature = inspect.signature(self.loss_class)
        own = {
            name: parameter.default
            for name, parameter in signature.parameters.items()
            if name not in _COMMON
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
            data_arguments=("class_weight",),
            aliases=("weighted_cross_entropy",),
        ),
        "label_smoothing": LossEntry(
            LabelSmoothing,
            "softmax cross entropy against softened labels",
            "Szegedy et al. 2016, arXiv:1512.00567",
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
            data_arguments=("alpha",),
            aliases=("weighted_focal_loss",),
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
    }
)

ALIASES: Mapping[str, str] = MappingProxyType(
    {alias: name for name, entry in TABLE.items() for alias in (name, *entry.aliases)}
)


def entry(name: str) -> LossEntry:
    """Return the entry of a name or alias.

    Raises:
        InputError: if there is none; the message offers the nearest names.

    Example:
        >>> entry("normal").loss_class.__name__
        'CrossEntropy'
    """
    if name not in ALIASES:
        raise checks.unknown("loss", name, ALIASES)
    return TABLE[ALIASES[name]]


def get(loss: str, /, **arguments) -> ImbalanceLoss:
    """Build a loss by name or alias.

    Args:
        loss: a key of :data:`TABLE` or an alias.
        arguments: the loss's own arguments and the common ones (``from_logits``,
            ``reduction``, ``name``, ``dtype``).

    Raises:
        InputError: if the name or an argument is unknown, an argument is missing, or a value
            is out of range.

    Example:
        >>> get("focal_loss", gamma=1.0).gamma
        1.0
        >>> get("focal_los")
        Traceback (most recent call last):
        ...
        imbalance.checks.InputError: loss: got 'focal_los', expected a known name; did you mean \
'focal_loss' or 'focal' or 'weight_focal_loss'?
    """
    chosen = entry(loss)
    checks.keys(loss, arguments, [*chosen.parameters, *sorted(_COMMON - {"kwargs"})])
    arguments = {**chosen.defaults, **arguments}
    for parameter, default in chosen.parameters.items():
        if default is inspect.Parameter.empty and arguments.get(parameter) is None:
            raise checks.wrong(
                f"{loss}.{parameter}", None, "a value: the loss has no default for it"
            )
    for parameter in chosen.data_arguments:
        if arguments.get(parameter) is None:
            raise checks.wrong(f"{loss}.{parameter}", None, "one weight a class")
    return chosen.loss_class(**arguments)


def describe() -> str:
    """Return the table as text: each loss with its parameters, defaults, aliases and paper."""
    blocks = []
    for name, each in TABLE.items():
        parameters = ", ".join(
            f"{parameter} (from the training split)"
            if parameter in each.data_arguments
            else f"{parameter}={default!r}"
            for parameter, default in each.parameters.items()
        )
        lines = [
            f"{name}: {each.summary}",
            f"    parameters: {parameters or 'none'}",
            f"    aliases:    {', '.join(each.aliases) or 'none'}",
            f"    class:      imbalance.losses.{each.loss_class.__name__}",
            f"    source:     {each.paper}",
        ]
        blocks.append("\n".join(lines))
    return "\n".join(blocks)
