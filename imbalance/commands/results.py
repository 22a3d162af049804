"""Evaluating a run and showing its scores, as both commands do."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from imbalance import checks, run_folder
from imbalance.data import Corpus, load_split
from imbalance.data.report import ReadReport
from imbalance.evaluation import pictures, tables
from imbalance.evaluation.evaluate import evaluate as score
from imbalance.evaluation.evaluate import texts_met
from imbalance.run_folder import Run


def evaluate(run: Run, corpus: Corpus, splits: Sequence[str], name: str) -> dict[str, dict]:
    """Score a run on splits of its own data; keep the result in its folder and return it.

    Args:
        run: the run.
        corpus: its own data.
        splits: those to score.
        name: of the run in reports; its folder may still have a temporary one.

    Raises:
        InputError: if the classes of the data are no longer those of the run, or a split is empty.
    """
    if corpus.labels != run.labels:
        raise checks.wrong(
            f"{corpus.name}, its classes", corpus.labels, f"those of {run.name}: {run.labels}"
        )
    scores = {}
    for split in splits:
        if not len(corpus.splits[split]):
            raise checks.wrong("split", split, f"another: {name} was trained without such rows")
        scores[split] = score(
            run,
            corpus.splits[split],
            texts_met(corpus, split),
            run.path / run_folder.REPORT / split,
            name,
            f"{name}: {split} split of {corpus.name}",
        )
    run.update_metrics(scores)
    return scores


def evaluate_elsewhere(
    run: Run, corpus: Corpus, source: str, split: str
) -> tuple[dict[str, dict], ReadReport]:
    """Score a run on other data; its ``metrics.json`` stays that of its own data.

    Args:
        run: the run.
        corpus: its own data, whose texts are not ``unseen``.
        source: the other data, see ``data.source``.
        split: the split to score, where the other data has splits.

    Returns:
        The scores, and what became of the rows.
    """
    config = dataclasses.replace(run.config.data, source=source)
    rows, report = load_split(config, split, run.labels)
    name = Path(source).resolve().name
    folder = run.path / run_folder.REPORT / f"{name}-{split}"
    title = f"{run.name}: {split} split of {name}"
    return score(run, rows, texts_met(corpus, "test"), folder, run.name, title), report


def show(runs: Mapping[str, Mapping], split: str, references: Mapping | None = None) -> None:
    """Print the scores of runs: one by class, several side by side."""
    if len(runs) == 1 and not references:
        [(name, subsets)] = runs.items()
        tables.print_table(tables.per_class_frame(subsets["all"]), f"{name}: {split}, by class")
        tables.print_table(tables.score_frame(subsets), f"\n{name}: {split}")
        return
    for subset in ("all", "unseen"):
        summary = tables.summary_frame(runs, references, subset)
        tables.print_table(summary, f"\n{split} ({subset}): scores")
        classes = tables.class_frame(runs, references, subset)
        tables.print_table(classes, f"\n{split} ({subset}): F1 of each class")


def confusion_image(matrix: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Draw a confusion matrix as RGBA of shape (height, width, 4), uint8, for TensorBoard."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    true, predicted = np.nonzero(matrix)
    figure = pictures.confusion_matrix_picture(
        true, predicted, labels, sample_weight=matrix[true, predicted]
    )
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
