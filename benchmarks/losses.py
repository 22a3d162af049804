"""Forward and backward of every loss beside Keras's cross entropy, at the logits.

Losses of a softmax stand beside ``SparseCategoricalCrossentropy``, those of sigmoids beside
``BinaryCrossentropy``. A row "one call" is one ``tf.function`` call, as a training step makes one
with the whole network inside; most of it is TensorFlow starting the call. A row "inside a graph"
is one of many steps in a single call, each from where the last one went: what the loss itself
adds to a training step.
"""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

import imbalance.losses
from benchmarks.measure import Row, compare

SHAPES = ((256, 20), (256, 1000), (32, 128, 21))
_STEPS = 20


def run(quick: bool) -> Iterator[Row]:
    for shape in SHAPES[:1] if quick else SHAPES:
        for name, loss in _losses(classes=shape[-1]):
            theirs = (
                keras.losses.SparseCategoricalCrossentropy(from_logits=True)
                if loss.activation == "softmax"
                else keras.losses.BinaryCrossentropy(from_logits=True)
            )
            labels, logits = _batch(shape, loss.activation)
            for how, make, steps in (("one call", _call, 1), ("inside a graph", _many, _STEPS)):
                row = compare(
                    f"{name} {shape}, {how}",
                    make(loss, labels, logits),
                    make(theirs, labels, logits),
                    unit="µs",
                    repeats=7 if quick else 51 if steps == 1 else 15,
                )
                yield Row.of(row.name, row.ours / steps, row.theirs / steps, "µs")


def _losses(classes: int) -> Iterator[tuple[str, imbalance.losses.ImbalanceLoss]]:
    """Yield every registered loss, each with every activation that it takes."""
    weights = np.linspace(0.5, 1.5, classes)
    for name, entry in imbalance.losses.TABLE.items():
        arguments = {argument: weights for argument in entry.data_arguments}
        for activation in ("softmax", "sigmoid") if "activation" in entry.parameters else (None,):
            given = arguments if activation is None else {**arguments, "activation": activation}
            loss = imbalance.losses.get(name, **given)
            yield f"{name} ({loss.activation})", loss


def _batch(shape: tuple[int, ...], activation: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Return labels (ids for a softmax, else multi-hot, one in five) and logits of a shape."""
    generator = np.random.default_rng(1)
    logits = tf.constant(generator.normal(0, 2, shape), tf.float32)
    if activation == "softmax":
        return tf.constant(generator.integers(shape[-1], size=shape[:-1]), tf.int32), logits
    return tf.constant(generator.random(shape) < 0.2, tf.float32), logits


def _value_and_gradient(loss, labels, logits):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(labels, logits)
    return value, tape.gradient(value, logits)


# Labels and logits are arguments of the compiled functions, so that nothing is computed once for
# all, and the gradients are read, so that nothing is left out.


def _call(loss, labels, logits) -> Callable:
    step = tf.function(lambda labels, logits: _value_and_gradient(loss, labels, logits))
    return lambda: step(labels, logits)[1].numpy()


def _many(loss, labels, logits) -> Callable:
    @tf.function
    def steps(labels, logits):
        for _ in tf.range(_STEPS):
            _, gradient = _value_and_gradient(loss, labels, logits)
            logits -= 1e-3 * gradient
        return logits

    return lambda: steps(labels, logits).numpy()
