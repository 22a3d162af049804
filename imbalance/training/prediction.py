"""Logits of a network that is being trained, whatever it is trained on."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


def forward(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return what computes the outputs of a batch, on one device.

    Under a strategy Keras's ``predict_on_batch`` gives every row once for each replica.

    Example:
        >>> inputs = keras.Input((1,))
        >>> model = keras.Model(inputs, 2 * inputs)
        >>> forward(model)(np.array([[3.0]], "float32")).tolist()
        [[6.0]]
    """
    [inputs] = model.inputs
    specification = tf.TensorSpec([None] * len(inputs.shape), inputs.dtype)

    @tf.function(input_signature=[specification], jit_compile=model.jit_compile, autograph=False)
    def outputs(batch):
        return model(batch, training=False)

    return lambda batch: outputs(tf.cast(batch, inputs.dtype)).numpy()
