"""What is committed of a study's cells, so that it goes on, and is compared, without run folders.

Beside ``NAME.csv`` stands ``NAME-predictions.npz``, without pickles, with the arrays

==========================  ================================================================
``cells``                   uint8, JSON: ``{"model/loss/seed": record}``. A record has ``asked``,
                            ``seconds``, ``training_rows`` and ``rows`` of the cell's
                            ``cell.json`` and the names of its arrays ``y_true`` and ``unseen``.
                            From ``asked`` are
                            left out what is of a machine: ``name``, ``output_dir``,
                            ``data.source`` and ``data.cache``
``model/loss/seed``         integers, y_pred − y_true of the test rows, shape (n,): mostly zeros
``y_true/…``, ``unseen/…``  integers and bool, shape (n,), once for all cells that share them
==========================  ================================================================

Of spans ``gold`` stands in place of ``y_true``, and of answers ``questions``: the ``truth`` and
``own`` of :mod:`imbalance.study.predictions`. The same cells give the same bytes, in whatever order
they finished.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Mapping

import numpy as np

from imbalance import checks
from imbalance.config import merge
from imbalance.study import kinds, results
from imbalance.study.cells import Cell
from imbalance.study.config import Study
from imbalance.study.content import Contents
from imbalance.study.files import UNREADABLE, small
from imbalance.study.jobs import difference
from imbalance.study.predictions import Predictions
from imbalance.study.rows import VARIANT

CELLS = "cells"
_OF_A_MACHINE = ("source", "cache")  # of `data`


class Archive:
    """The predictions file of a study, and the cells that are finished by it or by their folders.

    Args:
        study: the study.

    Raises:
        InputError: if the file cannot be read.
    """

    def __init__(self, study: Study):
        self._contents = Contents()
        self.path = study.results.with_name(f"{study.results.stem}-predictions.npz")
        self._arrays, self._records = _read(self.path) if self.path.exists() else ({}, {})
        table = results.read(study.results)
        names = table[["model", "loss", "seed"]].drop_duplicates().itertuples(index=False)
        self._scored = {"/".join(map(str, each)) for each in names}

    def finished(self, cell: Cell) -> bool:
        """Tell whether a cell has its folder, or without one its numbers and its predictions."""
        key = _key(cell)
        return cell.finished or (key in self._scored and key in self._records)

    def result(self, cell: Cell) -> Mapping:
        """Return a finished cell's ``asked``, ``seconds``, ``training_rows`` and ``rows``.

        Without its folder, ``asked`` has the paths of now.
        """
        if cell.finished:
            return cell.result()
        record = self._records[_key(cell)]
        data = cell.asked[cell.kind]["data"]
        paths = {name: data[name] for name in _OF_A_MACHINE if name in data}
        return record | {"asked": merge(record["asked"], {cell.kind: {"data": paths}})}

    def stale(self, cell: Cell) -> str | None:
        """Return in what a finished cell is not what is asked for now, or nothing if it is."""
        return difference(self.result(cell)["asked"], cell.asked)

    def other_rows(self, cell: Cell) -> str | None:
        """Return that the data of a finished cell had other rows than it has now, or nothing.

        It reads the data, which :meth:`stale` does not.
        """
        return self._contents.changed(cell, self.result(cell))

    def predictions(self, cell: Cell) -> Predictions:
        """Return the predictions in the file, without probabilities."""
        key = _key(cell)
        record = self._records[key]
        truth = self._arrays[_truth(record)]
        own, unseen = self._arrays[key], self._arrays[record["unseen"]]
        return kinds.of_names(record).restored(truth, own, unseen)

    def keep(self, cells: Iterable[Cell]) -> None:
        """Write what the folders of cells hold into the file, in place of what it had of them.

        Raises:
            InputError: if it has other test rows for the same settings of the data.
        """
        changed = False
        for cell in cells:
            result, predictions = cell.result(), cell.predictions()
            truth = small(predictions.truth)
            record = {
                # A cell of earlier versions has none.
                **({"rows": result["rows"]} if result.get("rows") else {}),
                "asked": _portable(result["asked"]),
                "seconds": result["seconds"],
                "training_rows": result["training_rows"],
                predictions.TRUTH: _name(predictions.TRUTH, truth),
                "unseen": _name("unseen", predictions.unseen),
            }
            self._check(cell, record)
            own = {
                _key(cell): small(predictions.own),
                _truth(record): truth,
                record["unseen"]: predictions.unseen,
            }
            known = self._records.get(_key(cell)) == record
            changed |= not (known and np.array_equal(self._arrays[_key(cell)], own[_key(cell)]))
            self._records[_key(cell)] = record
            self._arrays |= own
        if changed:
            self._write()

    def drop(self, cell: Cell) -> None:
        """Remove a cell from the file, if it is there."""
        if self._records.pop(_key(cell), None):
            self._write()

    def _check(self, cell: Cell, record: Mapping) -> None:
        """Refuse to put results on different data side by side."""
        for key, other in self._records.items():
            alike = _variant(key) == _variant(_key(cell)) and _data(other) == _data(record)
            if alike and _truth(other) != _truth(record):
                raise checks.InputError(
                    f"{self.path}: its {key} has other test rows than {cell.folder}, expected "
                    "those of the same data; remove the file to begin anew"
                )

    def _write(self) -> None:
        """Write the file whole or not at all."""
        records = {key: self._records[key] for key in sorted(self._records)}
        names = {name for each in records.values() for name in (_truth(each), each["unseen"])}
        self._arrays = {name: self._arrays[name] for name in sorted({*names, *records})}
        text = json.dumps(records, ensure_ascii=False, separators=(",", ":"))
        arrays = {CELLS: np.frombuffer(text.encode(), "uint8"), **self._arrays}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.partial-{os.getpid()}")
        with zipfile.ZipFile(temporary, "w") as file:
            for name, array in arrays.items():
                # numpy.savez leaves time and system to zipfile, which may put in those of now.
                entry = zipfile.ZipInfo(f"{name}.npy")
                entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
                with file.open(entry, "w") as place:
                    np.lib.format.write_array(place, array, allow_pickle=False)
        temporary.replace(self.path)


def _read(path) -> tuple[dict[str, np.ndarray], dict[str, dict]]:
    """Return the arrays and records of a file, each record with its arrays."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        records = json.loads(arrays.pop(CELLS).tobytes())
        for key, record in records.items():
            sizes = {len(arrays[name]) for name in (key, _truth(record), record["unseen"])}
            if len(sizes) > 1 or not {"asked", "seconds", "training_rows"} <= set(record):
                raise ValueError
    except (*UNREADABLE, TypeError, AttributeError):
        raise checks.InputError(
            f"{path}: cannot be read, expected the predictions of a study; restore it, or remove "
            "it to train anew what has no run folder here"
        ) from None
    return arrays, records


def _key(cell: Cell) -> str:
    return f"{cell.model}/{cell.loss}/{cell.seed}"


def _variant(key: str) -> str:
    return key.split("/")[1].partition(VARIANT)[2]


def _truth(record: Mapping) -> str:
    """Return the name of the array with what is true of the rows."""
    return record[kinds.of_names(record).TRUTH]


def _data(record: Mapping) -> tuple:
    settings = next(iter(record["asked"].values()))
    # Tasks may keep other spans of the same data, where some overlap.
    return settings.get("task", "classification"), settings["data"]


def _portable(asked: Mapping) -> dict:
    ((kind, settings),) = asked.items()
    kept = {name: each for name, each in settings.items() if name not in ("name", "output_dir")}
    data = settings.get("data", {})
    kept["data"] = {name: each for name, each in data.items() if name not in _OF_A_MACHINE}
    return {kind: kept}


def _name(what: str, values: np.ndarray) -> str:
    return f"{what}/{hashlib.sha256(values.tobytes()).hexdigest()[:12]}"
