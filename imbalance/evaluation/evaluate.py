"""Score a run on a split and write what people look at."""

from pathlib import Path

import numpy as np

from imbalance.bias import bias_auc
from imbalance.data import Corpus, Split
from imbalance.evaluation import pictures, tables
from imbalance.evaluation.scores import classification_scores, unseen_rows
from imbalance.run_folder import Run


def evaluate(
    run: Run, rows: Split, met: np.ndarray, folder: Path, name: str, title: str
) -> dict[str, dict]:
    """Score ``run`` on rows, all and without the texts it has met, and write a report.

    Args:
        run: the run.
        rows: labelled texts, the labels being ids in the order of ``run.labels``.
        met: of :func:`texts_met`; rows with these texts are not ``unseen``.
        folder: gets ``per_class.csv``, ``report.md`` and the pictures.
        name: of the run in the report's tables.
        title: of the report.

    Returns:
        ``{"all": scores, "unseen": scores}``, each as of
        :func:`~imbalance.evaluation.scores.classification_scores`; of two classes and rows with
        subgroups also ``bias``, as of :func:`imbalance.bias.bias_auc`.
    """
    labels = run.labels
    probabilities = run.probabilities(rows.texts)
    predicted = run.decision.decide(probabilities)
    unseen = unseen_rows(rows.digests, met)
    scores = {
        "all": classification_scores(rows.labels, probabilities, labels, predicted=predicted),
        "unseen": classification_scores(
            rows.labels[unseen], probabilities[unseen], labels, predicted=predicted[unseen]
        ),
    }
    if rows.subgroups and len(labels) == 2:
        for subset, kept in (("all", slice(None)), ("unseen", unseen)):
            subgroups = {name: members[kept] for name, members in rows.subgroups.items()}
            probability = probabilities[kept, 1]
            scores[subset]["bias"] = bias_auc(rows.labels[kept], probability, subgroups)
    folder.mkdir(parents=True, exist_ok=True)
    per_class = tables.per_class_frame(scores["all"])
    (folder / "per_class.csv").write_text(tables.to_csv(per_class), encoding="utf-8")
    markdown = tables.comparison_markdown({name: scores})
    (folder / "report.md").write_text(f"# {title}\n\n{markdown}", encoding="utf-8")
    pictures.save_pictures(folder, rows.labels, probabilities, labels, predicted)
    return scores


def texts_met(corpus: Corpus, split: str) -> np.ndarray:
    """Return the digests of the texts a run on ``corpus`` has met when it is scored on ``split``.

    The test split is also compared with the validation split, which chose the epoch; of the
    training split itself nothing is unseen.
    """
    met = ("train", "validation") if split == "test" else ("train",)
    return np.concatenate([corpus.splits[each].digests for each in met])
