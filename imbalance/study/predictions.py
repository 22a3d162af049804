"""What a cell predicted, kept so that it can be scored again and compared with other cells.

A kind of predictions has two arrays beside ``unseen``: ``truth``, which all cells on the same data
share, and ``own``, mostly zeros where the network is right. The first axis of each is that of the
rows. They are what :mod:`imbalance.study.archive` keeps.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from imbalance.bias import bias_auc
from imbalance.evaluation.scores import classification_scores
from imbalance.study.files import load_arrays

# Name, and the training rows of its classes: at least, and fewer than.
GROUPS = (("tail", 0, 100), ("middle", 100, 1000), ("head", 1000, np.inf))
# From how often each row is drawn, (resamples, n), their strata, (n,), and their values, (n, d),
# to scores of shape (resamples,).
Scorer = Callable[[np.ndarray, np.ndarray, np.ndarray], Mapping[str, np.ndarray]]


class Predictions(ABC):
    """What a model said about the rows of a split.

    Attributes:
        TRUTH: the name of the array ``truth`` where it is kept.
        MACRO: the score that is the mean of the F1 of all classes, if there is such a score.
        unseen: bool, shape (n,), see :func:`imbalance.evaluation.scores.unseen_rows`.
    """

    TRUTH: ClassVar[str]
    MACRO: ClassVar[str | None] = None
    unseen: np.ndarray

    @classmethod
    @abstractmethod
    def of_run(cls, run, rows, unseen: np.ndarray) -> Self:
        """Return what a :class:`~imbalance.run_folder.Run` says about a split's rows."""

    @property
    @abstractmethod
    def truth(self) -> np.ndarray:
        """What is true of the rows: integers, shape (n, …)."""

    @property
    @abstractmethod
    def own(self) -> np.ndarray:
        """What was predicted, as its difference from the truth: shape (n, …)."""

    @classmethod
    @abstractmethod
    def restored(cls, truth: np.ndarray, own: np.ndarray, unseen: np.ndarray) -> Self:
        """Return the predictions that the arrays hold."""

    def at(self, rows: np.ndarray) -> Self:
        """Return those of some rows; ``rows`` is bool, shape (n,)."""
        return self.restored(self.truth[rows], self.own[rows], self.unseen[rows])

    @abstractmethod
    def scores(self, labels: Sequence[str], training_rows: np.ndarray) -> dict[str, float | None]:
        """Return the numbers for the results file.

        Args:
            labels: classes or types, in the order of their ids.
            training_rows: of each, shape (C,).
        """

    @abstractmethod
    def class_rows(self, classes: int) -> np.ndarray:
        """Return how many rows or spans each class has in truth, shape (classes,)."""

    @property
    def strata(self) -> np.ndarray:
        """Inside of which rows are drawn again: integers, shape (n,)."""
        return np.zeros(len(self.unseen), int)

    @property
    @abstractmethod
    def values(self) -> np.ndarray:
        """What a scorer needs of each row, shape (n, d)."""

    @staticmethod
    @abstractmethod
    def scorer(classes: int, groups: Mapping[str, Sequence[int]]) -> Scorer:
        """Return what scores rows that are drawn again.

        Args:
            classes: how many there are.
            groups: of :meth:`groups`, the means of F1 that are asked for.
        """

    @property
    def right(self) -> np.ndarray | None:
        """Whether each row is right, bool, shape (n,), for McNemar's test of the accuracy."""
        return None

    @classmethod
    def groups(cls, labels: Sequence[str], training_rows) -> dict[str, list[int]]:
        """Return the means of F1 over classes that are compared, as metric to class ids.

        They are the mean over all, and those over the classes that are rare, of middling size and
        frequent in the training data.
        """
        if cls.MACRO is None:
            return {}
        return {cls.MACRO: list(range(len(labels)))} | by_size(training_rows)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a cell's folder holds, under the names that :meth:`of_arrays` reads."""
        return {self.TRUTH: self.truth, "own": self.own, "unseen": self.unseen}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Return the predictions that a cell's folder holds."""
        return cls.restored(arrays[cls.TRUTH], arrays["own"], arrays["unseen"])

    def save(self, path) -> None:
        """Write :meth:`arrays` into a file."""
        np.savez_compressed(path, **self.arrays())

    @classmethod
    def load(cls, path) -> Self:
        """Read a file that :meth:`save` wrote.

        Raises:
            InputError: if it cannot be read.
        """
        return load_arrays(path, cls.of_arrays)


