import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from imbalance import metrics, registry
from imbalance.config import RunConfig
from imbalance.training.diagnosis import Diagnosis
from imbalance.training.findings import Findings
from imbalance.training.gradient_share import Gradients

CLASSES = ("a", "b", "rare")
COUNTS = np.array([90, 8, 2])
ONE_CLASS, HEALTHY = [0, 0, 0, 0], [0, 0, 1, 0]
# Labels, wrong ones, and gradients: of all, of the wrong ones, of a network that knows nothing.
LATER = "--set training.cross_entropy_first=0.5, or a lower training.learning_rate"
LEARNING = Gradients(*np.array([[9, 4, 2], [1, 2, 2], [2, 2, 2], [1, 1, 2], [4, 2, 1]], float))


class Watched:
    """A diagnosis of epochs that are made up."""

    def __init__(self, loss="dice_loss", **training):
        config = RunConfig.from_mapping({"loss": loss, "training": training})
        self.findings = Findings()
        self.metric = metrics.MacroF1(3)
        self.batches = SimpleNamespace(steps=100, held=np.array([100, 60, 15]))
        self.gradients = SimpleNamespace(latest=LEARNING)
        self.callback = Diagnosis(
            *(self.findings, config, CLASSES, COUNTS),
            *([self.metric], self.batches, self.gradients),
        )
        loss = registry.build_loss(config.loss, [1], [1])
        self.callback.set_model(SimpleNamespace(loss=loss))
        self.epochs = 0

    def epoch(self, predicted=HEALTHY):
        self.callback.on_epoch_begin(self.epochs)
        self.metric.reset_state()
        self.metric.update_state([0, 0, 1, 2], keras.ops.one_hot(predicted, 3))
        self.callback.on_test_end()
        self.callback.on_epoch_end(self.epochs)
        self.epochs += 1
        return self

    @property
    def told(self) -> dict:
        return self.findings.messages


def test_nothing_is_said_of_a_healthy_training():
    watched = Watched().epoch(ONE_CLASS).epoch().epoch(ONE_CLASS).epoch()
    watched.callback.on_train_end()
    assert watched.told == {}


def test_a_collapse_is_told_in_the_second_epoch_and_once(caplog):
    watched = Watched().epoch().epoch(ONE_CLASS)
    assert not caplog.messages
    for _ in range(3):
        watched.epoch(ONE_CLASS)
    watched.callback.on_train_end()
    assert caplog.messages == [
        "epochs 2 and 3: 'a' is predicted for the whole of validation: it is the most frequent "
        "class; try more epochs, or --class-weight balanced"
    ]
    assert watched.told == {"collapse": caplog.messages[0]}


def test_a_collapse_of_the_last_epoch_is_told_at_the_end():
    watched = Watched().epoch().epoch(ONE_CLASS)
    watched.callback.on_train_end()
    assert watched.told["collapse"].startswith("epoch 2: 'a' is predicted for the whole")


def test_the_end_of_a_collapse_is_told_and_kept(caplog):
    watched = Watched().epoch(ONE_CLASS).epoch(ONE_CLASS).epoch().epoch()
    assert caplog.messages[1:] == ["epoch 3: several classes are predicted"]
    assert watched.told["collapse"].endswith("balanced; epoch 3: several classes are predicted")


def test_one_class_that_is_all_there_is_no_collapse():
    watched = Watched()
    watched.callback.on_epoch_begin(0)
    watched.metric.update_state([0, 0], [[1.0, 0, 0], [1.0, 0, 0]])
    watched.callback.on_test_end()
    watched.callback.on_train_end()
    assert watched.told == {}


