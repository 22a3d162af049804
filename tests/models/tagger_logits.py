"""Logits of the networks for tokens by the backend set.

``KERAS_BACKEND=jax python tests/models/tagger_logits.py logits.npz``
"""

import os
import sys

import numpy as np

if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    # The models have to work where TensorFlow is not installed.
    sys.modules["tensorflow"] = None

import keras

from imbalance import models

VOCABULARY, UNITS = 40, 5
SIZES = {"embedding_dim": 8, "ngram_sizes": (2, 3), "ngram_buckets": 70, "ngram_dim": 4}
NETWORKS = {
    "dilated_cnn": (models.dilated_cnn, {**SIZES, "filters": 12, "dilations": (1, 2)}),
    "bigru_tagger": (models.bigru_tagger, {**SIZES, "hidden": 6, "layers": 2, "kernel_size": 3}),
    "reader_cnn": (models.reader_cnn, {"embedding_dim": 8, "filters": 12, "dilations": (1, 2)}),
}
IDS = np.random.default_rng(7).integers(1, VOCABULARY, size=(4, 11)).astype("int32")
IDS[1, 6:] = IDS[2, 1:] = IDS[3, :] = 0


def network(name: str, **changes) -> keras.Model:
    """Return the network with random weights, equal each time, none of them zero."""
    build, arguments = NETWORKS[name]
    built = build(VOCABULARY, UNITS, **{**arguments, **changes})
    random = np.random.default_rng(5)
    built.set_weights([random.normal(size=each.shape, scale=0.5) for each in built.get_weights()])
    return built


def logits(built: keras.Model, ids=IDS) -> np.ndarray:
    return keras.ops.convert_to_numpy(built(np.asarray(ids, "int32"), training=False))


if __name__ == "__main__":
    np.savez(sys.argv[1], **{name: logits(network(name)) for name in NETWORKS})
