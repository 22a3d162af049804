import numpy as np
import pytest
import tensorflow as tf

from imbalance import models
from imbalance.config import ServingConfig
from imbalance.serving import export
from imbalance.serving.tables import FoldedConvolutions, megabytes


@pytest.fixture(scope="module")
def layer():
    layer = models.TokenConvolutions(60, 8, 6, (1, 2, 3, 5), implementation="dense")
    layer(np.ones((1, 3), "int32"))
    for each in layer.convolutions:
        bias = each.convolution.bias
        bias.assign(np.random.default_rng(0).normal(size=bias.shape))
    return layer


def difference(layer, dtype, ids):
    folded = FoldedConvolutions(layer, dtype)
    return float(np.abs(folded(tf.constant(ids)) - layer(ids)).max())


@pytest.mark.parametrize(
    "shape",
    # One text and many; more than are computed at once, in pieces that end inside a text.
    [(1, 1), (1, 37), (1, 512), (1, 513), (5, 90), (1, 5000), (130, 70)],
)
def test_folded_equals_the_layer(layer, shape):
    ids = np.random.default_rng(1).integers(0, 60, size=shape).astype("int32")
    assert difference(layer, "float32", ids) < 1e-5


def test_no_text_and_a_text_without_a_token(layer):
    folded = FoldedConvolutions(layer, "float32")
    assert folded(tf.zeros([0, 4], tf.int32)).shape == (0, 24)
    assert not folded(tf.zeros([2, 4], tf.int32)).numpy().any()


def test_half_precision_rounds_and_no_more(layer):
    ids = np.random.default_rng(1).integers(1, 60, size=(9, 30)).astype("int32")
    assert 1e-6 < difference(layer, "float16", ids) < 1e-2
    assert megabytes(layer, "float16") <= megabytes(layer, "float32")


@pytest.mark.parametrize(
    ("config", "implementation", "tables", "remark"),
    [
        (ServingConfig(), "auto", "float32", "float32 tables, 2 MB"),
        (ServingConfig(), "dense", "none", "computes without"),
        (ServingConfig(table_megabytes=1), "auto", "none", "2 MB, serving.table_megabytes is 1"),
        (ServingConfig(tables="float16", table_megabytes=0), "dense", "float16", "1 MB"),
        (ServingConfig(tables="none"), "auto", "none", "without tables"),
    ],
)
def test_when_there_are_tables(config, implementation, tables, remark):
    layer = models.TokenConvolutions(9000, 8, 16, (1, 2), implementation=implementation)
    found, why = export._tables(layer, config)
    assert found == tables
    assert remark in why


def test_without_tables_nothing_is_compiled_by_xla():
    network = models.text_cnn(60, 3, filters=6, kernel_sizes=(2, 3), implementation="tables")
    ids = np.random.default_rng(1).integers(0, 60, size=(5, 9)).astype("int32")
    expected = network(ids)
    plain = export._plain(network)
    np.testing.assert_allclose(plain(ids), expected, atol=1e-5)
    graph = tf.function(plain).get_concrete_function(tf.TensorSpec([None, None], tf.int32)).graph
    operations = graph.as_graph_def()
    assert any(node.op == "Conv2D" for node in operations.node)
    assert not any(each.attr["_XlaMustCompile"].b for each in operations.library.function)
