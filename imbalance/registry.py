"""Explicit tables from names, as configurations write them, to what they build."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType

from imbalance import checks, losses, models
from imbalance.config import LossConfig, ModelConfig, RunConfig

LOSSES = losses.TABLE

MODELS: Mapping[str, Callable] = MappingProxyType(
    {
        "text_cnn": models.text_cnn,
        "wide_text_cnn": models.wide_text_cnn,
        "bigru": models.bigru,
        "siamese_cnn": models.siamese_cnn,
        "bert": models.bert_classifier,
    }
)

# From ids to logits of each token.
TOKEN_MODELS: Mapping[str, Callable] = MappingProxyType(
    {
        "dilated_cnn": models.dilated_cnn,
        "bigru_tagger": models.bigru_tagger,
        "reader_cnn": models.reader_cnn,
        "bert": models.bert_tagger,
    }
)

# What is read, to the networks that can make something of it.
FITTING: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "texts": tuple(name for name in MODELS if name != "siamese_cnn"),
        "pairs of texts": tuple(MODELS),
        "tokens": tuple(name for name in TOKEN_MODELS if name != "reader_cnn"),
        "answers": ("reader_cnn", "bert"),
    }
)


def check_fitting(config: RunConfig) -> None:
    """Refuse a network of the wrong kind for the task.

    Raises:
        InputError: with the names of those that fit.

    Example:
        >>> check_fitting(RunConfig.from_mapping({"task": "span", "model": "reader_cnn"}))
        ... # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        imbalance.checks.InputError: model: got 'reader_cnn', expected one for tokens: ...
    """
    reads = "answers" if config.task == "reading" else "tokens"
    if config.task == "classification":
        reads = "pairs of texts" if config.data.pairs else "texts"
    name, fitting = config.model.name, FITTING[reads]
    if name not in fitting and (name in MODELS or name in TOKEN_MODELS):
        raise checks.wrong("model", name, f"one for {reads}: {', '.join(fitting)}")


def build_loss(
    config: LossConfig,
    class_weights=None,
    class_counts=None,
    reduction: str = "sum_over_batch_size",
) -> losses.ImbalanceLoss:
    """Build the configured loss.

    Args:
        config: name and arguments.
        class_weights, class_counts: one number a class, for the arguments that the data fills
            when the configuration does not give them.
        reduction: of the values of rows, or of tokens.

    Raises:
        InputError: if a name, an argument or a value is wrong.
    """
    # Not the arguments common to all losses: the network gives logits, training reduces.
    losses.check_arguments("loss.args", config.name, config.args)
    arguments = loss_arguments(config, class_weights, class_counts)
    return losses.get(config.name, reduction=reduction, **arguments)


def loss_arguments(config: LossConfig, class_weights=None, class_counts=None) -> dict:
    """Return the configured arguments of a loss, those that the data fills included."""
    data = {"class_weights": class_weights, "class_counts": class_counts}
    return losses.fill(config.name, config.args, **data)


def build_model(
    config: ModelConfig, *, vocabulary_size: int, units: int, of_tokens: bool = False, dtype=None
):
    """Build the configured network.

    Args:
        config: name and arguments.
        vocabulary_size: number of token ids.
        units: number of logits.
        of_tokens: whether each token is to have logits, or a text.
        dtype: policy of its layers.

    Raises:
        InputError: if a name, an argument or a value is wrong.
    """
    table = TOKEN_MODELS if of_tokens else MODELS
    if config.name not in table:
        raise checks.unknown("model", config.name, table)
    build = table[config.name]
    own = [
        name
        for name, parameter in inspect.signature(build).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name != "dtype"
    ]
    checks.keys("model.args", config.args, own)
    for name, parameter in inspect.signature(build).parameters.items():
        if name in own and parameter.default is parameter.empty and name not in config.args:
            raise checks.InputError(
                f"model.args.{name}: got nothing, expected a value, since {config.name} needs one"
            )
    return build(vocabulary_size, units, dtype=dtype, **config.args)
