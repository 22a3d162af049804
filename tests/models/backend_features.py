"""Features of token convolutions and their gradients, by the Keras backend that is set.

``KERAS_BACKEND=jax python tests/models/backend_features.py features.npz``
"""

import os
import sys

import numpy as np

if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    # The models have to work where TensorFlow is not installed.
    sys.modules["tensorflow"] = None

import keras
from keras import ops

from imbalance.models import TokenConvolutions

VOCABULARY, DIM, FILTERS, WIDTHS = 40, 6, 5, (1, 2, 3, 4, 5)
GENERATOR = np.random.default_rng(7)
# Repeated and rare tokens; padding at the end, in front, in between; texts of one and no token.
IDS = GENERATOR.integers(1, VOCABULARY, size=(9, 23)) ** 2 // VOCABULARY + 1
IDS[1, 9:] = IDS[2, 1:] = IDS[3, :] = IDS[4, :7] = IDS[5, 5:8] = IDS[6, 22:] = 0
UPSTREAM = GENERATOR.normal(size=(len(IDS), FILTERS * len(WIDTHS))).astype("float32")
# As dropout leaves it.
UPSTREAM[GENERATOR.random(UPSTREAM.shape) < 0.4] = 0
WEIGHTS = [
    GENERATOR.normal(size=shape).astype("float32")
    for shape in (
        (VOCABULARY, DIM),
        *(each for width in WIDTHS for each in ((width, DIM, FILTERS), (FILTERS,))),
    )
]


def layer(implementation: str) -> TokenConvolutions:
    """Return the layer with the weights above."""
    built = TokenConvolutions(
        VOCABULARY, DIM, FILTERS, WIDTHS, implementation=implementation, name="features"
    )
    built(ops.ones((1, 3), dtype="int32"))
    built.set_weights(WEIGHTS)
    return built


def features(built: TokenConvolutions, ids=IDS, upstream=UPSTREAM) -> list[np.ndarray]:
    """Return the features, then the gradient of their product with ``upstream`` by weight."""
    ids = ops.convert_to_tensor(ids, "int32")
    variables = built.trainable_variables
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            output = built(ids)
            total = ops.sum(output * upstream)
        gradients = tape.gradient(total, [each.value for each in variables])
        gradients = [tf.convert_to_tensor(each) for each in gradients]
    elif keras.backend.backend() == "jax":
        import jax

        def product(values):
            output, _ = built.stateless_call(values, [], ids)
            return ops.sum(output * upstream), output

        values = [each.value for each in variables]
        # Compiled, as Keras trains.
        gradients, output = jax.jit(jax.grad(product, has_aux=True))(values)
    else:
        output = built(ids)
        ops.sum(output * ops.convert_to_tensor(upstream)).backward()
        gradients = [each.value.grad for each in variables]
    return [ops.convert_to_numpy(each) for each in (output, *gradients)]


if __name__ == "__main__":
    np.savez(
        sys.argv[1],
        **{
            f"{implementation} {number}": value
            for implementation in ("auto", "dense", "windows")
            for number, value in enumerate(features(layer(implementation)))
        },
    )
