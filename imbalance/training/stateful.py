"""Keras's callbacks, with their state to be kept in a checkpoint.

A callback with ``get_state()`` and ``set_state(state)`` is asked for its state at the end of each
epoch, and given it back when training has begun anew (:mod:`imbalance.training.checkpoint`). A
state is a tree of what JSON can hold and of NumPy arrays.
"""

import csv
from pathlib import Path

import keras


class History(keras.callbacks.CSVLogger):
    """Writes ``history.csv``, and knows the values of all epochs by name.

    Args:
        path: of the file.

    Attributes:
        values: name to its value after each epoch.
    """

    def __init__(self, path: Path):
        super().__init__(path)
        self.values: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        for name, value in (logs or {}).items():
            self.values.setdefault(name, []).append(float(value))

    def get_state(self):
        # Lines end as the csv module ends them.
        with open(self.filename, encoding="utf-8", newline="") as file:
            return {"values": self.values, "text": file.read()}

    def set_state(self, state):
        self.values = state["values"]
        # The header is there already, and names the columns.
        self.append_header = False
        self.keys = next(csv.reader(state["text"].splitlines()))[1:]
        self.csv_file.write(state["text"])
        self.csv_file.flush()


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras's, with its state: the best value, its epoch and weights, and how long it waits."""

    _NAMES = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def get_state(self):
        return {name: getattr(self, name) for name in self._NAMES}

    def set_state(self, state):
        for name in self._NAMES:
            setattr(self, name, state[name])


class AveragedWeights(keras.callbacks.SwapEMAWeights):
    """Keras's, which at the end of an epoch swaps the averages in and knows that it did."""

    def __init__(self):
        super().__init__(swap_on_epoch=True)

    def get_state(self):
        return {}

    def set_state(self, state):
        # A checkpoint is of the end of an epoch; its weights come after the callbacks' states, in
        # the place of those that are swapped here.
        self.on_epoch_end(epoch=-1)
