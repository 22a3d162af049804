"""A SavedModel that :mod:`imbalance.serving` wrote, and its answers as values of columns."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalance import checks
from imbalance.checks import InputError

_LABELS = Path("assets", "labels.txt")
# What a signature takes and returns, to what it does.
_KINDS = {
    ("text",): {
        "labels": {"label", "score", "probabilities"},
        "spans": {"count", "start", "end", "type", "score"},
    },
    ("text_a", "text_b"): {"labels": {"label", "score", "probabilities"}},
    ("question", "context"): {"answers": {"answer", "start", "end", "score"}},
}
# Names of the columns that each kind fills, with their types: of Arrow, or text that is JSON.
_COLUMNS = {
    "labels": {"label": "string", "score": "float32"},
    "spans": {"spans": "json"},
    "answers": {"answer": "string", "start": "int32", "end": "int32", "score": "float32"},
}


class Model:
    """A SavedModel, ready to answer.

    Args:
        path: of a version.
        probabilities: whether each class has a column, ``probability:CLASS``.

    Attributes:
        inputs: names of the texts that a row has: ``("text",)``, ``("text_a", "text_b")`` or
            ``("question", "context")``.
        columns: names of what it answers, with their types: of Arrow, or ``json``.

    Raises:
        InputError: if it cannot be loaded, answers otherwise than those that ``train.py`` wrote, or
            its classes cannot be told.
    """

    def __init__(self, path: Path, probabilities: bool = False):
        self.path = path
        loaded = _loaded(self.path)
        self._loaded = loaded  # which holds the variables
        self._serve = loaded.signatures.get("serving_default")
        if self._serve is None:
            raise InputError(f"{self.path}: has no signature serving_default")
        given = self._serve.structured_input_signature[1]
        outputs = set(self._serve.structured_outputs)
        self.inputs = next((each for each in _KINDS if set(each) == set(given)), ())
        kinds = _KINDS.get(self.inputs, {})
        self._kind = next((kind for kind, names in kinds.items() if names <= outputs), "")
        if not self._kind:
            raise InputError(
                f"{self.path}: serving_default takes {', '.join(sorted(given))} and returns "
                f"{', '.join(sorted(outputs))}, expected a SavedModel that train.py wrote"
            )
        self.columns = dict(_COLUMNS[self._kind])
        self._probabilities = probabilities
        if probabilities:
            self.columns |= {f"probability:{label}": "float32" for label in self._labels()}

    def answers(self, texts: Sequence[tuple[str, ...]]) -> list[list]:
        """Return of each row the values of :attr:`columns`, in their order.

        A score is the shortest number that rounds to the float32 it stands for.

        Args:
            texts: of each row, in the order of :attr:`inputs`; one row at least.

        Raises:
            InputError: if TensorFlow refuses them.
        """
        import tensorflow as tf

        columns = zip(*texts, strict=True)
        arrays = {
            name: tf.constant([text.encode() for text in column])
            for name, column in zip(self.inputs, columns, strict=True)
        }
        try:
            found = {name: each.numpy() for name, each in self._serve(**arrays).items()}
        except tf.errors.OpError as error:
            raise InputError(f"{self.path}: {_one_line(error.message)}") from None
        if self._kind == "spans":
            return [[_spans(found, row, text)] for row, (text,) in enumerate(texts)]
        score = map(_number, found["score"])
        if self._kind == "labels":
            rows = [list(each) for each in zip(map(_text, found["label"]), score, strict=True)]
            if self._probabilities:
                for row, each in zip(rows, found["probabilities"], strict=True):
                    row += map(_number, each)
            return rows
        places = (found[name].tolist() for name in ("start", "end"))
        answers = map(_text, found["answer"])
        return [list(each) for each in zip(answers, *places, score, strict=True)]

    def _labels(self) -> list[str]:
        path = self.path / _LABELS
        if self._kind != "labels":
            raise checks.wrong("--probabilities", True, "no such flag: the model gives no classes")
        try:
            labels = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeError):
            raise InputError(
                f"{path}: cannot be read, expected the classes; models exported by an older "
                "version have none"
            ) from None
        width = self._serve.structured_outputs["probabilities"].shape[-1]
        if width not in (None, len(labels)):
            raise InputError(f"{path}: {len(labels)} classes, expected {width}, as the model has")
        return labels


def _spans(found, row: int, text: str) -> str:
    count = found["count"][row]
    start, end = (found[name][row, :count].tolist() for name in ("start", "end"))
    names = ("start", "end", "type", "text", "score")
    columns = (
        *(start, end),
        map(_text, found["type"][row, :count]),
        [text[first:last] for first, last in zip(start, end, strict=True)],
        map(_number, found["score"][row, :count]),
    )
    spans = [dict(zip(names, each, strict=True)) for each in zip(*columns, strict=True)]
    return json.dumps(spans, ensure_ascii=False)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _number(value) -> float:
    return float(str(np.float32(value)))


def _loaded(path: Path):
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    try:
        return tf.saved_model.load(str(path))
    except Exception as error:  # whatever a broken folder makes TensorFlow raise
        message = _one_line(error)
        if "not registered" not in message:
            raise InputError(f"{path}: cannot be loaded ({message})") from None
    try:
        import tensorflow_text  # noqa: F401
    except ImportError:
        raise InputError(
            f"{path}: has operations of tensorflow-text, which is not installed: "
            "pip install tensorflow-text"
        ) from None
    return tf.saved_model.load(str(path))


def _one_line(message) -> str:
    line = " ".join(str(message).split())
    return line if len(line) <= 300 else line[:299] + "…"
