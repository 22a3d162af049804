"""Scores of the whole validation split that no metric can keep batch by batch."""

from collections.abc import Callable, Iterable, Mapping

import keras
import numpy as np

from imbalance.training.prediction import forward


class ValidationScores(keras.callbacks.Callback):
    """Predicts the validation rows after each epoch and puts scores of them into its logs.

    It must stand before the callbacks that are to see the scores (progress, history, early
    stopping), and behind one that swaps averaged weights in.

    Args:
        batches: the inputs, batch by batch; of a tuple ``(inputs, labels, …)`` the first. Read
            anew after each epoch, always in the same order.
        score: from the logits of all batches, a list of float arrays of shape (rows of the batch,
            …), to the value of each score; its name gets the prefix ``val_``.

    Raises:
        ValueError: after an epoch whose logs have such a score already.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.layers[0].set_weights([np.ones((1, 1))])
        >>> batches = [np.array([[1.0], [2.0]]), np.array([[3.0]])]
        >>> scores = ValidationScores(batches, lambda logits: {"sum": sum(map(np.sum, logits))})
        >>> scores.set_model(model)
        >>> logs = {"loss": 0.5}
        >>> scores.on_epoch_end(0, logs); logs
        {'loss': 0.5, 'val_sum': 6.0}
    """

    def __init__(self, batches: Iterable, score: Callable[[list[np.ndarray]], Mapping[str, float]]):
        super().__init__()
        self._batches, self._score = batches, score
        self._forward = None

    def on_epoch_end(self, epoch, logs=None):
        # Batch by batch: those of tokens differ in width, which `predict` cannot join.
        self._forward = self._forward or forward(self.model)
        logits = [
            self._forward(each[0] if isinstance(each, tuple) else each) for each in self._batches
        ]
        scores = {f"val_{name}": float(value) for name, value in self._score(logits).items()}
        if twice := scores.keys() & logs.keys():
            raise ValueError(f"{', '.join(sorted(twice))}: a metric of the network has this name")
        logs.update(scores)
