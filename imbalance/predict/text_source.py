"""Rows of text files and pipes.

====================================  ============================================================
a row with                            is
====================================  ============================================================
no text (null, a field missing), or   kept without an answer, counted and named
one that is no string
an empty text, or white space alone   answered, as a server would, and counted
bytes that the encoding does not      answered with U+FFFD in their place, and counted
know
too few fields                        kept without an answer, the missing ones empty; counted
too many fields, or quotes that are   kept without an answer, counted: what is too much stands in
not those of RFC 4180; or a line      the last field, what cannot be taken apart in the column of
that is no JSON object                the text
====================================  ============================================================

A blank line is a row of plain lines; elsewhere it is none, and counted. A column that is missing
or stands twice, a quote that is never closed and a file that cannot be read to its end are refused.
"""

import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from imbalance.checks import InputError
from imbalance.data import readers
from imbalance.data.span_rows import Unusable, parse_json
from imbalance.predict.rows import ROWS_AT_ONCE, Batch, Source

DELIMITERS = {"csv": ",", "tsv": "\t"}
_BLANK = "blank lines, passed over"
_CHARACTERS_AT_ONCE = 1 << 22


class TextSource(Source):
    """CSV, TSV, JSON lines, or plain lines, each of them a text.

    Args:
        name: see :class:`Source`.
        file: binary, as it is stored.
        format: ``csv``, ``tsv``, ``jsonl`` or ``lines``.
        text_columns: see :class:`Source`; of plain lines the name that their column gets.
        compression: suffix that tells it; empty, there is none.
        encoding: ``auto`` is UTF-8.
        quotes: whether quotes enclose fields of tables; None: of csv.

    Raises:
        InputError: if the file cannot be read, or lacks a column.
    """

    def __init__(
        self,
        name: str,
        file: BinaryIO,
        format: str,
        text_columns: Sequence[str],
        compression: str = "",
        encoding: str = "auto",
        quotes: bool | None = None,
    ):
        super().__init__(name, text_columns)
        if format == "lines" and len(text_columns) > 1:
            raise InputError(
                f"{name}: a plain line is one text, expected {len(text_columns)} a row"
            )
        self._file, self._format, self._delimiter = file, format, DELIMITERS.get(format)
        self._quotes = format == "csv" if quotes is None else quotes
        self.plain_tabs = format == "tsv" and not self._quotes
        opener = readers.COMPRESSIONS.get(compression)
        # csv wants to see line ends itself; elsewhere only \n ends a line.
        newline = "" if self._delimiter and self._quotes else "\n"
        self._kept, self._broken = [], False
        with readers.readable(name):
            if file.seekable():
                self.total = file.seek(0, os.SEEK_END) or None
                file.seek(0)
            unpacked = opener(file, "rb") if opener else file
            self._text = readers.decoded(unpacked, encoding, newline)
            if self._delimiter:
                self._records = self._table()
                _, header = next(self._records, (1, None))
                if not isinstance(header, list):
                    raise InputError(f"{name}: has no header, expected the columns of a table")
                self.check_columns(header)
        if format == "lines":
            self.columns = list(self.text_columns)

    @property
    def done(self):
        return self._file.tell() if self.total else None

    def batches(self):
        rows, texts, places, characters = [], [], [], 0
        with readers.readable(self.name), self._file:
            for line, reason, row in self._rows():
                place = f"{self.name}:{line}"
                if reason:
                    self.account.read += 1
                    texts.append(self.account.leave(reason, place))
                else:
                    values = [row.get(each) for each in self.text_columns]
                    texts.append(self.texts_of(place, values))
                if self._broken:
                    self.account.note("with broken bytes replaced", place)
                    self._broken = False
                rows.append(row)
                places.append(place)
                characters += sum(map(len, texts[-1] or ()))
                if len(rows) == ROWS_AT_ONCE or characters > _CHARACTERS_AT_ONCE:
                    yield Batch(rows, texts, places)
                    rows, texts, places, characters = [], [], [], 0
            if rows:
                yield Batch(rows, texts, places)

    def _rows(self) -> Iterator[tuple[int, str | None, dict]]:
        """Yield the line of each row, why it cannot be answered or None, and the row."""
        if self._delimiter:
            return self._table_rows()
        return self._objects() if self._format == "jsonl" else self._plain()

    def _lines(self) -> Iterator[str]:
        """Yield the lines as they are read; those of a record are kept until it is whole."""
        for line in self._text:
            line, broken = readers.mended(line)
            self._broken |= broken
            self._kept.append(line)
            yield line

    def _plain(self):
        for number, line in readers.numbered(self._lines()):
            self._kept.clear()
            yield number, None, {self.columns[0]: line}

    def _objects(self):
        known = False
        for number, line in readers.numbered(self._lines()):
            self._kept.clear()
            if not line.strip():
                self.account.note(_BLANK, f"{self.name}:{number}")
                continue
            reason = "that are no JSON objects"
            try:
                value = parse_json(line)
            except Unusable as error:
                value, reason = None, f"where {error}"
            except (ValueError, RecursionError):
                value = None
            if not isinstance(value, dict):
                yield number, reason, {self.text_columns[0]: line}
                continue
            if not known:
                readers.positions(f"{self.name}:{number}", list(value), self.text_columns)
                known = True
            yield number, None, value

    def _table(self) -> Iterator[tuple[int, list[str] | str]]:
        """Yield the line of each record and its fields; or why there are none, the record being
        in ``_kept``.
        """
        if self._quotes:
            records = readers.quoted_records(self.name, self._lines(), self._delimiter)
        else:
            records = readers.plain_records(self._lines(), self._delimiter)
        for number, fields, _ in records:
            yield number, fields
            self._kept.clear()

    def _table_rows(self):
        columns = self.columns
        for number, fields in self._records:
            row, reason = dict.fromkeys(columns, ""), None
            if isinstance(fields, str):
                record, reason = "".join(self._kept).rstrip("\r\n"), "that are no rows of CSV"
                if not record:
                    self.account.note(_BLANK, f"{self.name}:{number}")
                    continue
                fields, row[self.text_columns[0]] = [], record
            elif len(fields) != len(columns):
                reason = "with a wrong number of fields"
                last = len(columns) - 1
                if len(fields) > last:
                    fields = [*fields[:last], self._delimiter.join(fields[last:])]
            row.update(zip(columns, fields, strict=False))
            yield number, reason, row
