"""Cross entropy first: a loss sets in when the network has learnt something already."""

import logging
from collections.abc import Callable

import keras

from imbalance import registry
from imbalance.config import LossConfig

_log = logging.getLogger(__name__)


class LaterLoss(keras.callbacks.Callback):
    """Compiles the network anew, with another loss, when a given epoch begins.

    The optimizer, with all of its state, and the metrics stay as they are.

    Args:
        compile_with: given a loss, compiles the network with it.
        loss: the one that sets in.
        epoch: from which it holds, counted from 0.
    """

    def __init__(self, compile_with: Callable, loss: keras.losses.Loss, epoch: int):
        super().__init__()
        self._compile_with, self._loss, self._epoch = compile_with, loss, epoch

    def on_epoch_begin(self, epoch, logs=None):
        # Also a later one, from which a killed run goes on.
        if epoch >= self._epoch and self.model.loss is not self._loss:
            _log.info("epoch %s: %s sets in", epoch + 1, self._loss.name)
            with self.model.distribute_strategy.scope():
                self._compile_with(self._loss)


def cross_entropy(activation: str, reduction: str) -> keras.losses.Loss:
    """Return the cross entropy for the outputs of a loss.

    Args:
        activation: of that loss.
        reduction: of the values of rows, or of tokens.

    Example:
        >>> cross_entropy("sigmoid", "sum_over_batch_size").name
        'binary_cross_entropy'
    """
    name = "binary_cross_entropy" if activation == "sigmoid" else "cross_entropy"
    return registry.build_loss(LossConfig(name), reduction=reduction)
