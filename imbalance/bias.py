"""Unintended bias: how well scores rank where a subgroup is named, and against where it is not."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from imbalance import checks

AREAS = ("subgroup_auc", "bpsn_auc", "bnsp_auc")
# Of the generalised mean: the lower an area, the more it counts.
_POWER = -5


def bias_auc(y_true, probability, subgroups: Mapping[str, Any]) -> dict[str, Any]:
    """Return the area under the ROC curve and how much of it is left for each subgroup.

    Of a subgroup g there are three areas: ``subgroup_auc``, of the rows of g; ``bpsn_auc``
    (background positive, subgroup negative), of the negatives of g and the positives of all other
    rows, low where g itself is taken for a positive; and ``bnsp_auc`` (background negative,
    subgroup positive), of the positives of g and the negatives of all other rows, low where it is
    taken for a negative. With M(a) = (1/G · Σ_g a_g^p)^(1/p), p = −5,

    bias_auc = ¼ · overall_auc + ¼ · M(subgroup_auc) + ¼ · M(bpsn_auc) + ¼ · M(bnsp_auc).

    An area whose rows are of one class alone is not defined and left out of its mean; a mean of
    nothing is left out of ``bias_auc``, whose other parts then count alike. Without subgroups
    ``bias_auc`` is ``overall_auc``.

    Args:
        y_true: 1 or True for the positive class, 0 or False; shape (rows,).
        probability: of the positive class, or any score that grows with it; shape (rows,).
        subgroups: name to membership, bool of shape (rows,).

    Returns:
        ``bias_auc``; ``overall_auc``; ``subgroup_auc``, ``bpsn_auc``, ``bnsp_auc``: the means M;
        ``subgroups``: for each name ``rows``, ``positives`` and the three areas; ``undefined``: a
        list of ``"<name>: <area>"`` left out. What is not defined is ``None``.

    Raises:
        InputError: if shapes differ, a label is neither 0 nor 1, a score is not finite, or a
            membership is not bool.

    Source:
        Borkan et al. 2019, Nuanced Metrics for Measuring Unintended Bias with Real Data for Text
        Classification, arXiv:1903.04561 (the areas); the evaluation of the competition "Jigsaw
        Unintended Bias in Toxicity Classification", 2019 (power and weights).

    Example:
        >>> groups = {"book": [True, True, False, False]}
        >>> found = bias_auc([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9], groups)
        >>> found["overall_auc"], found["bnsp_auc"], found["bias_auc"]
        (0.75, 0.0, 0.6875)
    """
    y_true, probability = _read(y_true, probability)
    by_name = {name: _areas(name, y_true, probability, each) for name, each in subgroups.items()}
    means = {area: _mean([each[area] for each in by_name.values()]) for area in AREAS}
    parts = [_auc(y_true, probability), *means.values()]
    known = [each for each in parts if each is not None]
    return {
        "bias_auc": float(np.mean(known)) if parts[0] is not None else None,
        "overall_auc": parts[0],
        **means,
        "subgroups": by_name,
        "undefined": [
            f"{name}: {area}"
            for name, each in by_name.items()
            for area in AREAS
            if each[area] is None
        ],
    }


def _areas(name: str, y_true, probability, members) -> dict[str, Any]:
    members = np.asarray(members)
    if members.dtype != bool or members.shape != y_true.shape:
        raise checks.wrong(
            f"subgroup {name}, its dtype and shape",
            (str(members.dtype), members.shape),
            f"bool, {y_true.shape}",
        )
    rows = (members, members ^ y_true, members ^ ~y_true)
    return {
        "rows": int(members.sum()),
        "positives": int((members & y_true).sum()),
        **{
            area: _auc(y_true[own], probability[own]) for area, own in zip(AREAS, rows, strict=True)
        },
    }


def _auc(y_true, probability) -> float | None:
    if y_true.all() or not y_true.any():
        return None
    return float(roc_auc_score(y_true, probability))


def _mean(values) -> float | None:
    values = np.array([each for each in values if each is not None])
    if not len(values):
        return None
    with np.errstate(divide="ignore"):  # of an area of 0 the mean is 0
        return float(np.mean(values**_POWER) ** (1 / _POWER))


def _read(y_true, probability):
    y_true, probability = np.asarray(y_true), np.asarray(probability, "float64")
    if y_true.ndim != 1 or y_true.shape != probability.shape:
        shapes = (y_true.shape, probability.shape)
        raise checks.wrong("y_true and probability, their shapes", shapes, "(rows,) both")
    if not np.isin(y_true, (0, 1)).all():
        raise checks.wrong("y_true", np.unique(y_true).tolist(), "0 and 1 alone")
    if not np.isfinite(probability).all():
        raise checks.wrong("probability", probability, "finite numbers")
    return y_true.astype(bool), probability
