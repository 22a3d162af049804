"""Score a run on texts with spans, or with answers, and write what people look at."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalance import spans
from imbalance.config import PAIR_SEPARATOR
from imbalance.data.annotated import AnnotatedSplit
from imbalance.evaluation import span_tables, tables
from imbalance.evaluation.scores import unseen_rows
from imbalance.metrics.reading_scores import answer_row_scores, reading_scores
from imbalance.metrics.span_scores import row_counts, span_scores, tag_scores
from imbalance.run_folder import Run
from imbalance.tasks.base import Predicted
from imbalance.tasks.reading import answers


def evaluate(
    run: Run, rows: AnnotatedSplit, met: np.ndarray, folder: Path, name: str, title: str
) -> dict[str, dict]:
    """Score ``run`` on rows, all and without the texts it has met, and write a report.

    Args:
        run: a run of another task than classification.
        rows: texts with spans, the types being ids in the order of ``run.labels``.
        met: digests of texts; rows with these are not ``unseen``.
        folder: gets ``report.md``, ``predictions.jsonl`` and, of spans, ``per_type.csv`` and
            ``f1.png``.
        name: of the run in the report's tables.
        title: of the report.

    Returns:
        ``{"all": scores, "unseen": scores}``, each as of :func:`scores`.
    """
    predicted = run.spans(rows.texts)
    found = {
        "all": scores(run, rows, predicted),
        "unseen": scores(run, rows, predicted, unseen_rows(rows.digests, met)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    markdown = span_tables.comparison_markdown({name: found})
    (folder / "report.md").write_text(f"# {title}\n\n{markdown}", encoding="utf-8")
    _write_predictions(folder / "predictions.jsonl", run, rows, predicted)
    if "per_type" in found["all"]:
        frame = span_tables.of_each_frame(found["all"])
        (folder / "per_type.csv").write_text(tables.to_csv(frame), encoding="utf-8")
        span_tables.f1_picture(found["all"]).savefig(folder / "f1.png")
    return found


def scores(
    run: Run, rows: AnnotatedSplit, predicted: Sequence[Sequence[Predicted]], keep=None
) -> dict:
    """Score predicted spans, or answers.

    Args:
        run: whose task and types they are.
        rows: the true ones.
        predicted: those found in each text.
        keep: bool, shape (rows,): which rows are scored; by default all.

    Returns:
        Of answers what :func:`~imbalance.metrics.reading_scores.reading_scores` returns; of spans
        what :func:`~imbalance.metrics.span_scores.span_scores` returns, and ``token_accuracy``:
        of words, the share of those with the right tag, none being right for a word of an unknown
        type; else, with ``outside_share``, of the BIO
        tags that the spans stand for. ``mention_macro_f1`` is what CLUENER's own script prints, see
        :func:`~imbalance.metrics.span_scores.row_counts`.
    """
    kept = range(len(rows)) if keep is None else np.flatnonzero(keep).tolist()
    if run.config.task == "reading":
        given = answers(rows.texts, predicted)
        return reading_scores(
            answer_row_scores([given[row] for row in kept], [rows.answers[row] for row in kept])
        )
    found = [[each.span for each in predicted[row]] for row in kept]
    gold = [rows.spans[row] for row in kept]
    types = len(run.labels)
    counts = row_counts(gold, found, types)
    scored = span_scores(counts, run.labels)
    if run.config.data.scheme == "words" and run.config.task == "tagging":
        words = sum(map(len, gold)) + int(rows.unknown[kept].sum())
        right = int(counts[..., 0].sum())
        return scored | {"token_accuracy": right / words if words else None}
    texts = [rows.texts[row] for row in kept]
    mentions = span_scores(row_counts(gold, found, types, texts), run.labels)
    scored["mention_macro_f1"] = mentions["span_macro_f1"]
    lengths = list(map(len, texts))
    true, guessed = (
        np.concatenate(
            [np.zeros(0, int)]
            + [
                spans.to_tags(each, length, "bio", types)[0]
                for each, length in zip(of_rows, lengths, strict=True)
            ]
        )
        for of_rows in (gold, found)
    )
    names = spans.tag_names(run.labels, "bio")
    of_tags = tag_scores(true, guessed, np.ones(len(true), bool), names)
    return scored | {name: of_tags[name] for name in ("token_accuracy", "outside_share")}


def _of_context(text: str, found: list[dict]) -> dict:
    """Return question and context apart, and the answer by its place in the context."""
    question, _, passage = text.partition(PAIR_SEPARATOR)
    answer = [
        {key: each[key] - len(question) - 1 for key in ("start", "end")}
        | {key: each[key] for key in ("text", "score")}
        for each in found
    ]
    return {"question": question, "context": passage, "answers": answer}


def _write_predictions(path: Path, run: Run, rows: AnnotatedSplit, predicted) -> None:
    with path.open("w", encoding="utf-8") as file:
        for text, place, found in zip(rows.texts, rows.places, predicted, strict=True):
            listed = [
                {
                    "start": each.span.start,
                    "end": each.span.end,
                    "type": run.labels[each.span.type],
                    "text": text[each.span.start : each.span.end],
                    "score": round(each.score, 4),
                }
                for each in found
            ]
            row = {"place": place, "text": text, "spans": listed}
            if run.config.task == "reading":
                row = {"place": place, **_of_context(text, listed)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
