"""A study's numbers as its report needs them, from the committed files alone."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from imbalance.study import kinds, paired, results
from imbalance.study.cells import NO_LOSS
from imbalance.study.config import Study
from imbalance.study.rows import Row
from imbalance.study.scoring import SUBSETS
from imbalance.study.statistics import holm, mean_and_sd

ALPHA = 0.05


class Score(NamedTuple):
    """Mean and standard deviation over seeds; NaN where there is none."""

    mean: float
    deviation: float
    seeds: int


class Compared(NamedTuple):
    """A row's difference from its reference, p-values corrected for the number of rows.

    Attributes:
        name: of the row.
        difference, low, high: with its interval.
        p: of no difference, by the bootstrap.
        mcnemar: that of McNemar's test; NaN of a score other than the accuracy.
    """

    name: str
    difference: float
    low: float
    high: float
    p: float
    mcnemar: float

    @property
    def differs(self) -> bool:
        """Whether the interval excludes 0 and the corrected p-value is below .05."""
        return (self.low > 0 or self.high < 0) and self.p < ALPHA


class Numbers:
    """A study and its results.

    Attributes:
        study: what was planned.
        measures: which scores its report shows, and what they are called.
        kind: of its predictions.
        scores: the results file.
        classes: of :func:`imbalance.study.paired.read_classes`.
        outdated: comparisons left out because the results have changed since they were made.
    """

    def __init__(self, study: Study):
        self.study = study
        self.measures, self.kind = study.measures, kinds.of_task(study.task)
        self.scores = results.read(study.results)
        self.classes = paired.read_classes(paired.path_beside(study.results, "classes"))
        comparisons = paired.read(paired.path_beside(study.results, "paired"))
        current = paired.current(comparisons, self.scores, study)
        self._comparisons = comparisons[current]
        old = comparisons[~current]
        self.outdated = sorted(set(zip(old["loss"], old["reference"], strict=True)))
        names = self.scores["loss"].where(self.scores["loss"] != NO_LOSS, self.scores["model"])
        self._values: dict[Any, list[float]] = {
            key: own["value"].tolist()
            for key, own in self.scores.assign(name=names).groupby(["name", "subset", "metric"])
        }
        self._names = set(names)

    @cached_property
    def subsets(self) -> tuple[str, ...]:
        """Return which subsets of the test rows are shown: the unseen ones by themselves only
        where they are fewer than all by a hundredth or more, else their columns say all twice.
        """
        counts = [self.constant("rows", subset) for subset in SUBSETS]
        if math.isnan(counts[0]):
            counts = [float(self.classes[name].sum()) for name in ("test_rows", "unseen_rows")]
        whole, unseen = counts
        return SUBSETS[:1] if unseen > 0.99 * whole else SUBSETS

    def groups(self) -> list[str]:
        """Return the groups of rows that have results, in the study's order."""
        return list(dict.fromkeys(row.group for row in self.rows()))

    def rows(self, group: str | None = None) -> list[Row]:
        """Return the rows that have results, of one group or of all."""
        return [
            row for row in self.study.rows if row.name in self._names and group in (None, row.group)
        ]

    def baselines(self) -> list[str]:
        """Return the names of the baselines that have results."""
        known = self.scores[self.scores["loss"] == NO_LOSS]
        return sorted(set(known["model"]))

    def missing(self) -> list[str]:
        """Return the cells of the study that have no results."""
        done = set(zip(self.scores["model"], self.scores["loss"], self.scores["seed"], strict=True))
        return [
            cell.name
            for cell in self.study.cells()
            if (cell.model, cell.loss, cell.seed) not in done
        ]

    def score(self, name: str, metric: str, subset: str = "all") -> Score:
        """Return a row's or baseline's score."""
        values = self._values.get((name, subset, metric), [])
        if not values:
            return Score(math.nan, math.nan, 0)
        return Score(*mean_and_sd(values), len(values))

    def constant(self, metric: str, subset: str) -> float:
        """Return a number of the data, which all rows share; NaN without it."""
        known = (self._values.get((name, subset, metric)) for name in sorted(self._names))
        return next((values[0] for values in known if values), math.nan)

    def has(self, metric: str, subset: str = "all") -> bool:
        """Tell whether anything has such a score."""
        return any((name, subset, metric) in self._values for name in self._names)

    def compared(
        self, rows: Sequence[Row], metric: str, subset: str, rival: str | None = None
    ) -> list[Compared]:
        """Return the rows' differences from their reference, or from the rival if it is named.

        The p-values are corrected, after Holm, for the number of these rows.
        """
        found = []
        for row in rows:
            reference = rival or paired.reference_of(self.study, row)
            own = self._comparisons[
                (self._comparisons["loss"] == row.name)
                & (self._comparisons["reference"] == reference)
                & (self._comparisons["subset"] == subset)
                & (self._comparisons["metric"] == metric)
            ]
            found += list(own.itertuples())
        return [
            Compared(each.loss, each.difference, each.low, each.high, p, mcnemar)
            for each, p, mcnemar in zip(
                found,
                holm([each.p for each in found]),
                _holm_or_none([each.mcnemar_p for each in found]),
                strict=True,
            )
        ]


def _holm_or_none(values: list[float]) -> list[float]:
    return values if any(pd.isna(value) for value in values) else holm(values)
