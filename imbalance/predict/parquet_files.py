"""Rows of Parquet files, and rows written into such."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow
from pyarrow import parquet

from imbalance.checks import InputError
from imbalance.data import readers
from imbalance.predict.rows import ROWS_AT_ONCE, Batch, Sink, Source, mended, taken

# Of a row group that is written.
_ROWS = 1 << 14
_BYTES = 1 << 25


class ParquetSource(Source):
    """A Parquet file, whose columns are left as they are.

    Args:
        path: the file.
        text_columns: see :class:`Source`.

    Raises:
        InputError: if the file cannot be read, or lacks a column.
    """

    def __init__(self, path: Path, text_columns: Sequence[str]):
        super().__init__(readers.shown(path), text_columns)
        try:
            with readers.readable(path):
                self._file = parquet.ParquetFile(path)
        except pyarrow.ArrowException as error:
            raise readers.unreadable(path, error) from None
        self.check_columns(self._file.schema_arrow.names)
        self.total, self.done = self._file.metadata.num_rows, 0

    def batches(self):
        try:
            with readers.readable(self.name), self._file as file:
                if not self.total:
                    nothing = pyarrow.RecordBatch.from_pylist([], file.schema_arrow)
                    yield Batch(nothing, [], [])
                for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                    values = [readers.column_values(batch.column(e)) for e in self.text_columns]
                    texts, places = [], []
                    for row in zip(*values, strict=True):
                        self.done += 1
                        places.append(f"{self.name}:{self.done}")
                        texts.append(self.texts_of(places[-1], row))
                        if texts[-1] is not None and texts[-1] != row:
                            self.account.note("with broken bytes replaced", places[-1])
                    yield Batch(batch, texts, places)
        except pyarrow.ArrowException as error:
            raise readers.unreadable(self.name, error) from None


class ParquetSink(Sink):
    """Columns of text are strings, those of JSON lines what the first thousands of rows hold."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self._strings = self.columns is not None
        self._writer, self._waiting, self._answers, self._bytes = None, [], [], 0

    def write(self, batch, answers):
        self._waiting.append(batch)
        self._answers += map(self.filled, answers)
        if isinstance(batch.rows, list):
            self._bytes += sum(len(str(value)) for row in batch.rows for value in row.values())
        else:
            self._bytes += batch.rows.nbytes
        if len(self._answers) >= _ROWS or self._bytes >= _BYTES:
            self._write_group()

    def close(self):
        if self._answers or self._writer is None:
            self._write_group()
        self._writer.close()
        super().close()

    def _write_group(self) -> None:
        types = {name: "string" if each == "json" else each for name, each in self.new.items()}
        answers = pyarrow.Table.from_pylist(self._answers, pyarrow.schema(types.items()))
        table = self._given()
        for name in answers.column_names:
            if name in table.column_names:
                raise taken("the first rows", name)
            table = table.append_column(answers.schema.field(name), answers.column(name))
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self.file, table.schema)
        self._writer.write_table(table)
        self._waiting, self._answers, self._bytes = [], [], 0

    def _given(self) -> pyarrow.Table:
        """Return the waiting rows."""
        if self._waiting and not isinstance(self._waiting[0].rows, list):
            return pyarrow.Table.from_batches([batch.rows for batch in self._waiting])
        rows = [row for batch in self._waiting for row in batch.rows]
        places = [place for batch in self._waiting for place in batch.places]
        self.fix_columns(rows, places)
        try:
            columns = {
                name: self._array(name, [mended(row.get(name)) for row in rows])
                for name in self.columns
            }
        except (pyarrow.ArrowException, OverflowError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{places[0]} and the rows behind it: not one type a column ({reason}), expected "
                "an output in JSON lines"
            ) from None
        return pyarrow.table(columns)

    def _array(self, name: str, values: list) -> pyarrow.Array:
        if self._writer is not None:
            return pyarrow.array(values, self._writer.schema.field(name).type)
        if self._strings:
            return pyarrow.array(values, pyarrow.string())
        array = pyarrow.array(values)
        # A column of nulls alone may hold text later.
        return array.cast(pyarrow.string()) if pyarrow.types.is_null(array.type) else array
