"""Convolution and maximum over time as one layer."""

import importlib

import keras
from keras import ops

from imbalance import checks

IMPLEMENTATIONS = ("auto", "dense", "windows")


@keras.saving.register_keras_serializable(package="imbalance")
class ConvMaxOverTime(keras.layers.Layer):
    """Convolution, ReLU and maximum over time, blind to padding.

    Keras's ``Conv1D`` and ``GlobalMaxPooling1D`` drop the mask, and the output then depends on
    how far a batch is padded. Here padded positions are zero before the convolution and cannot
    win the maximum, so it does not. A text without a token gives zeros.

    Args:
        filters: number of filters.
        kernel_size: tokens in a window.
        kernel_regularizer: as of ``keras.layers.Conv1D``.
        implementation: ``"dense"``, a convolution and its gradient at every position;
            ``"windows"``, a convolution without gradient to find the window that wins the
            maximum, and the gradient through that window alone; or ``"auto"``, windows to train
            on a CPU, else dense. They give equal outputs and gradients and have the same weights.

    Input and output: (batch, time, features) with a mask (batch, time); (batch, filters).

    Raises:
        InputError: if ``implementation`` is none of these.

    Example:
        >>> layer = ConvMaxOverTime(filters=2, kernel_size=3)
        >>> layer(ops.ones((4, 5, 8)), mask=ops.ones((4, 5), dtype="bool")).shape[1]
        2
    """

    def __init__(
        self, filters, kernel_size, kernel_regularizer=None, implementation="auto", **kwargs
    ):
        super().__init__(**kwargs)
        checks.choice("implementation", implementation, IMPLEMENTATIONS)
        self.filters = filters
        self.kernel_size = kernel_size
        self.implementation = implementation
        self.convolution = keras.layers.Conv1D(
            filters,
            kernel_size,
            padding="same",
            activation="relu",
            kernel_regularizer=kernel_regularizer,
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, input_shape):
        self.convolution.build(input_shape)

    def call(self, inputs, mask=None, training=False):
        if mask is None:
            mask = ops.ones(ops.shape(inputs)[:2], dtype="bool")
        mask = ops.expand_dims(mask, -1)
        inputs = inputs * ops.cast(mask, inputs.dtype)
        implementation = self.implementation
        if implementation == "auto":
            implementation = "windows" if training and on_cpu() else "dense"
        return getattr(self, f"_{implementation}")(inputs, mask)

    def _dense(self, inputs, mask):
        # After ReLU nothing is below 0, so a padded position set to 0 never wins.
        found = self.convolution(inputs)
        return ops.max(found * ops.cast(mask, found.dtype), axis=1)

    def _windows(self, inputs, mask):
        kernel = ops.cast(self.convolution.kernel, inputs.dtype)
        bias = ops.cast(self.convolution.bias, inputs.dtype)
        scores = ops.conv(ops.stop_gradient(inputs), ops.stop_gradient(kernel), padding="same")
        winners = ops.argmax(ops.where(mask, scores, -float("inf")), axis=1)

        before = (self.kernel_size - 1) // 2
        padded = ops.pad(inputs, [[0, 0], [before, self.kernel_size - 1 - before], [0, 0]])
        texts, time, features = ops.shape(padded)
        # Positions in the batch laid end to end: (batch, filters, width).
        starts = ops.expand_dims(ops.arange(texts, dtype="int32") * time, -1)
        positions = ops.expand_dims(ops.cast(winners, "int32") + starts, -1)
        positions = positions + ops.arange(self.kernel_size, dtype="int32")
        windows = ops.take(ops.reshape(padded, (-1, features)), positions, axis=0)
        maxima = ops.relu(ops.einsum("bfkd,kdf->bf", windows, kernel) + bias)
        return maxima * ops.cast(ops.any(mask, axis=1), maxima.dtype)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "kernel_regularizer": keras.regularizers.serialize(self.convolution.kernel_regularizer),
            "implementation": self.implementation,
        }


def on_cpu() -> bool:
    """Return whether the backend computes on a CPU.

    Example:
        >>> on_cpu() in (True, False)
        True
    """
    backend = importlib.import_module(keras.backend.backend())
    if backend.__name__ == "tensorflow":
        return not backend.config.list_logical_devices("GPU")
    if backend.__name__ == "jax":
        return backend.default_backend() == "cpu"
    return not backend.cuda.is_available()
