"""Class weights that set in late: deferred re-weighting."""

import keras
import numpy as np


class DeferredWeights(keras.callbacks.Callback):
    """Puts other row weights in the place of the first ones from a given epoch on.

    Args:
        weights: of each row, float32 of shape (rows,), as the training data reads them in each
            epoch; changed in place.
        later: of each row, of the same shape.
        epoch: from which ``later`` hold, counted from 0.

    Source:
        Cao et al. 2019, Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss,
        arXiv:1906.07413.

    Example:
        >>> weights = np.ones(2, "float32")
        >>> deferred = DeferredWeights(weights, np.array([0.5, 1.5]), epoch=1)
        >>> deferred.on_epoch_begin(0); weights.tolist()
        [1.0, 1.0]
        >>> deferred.on_epoch_begin(1); weights.tolist()
        [0.5, 1.5]
    """

    def __init__(self, weights: np.ndarray, later: np.ndarray, epoch: int):
        super().__init__()
        self._weights, self._later, self._epoch = weights, later, epoch

    def on_epoch_begin(self, epoch, logs=None):
        # Also a later one, from which a killed run goes on.
        if epoch >= self._epoch:
            self._weights[:] = self._later
