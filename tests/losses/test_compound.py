"""Sums of losses: by name, from a file, with a part that has state, and what is refused."""

import keras
import numpy as np
import pytest
from contract import CLASSES, LABELS, LOGITS, ONE_HOT

import imbalance.losses
from imbalance.losses import BinaryCrossEntropy, CompoundLoss, CrossEntropy, GHMLoss
from imbalance.models import LossStateModel


def model_with(loss, learning_rate=0.1):
    inputs = keras.Input((CLASSES,))
    outputs = keras.layers.Dense(CLASSES, kernel_initializer="identity")(inputs)
    model = LossStateModel(inputs, outputs)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss=loss)
    return model


def test_arguments_reach_their_part_and_common_ones_reach_all():
    loss = imbalance.losses.get(
        "ce+dice", weights=[1, 0.5], dice={"alpha": 0.2}, from_logits=False, reduction="sum"
    )
    assert loss.weights == (1.0, 0.5)
    assert loss.losses[1].alpha == 0.2
    assert {each.from_logits for each in (loss, *loss.losses)} == {False}
    assert {each.reduction for each in (loss, *loss.losses)} == {"sum"}


def test_a_file_keeps_the_parts_and_the_state_of_one(tmp_path):
    loss = imbalance.losses.get(
        "ghm_loss+dice_loss", weights=[0.7, 0.3], ghm_loss={"momentum": 0.75, "bins": 5}
    )
    model = model_with(loss)
    model.fit(LOGITS, ONE_HOT, batch_size=LABELS // 2, verbose=0)
    [average, steps] = model.loss_states[0].weights
    assert float(steps) == 2.0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.loss) is CompoundLoss
    assert loaded.loss.get_config() == loss.get_config()
    np.testing.assert_array_equal(loaded.loss_states[0].average, average)
    ours, theirs = (each.train_on_batch(LOGITS, ONE_HOT) for each in (loaded, model))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_the_data_fills_every_part_that_asks():
    filled = imbalance.losses.fill(
        "logit_adjustment+weight_focal_loss+dice_loss",
        {"weights": [1, 2, 3], "weight_focal_loss": {"gamma": 1}},
        class_weights=np.array([0.5, 2.0]),
        class_counts=np.array([8, 2]),
    )
    assert filled == {
        "weights": [1, 2, 3],
        "logit_adjustment": {"class_counts": [8, 2]},
        "weight_focal_loss": {"gamma": 1, "alpha": [0.5, 2.0]},
    }


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("cross_entropy+dise_loss", {}, "got 'dise_loss'.*did you mean 'dice_loss'"),
        ("cross_entropy+normal", {}, "each part once"),
        ("cross_entropy+", {}, "a name on each side"),
        ("cross_entropy+dice_loss", {"weights": [1]}, r"weights: got \[1\], expected 2 numbers"),
        ("cross_entropy+dice_loss", {"weights": [1, -1]}, "got -1"),
        ("cross_entropy+dice_loss", {"alpha": 1}, "alpha: unknown key.*weights, cross_entropy"),
        ("cross_entropy+dice_loss", {"dice_loss": 3}, "dice_loss: got 3, expected a mapping"),
        ("cross_entropy+dice_loss", {"dice_loss": {"alfa": 1}}, "dice_loss.alfa: .*'alpha'"),
        ("cross_entropy+ldam_loss", {}, "ldam_loss.class_counts: got None"),
        ("cross_entropy+binary_cross_entropy", {}, "expected one activation"),
    ],
)
def test_wrong_sums_are_one_line(name, arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        imbalance.losses.get(name, **arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([], "a list of losses"),
        ([keras.losses.CategoricalCrossentropy()], "a loss of this library"),
        ([CrossEntropy(), CrossEntropy(reduction="sum")], "expected one reduction"),
        ([CrossEntropy(), CrossEntropy(from_logits=False)], "expected one from_logits"),
        ([CrossEntropy(), BinaryCrossEntropy()], "expected one activation"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(losses, message):
    with pytest.raises(ValueError, match=message):
        CompoundLoss(losses)


def test_a_second_average_is_refused():
    loss = CompoundLoss([GHMLoss(momentum=0.5), GHMLoss(momentum=0.9)])
    with pytest.raises(ValueError, match="at most one part with a moving average"):
        model_with(loss)
