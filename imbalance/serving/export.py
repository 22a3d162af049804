"""Export a run's network as a SavedModel that takes raw text."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score, f1_score

from imbalance import models
from imbalance.config import PAIR_SEPARATOR, ServingConfig
from imbalance.run_folder import Run
from imbalance.serving import tables

_TEXTS_AT_ONCE = 256


class Export(NamedTuple):
    """What was exported.

    Attributes:
        path: the version's folder.
        tables: type of the tables that stand for the convolutions, or ``none``.
        remark: how the convolutions are computed and why, in a few words.
    """

    path: Path
    tables: str
    remark: str


def export(run: Run, folder, config: ServingConfig | None = None) -> Export:
    """Write ``folder/<version>/``, a SavedModel for TensorFlow Serving.

    Its signature ``serving_default`` takes ``text``, strings of shape (batch,), or of pairs
    ``text_a`` and ``text_b``, and returns
    ``label`` (batch,), string; ``score`` (batch,), float32, the probability of that label; and
    ``probabilities`` (batch, classes), float32, all by the run's decision layer. For a network of
    words the input is the words of each text joined by blanks. It needs TensorFlow alone to load.

    Args:
        run: the run to export.
        folder: where the version folders are; a new version never replaces an old one.
        config: whether tables replace the convolutions; by default where they are faster.
    """
    config = config or ServingConfig()
    # Read before tracing: a network read inside the traced function would not have its weights.
    model, encoder, activation = run.model, run.encoder, run.activation
    labels = tf.constant(run.labels)
    temperature, weights = run.decision.temperature, tf.constant(run.decision.weights)
    network = _network(model, config)

    def answer(text):
        logits = network.logits(encoder(text))
        probabilities = models.probabilities(logits / temperature, activation)
        decided = tf.argmax(probabilities * weights, axis=1)
        return {
            "label": tf.gather(labels, decided),
            "score": tf.gather(probabilities, decided, batch_dims=1),
            "probabilities": probabilities,
        }

    def answer_pair(text_a, text_b):
        sides = [tf.strings.regex_replace(each, PAIR_SEPARATOR, " ") for each in (text_a, text_b)]
        return answer(tf.strings.join(sides, PAIR_SEPARATOR))

    names = ("text_a", "text_b") if encoder.tokenizer.pairs else ("text",)
    serve = tf.function(
        answer_pair if encoder.tokenizer.pairs else answer,
        input_signature=[tf.TensorSpec([None], tf.string, name=name) for name in names],
    )
    archive = keras.export.ExportArchive()
    for each in (encoder, *network.parts):
        archive.track(each)
    archive.add_endpoint("serve", serve)

    folder = Path(folder)
    taken = [int(each.name) for each in folder.glob("*") if each.name.isdigit()]
    version = folder / str(max(taken, default=0) + 1)
    # Written beside it and renamed: a server must never see half a version.
    temporary = folder / f".{version.name}.partial-{os.getpid()}"
    archive.write_out(temporary, verbose=False)
    temporary.rename(version)
    return Export(version, network.tables, network.remark)


def cost_of_rounding(run: Run, exported: Export, texts: Sequence[str], labels) -> str:
    """Return in a line what a SavedModel loses beside the network that it was made from.

    Args:
        run: the run.
        exported: what :func:`export` returned for it.
        texts: raw texts.
        labels: class ids of the texts.
    """
    serve = tf.saved_model.load(exported.path).signatures["serving_default"]
    computed = run.decision.decide(run.probabilities(texts))
    texts = run.encoder.tokenizer.prepare(texts)
    served = run.decision.decide(
        np.concatenate(
            [
                serve(text=tf.constant(texts[start : start + _TEXTS_AT_ONCE]))["probabilities"]
                for start in range(0, len(texts), _TEXTS_AT_ONCE)
            ]
        )
    )

    def scores(found):
        macro = f1_score(labels, found, average="macro", zero_division=0)
        return f"accuracy {accuracy_score(labels, found):.4f}, macro-F1 {macro:.4f}"

    return (
        f"{exported.tables} tables on {len(texts)} texts: {(served == computed).sum()} labels as "
        f"of the network; {scores(served)} (network {scores(computed)})"
    )


class _Network(NamedTuple):
    """A network as it is served: from ids to logits, what holds its weights, and how it computes,
    as of :class:`Export`.
    """

    logits: Callable
    parts: tuple
    tables: str
    remark: str


def _network(model: keras.Model, config: ServingConfig) -> _Network:
    """Return the network with tables for its convolutions where it has such as can be replaced:
    those of a layer ``features`` that reads token ids.
    """
    features = next((each for each in model.layers if each.name == "features"), None)
    if not isinstance(features, models.TokenConvolutions):
        dtype, remark = "none", "without tables: the network has no layer that they could stand for"
    else:
        dtype, remark = _tables(features, config)
    if dtype == "none":
        plain = _plain(model)
        return _Network(lambda ids: plain(ids, training=False), (plain,), dtype, remark)
    read = keras.Model(model.input, features.input)
    head = keras.Model([model.input, features.output], model.output)
    body = tables.FoldedConvolutions(features, dtype)

    def logits(ids):
        return head([ids, body(read(ids, training=False))], training=False)

    return _Network(logits, (read, body, head), dtype, remark)


def _plain(model: keras.Model) -> keras.Model:
    """Return the network with plain convolutions, which need no XLA."""

    def copied(layer):
        config = layer.get_config()
        if isinstance(layer, models.TokenConvolutions):
            config["implementation"] = "dense"
        return type(layer).from_config(config)

    plain = keras.models.clone_model(model, clone_function=copied)
    plain.set_weights(model.get_weights())
    return plain


def _tables(features: models.TokenConvolutions, config: ServingConfig) -> tuple[str, str]:
    """Return the type of the tables, or ``none``, and why."""
    if config.tables == "none":
        return "none", "without tables"
    if config.tables != "auto":
        size = tables.megabytes(features, config.tables)
        return config.tables, f"{config.tables} tables, {size} MB"
    size = tables.megabytes(features, "float32")
    if not features.by_tables:
        return "none", "without tables: the network computes without"
    if size > config.table_megabytes:
        limit = config.table_megabytes
        return "none", f"without tables: {size} MB, serving.table_megabytes is {limit}"
    return "float32", f"float32 tables, {size} MB"
