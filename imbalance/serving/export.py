"""Export a run's network as a SavedModel that takes raw text."""

import os
from pathlib import Path

import keras
import tensorflow as tf

from imbalance import models
from imbalance.run_folder import Run


def export(run: Run, folder) -> Path:
    """Write ``folder/<version>/``, a SavedModel for TensorFlow Serving.

    Its signature ``serving_default`` takes ``text``, strings of shape (batch,), and returns
    ``label`` (batch,), string; ``score`` (batch,), float32, the probability of that label; and
    ``probabilities`` (batch, classes), float32. For a network of words the input is the words
    of each text joined by blanks. It needs TensorFlow alone to load.

    Args:
        run: the run to export.
        folder: where the version folders are; a new version never replaces an old one.

    Returns:
        The version's folder.
    """
    # Read before tracing: a network read inside the traced function would not have its weights.
    model, encoder, activation = run.model, run.encoder, run.activation
    labels = tf.constant(run.labels)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(text):
        logits = model(encoder(text), training=False)
        probabilities = models.probabilities(logits, activation)
        return {
            "label": tf.gather(labels, tf.argmax(probabilities, axis=1)),
            "score": tf.reduce_max(probabilities, axis=1),
            "probabilities": probabilities,
        }

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.track(encoder)
    archive.add_endpoint("serve", serve)

    folder = Path(folder)
    taken = [int(each.name) for each in folder.glob("*") if each.name.isdigit()]
    version = folder / str(max(taken, default=0) + 1)
    # Written beside it and renamed: a server must never see half a version.
    temporary = folder / f".{version.name}.partial-{os.getpid()}"
    archive.write_out(temporary, verbose=False)
    temporary.rename(version)
    return version
