"""Raw text to label, score and probabilities: our SavedModel against plain Keras's."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks import documents, plain
from benchmarks.measure import Row, compare, fudan
from imbalance import run_folder
from imbalance.config import RunConfig, ServingConfig
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import TextEncoder
from imbalance.models import text_cnn
from imbalance.run_folder import Run
from imbalance.serving.export import export

LENGTH = 400
_BATCH = 256
# Characters that hold LENGTH tokens, runs of blanks being one.
_CUT = 420


def run(quick: bool) -> Iterator[Row]:
    """Yield rows for the first call, single documents and batches."""
    filters, repeats = (8, 3) if quick else (128, 9)
    texts, labels = texts_and_labels()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = untrained_run(folder, texts, labels, filters)
        ours = export(run, folder / "ours", ServingConfig(tables="float32")).path
        theirs = _export_plain(run, filters, folder / "plain")
        # Only texts of the full length: padding would change the answers of plain Keras.
        lengths = run.encoder.encode([text[:_CUT] for text in texts[: 4 * _BATCH]]).row_lengths()
        batch = [texts[index] for index in np.flatnonzero(lengths.numpy() == LENGTH)[:_BATCH]]
        cut = [text[:_CUT] for text in batch]
        yield from _costs_of_starting(ours, theirs, batch[0], repeats)
        yield from _rows(f"vs plain Keras, {_CUT} characters", ours, theirs, cut, repeats)
        yield from _rows("vs plain Keras, whole documents", ours, theirs, batch, repeats)
        # Each optimisation by itself.
        without = export(run, folder / "none", ServingConfig(tables="none")).path
        yield from _rows("tables vs none", ours, without, cut, repeats)
        half = export(run, folder / "half", ServingConfig(tables="float16")).path
        yield from _rows("tables of float16 vs float32", half, ours, cut, repeats, atol=1e-2)


def _rows(name, ours, theirs, batch, repeats, atol=1e-5) -> Iterator[Row]:
    ours, theirs = _signature(ours), _signature(theirs)
    everything = tf.constant(batch)
    ours_answers, their_answers = ours(text=everything), theirs(text=everything)
    difference = float(
        tf.reduce_max(tf.abs(ours_answers["probabilities"] - their_answers["probabilities"]))
    )
    if not difference < atol:
        raise ValueError(f"probabilities: they differ by {difference:.1e}, expected below {atol}")

    singles = [tf.constant([text]) for text in batch[:32]]
    ours_next, theirs_next = _in_turn(ours, singles), _in_turn(theirs, singles)
    yield compare(
        f"inference, batch 1, {name}", ours_next, theirs_next, unit="ms", repeats=11 * repeats
    )
    yield compare(
        f"inference, batch {len(batch)}, {name}",
        lambda: ours(text=everything)["score"].numpy(),
        lambda: theirs(text=everything)["score"].numpy(),
        unit="documents/s",
        amount=len(batch),
        repeats=repeats,
    )


def _costs_of_starting(ours: Path, theirs: Path, text: str, repeats: int) -> Iterator[Row]:
    def load_and_answer(path):
        return _signature(path)(text=tf.constant([text]))["score"].numpy()

    yield compare(
        "inference, load and first answer",
        lambda: load_and_answer(ours),
        lambda: load_and_answer(theirs),
        repeats=repeats,
        warmup=1,
    )
    sizes = [sum(file.stat().st_size for file in path.rglob("*")) for path in (ours, theirs)]
    yield Row.of("inference, size of the SavedModel", *(size / 2**20 for size in sizes), "MiB")


def _signature(path):
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"]
    signature.owner = loaded  # a signature alone does not keep its variables alive
    return signature


def _in_turn(signature, batches):
    position = -1

    def call():
        nonlocal position
        position = (position + 1) % len(batches)
        return signature(text=batches[position])["score"].numpy()

    return call


def texts_and_labels() -> tuple[list[str], tuple[str, ...]]:
    folder = fudan()
    if folder:
        split, labels = documents.fudan_split(folder)
        order = np.random.default_rng(1).permutation(len(split))
        texts = list(split.texts)
        return [texts[index] for index in order], labels
    return documents.long_reviews(3 * LENGTH, 4 * _BATCH), tuple(f"class {i}" for i in range(20))


def untrained_run(folder: Path, texts, labels, filters: int) -> Run:
    """Write a run folder; how well its network answers does not change how fast it does."""
    config = RunConfig.from_mapping(
        {
            "data": {"max_length": LENGTH, "vocabulary_size": 8000},
            "model": {"args": {"filters": filters}},
        }
    )
    tokenizer = Tokenizer.from_config(config.data)
    encoder = TextEncoder.fit([text[:2000] for text in texts], tokenizer, 8000)
    model = text_cnn(len(encoder.vocabulary), len(labels), filters=filters)
    (folder / run_folder.CONFIG).write_text(config.to_yaml(), encoding="utf-8")
    (folder / run_folder.LABELS).write_text("\n".join(labels) + "\n", encoding="utf-8")
    encoder.save(folder / run_folder.VOCABULARY)
    model.save(folder / run_folder.MODEL)
    return Run(folder)


def _export_plain(run: Run, filters: int, folder: Path) -> Path:
    """Write the SavedModel of plain Keras: the same vocabulary, weights and answers."""
    vocabulary, labels = run.encoder.vocabulary, tf.constant(run.labels)
    to_ids = plain.keras_character_ids(vocabulary, LENGTH)
    model = plain.keras_text_cnn(len(vocabulary), len(run.labels), filters=filters)
    model.set_weights(run.model.get_weights())

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(text):
        probabilities = tf.nn.softmax(model(to_ids(text), training=False))
        return {
            "label": tf.gather(labels, tf.argmax(probabilities, axis=1)),
            "score": tf.reduce_max(probabilities, axis=1),
            "probabilities": probabilities,
        }

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.track(to_ids)
    archive.add_endpoint("serve", serve)
    archive.write_out(folder / "1", verbose=False)
    return folder / "1"
