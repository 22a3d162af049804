"""Whether the training loop is as quick as Keras's ``fit``: ``python -m benchmarks.trainer``.

Both train the same network on the same batches in turns; a step lasts from the end of the one
before to its own, callbacks and the next batch included. Printed are medians and their ratio.
"""

import time
from statistics import median

import keras
import numpy as np
import tensorflow as tf

from benchmarks import documents
from imbalance import losses, metrics
from imbalance.models import text_cnn
from imbalance.training import loop

_BATCH, _STEPS, _ROUNDS = 64, 12, 3
_UNTIMED = 3  # The first steps trace and compile.
_CLASSES, _VOCABULARY = 20, 8000


class Times(keras.callbacks.Callback):
    """Keeps how long each step lasts, in seconds."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._last = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if batch >= _UNTIMED:
            self.seconds.append(now - self._last)
        self._last = now


def main() -> None:
    for length, implementation in ((40, "dense"), (400, "dense"), (400, "tables")):
        models = [_model(implementation) for _ in range(2)]
        batches, times = _batches(length), (Times(), Times())
        for _ in range(_ROUNDS):
            loop.train(models[0], batches, epochs=1, callbacks=[times[0]])
            models[1].fit(batches, epochs=1, callbacks=[times[1]], verbose=0)
        ours, theirs = (1000 * median(each.seconds) for each in times)
        print(
            f"{implementation}, {length} tokens: loop {ours:.1f} ms, fit {theirs:.1f} ms a step, "
            f"ratio {ours / theirs:.3f}"
        )


def _model(implementation: str) -> keras.Model:
    model = text_cnn(_VOCABULARY, _CLASSES, implementation=implementation, filters=32)
    scores = metrics.standard_metrics(_CLASSES, "softmax")
    model.compile("adam", losses.get("cross_entropy"), metrics=scores)
    return model


def _batches(length: int) -> tf.data.Dataset:
    rows = _BATCH * _STEPS
    ids = documents.random_rows(rows=rows, length=length, vocabulary_size=_VOCABULARY)
    labels = np.random.default_rng(0).integers(_CLASSES, size=rows)
    return tf.data.Dataset.from_tensor_slices((ids, labels, np.ones(rows, "float32"))).batch(_BATCH)


if __name__ == "__main__":
    main()
