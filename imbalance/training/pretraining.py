"""A start for the token vectors of a network that is better than chance."""

import logging

import keras

from imbalance import checks, models
from imbalance.config import PAIR_SEPARATOR, TrainingConfig
from imbalance.data.corpus import Corpus
from imbalance.data.skip_gram import SkipGram, token_vectors
from imbalance.data.vocabulary import SEPARATOR, TextEncoder

_log = logging.getLogger(__name__)


def options(settings: TrainingConfig) -> SkipGram:
    """Return ``training.pretrain_args`` as they are used.

    Raises:
        InputError: if a name or a value is wrong.

    Example:
        >>> options(TrainingConfig(pretrain="skip_gram", pretrain_args={"window": 3})).window
        3
    """
    known = SkipGram.__dataclass_fields__
    checks.keys("training.pretrain_args", settings.pretrain_args, known)
    return SkipGram(**settings.pretrain_args)


def start(
    model: keras.Model, corpus: Corpus, encoder: TextEncoder, settings: TrainingConfig
) -> None:
    """Put vectors learnt from the training texts into the network, as ``settings`` say.

    They are put in as they were learnt, not scaled. Tokens without one, and the padding, keep what
    the network's initializer gave them.

    Args:
        model: a network with one table of token vectors, which is changed.
        corpus: its training texts are read.
        encoder: tokenizer and vocabulary of the network.
        settings: ``pretrain``, ``pretrain_args`` and ``seed`` are used.

    Raises:
        InputError: if the network has no such table, or no token stands often enough.
    """
    if any(layer.name == "bert_inputs" for layer in model.layers):
        _start_bert(model, encoder)
    if settings.pretrain == "none":
        return
    size = len(encoder.vocabulary)
    tables = [
        each
        for each in model.trainable_variables
        if each.name == "embeddings" and each.shape[0] == size
    ]
    if len(tables) != 1:
        raise checks.wrong(
            "training.pretrain",
            settings.pretrain,
            f"none: the network has {len(tables)} tables of token vectors, not one",
        )
    [table] = tables
    ids, vectors = token_vectors(
        corpus, encoder, options(settings), dimension=table.shape[1], seed=settings.seed
    )
    values = keras.ops.convert_to_numpy(table).copy()
    values[ids] = vectors
    table.assign(values)


def _start_bert(model: keras.Model, encoder: TextEncoder) -> None:
    tokens = [PAIR_SEPARATOR if each == SEPARATOR else each for each in encoder.vocabulary]
    unknown = models.use_vocabulary(model, tokens)
    _log.info(
        "bert: %s of %s tokens are unknown to it%s",
        *(f"{len(unknown):,}", f"{len(tokens):,}"),
        ": " + " ".join(map(repr, unknown[:5])) if unknown else "",
    )
