import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from imbalance import models
from imbalance.checks import InputError

SIZES = {"embedding_dim": 8, "filters": 5, "kernel_sizes": (1, 2, 3), "hidden": 6}
# First text, separator, second text; one side or both without a token; no separator.
IDS = [[5, 6, 1, 7, 2, 6, 1, 7, 9], [2, 5, 0, 0, 0, 0, 0, 0, 0], [5, 2, 0, 0, 0, 0, 0, 0, 0]]
IDS += [[2, 0, 0, 0, 0, 0, 0, 0, 0], [5, 6, 7, 0, 0, 0, 0, 0, 0], [5, 5, 5, 2, 5, 0, 0, 0, 0]]


def model(**changes):
    keras.utils.set_random_seed(0)
    return models.siamese_cnn(50, 3, **{**SIZES, **changes})


def values(network, ids):
    return ops.convert_to_numpy(network(np.asarray(ids, "int32"), training=False))


@pytest.mark.parametrize("implementation", ["auto", "dense"])
def test_padding_never_changes_the_logits(implementation):
    network = model(implementation=implementation)
    padded = np.pad(IDS, [(0, 0), (0, 30)])
    np.testing.assert_allclose(values(network, padded), values(network, IDS), atol=1e-5)


def test_one_encoder_reads_either_text_by_itself():
    network = model(overlap=False)
    features = keras.Model(network.input, network.get_layer("features").output)
    encoder = network.get_layer("encoder")
    for row in IDS:
        cut = row.index(2) if 2 in row else len(row)
        u, v = (
            values(encoder, [[each for each in side if each] or [0]])
            for side in (row[:cut], row[cut + 1 :])
        )
        expected = np.concatenate([np.abs(u - v), u * v, u, v], axis=1)
        np.testing.assert_allclose(values(features, [row]), expected, atol=1e-5)


def common(first, second, size):
    """Return the share of the first text's n-grams that stand in the second."""
    grams, others = (
        [tuple(side[i : i + size]) for i in range(len(side) - size + 1)] for side in (first, second)
    )
    return sum(each in others and 1 not in each for each in grams) / max(1, len(grams))


def test_overlap_is_that_of_n_grams():
    draw = np.random.default_rng(0)
    rows = [*IDS, *np.where(draw.random((40, 9)) < 0.2, 2, draw.integers(1, 6, (40, 9))).tolist()]
    overlap = models.NgramOverlap()
    found = ops.convert_to_numpy(overlap(models.PairSides()(np.array(rows, "int32"))))
    # As a side is read: a second separator leaves a gap, which is no n-gram's neighbour.
    for row, features in zip(rows, found, strict=True):
        if row.count(2) > 1:
            continue
        cut = row.index(2) if 2 in row else len(row)
        first, second = ([each for each in side if each] for side in (row[:cut], row[cut + 1 :]))
        expected = [
            common(*sides, size)
            for size in (1, 2, 3)
            for sides in ((first, second), (second, first))
        ]
        difference = np.log1p(len(first)) - np.log1p(len(second))
        expected += [difference, abs(difference)]
        np.testing.assert_allclose(features, expected, atol=1e-6)


def test_a_rare_token_in_common_weighs_more():
    # Ids are by frequency; the unknown token, 1, counts nothing.
    rows = np.array([[3, 90, 2, 3, 80], [3, 90, 2, 90, 80], [1, 90, 2, 90, 1], [2, 3, 4, 0, 0]])
    found = models.NgramOverlap(weighted=True)(models.PairSides()(rows.astype("int32")))
    assert found.shape == (4, 10)
    third, ninety, eighty = np.log([3, 90, 80])
    expected = [
        [third / (third + ninety), third / (third + eighty)],
        [ninety / (third + ninety), ninety / (ninety + eighty)],
        [1, 1],
        [0, 0],
    ]
    np.testing.assert_allclose(ops.convert_to_numpy(found)[:, 8:], expected, rtol=1e-5)
    # The others are as they were, and a layer that was saved without the argument has them alone.
    plain = models.NgramOverlap.from_config({"name": "overlap"})
    found = ops.convert_to_numpy(found)
    sides = models.PairSides()(rows.astype("int32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(plain(sides)), found[:, :8])


@pytest.mark.parametrize("word_dropout", [0.0, 0.5])
def test_saved_and_loaded(tmp_path, word_dropout):
    network = model(word_dropout=word_dropout, l2=0.01)
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(values(loaded, IDS), values(network, IDS))
    assert len(loaded.losses) == len(network.losses) > 0


def test_float32_logits_in_mixed_precision():
    assert model(dtype="mixed_bfloat16")(np.array(IDS, "int32")).dtype == "float32"


@pytest.mark.parametrize(
    ("argument", "value"),
    [("filters", 0), ("hidden", 0), ("overlap", "yes"), ("word_dropout", 1), ("kernel_sizes", [])],
)
def test_bad_arguments_are_refused(argument, value):
    with pytest.raises(InputError, match=f"{argument}.*: got"):
        model(**{argument: value})


def test_another_backend_computes_the_same(tmp_path):
    network = model()
    network.save(tmp_path / "model.keras")
    np.save(tmp_path / "ids.npy", np.array(IDS, "int32"))
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import keras, numpy as np, imbalance.models\n"
        "network = keras.saving.load_model('model.keras')\n"
        "np.save('logits.npy', keras.ops.convert_to_numpy(network(np.load('ids.npy'))))"
    )
    paths = os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    np.testing.assert_allclose(
        np.load(tmp_path / "logits.npy"), values(network, IDS), atol=1e-5, rtol=1e-4
    )
