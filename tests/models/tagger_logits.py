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
    "bigru_tagger": (models.bigru_tagger, {**SIZES, "projection": 7, "hidden": 6, "layers": 2}),
    "bigru_tagger of two": (
        models.bigru_tagger,
        {**SIZES, "projection": 7, "hidden": 6, "dictionary_dim": 3, "members": 2},
    ),
    "reader_cnn": (models.reader_cnn, {"embedding_dim": 8, "filters": 12, "dilations": (1, 2)}),
}
IDS = np.random.default_rng(7).integers(1, VOCABULARY, size=(4, 11)).astype("int32")
IDS[1, 6:] = IDS[2, 1:] = IDS[3, :] = 0
# The tokens are characters; all pairs of the text that stands first in the batch are words.
TOKENS = ["", "", *map(chr, range(0x4E00, 0x4E00 + VOCABULARY - 2))]
TEXT = "".join(TOKENS[id] for id in np.maximum(IDS[0], 2))
DICTIONARY = {TEXT[start : start + 2]: start % 7 for start in range(len(TEXT) - 1)}


def network(name: str, **changes) -> keras.Model:
    """Return the network with random weights, equal each time, none of them zero."""
    build, arguments = NETWORKS[name]
    built = build(VOCABULARY, UNITS, **{**arguments, **changes})
    random = np.random.default_rng(5)
    for each in built.trainable_variables:
        each.assign(random.normal(size=each.shape, scale=0.5))
    for layer in built.layers:
        if isinstance(layer, models.WordMatches):
            assert layer.fit_to(DICTIONARY, TOKENS) == len(DICTIONARY)
    return built


def logits(built: keras.Model, ids=IDS) -> np.ndarray:
    return keras.ops.convert_to_numpy(built(np.asarray(ids, "int32"), training=False))


if __name__ == "__main__":
    # That of two holds all of that of one.
    names = [name for name in NETWORKS if name != "bigru_tagger"]
    np.savez(sys.argv[1], **{name: logits(network(name)) for name in names})
