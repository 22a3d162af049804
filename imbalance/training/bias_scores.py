"""Bias scores of the validation rows after each epoch, to choose the best one by."""

import numpy as np

from imbalance import checks, models
from imbalance.bias import bias_auc
from imbalance.config import RunConfig
from imbalance.data.corpus import Corpus
from imbalance.data.vocabulary import TextEncoder
from imbalance.tasks.batches import Batches
from imbalance.training.validation_scores import ValidationScores

MONITOR = "val_bias_auc"


def callbacks(
    config: RunConfig, corpus: Corpus, encoder: TextEncoder, activation: str
) -> list[ValidationScores]:
    """Return the callback that puts ``val_bias_auc`` and ``val_overall_auc`` into the logs.

    There is one where the data has subgroups or ``training.monitor`` is ``val_bias_auc``.

    Args:
        config: the run's.
        corpus: its data.
        encoder: of the network.
        activation: of its logits.

    Raises:
        InputError: if there are not two classes, or the monitor is not defined on these rows.
    """
    rows = corpus.splits["validation"]
    monitored = config.training.monitor == MONITOR
    asked = "training.monitor" if monitored else "data.subgroups"
    if not (monitored or config.data.subgroups) or not len(rows):
        return []
    if len(corpus.labels) != 2:
        raise checks.wrong(f"{asked}: classes", len(corpus.labels), "2: the scores are of those")
    if monitored and len(np.unique(rows.labels)) < 2:
        raise checks.wrong(f"{asked}: classes of the validation rows", 1, "2, for areas under ROC")
    batches = Batches(encoder, rows.texts)
    order = np.concatenate(batches.rows)
    labels = rows.labels[order]
    subgroups = {name: members[order] for name, members in rows.subgroups.items()}

    def score(logits):
        found = models.probabilities(np.concatenate(logits), activation)
        scores = bias_auc(labels, np.asarray(found)[:, 1], subgroups)
        known = {name: scores[name] for name in ("bias_auc", "overall_auc")}
        return {name: np.nan if value is None else value for name, value in known.items()}

    return [ValidationScores(batches, score)]
