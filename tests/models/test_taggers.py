"""The networks that give logits for each token."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tagger_logits
from tagger_logits import IDS, NETWORKS, UNITS, VOCABULARY, logits, network

from imbalance import models
from imbalance.checks import InputError

REPOSITORY = Path(__file__).parents[2]
every_network = pytest.mark.parametrize("name", NETWORKS)


@every_network
def test_padding_never_changes_the_logits(name):
    built = network(name)
    padded = logits(built, np.pad(IDS, [(0, 0), (0, 30)]))
    for row, length in enumerate((11, 6, 1)):
        alone = logits(built, IDS[row : row + 1, :length])[0]
        np.testing.assert_allclose(padded[row, :length], alone, atol=1e-5)
        np.testing.assert_allclose(logits(built)[row, :length], alone, atol=1e-5)


@every_network
def test_a_token_is_seen_from_both_sides(name):
    built = network(name)
    before = logits(built, IDS[:1])
    changed = IDS[:1].copy()
    changed[0, 5] = changed[0, 5] % (VOCABULARY - 1) + 1
    difference = np.abs(logits(built, changed) - before).max(axis=(0, 2))
    assert (difference[3:8] > 1e-3).all()


@every_network
def test_saved_and_loaded(name, tmp_path):
    built = network(name, word_dropout=0.1)
    built.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(logits(loaded), logits(built))


@every_network
def test_logits_hand_no_mask_to_the_loss(name):
    built = network(name)
    for each in (built.output, built(IDS)):
        assert getattr(each, "_keras_mask", None) is None


@every_network
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_are_float32_in_mixed_precision(name, policy):
    built = network(name, dtype=policy)
    tables = [each for each in built.layers if isinstance(each, models.TokenVectors)]
    assert {each.compute_dtype for each in tables} == {policy.removeprefix("mixed_")}
    assert built(IDS).dtype == "float32"
    np.testing.assert_allclose(logits(built), logits(network(name)), atol=0.3)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, tagger_logits.__file__, str(tmp_path / "logits.npz")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = np.load(tmp_path / "logits.npz")
    for name in theirs:
        np.testing.assert_allclose(theirs[name], logits(network(name)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["dilated_cnn", "bigru_tagger"])
def test_a_network_learns_what_neighbours_say(name):
    """A token's tag is the parity of the one before it plus that of the one behind it."""
    random = np.random.default_rng(0)
    ids = random.integers(1, 10, size=(128, 12)).astype("int32")
    around = np.pad(ids, [(0, 0), (1, 1)])
    tags = around[:, :-2] % 2 + around[:, 2:] % 2
    keras.utils.set_random_seed(1)
    build, arguments = NETWORKS[name]
    built = build(VOCABULARY, 3, **{**arguments, "dropout": 0.0, "ngram_sizes": ()})
    built.compile(
        keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    built.fit(ids, tags, batch_size=32, epochs=12, verbose=0)
    assert (logits(built, ids).argmax(-1) == tags).mean() > 0.95


def test_members_learn_as_if_alone():
    """Weights after a step are those of networks trained apart, at equal gradients."""
    tags = np.random.default_rng(1).integers(0, UNITS, size=IDS.shape)
    weights = np.random.default_rng(2).random(IDS.shape) * (IDS > 0)
    changes = {"dropout": 0.0, "dictionary_dim": 0, "layers": 1}

    def step(built, rate):
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        )
        scores = ["sparse_categorical_accuracy"]
        optimizer = keras.optimizers.SGD(rate)
        built.compile(optimizer, loss, weighted_metrics=scores, run_eagerly=True)
        return built.train_on_batch(IDS, tags, sample_weight=weights)

    both = network("bigru_tagger of two", **changes)
    of_one = len(both.trainable_variables) // 2
    # Layers of a network stand in the order of its graph: members take turns.
    first = [each for each in both.trainable_variables if "member_0" in each.path]
    second = [each for each in both.trainable_variables if "member_1" in each.path]
    assert len(first) == len(second) == of_one
    for each, variables in ((0, first), (1, second)):
        alone = network("bigru_tagger", **changes)
        for own, theirs in zip(alone.trainable_variables, variables, strict=True):
            own.assign(theirs)
        step(alone, 0.5)
        if each == 0:
            kept = alone
        else:
            step(both, 1.0)  # the loss is the mean of both
            for built, trained in ((kept, first), (alone, second)):
                for own, theirs in zip(built.trainable_variables, trained, strict=True):
                    np.testing.assert_allclose(own, theirs, atol=1e-5)


def test_the_mean_of_the_members_answers():
    both = network("bigru_tagger of two")
    outputs = [both.get_layer(f"member_{number}_logits").output for number in (0, 1)]
    found = keras.Model(both.input, outputs)(IDS)
    expected = np.mean([keras.ops.convert_to_numpy(each) for each in found], axis=0)
    np.testing.assert_allclose(logits(both), expected, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 0.1


def test_ngram_vectors_are_of_the_ngrams_that_hold_the_token():
    layer = models.NgramVectors((2,), buckets=9973, dimension=3)
    found = keras.ops.convert_to_numpy(layer(np.array([[5, 7, 5, 7, 9]], "int32")))[0]
    before, behind = found[:, :3], found[:, 3:]
    # Behind one token is before the next.
    np.testing.assert_array_equal(behind[:-1], before[1:])
    np.testing.assert_array_equal(before[1], before[3])
    rows = np.unique(before, axis=0)
    assert len(rows) == 4  # (edge, 5), (5, 7) twice, (7, 5), (7, 9)


def test_codes_of_ngrams_stay_within_int32():
    layer = models.NgramVectors((3,), buckets=100_000, dimension=1)
    ids = np.random.default_rng(0).integers(1, 100_000, size=(2, 50))
    layer.table.assign(np.arange(100_000, dtype="float32")[:, None])
    found = keras.ops.convert_to_numpy(layer(ids.astype("int32")))[:, 2:, 0]
    expected = (ids[:, :-2] * 16_381 + ids[:, 1:-1] + 3) % 100_000
    expected = (expected * 16_381 + ids[:, 2:] + 3) % 100_000
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("dilated_cnn", "filters", 0),
        ("dilated_cnn", "dilations", []),
        ("dilated_cnn", "dilations", [0]),
        ("dilated_cnn", "kernel_size", 0),
        ("dilated_cnn", "dropout", 1),
        ("dilated_cnn", "ngram_buckets", 200_000),
        ("dilated_cnn", "ngram_sizes", [1]),
        ("dilated_cnn", "embedding_dim", 0),
        ("bigru_tagger", "hidden", 0),
        ("bigru_tagger", "layers", 0),
        ("bigru_tagger", "members", 0),
        ("bigru_tagger", "dictionary_dim", -1),
        ("bigru_tagger", "word_dropout", 1.5),
    ],
)
def test_bad_arguments_of_taggers_are_refused(name, argument, value):
    with pytest.raises(InputError, match=f"{argument}.*: got"):
        network(name, **{argument: value})


def test_units_are_the_last_axis():
    assert network("dilated_cnn").output.shape == (None, None, UNITS)
