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
from contract import TIME, WEIGHTS, Variant


def all_values() -> dict[str, np.ndarray]:
    """Return the values of every variant, by variant and kind of batch, float32."""
    return {
        f"{variant} {kind}": values
        for variant in contract.variants()
        for kind, values in _variant_values(variant).items()
    }


def _variant_values(variant: Variant) -> dict[str, np.ndarray]:
    tokens, documents = contract.tokens(variant), contract.documents(variant)
    return {
        "weighted tokens": contract.values(
            variant.build(), tokens.y_true, tokens.y_pred, weights=WEIGHTS.reshape(TIME)
        ),
        "probabilities of documents": contract.values(
            variant.build(from_logits=False),
            documents.y_true,
            contract.probabilities(variant, documents.y_pred),
        ),
    }


if __name__ == "__main__":
    np.savez(sys.argv[1], **all_values())
