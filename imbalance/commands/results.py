"""Evaluating a run and showing its scores, as both commands do."""

from collections.abc import Mapping, Sequence

import numpy as np

from imbalance import run_folder
from imbalance.data import Corpus
from imbalance.evaluation import pictures, tables
from imbalance.evaluation.evaluate import evaluate as score
from imbalance.evaluation.evaluate import texts_met
from imbalance.run_folder import Run


def evaluate(run: Run, corpus: Corpus, splits: Sequence[str]) -> dict[str, dict]:
    """Score a run on splits of its own data; keep the result in its folder and return it."""
    report = run.path / run_folder.REPORT
    scores = {
        split: score(run, corpus, split, texts_met(corpus, split), report / split)
        for split in splits
    }
    run.update_metrics(scores)
    return scores


def evaluate_elsewhere(run: Run, own: Corpus, other: Corpus, split: str) -> dict[str, dict]:
    """Score a run on other data; its ``metrics.json`` stays that of its own data."""
    folder = run.path / run_folder.REPORT / f"{other.name}-{split}"
    return score(run, other, split, texts_met(own, "test"), folder)


def show(runs: Mapping[str, Mapping], split: str, references: Mapping | None = None) -> None:
    """Print the scores of runs: one by class, several side by side."""
    if len(runs) == 1 and not references:
        [(name, subsets)] = runs.items()
        tables.print_table(tables.per_class_frame(subsets["all"]), f"{name}: {split}, by class")
        both = {f"{split} ({subset})": {"all": scores} for subset, scores in subsets.items()}
        tables.print_table(tables.summary_frame(both), "\nscores")
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
