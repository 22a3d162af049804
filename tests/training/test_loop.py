import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import small_networks
import tensorflow as tf
from small_networks import CASES, batches, built

from imbalance.checks import InputError
from imbalance.training import loop


def test_the_loop_does_what_fit_does():
    # The script is outside of the package that it imports.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, small_networks.__file__]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert run.stdout.splitlines() == [f"{name}: []" for name in CASES], run.stderr


class Calls(keras.callbacks.Callback):
    """Notes each call and the names in its logs, and stops in the second epoch's second step."""

    def __init__(self):
        super().__init__()
        self.made = []

    def note(self, place, number=None, logs=None):
        self.made.append((place, number, tuple(logs or ())))

    def on_train_begin(self, logs=None):
        self.note("train begins", None, logs)

    def on_train_end(self, logs=None):
        self.note("train ends", None, logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.note("epoch begins", epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.note("epoch ends", epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.note("batch begins", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.note("batch ends", batch, logs)
        self.model.stop_training = self.made.count(("batch begins", 1, ())) == 2

    def on_test_begin(self, logs=None):
        self.note("test begins", None, logs)

    def on_test_batch_end(self, batch, logs=None):
        self.note("test batch ends", batch, logs)

    def on_test_end(self, logs=None):
        self.note("test ends", None, logs)


def test_callbacks_are_called_as_by_fit():
    rows = batches()
    model, _ = built()
    by_fit, by_loop = Calls(), Calls()
    arguments = {"initial_epoch": 4, "epochs": 9, "verbose": 0}
    fitted = model.fit(rows, validation_data=rows, callbacks=[by_fit], **arguments)
    looped = loop.train(model, rows, validation=rows, callbacks=[by_loop], **arguments)
    assert by_loop.made == by_fit.made
    assert by_loop.params == by_fit.params
    assert looped.epoch == fitted.epoch == [4, 5]


def broken_from_the_second_step():
    """Return batches of which the second has a weight that is no number."""

    def broken(index, batch):
        ids, labels, weights = batch
        return ids, labels, tf.where(index == 1, np.nan, weights)

    return batches().enumerate().map(broken)


def test_what_is_not_finite_is_told_before_the_weights_change():
    model, _ = built()
    before = []

    class Keep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            before.append((self.model.get_weights(), int(self.model.optimizer.iterations)))

    told = []

    def tell(*arguments):
        told.append(arguments)
        raise ArithmeticError

    rows = broken_from_the_second_step()
    with pytest.raises(ArithmeticError):
        loop.train(model, rows, epochs=2, callbacks=[Keep()], on_not_finite=tell)
    assert told == [(0, 1, "loss")]
    [(weights, steps)] = before
    assert steps == int(model.optimizer.iterations) == 1
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@keras.saving.register_keras_serializable(package="tests")
class NoGradient(keras.layers.Layer):
    """Finite values whose gradient is not: the root of 0."""

    def call(self, inputs):
        return inputs + keras.ops.sqrt(0.0 * inputs)


def test_a_gradient_that_is_not_finite_is_named():
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(2, name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, name="last")(NoGradient()(hidden)))
    model.compile("sgd", "mse")
    rows = tf.data.Dataset.from_tensors((tf.ones((4, 2)), tf.ones((4, 1))))
    with pytest.raises(InputError, match="^gradient of hidden/kernel in epoch 1, step 1: got nan"):
        loop.train(model, rows, epochs=1)


def test_loss_scaling_skips_steps_by_itself():
    model, _ = built(settings={"precision": "mixed_float16"})
    model.optimizer.initial_scale = 2.0**120
    loop.train(model, batches(), epochs=1)
    assert int(model.optimizer.iterations) == 0
    assert float(model.optimizer.dynamic_scale) == 2.0**117
