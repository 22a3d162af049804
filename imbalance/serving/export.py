"""Export a run's network as a SavedModel that takes raw text."""

import functools
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score, f1_score

from imbalance import models
from imbalance.config import RunConfig, ServingConfig
from imbalance.data.vocabulary import padded
from imbalance.run_folder import Run
from imbalance.serving import evidence, model_card, tables, versions, word_graph
from imbalance.serving.refusals import require, require_pairs
from imbalance.serving.text_ids import TextIds
from imbalance.serving.warmup import Request

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


def check(config: RunConfig) -> None:
    """Refuse a run that could not be exported, before it is trained.

    Raises:
        InputError: if its SavedModel needs tensorflow-text, which is absent.
    """
    # Not imported yet: it takes seconds.
    if config.data.tokens == "words" and importlib.util.find_spec("tensorflow_text") is None:
        raise word_graph.absent()


def export(run: Run, folder, config: ServingConfig | None = None) -> Export:
    """Write ``folder/<version>/``, a SavedModel for TensorFlow Serving.

    It takes raw text, cuts words by itself (see :mod:`imbalance.serving.word_graph`), and has
    these signatures, with a batch of any size:

    ``serving_default``
        takes ``text``, strings of shape (batch,), or of pairs ``text_a`` and ``text_b``, and
        returns ``label`` (batch,), string; ``score`` (batch,), float32, the probability of that
        label; and ``probabilities`` (batch, classes), float32, all by the run's decision layer.
        ``serve``, Keras's name, is the same.
    ``top_k``
        takes besides ``k``, an int32 scalar of at least 1, and returns ``labels``, string, and
        ``scores``, float32, their probabilities, of shape (batch, k) or, of fewer classes,
        (batch, classes), in the order in which the decision layer prefers them.
    ``tokens``
        takes ``tokens``, or of pairs ``tokens_a`` and ``tokens_b``: strings of shape (batch,
        tokens), the texts already segmented, a row padded by empty strings. It returns what
        ``serving_default`` does.
    ``explain``
        of ``text_cnn`` and ``wide_text_cnn`` for single texts: takes ``text`` and returns what
        ``serving_default`` does, and the n-grams that speak for the label, or against it:
        ``start`` and ``end``, int32, offsets in code points of the raw text, the end exclusive,
        and ``contribution``, float32, of shape (batch, most n-grams of a text), the largest by
        amount first; where a text has fewer they are -1, -1 and 0. Further ``logit`` and ``bias``,
        float32 (batch,). The contributions of a text and its bias add up to its logit, but for
        rounding. This is the logit of the label as the network gives it, before temperature,
        prior correction and offsets; of a network with a single output it is the output of the
        second class, and its negative of the first. See :class:`evidence.NgramEvidence`.

    A byte that is no UTF-8 is read as U+FFFD and counts as one code point. ``assets/`` holds what
    :func:`model_card.assets` says. It needs TensorFlow alone to load; of words, in Python,
    tensorflow-text besides.

    Args:
        run: the run to export.
        folder: where the version folders are; a new version never replaces an old one.
        config: whether tables replace the convolutions; by default where they are faster.

    Raises:
        InputError: if tensorflow-text is needed and absent.
    """
    config = config or ServingConfig()
    network = _network(run.model, config)
    pairs = run.encoder.tokenizer.pairs
    serving = _Endpoints(run, network)
    texts = [tf.TensorSpec([None], tf.string, name=name) for name in _names("text", pairs)]
    tokens = [tf.TensorSpec([None, None], tf.string, name=name) for name in _names("tokens", pairs)]
    k = tf.TensorSpec([], tf.int32, name="k")
    endpoints = {
        "serve": (serving.answer_pairs if pairs else serving.answer, texts),
        "top_k": (serving.top_k_of_pairs if pairs else serving.top_k, [*texts, k]),
        "tokens": (serving.pairs_of_tokens if pairs else serving.tokens, tokens),
    }
    limits = [f"Convolutions: {network.remark}."] if network.tables == "float16" else []
    if serving.evidence is not None:
        endpoints["explain"] = serving.explain, texts
    else:
        which = "pairs of texts" if pairs else f"the network {run.model.name}"
        limits.append(f"No signature explain: there is none of {which}.")

    archive = keras.export.ExportArchive()
    for each in (serving.text_ids, *network.parts):
        archive.track(each)
    described = {}
    for name, (function, inputs) in endpoints.items():
        function = tf.function(function, input_signature=inputs, autograph=False)
        outputs = archive.add_endpoint(name, function).get_concrete_function().structured_outputs
        # The first endpoint is the default one as well.
        public = "serving_default" if name == "serve" else name
        described[public] = model_card.signature(inputs, outputs)
    path = versions.write(
        archive, folder, model_card.assets(run, described, limits), _requests(described)
    )
    return Export(path, network.tables, network.remark)


def _names(name: str, pairs: bool) -> tuple[str, ...]:
    return (f"{name}_a", f"{name}_b") if pairs else (name,)


def _requests(described: dict) -> list[Request]:
    """Return requests of each signature: of a single text and, of the default one, of several.
    These are the sizes that are compiled.
    """

    def value(name, batch):
        if name == "k":
            return np.int32(1)
        return np.full([batch, 2] if name.startswith("tokens") else [batch], "a 中")

    return [
        Request(name, {each: value(each, batch) for each in signature["inputs"]})
        for name, signature in described.items()
        for batch in ((1, 2) if name == "serving_default" else (1,))
    ]


