"""Rows and their answers as text: CSV, TSV, JSON lines."""

import csv
import json
from typing import BinaryIO

from imbalance.checks import InputError
from imbalance.predict.rows import Sink, mended, taken


class Table(Sink):
    """CSV, or TSV; a null is an empty field, a list or an object is JSON."""

    delimiter = ","

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self._writer = None

    def write(self, batch, answers):
        rows = self.mappings(batch)
        self.fix_columns(rows, batch.places)
        self._begin()
        for row, answer, place in zip(rows, answers, batch.places, strict=True):
            values = [row.get(name) for name in self.columns]
            values += self.filled(answer).values()
            self._line([_field(each, place) for each in values])
        self.file.flush()

    def close(self):
        self.columns = self.columns or []
        self._begin()
        super().close()

    def _begin(self) -> None:
        if self._writer is None:
            self._writer = csv.writer(
                _Encoded(self.file), delimiter=self.delimiter, lineterminator="\n"
            )
            clash = next((name for name in self.new if name in self.columns), None)
            if clash is not None:
                raise taken("the first rows", clash)
            self._line([*self.columns, *self.new])

    def _line(self, fields: list[str]) -> None:
        if self.plain_tabs and self.delimiter == "\t":
            self.file.write(("\t".join(fields) + "\n").encode())
        else:
            self._writer.writerow(fields)


class TabTable(Table):
    """TSV; where the input is no plain TSV, quotes enclose what holds tabs or line breaks."""

    delimiter = "\t"


class JsonLines(Sink):
    """An object a line."""

    def write(self, batch, answers):
        rows = zip(self.mappings(batch), answers, batch.places, strict=True)
        for row, answer, place in rows:
            filled = self.filled(answer)
            for name in filled:
                if name in row:
                    raise taken(place, name)
                if self.new[name] == "json" and filled[name] is not None:
                    filled[name] = json.loads(filled[name])
            self.file.write(_json({**row, **filled}, place) + b"\n")
        self.file.flush()


class _Encoded:
    """A text file for the csv module, on a binary one."""

    def __init__(self, file: BinaryIO):
        self._file = file

    def write(self, text: str) -> None:
        self._file.write(text.encode())


def _field(value, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return mended(value)
    return _json(value, place).decode().removeprefix('"').removesuffix('"')


def _json(value, place: str) -> bytes:
    def other(each):
        if isinstance(each, bytes):
            raise InputError(f"{place}: holds bytes that are no text, expected a .parquet output")
        return str(each)

    try:
        return json.dumps(value, ensure_ascii=False, default=other).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, escaped in the input.
        return json.dumps(value, default=other).encode()
