import keras
import numpy as np
import pytest
from keras import ops

from imbalance import models
from imbalance.checks import InputError

SIZES = {"embedding_dim": 8, "filters": 5, "kernel_sizes": (1, 2, 4)}


def model(**changes):
    keras.utils.set_random_seed(0)
    return models.text_cnn(50, 3, **{**SIZES, **changes})


def logits(network, ids):
    return ops.convert_to_numpy(network(np.asarray(ids, "int32"), training=False))


def test_padding_never_changes_the_logits():
    network = model()
    ids = np.random.default_rng(0).integers(1, 50, size=(4, 6))
    padded = np.pad(ids, [(0, 0), (0, 30)])
    np.testing.assert_allclose(logits(network, padded), logits(network, ids), atol=1e-6)


def test_logits_equal_a_convolution_written_out():
    network = model()
    ids = np.array([[7, 3, 9, 4, 1], [5, 6, 0, 0, 0]])
    layer = network.get_layer("features")
    table = layer.embedding.get_weights()[0]
    expected = []
    for row, length in zip(ids, (5, 2), strict=True):
        features = []
        for convolution in layer.convolutions:
            kernel, bias = convolution.get_weights()
            width = len(kernel)
            left = (width - 1) // 2
            text = np.zeros((length + width - 1, 8))
            text[left : left + length] = table[row[:length]]
            windows = [
                np.einsum("wd,wdf->f", text[start : start + width], kernel)
                for start in range(length)
            ]
            features.append(np.maximum(np.array(windows) + bias, 0).max(axis=0))
        kernel, bias = network.get_layer("logits").get_weights()
        expected.append(np.concatenate(features) @ kernel + bias)
    np.testing.assert_allclose(logits(network, ids), expected, atol=1e-5)


def test_a_text_without_tokens_gives_the_bias():
    network = model()
    network.get_layer("logits").bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(logits(network, [[0, 0]]), [[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_are_float32_in_mixed_precision(policy):
    network = model(dtype=policy)
    assert network.get_layer("features").compute_dtype == policy.removeprefix("mixed_")
    assert network(np.ones((2, 3), "int32")).dtype == "float32"


@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_saved_and_loaded(tmp_path, l2):
    network = model(l2=l2, dropout=0.25)
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    ids = np.ones((2, 7), "int32")
    np.testing.assert_array_equal(logits(loaded, ids), logits(network, ids))
    assert len(loaded.losses) == len(network.losses) == (3 if l2 else 0)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("filters", 0),
        ("embedding_dim", 2.5),
        ("kernel_sizes", []),
        ("kernel_sizes", 3),
        ("kernel_sizes", [0]),
        ("dropout", 1),
        ("l2", -1),
    ],
)
def test_bad_arguments_are_refused(argument, value):
    with pytest.raises(InputError, match=f"{argument}.*: got"):
        model(**{argument: value})
