"""Comparisons of a study's rows on the same documents and seeds, kept beside its results.

Two files stand beside ``NAME.csv``; with :mod:`imbalance.study.archive`'s, from which they are
made, a report can be written without the run folders:

=====================  ======================================================================
``NAME-paired.csv``    a row a comparison, subset and metric, see :data:`COLUMNS`
``NAME-classes.csv``   the classes in the order of their ids, and how many rows each has; of
                       spans the types, and how many spans
=====================  ======================================================================
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from imbalance import checks
from imbalance.study import kinds, results
from imbalance.study.archive import Archive
from imbalance.study.cells import NO_LOSS, Cell
from imbalance.study.config import Study
from imbalance.study.predictions import Predictions
from imbalance.study.rows import VARIANT, Row
from imbalance.study.statistics import combined_p, mcnemar, paired_bootstrap

COLUMNS = (
    "loss",
    "reference",
    "seed_count",
    "subset",
    "metric",
    "difference",
    "low",
    "high",
    "p",
    "mcnemar_p",
)
CLASS_COLUMNS = ("label", "training_rows", "test_rows", "unseen_rows")
_TOLERANCE = 1e-5  # of six digits written to a file
_TEXTS = ("loss", "reference", "subset", "metric", "label")


def path_beside(results_path, what: str) -> Path:
    """Return the path of what is kept beside a results file.

    Example:
        >>> str(path_beside("results/fudan.csv", "paired"))
        'results/fudan-paired.csv'
    """
    results_path = Path(results_path)
    return results_path.with_name(f"{results_path.stem}-{what}.csv")


def reference_of(study: Study, row: Row) -> str:
    """Return the name of the row that this one is compared with: of a variant, the same one's."""
    _, at, variant = row.name.partition(VARIANT)
    return study.report.reference(row.group) + at + variant


def pairs(study: Study) -> list[tuple[str, str]]:
    """Return which row is compared with what: its group's reference, and the rival.

    Baselines are trained on the base configuration, so a variant has no rival.
    """
    names = {row.name for row in study.rows}
    found = []
    for row in study.rows:
        reference = reference_of(study, row)
        if reference in names and reference != row.name:
            found.append((row.name, reference))
        if study.report.rival and row.group == "losses" and VARIANT not in row.name:
            found.append((row.name, study.report.rival))
    return found


def compare(
    ours: Mapping[int, Predictions],
    theirs: Mapping[int, Predictions],
    classes: int,
    groups: Mapping[str, Iterable[int]],
) -> list[dict]:
    """Return the rows of one comparison, without its names: those of each subset and metric.

    Args:
        ours, theirs: seed to test predictions; the seeds that both have are paired.
        classes: how many there are.
        groups: the means of F1 that are asked for, as
            :meth:`~imbalance.study.predictions.Predictions.groups` gives them.

    Raises:
        InputError: if they are predictions of different test rows.
    """
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return []
    first = ours[seeds[0]]
    for each in (*(ours[seed] for seed in seeds), *(theirs[seed] for seed in seeds)):
        if not np.array_equal(each.truth, first.truth):
            raise checks.InputError("predictions: of different test rows, expected the same")
    score = first.scorer(classes, groups)
    found = []
    for subset, rows in (("all", np.ones_like(first.unseen)), ("unseen", first.unseen)):
        if not rows.any():
            continue
        mine, other = ([of[seed].at(rows) for seed in seeds] for of in (ours, theirs))
        values = ([each.values for each in side] for side in (mine, other))
        differences = paired_bootstrap(first.at(rows).strata, *values, score)
        p = _mcnemar_p(mine, other)
        for metric, difference in differences.items():
            found.append(
                {"seed_count": len(seeds), "subset": subset, "metric": metric}
                | difference._asdict()
                | {"mcnemar_p": p if metric == "accuracy" else np.nan}
            )
    return found


def _mcnemar_p(ours: Iterable[Predictions], theirs: Iterable[Predictions]) -> float:
    """Return the p-value of McNemar's test; NaN where rows are not simply right or wrong."""
    rights = [(one.right, other.right) for one, other in zip(ours, theirs, strict=True)]
    if any(one is None for one, _ in rights):
        return np.nan
    return combined_p([mcnemar(one, other) for one, other in rights])


