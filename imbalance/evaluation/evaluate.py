"""Score a run on a split and write what people look at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalance import checks
from imbalance.data import Corpus
from imbalance.evaluation import pictures, tables
from imbalance.evaluation.scores import classification_scores, unseen_rows
from imbalance.run_folder import Run


def evaluate(
    run: Run, corpus: Corpus, split: str, training_texts: Sequence[str], folder: Path
) -> dict[str, dict]:
    """Score ``run`` on a split, whole and without the texts it has met, and write a report.

    Args:
        run: the run.
        corpus: the data; its classes must be among the run's.
        split: ``train``, ``validation`` or ``test``.
        training_texts: what the run was made with; rows with these texts are not ``unseen``.
        folder: gets ``per_class.csv``, ``report.md`` and the pictures.

    Returns:
        ``{"all": scores, "unseen": scores}``, each as of
        :func:`~imbalance.evaluation.scores.classification_scores`.

    Raises:
        InputError: if the data has a class that the run does not know.
    """
    rows = corpus.splits[split]
    labels = list(run.labels)
    unknown = [label for label in corpus.labels if label not in labels]
    if unknown:
        raise checks.InputError(
            f"data: {corpus.name} has the class {unknown[0]!r}, expected those of the run "
            f"{run.name}: {checks.show(labels)}"
        )
    y_true = np.array([labels.index(label) for label in corpus.labels])[rows.labels]
    probabilities = run.probabilities(rows.texts)
    unseen = unseen_rows(rows.texts, training_texts)
    scores = {
        "all": classification_scores(y_true, probabilities, labels),
        "unseen": classification_scores(y_true[unseen], probabilities[unseen], labels),
    }
    folder.mkdir(parents=True, exist_ok=True)
    per_class = tables.per_class_frame(scores["all"])
    (folder / "per_class.csv").write_text(tables.to_csv(per_class), encoding="utf-8")
    markdown = tables.comparison_markdown({run.name: scores})
    (folder / "report.md").write_text(
        f"# {run.name}: {split} split of {corpus.name}\n\n{markdown}", encoding="utf-8"
    )
    pictures.save_pictures(folder, y_true, probabilities, labels)
    return scores


def texts_met(corpus: Corpus, split: str) -> list[str]:
    """Return the texts a run on ``corpus`` has met before it is scored on ``split``.

    The test split is also compared with the validation split, which chose the epoch.
    """
    met = list(corpus.splits["train"].texts) if split != "train" else []
    return met + (corpus.splits["validation"].texts if split == "test" else [])
