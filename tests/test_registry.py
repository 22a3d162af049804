import pytest

from imbalance import registry
from imbalance.checks import InputError
from imbalance.config import LossConfig, ModelConfig


def test_class_weights_fill_what_the_data_decides():
    loss = registry.build_loss(LossConfig("weight_focal_loss", {"gamma": 1}), [1.0, 2.0])
    assert (loss.gamma, loss.alpha) == (1.0, (1.0, 2.0))


def test_given_weights_win_over_those_of_the_data():
    config = LossConfig("weight_cross_entropy", {"class_weight": [3.0, 4.0]})
    assert registry.build_loss(config, [1.0, 2.0]).class_weight == (3.0, 4.0)


def test_class_counts_fill_a_part_of_a_sum():
    config = LossConfig("cross_entropy+ldam_loss", {"ldam_loss": {"max_margin": 2}})
    loss = registry.build_loss(config, [1.0, 2.0], [8, 2])
    assert (loss.losses[1].class_counts, loss.losses[1].max_margin) == ((8.0, 2.0), 2.0)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (LossConfig("focal_los"), "did you mean 'focal_loss'"),
        (LossConfig("focal_loss", {"gama": 1}), "loss.args.gama: unknown key"),
        (LossConfig("focal_loss", {"gamma": -1}), "gamma: got -1"),
        (LossConfig("weight_cross_entropy"), "class_weight"),
        (LossConfig("ce+dise_loss"), "got 'dise_loss'.*did you mean 'dice_loss'"),
        (LossConfig("ce+dice", {"dice": {"alfa": 1}}), "loss.args.dice.alfa: .*'alpha'"),
    ],
)
def test_bad_losses_are_refused(config, message):
    with pytest.raises(InputError, match=message):
        registry.build_loss(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ModelConfig("textcnn"), "did you mean 'text_cnn'"),
        (ModelConfig("text_cnn", {"filter": 1}), "model.args.filter: unknown key.*'filters'"),
        (ModelConfig("text_cnn", {"dtype": "float16"}), "model.args.dtype: unknown key"),
    ],
)
def test_bad_models_are_refused(config, message):
    with pytest.raises(InputError, match=message):
        registry.build_model(config, vocabulary_size=3, units=2)
