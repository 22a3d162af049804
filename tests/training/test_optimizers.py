import keras
import numpy as np
import pytest
import tensorflow as tf

from imbalance import config, models
from imbalance.config import TrainingConfig
from imbalance.training import optimizers
from imbalance.training.optimizers import LazyAdam

GENERATOR = np.random.default_rng(0)


def test_the_configuration_knows_the_optimizers():
    assert set(config.OPTIMIZERS) == set(optimizers.OPTIMIZERS)


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


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("warmup", [0.0, 0.25])
def test_the_learning_rate_follows_the_formula(schedule, warmup):
    settings = TrainingConfig(learning_rate=0.1, schedule=schedule, warmup=warmup)
    rate = optimizers.learning_rate(settings, steps=40)
    for step in (0, 1, 9, 10, 11, 25, 39, 40):
        rising = step / (40 * warmup) if step < 40 * warmup else 1
        falling = (1 + np.cos(np.pi * (step / 40 - warmup) / (1 - warmup))) / 2
        if schedule == "constant" or rising < 1:
            falling = 1
        found = rate(step) if callable(rate) else rate
        np.testing.assert_allclose(float(found), 0.1 * rising * falling, atol=1e-8)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_training_of_few_steps_has_a_schedule(steps):
    settings = TrainingConfig(warmup=0.9, schedule="cosine")
    assert np.isfinite(float(optimizers.learning_rate(settings, steps)(steps)))


@pytest.mark.parametrize("scaled", [False, True], ids=["float32", "mixed_float16"])
@pytest.mark.parametrize("name", sorted(optimizers.OPTIMIZERS))
def test_averages_equal_a_hand_computation(name, scaled):
    precision = "mixed_float16" if scaled else "float32"
    settings = TrainingConfig(
        optimizer=name, ema=0.8, schedule="cosine", warmup=0.5, precision=precision
    )
    outer = optimizer = optimizers.build(settings, steps=6)
    if scaled:
        outer.initial_scale, optimizer = 4.0, outer.inner_optimizer
    table = keras.Variable(np.ones((5, 2)))
    outer.build([table])
    expected = None
    for step in range(6):
        rate = float(optimizer.learning_rate)
        before = table.numpy()
        outer.apply([slices([1, step % 5], GENERATOR.normal(size=(2, 2)))], [table])
        assert (np.abs(table.numpy() - before).max() > 0) == (rate > 0)
        expected = table.numpy() if expected is None else 0.8 * expected + 0.2 * table.numpy()
    outer.finalize_variable_values([table])
    np.testing.assert_allclose(table.numpy(), expected, rtol=1e-6)
