"""Rows of a source as columns, while they are read and before they are cut into splits."""

import logging
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imbalance.data.readers import Row
from imbalance.data.report import PLACES_KEPT, FileReport, ReadReport
from imbalance.data.spool import Column, Spool
from imbalance.data.subgroups import Subgroups

# The file of a cache entry that holds texts and places.
ROWS = "rows.parquet"
_TELL_EVERY_SECONDS = 10

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """Rows as columns, before the labels that training knows become numbers. Texts are on disk.

    Attributes:
        texts, places: as in :class:`readers.Row`, read from disk.
        names: the labels that ``codes`` count.
        codes: int32, shape (n,), the label of each row.
        weights: float64, shape (n,); NaN without a weight column.
        digests: shape (n,), 16 bytes each.
        lengths: characters of each text, int32, shape (n,).
        subgroups: name to membership, bool, shape (n,).
        accounts: the accounts that ``files`` count.
        files: int32, shape (n,), the account that each row belongs to.
    """

    texts: Column
    places: Column
    names: tuple[str, ...]
    codes: np.ndarray
    weights: np.ndarray
    digests: np.ndarray
    lengths: np.ndarray
    subgroups: Mapping[str, np.ndarray]
    accounts: tuple[FileReport, ...]
    files: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def labels(self) -> list[str]:
        """The label of each row."""
        return [self.names[code] for code in self.codes.tolist()]

    def counts(self) -> Counter[str]:
        """Return the rows of each label that has any, by label."""
        counts = np.bincount(self.codes, minlength=len(self.names)).tolist()
        return Counter({n: count for n, count in zip(self.names, counts, strict=True) if count})

    def select(self, keep: np.ndarray) -> "Rows":
        """Return the rows at the positions ``keep``."""
        columns = ("codes", "weights", "digests", "lengths", "files")
        picked = {name: getattr(self, name)[keep] for name in columns}
        picked["subgroups"] = {name: each[keep] for name, each in self.subgroups.items()}
        return replace(self, texts=self.texts.at(keep), places=self.places.at(keep), **picked)

    def skip(self, positions: np.ndarray, reason: str) -> "Rows":
        """Count the rows at ``positions`` as skipped and return the others."""
        for file, count, places in self._by_file(positions):
            file.skip(reason, *places, count=count)
        return self.select(np.delete(np.arange(len(self)), positions))

    def note(self, positions: np.ndarray, remark: str) -> None:
        """Count a remark on the rows at ``positions``."""
        for file, count, places in self._by_file(positions):
            file.note(remark, *places, count=count)

    def use(self) -> None:
        """Count all rows as used."""
        for file, count in zip(self.accounts, self._per_file(), strict=True):
            file.used += count

    def read_from(self) -> list[FileReport]:
        """Return the accounts that any row belongs to."""
        counts = zip(self.accounts, self._per_file(), strict=True)
        return [file for file, count in counts if count]

    def repeated(self) -> np.ndarray:
        """Return the positions of rows whose text and label an earlier row has."""
        _, pairs = self._texts_and_pairs()
        return np.delete(np.arange(len(self)), np.unique(pairs, return_index=True)[1])

    def conflicting(self) -> np.ndarray:
        """Return the positions of rows whose text another row has under another label."""
        texts, pairs = self._texts_and_pairs()
        labels_of_text = np.bincount(texts[np.unique(pairs, return_index=True)[1]])
        return np.flatnonzero(labels_of_text[texts] > 1)

    def _texts_and_pairs(self):
        _, texts = np.unique(self.digests, return_inverse=True)
        return texts, texts * len(self.names) + self.codes

    def _per_file(self) -> list[int]:
        return np.bincount(self.files, minlength=len(self.accounts)).tolist()

    def _by_file(self, positions):
        files = self.files[positions]
        for index in np.unique(files):
            found = positions[files == index]
            yield self.accounts[index], len(found), self.places.at(found[:PLACES_KEPT])


class Collector:
    """Rows of one split as they are read: texts to the spool, the rest into flat arrays."""

    def __init__(self, spool: "Texts", subgroups: Subgroups):
        self.spool, self.subgroups = spool, subgroups
        self.positions, self.codes, self.files = array("q"), array("i"), array("i")
        self.weights, self.lengths, self.digests = array("d"), array("i"), bytearray()
        self.members = bytearray()
        self.names, self.accounts = {}, []

    def __len__(self):
        return len(self.codes)

    def append(self, row: Row) -> None:
        self.positions.append(self.spool.add(row.text, row.place))
        self.codes.append(self.names.setdefault(row.label, len(self.names)))
        self.files.append(len(self.accounts) - 1)
        self.weights.append(np.nan if row.weight is None else row.weight)
        self.lengths.append(len(row.text))
        self.digests += row.digest
        self.members += self.subgroups.of(row.text, row.members)

    def rows(self) -> Rows:
        positions, names = np.array(self.positions), self.subgroups.names
        members = np.frombuffer(bytes(self.members), bool).reshape(len(positions), len(names))
        return Rows(
            texts=self.spool.column("text", positions),
            places=self.spool.column("place", positions),
            names=tuple(self.names),
            codes=np.array(self.codes),
            weights=np.array(self.weights),
            digests=np.frombuffer(bytes(self.digests), "S16"),
            lengths=np.array(self.lengths),
            subgroups={name: members[:, i] for i, name in enumerate(names)},
            accounts=tuple(self.accounts),
            files=np.array(self.files),
        )


class Texts:
    """The spool of one reading, in ``folder`` or else in one that goes with the last column."""

    def __init__(self, folder: Path | None):
        self._temporary = None
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(
                prefix="imbalance-", ignore_cleanup_errors=True
            )
            folder = Path(self._temporary.name)
        self._spool = Spool(folder / ROWS)
        self._rows = 0
        self._told = time.monotonic()

    def add(self, text: str, place: str) -> int:
        self._spool.add(text, place)
        self._rows += 1
        if self._rows % 4096 == 0 and time.monotonic() - self._told > _TELL_EVERY_SECONDS:
            self._told = time.monotonic()
            _log.info("reading: %s rows so far", f"{self._rows:,}")
        return self._rows - 1

    def column(self, name: str, rows: np.ndarray) -> Column:
        return Column(self._spool.path, name, rows, keep=self._temporary)

    def close(self) -> None:
        self._spool.close()


@dataclass(frozen=True)
class Given:
    """What the source holds, before anything is cut.

    Attributes:
        name: of the corpus.
        splits: ``train`` and, where the source gives them, ``validation`` and ``test``.
        report: the account so far; :func:`divide` completes it.
    """

    name: str
    splits: dict[str, Rows]
    report: ReadReport
