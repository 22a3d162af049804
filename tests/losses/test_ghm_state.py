"""GHM's moving average: kept by the model, moved by training only, saved with the model."""

import keras
import numpy as np
import oracles
import pytest
from contract import CLASSES, LABELS, MULTI_HOT, ONE_HOT

import imbalance.losses
from imbalance.models import LossStateModel

BINS, MOMENTUM = 5, 0.75
_random = np.random.default_rng(3)
BATCHES = _random.normal(0, 2, (3, LABELS, CLASSES)).astype("float32")
WEIGHTS = np.array([1.0, 2.0, 0.0, 3.0, 1.0, 0.5, 1.0, 2.0], "float32")
TARGETS = {"softmax": ONE_HOT, "sigmoid": MULTI_HOT}


def build(activation="softmax", model_class=LossStateModel, learning_rate=0.0, **arguments):
    """Return a model whose logits are its inputs, for as long as the learning rate is 0."""
    arguments = {"bins": BINS, "momentum": MOMENTUM, "activation": activation, **arguments}
    inputs = keras.Input((CLASSES,))
    model = model_class(inputs, keras.layers.Dense(CLASSES, kernel_initializer="identity")(inputs))
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate),
        loss=imbalance.losses.get("ghm_loss", **arguments),
    )
    return model


def one_batch(step, z, y, weights=None) -> float:
    """Return the loss of this batch alone; Keras averages over batches until told to reset."""
    step.__self__.reset_metrics()
    return float(np.ravel(step(z, y, sample_weight=weights))[0])


def state(model) -> list[np.ndarray]:
    return [each.numpy() for each in model.non_trainable_variables]


@pytest.mark.parametrize("activation", TARGETS)
def test_moving_average_equals_the_formula(activation):
    model, y = build(activation), TARGETS[activation]
    reference = oracles.GHMState(BINS, MOMENTUM)

    def expected(take_shares, z, weights):
        settings = {"bins": BINS, "activation": activation}
        shares = take_shares(oracles.ghm_shares(z, y, weights, **settings))
        return np.mean(weights * oracles.ghm(z, y, weights, **settings, shares=shares))

    for z in BATCHES:
        for weights in (WEIGHTS, np.ones(LABELS, "float32")):
            for step, take_shares in (
                (model.test_on_batch, reference.look),
                (model.train_on_batch, reference.update),
            ):
                ours = one_batch(step, z, y, weights)
                assert ours == pytest.approx(expected(take_shares, z, weights), rel=1e-5)


def test_first_step_is_the_batch_itself():
    batch = BATCHES[0], ONE_HOT
    with_average, without = build(), build(momentum=0.0)
    ours = one_batch(with_average.train_on_batch, *batch)
    assert ours == pytest.approx(one_batch(without.train_on_batch, *batch), rel=1e-6)


def test_batch_without_weight_is_no_step():
    model, nothing = build(), np.zeros(LABELS, "float32")
    assert one_batch(model.train_on_batch, BATCHES[0], ONE_HOT, nothing) == 0
    ours = one_batch(model.train_on_batch, BATCHES[1], ONE_HOT)
    assert ours == pytest.approx(one_batch(build().train_on_batch, BATCHES[1], ONE_HOT), rel=1e-6)


def test_fit_moves_the_average_and_evaluate_does_not():
    model = build()
    fresh = state(model)
    assert fresh, "the average is among the model's variables"
    model.evaluate(BATCHES[0], ONE_HOT, verbose=0)
    np.testing.assert_equal(state(model), fresh)
    model.fit(BATCHES[0], ONE_HOT, validation_data=(BATCHES[1], ONE_HOT), verbose=0)
    trained = state(model)
    assert any((old != new).any() for old, new in zip(fresh, trained, strict=True))
    model.evaluate(BATCHES[2], ONE_HOT, verbose=0)
    np.testing.assert_equal(state(model), trained)

    only_trained = build()
    only_trained.fit(BATCHES[0], ONE_HOT, verbose=0)
    np.testing.assert_equal(state(only_trained), trained)


@pytest.mark.parametrize("eagerly", [False, True], ids=["graph", "eager"])
def test_average_is_saved_and_restored(eagerly, tmp_path):
    model = build(learning_rate=0.1)
    model.run_eagerly = eagerly
    model.fit(BATCHES[0], ONE_HOT, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is LossStateModel
    assert loaded.loss.get_config() == model.loss.get_config()
    np.testing.assert_equal(state(loaded), state(model))
    for step in ("test_on_batch", "train_on_batch", "test_on_batch"):
        ours, theirs = (
            one_batch(getattr(each, step), BATCHES[1], ONE_HOT) for each in (loaded, model)
        )
        assert ours == pytest.approx(theirs, rel=1e-6)
    np.testing.assert_allclose(
        np.concatenate([each.ravel() for each in state(loaded)]),
        np.concatenate([each.ravel() for each in state(model)]),
        rtol=1e-6,
    )


def test_weights_file_holds_the_average(tmp_path):
    model = build()
    model.fit(BATCHES[0], ONE_HOT, verbose=0)
    model.save_weights(tmp_path / "model.weights.h5")
    other = build()
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_equal(state(other), state(model))


def test_two_models_keep_their_own_average():
    model, other = build(), build()
    model.train_on_batch(BATCHES[0], ONE_HOT)
    np.testing.assert_equal(state(other), state(build()))


def test_momentum_without_a_model_that_keeps_it_is_refused():
    loss = imbalance.losses.get("ghm_loss", momentum=MOMENTUM)
    with pytest.raises(ValueError, match=r"momentum: got 0\.75.*LossStateModel"):
        loss(ONE_HOT, BATCHES[0])
    with pytest.raises(ValueError, match=r"momentum: got 0\.75.*LossStateModel"):
        build(model_class=keras.Model).train_on_batch(BATCHES[0], ONE_HOT)


def test_other_losses_train_as_in_a_plain_model():
    ours, theirs = (
        build(model_class=each, momentum=0.0, learning_rate=0.1)
        for each in (LossStateModel, keras.Model)
    )
    for model in (ours, theirs):
        model.fit(BATCHES[0], ONE_HOT, verbose=0, shuffle=False)
    np.testing.assert_allclose(ours.get_weights()[0], theirs.get_weights()[0], rtol=1e-6)
