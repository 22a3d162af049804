"""Write every loss's values on fixed batches, computed by the Keras backend that is set.

``KERAS_BACKEND=jax python tests/losses/backend_values.py values.npz``
"""

import os
import sys

import numpy as np

if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    # The losses have to work where TensorFlow is not installed.
    sys.modules["tensorflow"] = None

import contract
import keras
import token_batches
from contract import CLASSES, LOGITS, ONE_HOT, TIME, WEIGHTS, Variant

import imbalance.losses
from imbalance.models import LossStateModel


def all_values() -> dict[str, np.ndarray]:
    """Return the values of every variant, by variant and kind of batch, float32."""
    return _state_values() | {
        f"{variant} {kind}": values
        for variant in contract.variants()
        for kind, values in _variant_values(variant).items()
    }


def _variant_values(variant: Variant) -> dict[str, np.ndarray]:
    tokens, documents = contract.tokens(variant), contract.documents(variant)
    padded = {"pointers": token_batches.padded(variant, "pointers", garbage=1e9)}
    if variant.activation == "softmax" and variant.build().of_positions:
        padded["answers"] = token_batches.answers()
    loss = variant.build(reduction="mean_with_sample_weight")
    return {
        kind: keras.ops.convert_to_numpy(loss(each.y_true, each.y_pred, each.weights))
        for kind, each in padded.items()
    } | {
        "weighted tokens": contract.values(
            variant.build(), tokens.y_true, tokens.y_pred, weights=WEIGHTS.reshape(TIME)
        ),
        "probabilities of documents": contract.values(
            variant.build(from_logits=False),
            documents.y_true,
            contract.probabilities(variant, documents.y_pred),
        ),
    }


def _state_values() -> dict[str, np.ndarray]:
    """Return the losses of batches that move GHM's average, which a model keeps."""
    inputs = keras.Input((CLASSES,))
    outputs = keras.layers.Dense(CLASSES, kernel_initializer="identity")(inputs)
    model = LossStateModel(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.SGD(0.0),
        loss=imbalance.losses.get("ghm_loss", momentum=0.75, bins=5),
    )
    values = []
    for scale in (1.0, 0.5, 2.0):
        for step in (model.test_on_batch, model.train_on_batch):
            model.reset_metrics()
            values.append(np.ravel(step((scale * LOGITS).astype("float32"), ONE_HOT))[0])
    return {"ghm_loss moving average": np.array(values)}


if __name__ == "__main__":
    np.savez(sys.argv[1], **all_values())
