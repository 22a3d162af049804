"""SavedModels as ``train.py`` writes them, without a network: what they answer can be told."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def saved_models(tmp_path_factory) -> Path:
    """A folder with a model folder of each kind."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("models")
    text = tf.TensorSpec([None], tf.string)
    labels = tf.constant(["短", "long one"])

    def of_lengths(length):
        long = tf.cast(length > 3, tf.int32)
        probabilities = tf.one_hot(long, 2) * 0.9 + (1 - tf.one_hot(long, 2)) * 0.1
        score = tf.reduce_max(probabilities, axis=1)
        label = tf.gather(labels, long)
        return {"label": label, "score": score, "probabilities": probabilities}

    @tf.function
    def of_texts(text):
        return of_lengths(tf.strings.length(text, "UTF8_CHAR"))

    @tf.function
    def of_pairs(text_a, text_b):
        return of_lengths(tf.strings.length(tf.strings.join([text_a, text_b]), "UTF8_CHAR"))

    @tf.function
    def of_spans(text):
        """The first two characters of texts that have more than three."""
        count = tf.cast(tf.strings.length(text, "UTF8_CHAR") > 3, tf.int32)
        mask = count[:, tf.newaxis] > 0
        return {
            "count": count,
            "start": tf.where(mask, 0, -1),
            "end": tf.where(mask, 2, -1),
            "type": tf.where(mask, "place", ""),
            "score": tf.where(mask, 0.7, 0.0),
        }

    @tf.function
    def of_questions(question, context):
        """The first character of the context."""
        end = tf.minimum(tf.strings.length(context, "UTF8_CHAR"), 1)
        start = tf.zeros_like(end)
        return {
            "answer": tf.strings.substr(context, start, end, unit="UTF8_CHAR"),
            "start": start,
            "end": end,
            "score": tf.cast(end, tf.float32) / 4,
        }

    specs = {
        "labels": (of_texts, {"text": text}),
        "pairs": (of_pairs, {"text_a": text, "text_b": text}),
        "spans": (of_spans, {"text": text}),
        "answers": (of_questions, {"question": text, "context": text}),
    }
    for name, (function, inputs) in specs.items():
        serve = function.get_concrete_function(
            **{key: tf.TensorSpec([None], tf.string, name=key) for key in inputs}
        )
        path = root / name / "serving" / "1"
        tf.saved_model.save(tf.Module(), str(path), signatures={"serving_default": serve})
        (path / "assets" / "labels.txt").write_text("短\nlong one\n", encoding="utf-8")
    return root
