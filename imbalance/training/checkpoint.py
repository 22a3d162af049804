"""Exact resume: all that decides how training goes on, kept after each epoch.

That is the network's variables (the state of its loss and the seeds of its dropout among them),
the optimizer's (moments, averaged weights, how many steps are done), the state of callbacks, and
how far the logs of TensorBoard go. The order of the rows follows from seed and epoch.
"""

import json
import logging
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import keras
import tensorflow as tf

from imbalance import checks
from imbalance.training import checkpoint_files
from imbalance.training.exchange import differences, from_first

_NAMED_AT_MOST = 5

_log = logging.getLogger(__name__)


class Unusable(checks.InputError):
    """Checkpoints that a training cannot go on from: of other settings, data or versions."""


class Checkpoints:
    """The checkpoints of a training; if there are some already, it goes on from the newest.

    Of several processes the first keeps them, and tells the others what it goes on from.

    Args:
        folder: of the checkpoints; None, none are kept.
        logs: a folder of files that are only ever appended to; what was written there after the
            checkpoint is cut off.
        of: what the training depends on, by name, as plain values that JSON can hold.
        strategy: that all processes have, if there are several.

    Attributes:
        epochs: how many are done.
        seconds: that they took.

    Raises:
        Unusable: if the checkpoints are of a training that depends on something else.
    """

    def __init__(
        self,
        folder: Path | None,
        logs: Path,
        of: Mapping,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self._folder, self._logs, self._of = folder, logs, of
        self.epochs, self.seconds, self._stopped = 0, 0.0, False
        self._saved = None
        content = None if folder is None else checkpoint_files.newest(folder)
        if content is not None:
            # Before the others hear of it: they have no folder to name.
            self._saved = checkpoint_files.read(content)
            self._check()
        content = from_first(content, strategy)
        if content is not None:
            self._saved = self._saved or checkpoint_files.read(content)
            self.epochs, self.seconds = self._saved["epochs"], self._saved["seconds"]
            self._stopped = self._saved["stopped"]
            _log.info("checkpoint: going on after epoch %s", self.epochs)
        if folder is not None:
            _cut(logs, {} if self._saved is None else self._saved["logs"])

    def last_epoch(self, epochs: int) -> int:
        """Return after how many epochs training ends, at most ``epochs``."""
        return self.epochs if self._stopped else epochs

    def callbacks(self, others: Iterable[keras.callbacks.Callback]) -> list:
        """Return ``others`` and, behind them, what keeps their state and that of the network."""
        others = list(others)
        needed = self._folder is not None or self._saved is not None
        return [*others, _Keep(self, others)] if needed else others

    def restore(self, model: keras.Model, callbacks: Mapping) -> None:
        """Give network, optimizer, which must be built, and callbacks the state of the checkpoint,
        if there is one.

        Raises:
            Unusable: if they have not what the checkpoint is of; the data and the settings are the
                same, so it is of another version.
        """
        if self._saved is None:
            return
        try:
            for name, state in self._saved["callbacks"].items():
                callbacks[name].set_state(state)
            _assign(model.variables, self._saved["network"])
            _assign(model.optimizer.variables, self._saved["optimizer"])
        except (AttributeError, LookupError, TypeError, ValueError):
            raise Unusable(
                "--resume: the checkpoint holds another state than this training has, expected the "
                "versions of this package and of Keras that the run began with"
            ) from None
        self._saved = None  # the memory

    def save(self, model: keras.Model, callbacks: Mapping, epochs: int, seconds: float) -> None:
        """Keep the state after an epoch, where there is a folder to keep it in.

        Raises:
            OSError: if it cannot be written; the checkpoint before stays.
        """
        if self._folder is None:
            return
        tree = {
            "of": self._of,
            "epochs": epochs,
            "stopped": bool(model.stop_training),
            "seconds": seconds,
            "logs": _sizes(self._logs),
            "callbacks": {name: each.get_state() for name, each in callbacks.items()},
            "network": _values(model.variables),
            "optimizer": _values(model.optimizer.variables),
        }
        checkpoint_files.save(self._folder, epochs, tree)

    def _check(self):
        changed = list(differences(json.loads(json.dumps(self._of)), self._saved["of"]))
        if changed:
            names = ", ".join(changed[:_NAMED_AT_MOST])
            more = f" and {len(changed) - _NAMED_AT_MOST} more" * (len(changed) > _NAMED_AT_MOST)
            raise Unusable(
                f"--resume: {names}{more} changed since {self._folder} was written, expected what "
                "the run began with; put it back, or remove the folder and begin anew"
            )


class _Keep(keras.callbacks.Callback):
    """Restores and keeps; it must be the last, so that the others have done their part."""

    def __init__(self, checkpoints: Checkpoints, others: Iterable[keras.callbacks.Callback]):
        super().__init__()
        self._checkpoints = checkpoints
        self._others = {type(each).__name__: each for each in others if hasattr(each, "get_state")}
        self._began = 0.0

    def on_train_begin(self, logs=None):
        # Now, when the others, which begin by forgetting, have begun.
        self._checkpoints.restore(self.model, self._others)
        self._began = time.monotonic() - self._checkpoints.seconds

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.monotonic() - self._began
        self._checkpoints.save(self.model, self._others, epoch + 1, seconds)


def _values(variables) -> list:
    return [keras.ops.convert_to_numpy(each) for each in variables]


def _assign(variables, values) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _sizes(folder: Path) -> dict[str, int]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)): each.stat().st_size for each in files}


def _cut(folder: Path, sizes: Mapping[str, int]) -> None:
    """Give files the sizes they had, and remove those that were not there."""
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        size = sizes.get(str(path.relative_to(folder)))
        if size is None:
            path.unlink()
        elif size < path.stat().st_size:
            os.truncate(path, size)