class _Endpoints:
    """What the signatures do; :func:`export` says what each takes and returns."""

    def __init__(self, run: Run, network: "_Network"):
        self.text_ids = TextIds(run.encoder)
        self.evidence = None if run.encoder.tokenizer.pairs else network.evidence
        self._labels = tf.constant(run.labels)
        self._decision, self._activation = run.decision, run.activation

        def shared(function, shape, dtype):
            """Let it be in the file once, however many signatures call it."""
            return tf.function(
                function, input_signature=[tf.TensorSpec(shape, dtype)], autograph=False
            )

        self._ids = shared(self.text_ids.__call__, [None], tf.string)
        self._logits = shared(network.logits, [None, None], tf.int32)

    def answer(self, text):
        return self._answer(self._logits(self._ids(text)))

    def answer_pairs(self, text_a, text_b):
        with tf.control_dependencies([require_pairs(text_a=text_a, text_b=text_b)]):
            return self._answer(self._logits(self.text_ids.of_pairs(text_a, text_b)))

    def tokens(self, tokens):
        return self._answer(self._logits(self.text_ids.of_tokens(tokens)))

    def pairs_of_tokens(self, tokens_a, tokens_b):
        with tf.control_dependencies([require_pairs(tokens_a=tokens_a, tokens_b=tokens_b)]):
            return self._answer(self._logits(self.text_ids.of_pairs_of_tokens(tokens_a, tokens_b)))

    def top_k(self, text, k):
        return self._top(self._logits(self._ids(text)), k)

    def top_k_of_pairs(self, text_a, text_b, k):
        with tf.control_dependencies([require_pairs(text_a=text_a, text_b=text_b)]):
            return self._top(self._logits(self.text_ids.of_pairs(text_a, text_b)), k)

    def explain(self, text):
        placed = self.text_ids.placed(text)
        logits = self._logits(padded(placed.ids))
        decided = self._decided(self._probabilities(logits))
        unit, sign = decided, tf.ones_like(decided, tf.float32)
        if logits.shape[-1] == 1:
            unit, sign = tf.zeros_like(decided), 2 * tf.cast(decided, tf.float32) - 1
        found = self.evidence(placed, unit)
        return {
            **self._answer(logits),
            "start": found.starts.to_tensor(default_value=-1),
            "end": found.ends.to_tensor(default_value=-1),
            "contribution": found.contributions.to_tensor() * sign[:, tf.newaxis],
            "logit": tf.gather(logits, unit, batch_dims=1) * sign,
            "bias": self.evidence.bias(unit) * sign,
        }

    def _answer(self, logits):
        probabilities = self._probabilities(logits)
        decided = self._decided(probabilities)
        return {
            "label": tf.gather(self._labels, decided),
            "score": tf.gather(probabilities, decided, batch_dims=1),
            "probabilities": probabilities,
        }

    def _top(self, logits, k):
        probabilities = self._probabilities(logits)
        with tf.control_dependencies([require(k > 0, "k: got {}, expected at least 1", k)]):
            k = tf.minimum(k, tf.size(self._labels))
        order = tf.math.top_k(probabilities * self._decision.weights, k).indices
        return {
            "labels": tf.gather(self._labels, order),
            "scores": tf.gather(probabilities, order, batch_dims=1),
        }

    def _probabilities(self, logits):
        return models.probabilities(logits / self._decision.temperature, self._activation)

    def _decided(self, probabilities):
        return tf.argmax(probabilities * self._decision.weights, axis=1)


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
    as of :class:`Export`; and what takes logits apart, or None.
    """

    logits: Callable
    parts: tuple
    tables: str
    remark: str
    evidence: evidence.NgramEvidence | None


def _network(model: keras.Model, config: ServingConfig) -> _Network:
    """Return the network with tables for its convolutions where it has such as can be replaced:
    those of a layer ``features`` that reads token ids.
    """
    features = next((each for each in model.layers if each.name == "features"), None)
    if not isinstance(features, models.TokenConvolutions):
        dtype, remark = "none", "without tables: the network has no layer that they could stand for"
    else:
        dtype, remark = _tables(features, config)
    can_explain = model.name in evidence.NETWORKS
    body = None
    if dtype == "none":
        model = _plain(model)
        parts, logits = (model,), functools.partial(_of_any_number, model)
    if dtype != "none" or can_explain:
        features = model.get_layer("features")
        read = keras.Model(model.input, features.input)
    if dtype != "none":
        head = keras.Model([model.input, features.output], model.output)
        body = tables.FoldedConvolutions(features, dtype)
        parts = (read, body, head)

        def logits(ids):
            return head([ids, body(read(ids, training=False))], training=False)

    explained = evidence.NgramEvidence(model, read, body) if can_explain else None
    return _Network(logits, parts, dtype, remark, explained)


def _of_any_number(model: keras.Model, ids):
    """Return the logits of texts, be there any or none."""
    texts = tf.shape(ids)[0]
    # On one thread TensorFlow's convolution of nothing has the channels of its input, not its own.
    some = tf.pad(ids, [[0, tf.cast(texts == 0, tf.int32)], [0, 0]])
    return model(some, training=False)[:texts]


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