@dataclass(frozen=True)
class LabelPredictions(Predictions):
    """One label a row.

    Attributes:
        y_true, y_pred: class ids, int32, shape (n,).
        unseen: see :class:`Predictions`.
        probabilities: float32, shape (n, C), kept as float16; ``None`` of a model without any.
        subgroups: name to membership, bool, shape (n,); they are not kept.
    """

    TRUTH = "y_true"
    MACRO = "macro_f1"

    y_true: np.ndarray
    y_pred: np.ndarray
    unseen: np.ndarray
    probabilities: np.ndarray | None = None
    subgroups: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of_run(cls, run, rows, unseen):
        probabilities = run.probabilities(rows.texts)
        y_pred = run.decision.decide(probabilities)
        return cls(rows.labels, y_pred, unseen, probabilities, rows.subgroups)

    @property
    def truth(self):
        return self.y_true

    @property
    def own(self):
        return self.y_pred.astype("int32") - self.y_true

    @classmethod
    def restored(cls, truth, own, unseen):
        y_true = truth.astype("int32")
        return cls(y_true, y_true + own, unseen)

    def at(self, rows):
        of_classes = None if self.probabilities is None else self.probabilities[rows]
        subgroups = {name: each[rows] for name, each in self.subgroups.items()}
        return LabelPredictions(
            self.y_true[rows], self.y_pred[rows], self.unseen[rows], of_classes, subgroups
        )

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the predicted class, float32, shape (n,); NaN without probabilities."""
        if self.probabilities is None:
            return np.full(len(self.y_true), np.nan, "float32")
        return self.probabilities[np.arange(len(self.y_pred)), self.y_pred]

    def arrays(self):
        arrays = {
            "y_true": self.y_true.astype("int32"),
            "y_pred": self.y_pred.astype("int32"),
            "unseen": self.unseen,
            "confidence": self.confidence.astype("float32"),
        }
        if self.probabilities is not None:
            arrays["probabilities"] = self.probabilities.astype("float16")
        return arrays

    @classmethod
    def of_arrays(cls, arrays):
        probabilities = arrays.get("probabilities")
        if probabilities is not None:
            probabilities = probabilities.astype("float32")
        return cls(arrays["y_true"], arrays["y_pred"], arrays["unseen"], probabilities)

    def scores(self, labels, training_rows):
        known = self.probabilities is not None
        probabilities = self.probabilities if known else np.eye(len(labels))[self.y_pred]
        scored = classification_scores(self.y_true, probabilities, labels, None, self.y_pred)
        f1 = np.array([scored["per_class"][label]["f1"] for label in labels])
        found = {"accuracy": scored["accuracy"], "macro_f1": scored["macro_f1"]}
        found |= f1_scores(f1, labels, training_rows)
        if known:
            found["ece"] = scored["expected_calibration_error"]
            found["log_loss"] = scored["log_loss"]
            for area in ("pr_auc", "roc_auc") if len(labels) == 2 else ():
                found[area] = scored[f"positive_{area}"]
            if self.subgroups and len(labels) == 2:
                bias = bias_auc(self.y_true, probabilities[:, 1], self.subgroups)
                found |= {name: bias[name] for name in ("bias_auc", "overall_auc")}
        return found

    def class_rows(self, classes):
        return np.bincount(self.y_true, minlength=classes)

    @property
    def strata(self):
        # Such test splits are cut class by class: no resample is to lose a rare one.
        return self.y_true

    @property
    def values(self):
        return self.y_pred[:, None]

    @staticmethod
    def scorer(classes, groups):
        def score(drawn, strata, values):
            truth, predicted = strata, values[:, 0]
            identity = np.eye(classes, dtype="float32")
            hits = (drawn @ (identity[truth] * (predicted == truth)[:, None])).astype("float64")
            total = (drawn @ identity[truth] + drawn @ identity[predicted]).astype("float64")
            f1 = ratio(2 * hits, total)
            accuracy = hits.sum(axis=1) / drawn.sum(axis=1, dtype="float64")
            return {"accuracy": accuracy} | means(f1, groups)

        return score

    @property
    def right(self):
        return self.y_pred == self.y_true

    @classmethod
    def groups(cls, labels, training_rows):
        """Of two classes the macro-F1 and the F1 of the second, positive class."""
        if len(labels) == 2:
            return {"macro_f1": [0, 1], f"f1:{labels[1]}": [1]}
        return super().groups(labels, training_rows)


def by_size(training_rows) -> dict[str, list[int]]:
    """Return the classes of each of :data:`GROUPS` that has any, as metric to class ids.

    Example:
        >>> by_size([2000, 40, 60])
        {'tail_macro_f1': [1, 2], 'head_macro_f1': [0]}
    """
    counts = np.asarray(training_rows)
    ids = {
        f"{name}_macro_f1": np.flatnonzero((low <= counts) & (counts < high)).tolist()
        for name, low, high in GROUPS
    }
    return {name: each for name, each in ids.items() if each}


def f1_scores(f1: np.ndarray, labels: Sequence[str], training_rows) -> dict[str, float]:
    """Return the mean F1 of the classes of each size, and ``f1:<label>`` of each class.

    Example:
        >>> f1_scores(np.array([0.5, 1.0]), ["a", "b"], [10, 100])
        {'tail_macro_f1': 0.5, 'middle_macro_f1': 1.0, 'f1:a': 0.5, 'f1:b': 1.0}
    """
    found = {name: float(f1[ids].mean()) for name, ids in by_size(training_rows).items()}
    return found | {f"f1:{label}": float(value) for label, value in zip(labels, f1, strict=True)}


def means(f1: np.ndarray, groups: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """Return the mean F1 of each group of classes, the last axis of ``f1`` being the classes'."""
    return {name: f1[..., list(ids)].mean(axis=-1) for name, ids in groups.items()}


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return ``part / whole``, 0 where ``whole`` is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
