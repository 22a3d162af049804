"""The run folder: what a training run leaves behind.

It is written whole or not at all, see :mod:`imbalance.unfinished`.

==================  =========================================================================
``config.yaml``     the resolved configuration: every value, those the data filled included
``labels.txt``      class names, one a line, in the order of their ids
``vocabulary.txt``  tokens, one a line, in the order of their ids
``user_dict.txt``   the user's words and their frequencies; absent where there are none
``history.csv``     losses and scores of each epoch
``decision.json``   temperature, prior correction and offsets; absent where none are asked for
``metrics.json``    scores by split and subset, and what training did
``model.keras``     the network with its loss and optimizer
``serving/1/``      the SavedModel: raw strings in; label, score and probabilities out
``tensorboard/``    logs for TensorBoard
``report/``         tables and pictures
==================  =========================================================================
"""

import dataclasses
import json
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from imbalance import checks, models, registry, tasks, unfinished
from imbalance.config import RunConfig, read_yaml
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import TextEncoder
from imbalance.decision import Decision
from imbalance.tasks.base import Predicted
from imbalance.tasks.batches import Batches

CONFIG = "config.yaml"
LABELS = "labels.txt"
VOCABULARY = "vocabulary.txt"
USER_DICT = "user_dict.txt"
DECISION = "decision.json"
HISTORY = "history.csv"
METRICS = "metrics.json"
MODEL = "model.keras"
SERVING = "serving"
TENSORBOARD = unfinished.LOGS
REPORT = "report"

# Texts in memory while they are scored; enough of them to sort by length.
_TEXTS_AT_ONCE = 16_384


class Run:
    """A finished run, read back.

    Args:
        path: its folder.

    Raises:
        InputError: if it is no folder, or a file of a finished run is missing.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise checks.wrong("run", self.path, "the folder of a finished run")
        missing = [
            name for name in (CONFIG, LABELS, VOCABULARY, MODEL) if not (self.path / name).is_file()
        ]
        if missing:
            raise checks.InputError(
                f"run: {path} lacks {', '.join(missing)}, expected the folder of a finished run"
            )

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @cached_property
    def config(self) -> RunConfig:
        mapping = read_yaml(self.path / CONFIG)
        for section in RunConfig().to_mapping():
            # Runs of before there was a decision layer, or another task, have none.
            if section not in mapping and section not in ("decision", "task"):
                raise checks.wrong(str(self.path / CONFIG), sorted(mapping), f"a key {section}")
        return RunConfig.from_mapping(mapping)

    @cached_property
    def task(self) -> tasks.Task:
        return tasks.get(self.config.task)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Classes of texts, or types of spans."""
        labels = _read(self.path / LABELS).removesuffix("\n").split("\n")
        least = 1 if self.task.of_tokens else 2
        if len(labels) < least or len(set(labels)) < len(labels) or "" in labels:
            expected = f"{least} name{'s' if least > 1 else ''} or more, each once"
            raise checks.wrong(str(self.path / LABELS), labels, expected)
        return tuple(labels)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """What the loss tells apart: the labels, or the tags that stand for them."""
        return self.task.classes(self.labels, self.config.data.scheme)

    @cached_property
    def encoder(self) -> TextEncoder:
        data = self.config.data
        if data.user_dict is not None:  # as it was when the run was trained
            data = dataclasses.replace(data, user_dict=str(self.path / USER_DICT))
        tokenizer = Tokenizer.from_config(data, self.config.task)
        return TextEncoder.load(self.path / VOCABULARY, tokenizer)

    @cached_property
    def model(self) -> keras.Model:
        """The network, not compiled."""
        path = self.path / MODEL
        model = models.load(path)
        # A vocabulary or a label too many would shift every id without a word.
        logits = math.prod(size for size in model.output_shape[1:] if size is not None)
        sizes = (models.vocabulary_size(model), logits)
        units = self.task.units(self.classes, self.activation)
        if sizes != (len(self.encoder.vocabulary), units):
            raise checks.InputError(
                f"{path}: made for {sizes[0]} tokens and {sizes[1]} outputs, but {VOCABULARY} has "
                f"{len(self.encoder.vocabulary)} and {LABELS} needs {units}; expected the files of "
                "one run"
            )
        return model

    @cached_property
    def activation(self) -> str:
        return registry.build_loss(self.config.loss).activation

    @cached_property
    def decision(self) -> Decision:
        """How labels follow from logits; without ``decision.json`` by the largest probability."""
        path = self.path / DECISION
        if path.exists():
            return Decision.from_json(str(path), _read(path), self.labels)
        if not self.config.decision.identity:
            raise checks.InputError(
                f"run: {self.path} lacks {DECISION}, expected the folder of a finished run"
            )
        return Decision.from_counts([1] * len(self.labels))

    @property
    def metrics(self) -> dict:
        """What ``metrics.json`` holds; empty before anything is written."""
        path = self.path / METRICS
        if not path.exists():
            return {}
        try:
            metrics = json.loads(_read(path))
        except (ValueError, RecursionError):
            metrics = None
        if not isinstance(metrics, dict):
            raise checks.InputError(
                f"{path}: cannot be read, expected the JSON that train.py wrote"
            )
        return metrics

    def update_metrics(self, changes: dict) -> None:
        """Replace the top-level keys that ``changes`` names."""
        text = json.dumps({**self.metrics, **changes}, ensure_ascii=False, indent=2)
        temporary = self.path / (METRICS + ".partial")
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(self.path / METRICS)

    def probabilities(self, texts: Sequence[str], batch_size: int = 256) -> np.ndarray:
        """Return the probability of each class for raw texts; :attr:`decision` gives the label.

        Args:
            texts: raw texts.
            batch_size: texts at a time; it does not change the result.

        Returns:
            float32 of shape (texts, classes), classes in the order of :attr:`labels`.
        """
        result = np.zeros((len(texts), len(self.labels)), "float32")
        for block in range(0, len(texts), _TEXTS_AT_ONCE):
            batches = Batches(self.encoder, texts[block : block + _TEXTS_AT_ONCE], batch_size)
            for rows, ids in zip(batches.rows, batches, strict=True):
                logits = self._forward(ids) / self.decision.temperature
                result[block + rows] = self.task.probabilities(logits, self.activation)
        return result

    def spans(self, texts: Sequence[str], batch_size: int = 256) -> list[list[Predicted]]:
        """Return the spans of raw texts, with their scores; offsets are characters.

        Args:
            texts: raw texts.
            batch_size: texts at a time; it does not change the result.
        """
        found = []
        for block in range(0, len(texts), _TEXTS_AT_ONCE):
            part = texts[block : block + _TEXTS_AT_ONCE]
            batches = Batches(self.encoder, part, batch_size)
            outputs = [
                self.task.probabilities(self._forward(ids), self.activation) for ids in batches
            ]
            for text, probabilities in zip(part, batches.of_texts(outputs), strict=True):
                found.append(self.task.decode(probabilities, text, self.labels, self.config.data))
        return found

    @cached_property
    def _forward(self):
        model = self.model  # read here: inside the traced function its weights would not be
        spec = [tf.TensorSpec([None, None], tf.int32)]
        return tf.function(lambda ids: model(ids, training=False), input_signature=spec)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        raise checks.InputError(f"{path}: cannot be read, expected UTF-8 text") from None
