"""A cell of a study: one model, one row of the grid, one seed; and what its folder holds.

===================  ========================================================================
``cell.json``        what was asked for (``asked``), the ``seconds`` it took, the
                     ``training_rows`` of each class in the order of the ids (validation rows
                     among them), and the ``scores`` on the test split
``predictions.npz``  the predictions of the test split, see :class:`Predictions`
===================  ========================================================================

The folder of a network's cell is an ordinary run folder besides, without ``report/`` and
``serving/``; that of a baseline is not. What outlives the folder is in
:mod:`imbalance.study.archive`.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imbalance import checks

CELL = "cell.json"
PREDICTIONS = "predictions.npz"
# What reading a damaged npz raises.
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
# The column `loss` of a baseline, which has no row of the grid.
NO_LOSS = "none"


@dataclass(frozen=True)
class Cell:
    """One number of the grid, to be trained or finished.

    Attributes:
        name: of its folder, ``<row>-seed<seed>``.
        model: the network's name, or the baseline's.
        loss: the row's name in the study; ``none`` for a baseline.
        seed: of the training.
        folder: where it is, or will be once it is finished.
        asked: what decides its numbers, as plain values: ``{"run": configuration}``, or
            ``{"baseline": settings}``.
    """

    name: str
    model: str
    loss: str
    seed: int
    folder: Path
    asked: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """``run`` or ``baseline``."""
        return next(iter(self.asked))

    @property
    def finished(self) -> bool:
        """Whether its folder is there, which appears whole or not at all."""
        return (self.folder / CELL).is_file()

    def result(self) -> dict:
        """Return what ``cell.json`` of a finished cell holds."""
        path = self.folder / CELL
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise checks.InputError(f"{path}: cannot be read, expected that of a cell") from None
        return result

    def predictions(self) -> "Predictions":
        """Return the test predictions of a finished cell."""
        return Predictions.load(self.folder / PREDICTIONS)


@dataclass(frozen=True)
class Predictions:
    """What a model said about the rows of a split.

    Attributes:
        y_true, y_pred: class ids, int32, shape (n,).
        unseen: bool, shape (n,), see :func:`imbalance.evaluation.scores.unseen_rows`.
        probabilities: float32, shape (n, C), kept as float16; ``None`` of a model without any.
    """

    y_true: np.ndarray
    y_pred: np.ndarray
    unseen: np.ndarray
    probabilities: np.ndarray | None = None

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the predicted class, float32, shape (n,); NaN without probabilities."""
        if self.probabilities is None:
            return np.full(len(self.y_true), np.nan, "float32")
        return self.probabilities[np.arange(len(self.y_pred)), self.y_pred]

    def save(self, path) -> None:
        arrays = {
            "y_true": self.y_true.astype("int32"),
            "y_pred": self.y_pred.astype("int32"),
            "unseen": self.unseen,
            "confidence": self.confidence.astype("float32"),
        }
        if self.probabilities is not None:
            arrays["probabilities"] = self.probabilities.astype("float16")
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path) -> "Predictions":
        try:
            with np.load(path) as arrays:
                probabilities = arrays.get("probabilities")
                if probabilities is not None:
                    probabilities = probabilities.astype("float32")
                return cls(arrays["y_true"], arrays["y_pred"], arrays["unseen"], probabilities)
        except UNREADABLE:
            raise checks.InputError(f"{path}: cannot be read, expected that of a cell") from None


@dataclass(frozen=True)
class Outcome:
    """What training a cell gave.

    Attributes:
        predictions: of the split that was asked for.
        labels: the class names, in the order of their ids.
        training_rows: rows of each class in training and validation together, shape (C,).
        seconds: that the training took.
        subgroups: name to membership of the rows, bool, shape (n,).
    """

    predictions: Predictions
    labels: tuple[str, ...]
    training_rows: np.ndarray
    seconds: float
    subgroups: Mapping[str, np.ndarray] = field(default_factory=dict)
