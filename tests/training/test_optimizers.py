import keras
import numpy as np
import pytest
import tensorflow as tf

from imbalance import models
from imbalance.training.optimizers import LazyAdam

GENERATOR = np.random.default_rng(0)


def slices(rows, values):
    return tf.IndexedSlices(tf.constant(values, tf.float32), tf.constant(rows), (5, 2))


def test_equals_adam_while_every_row_stands_in_every_batch():
    tables = [keras.Variable(np.ones((5, 2))) for _ in range(2)]
    lazy, adam = LazyAdam(0.1), keras.optimizers.Adam(0.1)
    for _ in range(5):
        values = GENERATOR.normal(size=(5, 2))
        order = GENERATOR.permutation(5)
        lazy.apply([slices(order, values[order])], [tables[0]])
        adam.apply([tf.constant(values, tf.float32)], [tables[1]])
    np.testing.assert_allclose(tables[0].numpy(), tables[1].numpy(), rtol=1e-5)


def test_a_row_that_stands_twice_has_the_sum_as_its_gradient():
    once, twice = (keras.Variable(np.ones((5, 2))) for _ in range(2))
    for optimizer, table, gradient in (
        (LazyAdam(0.1), once, slices([3], [[3.0, -1.0]])),
        (LazyAdam(0.1), twice, slices([3, 3], [[1.0, 1.0], [2.0, -2.0]])),
    ):
        optimizer.apply([gradient], [table])
        optimizer.apply([gradient], [table])
    np.testing.assert_allclose(once.numpy(), twice.numpy(), rtol=1e-6)


def test_other_rows_stay_as_they_are():
    table = keras.Variable(np.ones((5, 2)))
    optimizer = LazyAdam(0.1)
    optimizer.apply([slices([1], [[1.0, 1.0]])], [table])
    before = table.numpy()
    optimizer.apply([slices([2], [[1.0, 1.0]])], [table])
    assert (table.numpy()[1] == before[1]).all()
    assert (table.numpy()[2] < 1).all()


@pytest.mark.parametrize("implementation", ["tables", "dense"])
def test_a_network_trains_and_is_read_back(implementation, tmp_path):
    keras.utils.set_random_seed(0)
    model = models.text_cnn(
        50, 2, embedding_dim=8, filters=6, kernel_sizes=(2,), implementation=implementation
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(LazyAdam(0.02), loss=loss)
    ids = GENERATOR.integers(1, 50, size=(64, 9))
    labels = (ids == 7).any(axis=1)
    losses = [float(model.train_on_batch(ids, labels)) for _ in range(30)]
    assert losses[-1] < losses[0] / 2
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, LazyAdam)
    np.testing.assert_allclose(
        loaded.train_on_batch(ids, labels), model.train_on_batch(ids, labels), rtol=0.5
    )


def test_amsgrad_is_refused():
    with pytest.raises(ValueError, match="amsgrad"):
        LazyAdam(amsgrad=True)
