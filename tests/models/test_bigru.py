import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from imbalance import models
from imbalance.checks import InputError
from imbalance.models import MeanMaxOverTime

VOCABULARY, UNITS = 30, 2
IDS = np.random.default_rng(7).integers(1, VOCABULARY, size=(4, 11)).astype("int32")
LENGTHS = (11, 6, 1, 0)
for row, length in enumerate(LENGTHS):
    IDS[row, length:] = 0


def network(**changes):
    built = models.bigru(
        VOCABULARY, UNITS, **{"embedding_dim": 8, "hidden": 6, "dense": 5, **changes}
    )
    random = np.random.default_rng(5)
    built.set_weights([random.normal(size=each.shape, scale=0.5) for each in built.get_weights()])
    return built


def logits(built, ids=IDS):
    return ops.convert_to_numpy(built(np.asarray(ids, "int32"), training=False))


def test_padding_never_changes_the_logits():
    built = network()
    padded = logits(built, np.pad(IDS, [(0, 0), (0, 30)]))
    assert np.isfinite(padded).all()
    for row, length in enumerate(LENGTHS):
        alone = logits(built, IDS[row : row + 1, : max(length, 1)])[0]
        np.testing.assert_allclose(padded[row], alone, atol=1e-5)


def test_it_reads_in_both_directions():
    built = network()
    backward = IDS[:1, ::-1]
    assert np.abs(logits(built, backward) - logits(built, IDS[:1])).max() > 1e-3
    # With the directions' weights exchanged, a text read backwards gives the same features, the
    # halves of mean and maximum exchanged.
    gru, dense = built.get_layer("gru"), built.get_layer("dense")
    forward, other = gru.forward_layer.get_weights(), gru.backward_layer.get_weights()
    before = logits(built, IDS[:1])
    gru.forward_layer.set_weights(other)
    gru.backward_layer.set_weights(forward)
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel[[*range(6, 12), *range(6), *range(18, 24), *range(12, 18)]], bias])
    np.testing.assert_allclose(logits(built, backward), before, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_mean_and_maximum_are_of_the_tokens_alone(dtype):
    features = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(dtype) - 2
    mask = np.arange(5) < np.array([[5], [2], [0]])
    found = ops.convert_to_numpy(MeanMaxOverTime(dtype=dtype)(features, mask=mask))
    assert found.dtype == dtype
    for row, length in enumerate((5, 2)):
        tokens = features[row, :length].astype("float64")
        expected = [*tokens.mean(axis=0), *tokens.max(axis=0)]
        np.testing.assert_allclose(found[row], expected, rtol=2e-3 if dtype == "float16" else 1e-5)
    assert found[2].tolist() == [0, 0, 0, 0]


def test_saved_by_one_backend_and_loaded_by_another(tmp_path):
    built = network(word_dropout=0.1)
    built.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(logits(loaded), logits(built))
    np.save(tmp_path / "ids.npy", IDS)
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"  # need not be installed
        "import keras, numpy as np, imbalance.models\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "np.save(sys.argv[3], keras.ops.convert_to_numpy(model(np.load(sys.argv[2]))))\n"
    )
    arguments = [str(tmp_path / name) for name in ("model.keras", "ids.npy", "logits.npy")]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, env=environment)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), logits(built), atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_and_gives_float32_logits(policy):
    built = network(dtype=policy)
    assert built.get_layer("gru").compute_dtype == policy.removeprefix("mixed_")
    assert built(IDS).dtype == "float32"
    built.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    before = [each.copy() for each in built.get_weights()]
    loss = built.train_on_batch(IDS, np.eye(2)[[0, 1, 0, 1]])
    assert np.isfinite(loss)
    changed = [np.abs(a - b).max() > 0 for a, b in zip(built.get_weights(), before, strict=True)]
    assert all(changed)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("hidden", 0), ("dense", 2.5), ("spatial_dropout", 1), ("dropout", -0.1)],
)
def test_wrong_arguments_are_named(argument, value):
    with pytest.raises(InputError, match=f"^{argument}: "):
        network(**{argument: value})
