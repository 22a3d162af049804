"""A cell of a study: one model, one row of the grid, one seed; and what its folder holds.

===================  ========================================================================
``cell.json``        what was asked for (``asked``), the ``seconds`` it took (of one that was
                     killed and gone on with, those of the epochs that were kept, too), the
                     ``training_rows`` of each class in the order of the ids (validation rows
                     among them; of spans, how many of each type), what tells its data from
                     other data (``rows``, see :func:`imbalance.study.content.digest`), and the
                     ``scores`` on the test split
``predictions.npz``  the predictions of the test split, see :mod:`imbalance.study.predictions`
===================  ========================================================================

The folder of a network's cell is an ordinary run folder besides, without ``report/`` and
``serving/``; that of a baseline is not. What outlives the folder is in
:mod:`imbalance.study.archive`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imbalance import checks
from imbalance.study import kinds
from imbalance.study.predictions import Predictions

CELL = "cell.json"
PREDICTIONS = "predictions.npz"
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

    def predictions(self) -> Predictions:
        """Return the test predictions of a finished cell."""
        return kinds.load(self.folder / PREDICTIONS)


@dataclass(frozen=True)
class Outcome:
    """What training a cell gave.

    Attributes:
        predictions: of the split that was asked for.
        labels: the names of classes or types, in the order of their ids.
        training_rows: rows of each class, or spans of each type, in training and validation
            together, shape (C,).
        seconds: that the training took.
        seconds_before: of these, those of killed processes, which this one went on from.
        rows: of all splits, see :func:`imbalance.study.content.digest`.
    """

    predictions: Predictions
    labels: tuple[str, ...]
    training_rows: np.ndarray
    seconds: float
    seconds_before: float = 0.0
    rows: str = ""