@pytest.mark.parametrize(
    ("loss", "training", "predicted", "advice"),
    [
        ("ce", {"class_weight": "balanced"}, ONE_CLASS, "try more epochs, or another loss"),
        ("ce", {}, [1] * 4, "try a lower training.learning_rate"),
        ("weight_cross_entropy", {}, [1] * 4, "a lower training.learning_rate or no class weights"),
        (
            "dsc",
            {},
            [1] * 4,
            f"try --loss cross_entropy+dsc, {LATER}",
        ),
        (
            "dsc",
            {"cross_entropy_first": 0.5},
            [1] * 4,
            "try --loss cross_entropy+dsc, or a lower training.learning_rate",
        ),
    ],
)
def test_what_to_do_against_a_collapse(loss, training, predicted, advice):
    watched = Watched(loss, **training).epoch(predicted).epoch(predicted)
    assert watched.told["collapse"].endswith(advice)


def test_a_class_that_no_batch_held_is_told():
    watched = Watched(sampling="effective_number").epoch()
    assert watched.told == {}
    watched.batches.held = np.array([100, 60])  # ids end with the largest
    watched.epoch()
    assert list(watched.told) == ["class in no batch"]
    assert watched.told["class in no batch"].startswith("epoch 2: no batch held 'rare'; ")


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        ("dice_loss", True),
        ("cross_entropy+soft_f1_loss", True),
        ("unified_focal_loss", True),
        ("cross_entropy", False),
        ("dsc_loss", False),
    ],
)
def test_a_class_that_few_batches_held_is_told_of_losses_over_the_batch(loss, told):
    watched = Watched(loss)
    watched.batches.held = np.array([100, 10, 9])
    watched.epoch()
    assert (list(watched.told) == ["class in few batches"]) == told
    if told:
        [message] = watched.told.values()
        assert message.startswith("epoch 1: of 100 batches only 9 or fewer held 'rare', and ")
        assert message.endswith("a larger training.batch_size or --sampling square_root")


@pytest.mark.parametrize(
    ("loss", "advice"),
    [
        ("dsc_loss", f"try --loss cross_entropy+dsc_loss, {LATER}"),
        (
            {"name": "dsc", "args": {"activation": "sigmoid"}},
            f"--loss binary_cross_entropy+dsc --loss-arg 'dsc={{activation: sigmoid}}', {LATER}",
        ),
        ("variant_crossentropy", f"--loss binary_cross_entropy+variant_crossentropy, {LATER}"),
        ("cross_entropy+dsc_loss", "change that: try a lower training.learning_rate"),
    ],
)
def test_a_vanished_gradient_of_wrong_rows_is_told(loss, advice):
    watched = Watched(loss).epoch()
    assert watched.told == {}
    watched.gradients.latest = LEARNING._replace(of_wrong=np.array([1.0, 1.0, 0.0099]))
    watched.epoch()
    assert list(watched.told) == ["vanished gradient"]
    [message] = watched.told.values()
    assert message.startswith("epoch 2: most of what training labels 'rare' is predicted wrong")
    assert message.endswith(advice)


@pytest.mark.parametrize("wrong", [0, 4])
def test_no_gradient_where_most_rows_are_right_has_not_vanished(wrong):
    watched = Watched()
    nothing = np.zeros(3)
    watched.gradients.latest = Gradients(
        labels=np.full(3, 9.0),
        wrong=np.full(3, wrong),
        all=nothing,
        of_wrong=nothing,
        uninformed=np.ones(3),
    )
    assert watched.epoch().told == {}


def test_a_resumed_training_warns_as_one_that_was_not_killed(caplog):
    epochs = [ONE_CLASS, ONE_CLASS, HEALTHY, ONE_CLASS]
    whole = Watched()
    for each in epochs:
        whole.epoch(each)
    whole.callback.on_train_end()
    told = list(caplog.messages)
    for done in range(1, len(epochs)):
        caplog.clear()
        killed, resumed = Watched(), Watched()
        for each in epochs[:done]:
            killed.epoch(each)
        resumed.callback.set_state(json.loads(json.dumps(killed.callback.get_state())))
        resumed.epochs = done
        for each in epochs[done:]:
            resumed.epoch(each)
        resumed.callback.on_train_end()
        assert resumed.told == whole.told
        assert caplog.messages == told
