"""Evaluating a run and showing its scores, as both commands do."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from imbalance import checks, run_folder
from imbalance.data import annotated, load_split
from imbalance.data.report import ReadReport
from imbalance.evaluation import evaluate as evaluate_texts
from imbalance.evaluation import evaluate_spans, pictures, span_tables, tables
from imbalance.evaluation.evaluate import texts_met
from imbalance.run_folder import Run


def evaluate(run: Run, corpus, splits: Sequence[str], name: str) -> dict[str, dict]:
    """Score a run on splits of its own data; keep the result in its folder and return it.

    Args:
        run: the run.
        corpus: its own data.
        splits: those to score.
        name: of the run in reports; its folder may still have a temporary one.

    Raises:
        InputError: if the classes of the data are no longer those of the run, or a split is empty.
    """
    names = run.task.names(corpus)
    if names != run.labels:
        raise checks.wrong(
            f"{corpus.name}, its classes", names, f"those of {run.name}: {run.labels}"
        )
    scores = {}
    for split in splits:
        if not len(corpus.splits[split]):
            raise checks.wrong("split", split, f"another: {name} was trained without such rows")
        scores[split] = _score(
            run,
            corpus.splits[split],
            texts_met(corpus, split),
            run.path / run_folder.REPORT / split,
            name,
            f"{name}: {split} split of {corpus.name}",
        )
    run.update_metrics(scores)
    return scores


def _score(run: Run, *arguments) -> dict[str, dict]:
    return (evaluate_spans if run.task.of_tokens else evaluate_texts).evaluate(run, *arguments)


def evaluate_elsewhere(
    run: Run, corpus, source: str, split: str
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
    config = dataclasses.replace(run.config.data, source=source, files={})
    if run.task.of_tokens:
        rows, report = annotated.load_split(config, run.config.task, split, run.labels)
    else:
        rows, report = load_split(config, split, run.labels)
    name = Path(source).resolve().name
    folder = run.path / run_folder.REPORT / f"{name}-{split}"
    title = f"{run.name}: {split} split of {name}"
    return _score(run, rows, texts_met(corpus, "test"), folder, run.name, title), report


def tables_of(task: str):
    """Return the module that makes the tables of a task."""
    return tables if task == "classification" else span_tables


def show(
    runs: Mapping[str, Mapping],
    split: str,
    task: str = "classification",
    references: Mapping | None = None,
) -> None:
    """Print the scores of runs of one task: one by class, several side by side."""
    if task != "classification":
        _show_spans(runs, split, references)
        return
    if len(runs) == 1 and not references:
        [(name, subsets)] = runs.items()
        tables.print_table(tables.per_class_frame(subsets["all"]), f"{name}: {split}, by class")
        tables.print_table(tables.score_frame(subsets), f"\n{name}: {split}")
        _show_bias(runs, split)
        return
    for subset in ("all", "unseen"):
        summary = tables.summary_frame(runs, references, subset)
        tables.print_table(summary, f"\n{split} ({subset}): scores")
        classes = tables.class_frame(runs, references, subset)
        tables.print_table(classes, f"\n{split} ({subset}): F1 of each class")
    _show_bias(runs, split)


def _show_bias(runs: Mapping[str, Mapping], split: str) -> None:
    frame = tables.bias_frame(runs)
    if len(frame):
        tables.print_table(frame, f"\n{split} (all): areas under ROC by subgroup")


def _show_spans(runs: Mapping[str, Mapping], split: str, references: Mapping | None) -> None:
    if len(runs) == 1 and not references:
        [(name, subsets)] = runs.items()
        frame = span_tables.of_each_frame(subsets["all"])
        if len(frame):
            tables.print_table(frame, f"{name}: {split}, by type")
        tables.print_table(span_tables.score_frame(subsets), f"\n{name}: {split}")
        return
    for subset in ("all", "unseen"):
        summary = span_tables.summary_frame(runs, references, subset)
        tables.print_table(summary, f"\n{split} ({subset}): scores")
        types = span_tables.by_run_frame(runs, references, subset)
        if len(types):
            tables.print_table(types, f"\n{split} ({subset}): F1 of each type")


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
