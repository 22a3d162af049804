"""Texts on disk: written row by row, read back a block at a time."""

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

# Of a block: what is held in memory while writing, and again while reading.
_ROWS, _CHARACTERS = 4096, 4_000_000


class Spool:
    """Writes texts and their places to a Parquet file.

    Args:
        path: the file.
    """

    def __init__(self, path: Path):
        # Imported here because it takes a third of a second that `--help` need not wait for.
        import pyarrow
        from pyarrow import parquet

        self.path = path
        self._table = pyarrow.table
        schema = pyarrow.schema([("text", pyarrow.large_string()), ("place", pyarrow.string())])
        self._schema = schema
        self._writer = parquet.ParquetWriter(
            path,
            schema,
            compression="zstd",
            use_dictionary=False,
            column_encoding={"text": "PLAIN", "place": "DELTA_BYTE_ARRAY"},
        )
        self._texts, self._places, self._characters = [], [], 0

    def add(self, text: str, place: str) -> None:
        """Add a row."""
        self._texts.append(text)
        self._places.append(place)
        self._characters += len(text)
        if len(self._texts) == _ROWS or self._characters >= _CHARACTERS:
            self._flush()

    def close(self) -> None:
        """Write what is left and finish the file."""
        self._flush()
        self._writer.close()

    def _flush(self):
        if self._texts:
            columns = {"text": self._texts, "place": self._places}
            self._writer.write_table(self._table(columns, schema=self._schema))
            self._texts, self._places, self._characters = [], [], 0


class Column(Sequence):
    """Strings of a spooled column at given rows: a sequence that holds one block in memory.

    Args:
        path: the file of a closed :class:`Spool`.
        name: ``text`` or ``place``.
        rows: int64, rows of the file. Reading is quick where they ascend.
        keep: an object that must live as long as the file.
    """

    def __init__(self, path: Path, name: str, rows: np.ndarray, keep=None):
        self.path, self.name, self.rows = path, name, rows
        self._keep = keep
        self._block = (None, None)

    def at(self, positions: np.ndarray) -> "Column":
        """Return the strings at ``positions`` as another such sequence."""
        return Column(self.path, self.name, self.rows[positions], self._keep)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return list(self._at(self.rows[index]))
        return next(self._at(np.array([self.rows[index]])))

    def __iter__(self) -> Iterator[str]:
        return self._at(self.rows)

    def __eq__(self, other) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(
            ours == theirs for ours, theirs in zip(self, other, strict=True)
        )

    @cached_property
    def _file(self):
        from pyarrow import parquet

        return parquet.ParquetFile(self.path)

    @cached_property
    def _starts(self) -> np.ndarray:
        """The first row of each block, and the number of rows."""
        metadata = self._file.metadata
        sizes = (metadata.row_group(each).num_rows for each in range(metadata.num_row_groups))
        return np.array([0, *itertools.accumulate(sizes)])

    def _at(self, rows: np.ndarray) -> Iterator[str]:
        blocks = np.searchsorted(self._starts, rows, side="right") - 1
        cuts = np.flatnonzero(np.diff(blocks)) + 1
        for part in np.split(rows, cuts) if len(rows) else ():
            block = int(np.searchsorted(self._starts, part[0], side="right")) - 1
            if self._block[0] != block:
                self._block = (block, self._file.read_row_group(block, [self.name]).column(0))
            yield from self._block[1].take(part - self._starts[block]).to_pylist()
