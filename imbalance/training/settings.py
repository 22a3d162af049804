"""What a configuration asks for: refused where it cannot be done, and completed by the data."""

import dataclasses

from imbalance import checks, losses, registry, tasks, weights
from imbalance.config import LossConfig, RunConfig
from imbalance.data.tokens import Tokenizer
from imbalance.training import class_weights, decisions, precision, pretraining

_CROSS_ENTROPIES = {"cross_entropy", "binary_cross_entropy"}


def check(config: RunConfig) -> None:
    """Refuse a loss or model that cannot be built, or a decision that cannot be fitted, before
    the data is read.

    Raises:
        InputError: if a name, an argument or a value is wrong.
    """
    # Also for the dictionary of the user.
    Tokenizer.from_config(config.data, config.task)
    class_weights.check(config.training.class_weight)
    decisions.check(config)
    pretraining.options(config.training)
    filled = losses.weighted_arguments(config.loss.name)
    if filled and config.training.class_weight != "none":
        raise checks.wrong(
            "training.class_weight",
            config.training.class_weight,
            f"none: {config.loss.name} weighs the classes already, by {', '.join(filled)}",
        )
    loss = registry.build_loss(config.loss, class_weights=[1.0], class_counts=[1])
    _check_something_sets_in(config)
    if config.task == "reading":
        _check_no_classes(config, loss)
    registry.check_fitting(config)
    dtype = precision.resolve(config.training.precision)
    of_tokens = tasks.get(config.task).of_tokens
    registry.build_model(config.model, vocabulary_size=3, units=2, of_tokens=of_tokens, dtype=dtype)


def _check_something_sets_in(config: RunConfig) -> None:
    share, name = config.training.cross_entropy_first, config.loss.name
    if share and {losses.ALIASES[part] for part in losses.parts(name)} <= _CROSS_ENTROPIES:
        raise checks.wrong(
            "training.cross_entropy_first", share, f"0: {name} is a cross entropy from the start"
        )


def _check_no_classes(config: RunConfig, loss: losses.ImbalanceLoss) -> None:
    """Refuse weights and counts of classes where a choice is one of positions."""
    if any(losses.entry(name).data_arguments for name in losses.parts(config.loss.name)):
        raise checks.wrong(
            "loss", config.loss.name, "one without weights or counts of classes: answers have none"
        )
    if not loss.of_positions:
        raise checks.wrong(
            "loss",
            config.loss.name,
            "cross_entropy, focal_loss, ghm_loss or poly1_loss, or a loss with the argument "
            "activation: sigmoid",
        )
    if config.training.class_weight != "none":
        raise checks.wrong(
            "training.class_weight", config.training.class_weight, "none: answers have no classes"
        )


def resolve(config: RunConfig, counts) -> RunConfig:
    """Return the configuration with what only data and machine can decide filled in.

    Args:
        config: the run's configuration.
        counts: training rows of each class.
    """
    draws = weights.expected_draws(counts, config.training.sampling)
    balanced = weights.scale_to_mean_one(weights.balanced_weights(counts), draws)
    # What a loss corrects is the distribution it meets: that of the rows drawn.
    arguments = registry.loss_arguments(config.loss, balanced, draws)
    return dataclasses.replace(
        config,
        loss=LossConfig(config.loss.name, arguments),
        training=dataclasses.replace(
            config.training, precision=precision.resolve(config.training.precision)
        ),
    )
