"""What rows the data of a study has, and whether results are of them."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np

from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.study.cells import Cell

_OTHER = "data.source had other rows"


def digest(corpus) -> str:
    """Return what tells the rows of a corpus from all others: texts, labels and splits."""
    found = hashlib.sha256()
    for name in sorted(corpus.splits):
        rows = corpus.splits[name]
        found.update(f"{name} {len(rows)} ".encode())
        found.update(np.asarray(rows.digests).tobytes())
        of_texts = getattr(rows, "labels", None)
        found.update(repr(rows.spans).encode() if of_texts is None else of_texts.tobytes())
    return found.hexdigest()[:16]


def training_rows(splits: Mapping, names: Sequence[str]) -> np.ndarray:
    """Return the rows, or spans, of each class in training and validation together."""
    return np.asarray(sum(splits[each].counts(len(names)) for each in ("train", "validation")))


class Contents:
    """The data of cells as it is now, read once for all cells that share it."""

    def __init__(self):
        self._found: dict[str, dict | None] = {}

    def changed(self, cell: Cell, result: Mapping) -> str | None:
        """Return in what the data of a finished cell is not that of now, or nothing if it is.

        Data that cannot be read says nothing: training will.

        Args:
            cell: it.
            result: of it, see :mod:`imbalance.study.cells`; one of earlier versions has no
                ``rows``, and is compared by the rows of each class alone.
        """
        now = self._of(cell)
        if now is None:
            return None
        name = "rows" if result.get("rows") else "training_rows"
        return None if result[name] == now[name] else _OTHER

    def _of(self, cell: Cell) -> dict | None:
        # Imported here: they import TensorFlow, which a report does without.
        from imbalance import tasks
        from imbalance.data.corpus import ENCODING_FIELDS

        asked = cell.asked[cell.kind]
        task = tasks.get(asked.get("task", "classification"))
        data = {each: value for each, value in asked["data"].items() if each not in ENCODING_FIELDS}
        key = json.dumps([asked.get("task"), data], sort_keys=True)
        if key not in self._found:
            self._found[key] = _read(task, asked["data"])
        return self._found[key]


def _read(task, data: Mapping) -> dict | None:
    try:
        corpus = task.load(DataConfig(**data))
    except InputError:
        return None
    names = task.names(corpus)
    counts = training_rows(corpus.splits, names).tolist()
    return {"rows": digest(corpus), "training_rows": dict(zip(names, counts, strict=True))}
