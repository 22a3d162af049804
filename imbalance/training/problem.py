"""What is to be learnt from a corpus: its labels as the loss takes them, and how they weigh."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imbalance import registry, tasks, weights
from imbalance.config import RunConfig
from imbalance.tasks.base import Targets, Task
from imbalance.training import class_weights, decisions
from imbalance.training.settings import resolve

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """A corpus under a configuration, before any of its text is read.

    Attributes:
        config: resolved, see :func:`imbalance.training.settings.resolve`.
        task: that of the configuration.
        corpus: as the task loads it.
        names: the labels of the corpus.
        classes: what each output of the network stands for.
        activation: of the loss.
        targets: of the splits ``train`` and, if it has rows, ``validation``.
        counts: labels of each class in the training rows.
        draws: how many of them an epoch is expected to have.
        class_weights: one number a class, of mean 1 over what an epoch draws; None, none.
    """

    config: RunConfig
    task: Task
    corpus: object
    names: Sequence[str]
    classes: Sequence[str]
    activation: str
    targets: Mapping[str, Targets]
    counts: np.ndarray
    draws: np.ndarray
    class_weights: np.ndarray | None

    @classmethod
    def of(cls, config: RunConfig, corpus) -> "Problem":
        """Return the problem that a configuration makes of a corpus.

        Raises:
            InputError: if a setting does not fit the data.
        """
        task = tasks.get(config.task)
        names = task.names(corpus)
        classes = task.classes(names, config.data.scheme)
        activation = registry.build_loss(config.loss, [1.0], [1]).activation
        targets = {
            split: task.targets(corpus, split, config.data, activation)
            for split in ("train", "validation")
            if len(corpus.splits[split])
        }
        counts = task.counts(targets["train"], len(classes))
        _tell_of_cuts(task, corpus, config.data.max_length)
        decisions.check_rows(config.decision, corpus.splits["validation"])
        config = resolve(config, counts)
        settings = config.training
        draws = weights.expected_draws(counts, settings.sampling)
        of_class = class_weights.resolve(settings.class_weight, counts, classes)
        if of_class is not None:
            of_class = weights.scale_to_mean_one(of_class, draws)
        return cls(
            *(config, task, corpus, names, classes, activation, targets),
            *(counts, draws, of_class),
        )


def _tell_of_cuts(task: Task, corpus, max_length: int) -> None:
    """Name the spans that no token is left of: they are neither learnt nor found."""
    for name, rows in corpus.splits.items() if task.of_tokens else ():
        cut = sum(span.end > max_length for spans in rows.spans for span in spans)
        if cut:
            long = int((rows.lengths > max_length).sum())
            _log.warning(
                "%s: %s of %s rows are longer than data.max_length, %s; %s spans are cut off",
                *(name, f"{long:,}", f"{len(rows):,}", f"{max_length:,}", f"{cut:,}"),
            )
