"""The ways to compute convolutions and maximum over time, against plain Keras layers."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import backend_features
import keras
import numpy as np
import pytest
import tensorflow as tf
from backend_features import DIM, FILTERS, IDS, UPSTREAM, VOCABULARY, WEIGHTS, WIDTHS

from imbalance import models
from imbalance.checks import InputError
from imbalance.models import token_tables

IMPLEMENTATIONS = ("dense", "windows", "tables")
REPOSITORY = Path(__file__).parents[2]
every_implementation = pytest.mark.parametrize("implementation", IMPLEMENTATIONS)


def plain_features(texts, upstreams):
    """Return features and gradients by Embedding, Conv1D and GlobalMaxPooling1D, text by text."""
    embedding = keras.layers.Embedding(VOCABULARY, DIM)
    convolutions = [
        keras.layers.Conv1D(FILTERS, width, padding="same", activation="relu") for width in WIDTHS
    ]
    pooling = keras.layers.GlobalMaxPooling1D()
    layers = [embedding, *convolutions]
    embedding.build((None, None))
    for each in convolutions:
        each.build((None, None, DIM))
    for variable, value in zip([v for each in layers for v in each.weights], WEIGHTS, strict=True):
        variable.assign(value)
    variables = [variable.value for each in layers for variable in each.weights]
    outputs, gradients = [], [np.zeros_like(each) for each in WEIGHTS]
    for text, upstream in zip(texts, upstreams, strict=True):
        with tf.GradientTape() as tape:
            embedded = embedding(text[np.newaxis])
            output = tf.concat([pooling(each(embedded)) for each in convolutions], axis=1)[0]
            product = tf.reduce_sum(output * upstream)
        outputs.append(output.numpy())
        for total, each in zip(gradients, tape.gradient(product, variables), strict=True):
            total += tf.convert_to_tensor(each).numpy()
    return [np.array(outputs), *gradients]


def assert_all_close(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@every_implementation
def test_equals_plain_layers_on_each_text_alone(implementation):
    lengths = [23, 9, 1, 17, 2, 5, 4, 3]
    texts = [np.where(IDS == 0, 1, IDS)[row, :length] for row, length in enumerate(lengths)]
    padded = np.array([np.pad(each, (0, 30 - len(each))) for each in texts])
    found = backend_features.features(
        backend_features.layer(implementation), padded, UPSTREAM[: len(lengths)]
    )
    assert_all_close(found, plain_features(texts, UPSTREAM[: len(lengths)]))


@every_implementation
def test_equals_dense_wherever_the_padding_stands(implementation):
    found = backend_features.features(backend_features.layer(implementation))
    assert_all_close(found, backend_features.features(backend_features.layer("dense")))
    assert not found[0][3].any()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    script = Path(__file__).with_name("backend_features.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "features.npz")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = np.load(tmp_path / "features.npz")
    expected = backend_features.features(backend_features.layer("dense"))
    for implementation in ("auto", "dense", "windows"):
        found = [theirs[f"{implementation} {number}"] for number in range(len(expected))]
        assert_all_close(found, expected)


@every_implementation
def test_a_model_trains_the_same(implementation):
    """With dropout, regularisation and Adam, over batches of several shapes."""
    generator = np.random.default_rng(0)
    ends = {}
    for each in ("dense", implementation):
        keras.utils.set_random_seed(3)
        model = models.text_cnn(
            50, 3, embedding_dim=8, filters=6, kernel_sizes=(2, 3), l2=0.01, implementation=each
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), loss=loss)
        generator = np.random.default_rng(0)
        for batch, time in ((8, 12), (8, 9), (3, 12), (8, 1)):
            ids = generator.integers(0, 50, size=(batch, time))
            model.train_on_batch(ids, generator.integers(0, 3, size=batch))
        ends[each] = [each.numpy() for each in model.weights]
    # Adam divides by the gradient's size: where that is rounding error it moves at full speed.
    for ours, theirs in zip(ends[implementation], ends["dense"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_gradients_by_tables_are_equal_to_the_bit_each_time():
    layer = backend_features.layer("tables")
    ids = np.tile(IDS, (20, 4))
    upstream = np.tile(UPSTREAM, (20, 1))
    first, *others = (backend_features.features(layer, ids, upstream) for _ in range(4))
    for other in others:
        for one, two in zip(first, other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_the_embedding_gradient_by_tables_holds_the_rows_of_the_batch_alone():
    layer = backend_features.layer("tables")
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(tf.constant([[4, 7, 4, 0]])))
    gradient = tape.gradient(total, layer.embedding.embeddings.value)
    assert isinstance(gradient, tf.IndexedSlices)
    assert sorted(gradient.indices.numpy()) == [0, 4, 7]


def test_weights_load_whatever_the_implementation(tmp_path):
    networks = {each: models.text_cnn(50, 3, implementation=each) for each in IMPLEMENTATIONS}
    networks["tables"].save_weights(tmp_path / "tables.weights.h5")
    ids = np.random.default_rng(0).integers(0, 50, size=(4, 11))
    expected = networks["tables"].predict(ids, verbose=0)
    for each in ("dense", "windows"):
        networks[each].load_weights(tmp_path / "tables.weights.h5")
        np.testing.assert_allclose(networks[each].predict(ids, verbose=0), expected, atol=1e-5)


def test_on_a_cpu_auto_takes_tables_unless_the_precision_is_mixed():
    def takes_tables(dtype):
        layer = models.TokenConvolutions(9, 4, 2, (2,), dtype=dtype)
        with tf.Graph().as_default() as graph:
            layer(tf.ones((2, 3), tf.int32))
        return any(each.type == "Unique" for each in graph.get_operations())

    assert takes_tables("float32")
    assert not takes_tables("mixed_bfloat16")


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="implementation: got 'fast', expected"):
        models.text_cnn(9, 2, implementation="fast")
    with pytest.raises(InputError, match="implementation: got 'tables', expected auto, dense"):
        models.text_cnn(9, 2, implementation="tables", dtype="mixed_float16")


def test_few_sizes_and_none_too_small():
    sizes = np.arange(1, 40_000, 7)
    rounded = np.array(token_tables.rounded(tf.constant(sizes, tf.int32), 1024))
    assert (rounded >= sizes).all()
    assert (rounded <= np.maximum(sizes * 1.25, 1024)).all()
    assert len(set(rounded)) < 25
