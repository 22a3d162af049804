"""Losses from their names, or from several names joined by ``+``."""

import inspect
from collections.abc import Mapping, Sequence

import numpy as np

from imbalance import checks
from imbalance.losses.base import ImbalanceLoss
from imbalance.losses.compound import CompoundLoss
from imbalance.losses.table import ALIASES, COMMON, TABLE, LossEntry


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


def parts(loss: str) -> tuple[str, ...]:
    """Return the names joined by ``+`` in a loss's name; a single name is its own only part.

    Raises:
        InputError: if a name is unknown, or one loss is there twice.

    Example:
        >>> parts("cross_entropy+dice_loss")
        ('cross_entropy', 'dice_loss')
    """
    names = tuple(loss.split("+"))
    if "" in names and len(names) > 1:
        raise checks.wrong("loss", loss, "a name on each side of +")
    for name in names:
        entry(name)
    if len({ALIASES[name] for name in names}) < len(names):
        raise checks.wrong("loss", loss, "each part once")
    return names


def get(loss: str, /, **arguments) -> ImbalanceLoss:
    """Build a loss by name or alias, or the weighted sum of several by names joined by ``+``.

    Args:
        loss: a key of :data:`TABLE` or an alias, or several as ``"cross_entropy+dice_loss"``.
        arguments: the loss's own arguments and the common ones (``from_logits``,
            ``reduction``, ``name``, ``dtype``). A sum takes ``weights``, one number a part, by
            default 1 each, and under the name of each part a mapping of that part's arguments.

    Raises:
        InputError: if the name or an argument is unknown, an argument is missing, or a value
            is out of range.

    Example:
        >>> get("focal_loss", gamma=1.0).gamma
        1.0
        >>> both = get("cross_entropy+dice_loss", weights=[0.7, 0.3], dice_loss={"alpha": 0.2})
        >>> both.weights, both.losses[1].alpha
        ((0.7, 0.3), 0.2)
        >>> get("focal_los")
        Traceback (most recent call last):
        ...
        imbalance.checks.InputError: loss: got 'focal_los', expected a known name; did you mean \
'focal_loss' or 'focal' or 'weight_focal_loss'?
    """
    names = parts(loss)
    common = {name: value for name, value in arguments.items() if name in COMMON}
    own = {name: value for name, value in arguments.items() if name not in COMMON}
    check_arguments(loss, loss, own, sorted(COMMON))
    if len(names) == 1:
        return _single(loss, own, common)
    name = {"name": common.pop("name")} if "name" in common else {}
    losses = [_single(part, own.get(part) or {}, common) for part in names]
    return CompoundLoss(losses, own.get("weights"), **name)


def _single(loss: str, own: Mapping, common: Mapping) -> ImbalanceLoss:
    chosen = entry(loss)
    own = {**chosen.defaults, **own}
    for parameter, default in chosen.parameters.items():
        from_data = parameter in chosen.data_arguments
        if own.get(parameter) is None and (from_data or default is inspect.Parameter.empty):
            expected = "one number a class" if from_data else "a value: the loss has no default"
            raise checks.wrong(f"{loss}.{parameter}", None, expected)
    return chosen.loss_class(**own, **common)


def check_arguments(place: str, loss: str, arguments: Mapping, also: Sequence[str] = ()) -> None:
    """Refuse an argument that a loss does not have, or that no part of a sum has.

    Args:
        place: what the arguments are called in the message, such as ``loss.args``.
        loss: its name, or several joined by ``+``.
        arguments: as of :func:`get`, without the common ones.
        also: further names for the message to list.

    Raises:
        InputError: if there is one.
    """
    names = parts(loss)
    if len(names) == 1:
        checks.keys(place, arguments, [*entry(loss).parameters, *also])
        return
    checks.keys(place, arguments, ["weights", *names, *also])
    for name in names:
        own = arguments.get(name)
        if own is None:
            continue
        if not isinstance(own, Mapping):
            raise checks.wrong(f"{place}.{name}", own, "a mapping of this part's arguments")
        checks.keys(f"{place}.{name}", own, entry(name).parameters)


def fill(loss: str, arguments: Mapping, **data) -> dict:
    """Return the arguments of a loss with those that the data decides.

    Args:
        loss: its name, or several joined by ``+``.
        arguments: as of :func:`get`; what they give stays as it is.
        data: ``class_weights`` and ``class_counts``, one number a class, of the training split.

    Example:
        >>> fill("logit_adjustment", {"tau": 0.5}, class_counts=[90, 10])
        {'tau': 0.5, 'class_counts': [90, 10]}
        >>> fill("ce+ldam", {}, class_counts=[90, 10])
        {'ldam': {'class_counts': [90, 10]}}
    """
    names = parts(loss)
    filled = dict(arguments)
    for name in names:
        own = filled if len(names) == 1 else dict(filled.get(name) or {})
        for argument, kind in entry(name).data_arguments.items():
            if own.get(argument) is None and data.get(kind) is not None:
                own[argument] = np.asarray(data[kind]).tolist()
        if len(names) > 1 and own:
            filled[name] = own
    return filled


def weighted_arguments(loss: str) -> list[str]:
    """Return the arguments of a loss that weigh the classes, filled by the data.

    Example:
        >>> weighted_arguments("weight_cross_entropy+dice_loss")
        ['class_weight']
    """
    return [
        argument
        for name in parts(loss)
        for argument, kind in entry(name).data_arguments.items()
        if kind == "class_weights"
    ]


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
    blocks.append(
        "NAME+NAME: a sum of losses, such as cross_entropy+dice_loss\n"
        "    parameters: weights (one number a part, 1 each), NAME (that part's parameters)"
    )
    return "\n".join(blocks)