def update(study: Study, cells: Iterable[Cell]) -> None:
    """Compare what has finished and write the two files.

    The predictions are those that the study's :class:`~imbalance.study.archive.Archive` has,
    into which those of the run folders on this machine are written first. A comparison stays as it
    stands in the file while the predictions of its seeds are not all there; :func:`current` tells
    those that no longer fit the results.

    Raises:
        InputError: if predictions are of different test rows, or a file cannot be read.
    """
    archive = Archive(study)
    finished = [cell for cell in cells if archive.finished(cell) and not archive.stale(cell)]
    archive.keep(cell for cell in finished if cell.finished)
    runs: dict[str, dict[int, Predictions]] = {}
    for cell in finished:
        name = cell.model if cell.loss == NO_LOSS else cell.loss
        runs.setdefault(name, {})[cell.seed] = archive.predictions(cell)
    classes_path = path_beside(study.results, "classes")
    if finished:
        last = finished[-1]
        training_rows = archive.result(last)["training_rows"]
        results.write(classes_path, _classes(archive.predictions(last), training_rows))
    classes = read_classes(classes_path)
    kind = kinds.of_task(study.task)
    groups = kind.groups(classes["label"].tolist(), classes["training_rows"])
    path = path_beside(study.results, "paired")
    before = read(path)
    holds = before[current(before, results.read(study.results), study)]
    parts = []
    for name, reference in pairs(study):
        ours = runs.get(name, {})
        theirs = _for_each_seed(runs.get(reference, {}), reference, study)
        known = holds[(holds["loss"] == name) & (holds["reference"] == reference)]
        if len(set(ours) & set(theirs)) < known["seed_count"].max():
            parts.append(known)
        elif rows := compare(ours, theirs, len(classes), groups):
            parts.append(pd.DataFrame(rows).assign(loss=name, reference=reference)[list(COLUMNS)])
        else:
            parts.append(before[(before["loss"] == name) & (before["reference"] == reference)])
    parts = [part for part in parts if len(part)]
    if parts:
        results.write(path, pd.concat(parts))


def _classes(predictions: Predictions, training_rows: Mapping[str, int]) -> pd.DataFrame:
    """Return the classes of a finished cell, see :data:`CLASS_COLUMNS`."""
    of_subsets = (predictions, predictions.at(predictions.unseen))
    test_rows = [each.class_rows(len(training_rows)) for each in of_subsets]
    columns = (list(training_rows), list(training_rows.values()), *test_rows)
    return pd.DataFrame(dict(zip(CLASS_COLUMNS, columns, strict=True)))


def current(comparisons: pd.DataFrame, scores: pd.DataFrame, study: Study) -> pd.Series:
    """Tell which comparisons fit the results: made of the same seeds and of the same numbers."""
    names = scores["loss"].where(scores["loss"] != NO_LOSS, scores["model"])
    values = {
        key: dict(zip(own["seed"], own["value"], strict=True))
        for key, own in scores.assign(name=names).groupby(["name", "subset", "metric"])
    }

    def fits(row) -> bool:
        ours = values.get((row.loss, row.subset, row.metric), {})
        theirs = values.get((row.reference, row.subset, row.metric), {})
        theirs = _for_each_seed(theirs, row.reference, study)
        seeds = set(ours) & set(theirs)
        if not seeds or len(seeds) != row.seed_count:
            return False
        difference = np.mean([ours[seed] - theirs[seed] for seed in seeds])
        return abs(difference - row.difference) < _TOLERANCE

    return pd.Series([fits(row) for row in comparisons.itertuples()], comparisons.index, dtype=bool)


def read(path) -> pd.DataFrame:
    """Return the comparisons in a file, none where there is no file."""
    return _read(path, COLUMNS)


def read_classes(path) -> pd.DataFrame:
    """Return the classes in a file, none where there is no file."""
    return _read(path, CLASS_COLUMNS)


def _read(path, columns) -> pd.DataFrame:
    texts = {name: str for name in columns if name in _TEXTS}
    if not Path(path).exists():
        return pd.DataFrame({name: pd.Series(dtype=texts.get(name, float)) for name in columns})
    # A label such as NA is a name; an empty number is none.
    frame = pd.read_csv(path, keep_default_na=False, na_values={"mcnemar_p": [""]}, dtype=texts)
    if tuple(frame.columns) != columns:
        raise checks.wrong(f"{path}, its columns", list(frame.columns), ",".join(columns))
    return frame


def _for_each_seed(runs: Mapping, name: str, study: Study) -> Mapping:
    """Return a baseline that draws no random numbers, and so has one run, as that of each seed."""
    if len(runs) == 1 and name not in {row.name for row in study.rows}:
        seeds = {seed for row in study.rows for seed in row.seeds or study.seeds}
        return dict.fromkeys(seeds, next(iter(runs.values())))
    return runs
