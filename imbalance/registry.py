"""Explicit tables from names, as configurations write them, to what they build."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType

from imbalance import checks, losses, models
from imbalance.config import LossConfig, ModelConfig

LOSSES = losses.TABLE

MODELS: Mapping[str, Callable] = MappingProxyType({"text_cnn": models.text_cnn})


def build_loss(config: LossConfig, class_weights=None) -> losses.ImbalanceLoss:
    """Build the configured loss.

    Args:
        config: name and arguments.
        class_weights: one number a class, for the arguments that the data fills when the
            configuration does not give them.

    Raises:
        InputError: if a name, an argument or a value is wrong.
    """
    # Not the arguments common to all losses: the network gives logits, training reduces.
    checks.keys("loss.args", config.args, losses.entry(config.name).parameters)
    return losses.get(config.name, **loss_arguments(config, class_weights))


def loss_arguments(config: LossConfig, class_weights=None) -> dict:
    """Return the configured arguments of a loss, those that the data fills included."""
    given = dict(config.args)
    for name in losses.entry(config.name).data_arguments:
        if given.get(name) is None and class_weights is not None:
            given[name] = [float(weight) for weight in class_weights]
    return given


def build_model(config: ModelConfig, *, vocabulary_size: int, units: int, dtype=None):
    """Build the configured network.

    Args:
        config: name and arguments.
        vocabulary_size: number of token ids.
        units: number of logits.
        dtype: policy of its layers.

    Raises:
        InputError: if a name, an argument or a value is wrong.
    """
    if config.name not in MODELS:
        raise checks.unknown("model", config.name, MODELS)
    build = MODELS[config.name]
    own = [
        name
        for name, parameter in inspect.signature(build).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name != "dtype"
    ]
    checks.keys("model.args", config.args, own)
    return build(vocabulary_size, units, dtype=dtype, **config.args)
