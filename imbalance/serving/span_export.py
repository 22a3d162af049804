"""Export a network for tokens as a SavedModel: raw text in, spans with their offsets out."""

from pathlib import Path

import keras
import tensorflow as tf

from imbalance import models
from imbalance.config import PAIR_SEPARATOR
from imbalance.data.vocabulary import SEPARATOR_ID
from imbalance.run_folder import Run
from imbalance.serving import model_card, span_graph, versions
from imbalance.serving.refusals import require_pairs
from imbalance.serving.warmup import Request
from imbalance.tasks.reading import LONGEST_ANSWER


def export(run: Run, folder) -> Path:
    """Write ``folder/<version>/``, a SavedModel for TensorFlow Serving, and return its path.

    The signature ``serving_default`` of a run with spans takes ``text``, strings of shape
    (batch,), and returns ``count``, int32 (batch,), the spans of each text, and of shape (batch,
    most spans of a text) ``start`` and ``end``, int32, offsets in characters, the end exclusive,
    -1 where a text has fewer; ``type``, string; and ``score``, float32. Where each span is a
    word, the words of a text are what blanks separate.

    That of a run with answers takes ``question`` and ``context``, strings of shape (batch,), and
    returns, of shape (batch,), ``answer``, string; ``start`` and ``end``, int32, its offsets in
    the context; and ``score``, float32. Without an answer these are empty and 0.

    A byte that is no UTF-8 counts as one character. ``assets/`` holds what
    :func:`model_card.assets` says.

    Args:
        run: the run to export.
        folder: where the version folders are; a new version never replaces an old one.
    """
    serve = _answers(run) if run.config.task == "reading" else _spans(run)
    archive = keras.export.ExportArchive()
    for each in (run.encoder, run.model):
        archive.track(each)
    archive.add_endpoint("serve", serve)
    outputs = serve.get_concrete_function().structured_outputs
    described = model_card.signature(serve.input_signature, outputs)
    limits = ["No signatures top_k, explain and tokens: they are of labels of whole texts."]
    files = model_card.assets(run, {"serving_default": described}, limits)
    requests = [
        Request("serving_default", {name: ["a 中"] * batch for name in described["inputs"]})
        for batch in (1, 2)
    ]
    return versions.write(archive, folder, files, requests)


def _spans(run: Run):
    # Read before tracing: a network read inside the traced function would not have its weights.
    model, encoder, activation = run.model, run.encoder, run.activation
    types, scheme = tf.constant(run.labels), run.config.data.scheme
    blank = encoder.id_of.get(" ", -1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def serve(text):
        ids = encoder(text)
        probabilities = models.probabilities(model(ids, training=False), activation)
        inside = ids > 0
        if run.config.task == "span":
            found = span_graph.from_pointers(probabilities, inside)
        elif scheme == "words":
            found = span_graph.from_word_tags(probabilities, inside & (ids != blank))
        else:
            found = span_graph.from_tags(probabilities, inside, scheme)
        return span_graph.padded(found, tf.shape(text)[0], types)

    return serve


def _answers(run: Run):
    model, encoder, activation = run.model, run.encoder, run.activation
    asked = [tf.TensorSpec([None], tf.string, name=name) for name in ("question", "context")]

    @tf.function(input_signature=asked, autograph=False)
    def serve(question, context):
        with tf.control_dependencies([require_pairs(question=question, context=context)]):
            question = tf.strings.regex_replace(question, PAIR_SEPARATOR, " ")
        question, context = (
            tf.strings.unicode_transcode(each, "UTF-8", "UTF-8", errors="replace")
            for each in (question, context)
        )
        ids = encoder(tf.strings.join([question, context], PAIR_SEPARATOR))
        logits = model(ids, training=False)
        if activation == "sigmoid":
            starts, ends = tf.unstack(tf.math.log_sigmoid(logits), axis=2)
        else:
            starts, ends = tf.unstack(tf.nn.log_softmax(logits), axis=1)
        separators = tf.cast(ids == SEPARATOR_ID, tf.int32)
        inside = (tf.cumsum(separators, axis=1, exclusive=True) > 0) & (ids > 0)
        start, end, score = span_graph.best_answer(starts, ends, inside, LONGEST_ANSWER)
        before = tf.strings.length(question, unit="UTF8_CHAR") + 1
        found = tf.cast(end > start, tf.int32)
        start, end = ((tf.cast(each, tf.int32) - before) * found for each in (start, end))
        return {
            "answer": tf.strings.substr(context, start, end - start, unit="UTF8_CHAR"),
            "start": start,
            "end": end,
            "score": tf.exp(score),
        }

    return serve
