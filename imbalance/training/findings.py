"""The warnings of a run, and those that are known before the first step."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from imbalance.data.pipeline import TokenValues
from imbalance.tasks.base import Targets
from imbalance.training.problem import Problem

_NAMED_AT_MOST = 5

_log = logging.getLogger(__name__)


class Findings:
    """The warnings of a run: each cause is told once, when it is found.

    Attributes:
        messages: what was told, by cause.

    Example:
        >>> findings = Findings()
        >>> for epoch in (1, 2):
        ...     findings.tell("collapse", f"epoch {epoch}: one class for all")
        >>> findings.messages
        {'collapse': 'epoch 1: one class for all'}
    """

    def __init__(self):
        self.messages: dict[str, str] = {}
        self._over: set[str] = set()

    def tell(self, cause: str, message: str) -> None:
        """Log a warning, unless one of its cause was."""
        if cause not in self.messages:
            self.messages[cause] = message
            _log.warning("%s", message)

    def over(self, cause: str, message: str) -> None:
        """Log that what was told is past, the first time; the message kept says so too."""
        if cause in self.messages and cause not in self._over:
            self._over.add(cause)
            self.messages[cause] += f"; {message}"
            _log.warning("%s", message)

    def get_state(self) -> dict:
        """Return what was told, for a checkpoint."""
        return {"messages": self.messages, "over": sorted(self._over)}

    def set_state(self, state: Mapping) -> None:
        """Go on from where :meth:`get_state` was; nothing is logged again."""
        self.messages, self._over = dict(state["messages"]), set(state["over"])


def listed(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are.

    Example:
        >>> print(listed(["a", "b"]), "-", listed(list("abcdefgh")))
        'a', 'b' - 'a', 'b', 'c', 'd', 'e' and 3 more
    """
    more = len(names) - _NAMED_AT_MOST
    shown = ", ".join(map(repr, names[:_NAMED_AT_MOST]))
    return shown + (f" and {more} more" if more > 0 else "")


def tell_of_absent(findings: Findings, problem: Problem) -> None:
    """Tell of classes that cannot be learnt, and of those that validation cannot judge."""
    task, corpus, config = problem.task, problem.corpus, problem.config
    names, classes, counts = problem.names, problem.classes, problem.counts
    if not counts.all():
        others = [each for each in corpus.splits if each != "train" and len(corpus.splits[each])]
        held = [task.targets(corpus, each, config.data, problem.activation) for each in others]
        elsewhere = sum((task.counts(each, len(classes)) for each in held), np.zeros(len(classes)))
        if absent := _where(classes, (counts == 0) & (elsewhere > 0)):
            findings.tell(
                "class without a training row",
                f"train: nothing is labelled {absent}, unlike in {' or '.join(others)}, so that it "
                "is never learnt: give training rows with it, or a larger data.max_length if it "
                "is cut off",
            )
    weighs = _weighs(problem.targets["train"], counts, problem.class_weights)
    if ignored := _where(classes, (counts > 0) & ~weighs):
        findings.tell(
            "class of weight 0",
            f"train: everything labelled {ignored} weighs 0, so that it is not learnt: give it a "
            "weight above 0, by data.weight_column or training.class_weight",
        )
    if "validation" in problem.targets:
        rows = corpus.splits["validation"]
        if unseen := _where(names, rows.counts(len(names)) == 0):
            monitor = config.training.monitor
            counted = "counts it as 0" if monitor == "val_macro_f1" else "does not see it"
            findings.tell(
                "class without a validation row",
                f"validation: no row has {unseen}, and {monitor}, which chooses the best epoch, "
                f"{counted}: give validation rows with it, or do without by "
                "data.validation_fraction=0",
            )


def _weighs(targets: Targets, counts: np.ndarray, class_weights) -> np.ndarray:
    """Return whether each class has a label of a weight above 0, shape (classes,)."""
    labels, weights = targets
    if weights is not None and not isinstance(labels, TokenValues):
        # Those of tokens that weigh 0 are not counted to begin with.
        counts = np.bincount(labels[weights > 0], minlength=len(counts))
    return (counts > 0) if class_weights is None else (counts > 0) & (class_weights > 0)


def _where(names: Sequence[str], found: np.ndarray) -> str:
    return listed([name for name, each in zip(names, found, strict=True) if each])
