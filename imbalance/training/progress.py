"""The progress bar: Keras's own, with the few numbers that a terminal line can hold."""

import keras

_SHOWN = ("loss", "val_loss", "val_accuracy", "val_macro_f1")


class Progress(keras.callbacks.ProgbarLogger):
    """Keras's progress bar with loss, accuracy, macro-F1 and the monitored score only.

    All scores are in ``history.csv`` and TensorBoard.

    Args:
        monitor: name of the monitored score.
    """

    def __init__(self, monitor: str):
        super().__init__()
        self._shown = {*_SHOWN, monitor}

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, self._few(logs))

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, self._few(logs))

    def _few(self, logs):
        return {name: value for name, value in (logs or {}).items() if name in self._shown}
