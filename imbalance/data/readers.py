"""One streaming reader per file format; each yields :class:`Row` or :class:`Skipped`.

Formats: ``csv`` (quotes as in RFC 4180), ``tsv`` (quotes are plain characters, unless the columns
say otherwise), ``jsonl`` (an object a line), ``parquet``, ``lines`` (``label<TAB>text``),
``blank_lines`` (label, blank, text) and folders of one class each. Text
formats may be compressed (``.gz``, ``.xz``, ``.bz2``). A place is ``file:line``, where the line
is the one a row starts on; in Parquet it is the row's number, in a folder just the file.
"""

import bz2
import codecs
import csv
import gzip
import hashlib
import io
import json
import lzma
import math
import os
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import PAIR_SEPARATOR
from imbalance.data.accounting import Lines, accounted
from imbalance.data.subgroups import member

COMPRESSIONS = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "lines",
}

# A lone surrogate never comes out of a decoder, so it marks what could not be decoded and, unlike
# U+FFFD, cannot be mistaken for a character of the file.
_MARK = "imbalance.mark_broken_bytes"
_SURROGATE = re.compile("[\ud800-\udfff]")
codecs.register_error(_MARK, lambda error: ("\udcff", error.end))


class Row(NamedTuple):
    """A usable row.

    Attributes:
        place: ``file:line``.
        text, label: not empty; of the label, white space is folded to single blanks, and letters
            are composed (Unicode NFC). The two texts of a pair are joined by ``PAIR_SEPARATOR``.
        weight: ``None`` when no weight column is asked for.
        digest: of :func:`text_key`; equal for rows with the same text.
        broken: whether bytes that the encoding does not know were replaced by U+FFFD.
        separated: whether ``PAIR_SEPARATOR`` stood in a text of a pair and became a blank.
        members: column of a subgroup to what it says, ``None`` where it says nothing.
    """

    place: str
    text: str
    label: str
    weight: float | None
    digest: bytes
    broken: bool
    separated: bool = False
    members: Mapping[str, bool | None] = MappingProxyType({})


class Skipped(NamedTuple):
    """A row that cannot be used, and why."""

    place: str
    reason: str


@dataclass(frozen=True)
class Columns:
    """Names of the columns to read; ``text`` may be two, ``weight`` and ``subgroups`` are optional.

    ``quotes``: whether quotes enclose fields; ``None``, as the format has it.
    """

    text: str | tuple[str, str] = "text"
    label: str = "label"
    weight: str | None = None
    quotes: bool | None = None
    subgroups: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Return the names asked for: text or texts, label and, if any, weight and subgroups."""
        texts = self.text if self.pairs else (self.text,)
        first = [each for each in (*texts, self.label, self.weight) if each is not None]
        return [*first, *self.subgroups]

    @property
    def pairs(self) -> bool:
        """Whether a row has two texts."""
        return not isinstance(self.text, str)


def text_key(text: str) -> str:
    """Return ``text`` without its white space: two rows with the same key hold the same text.

    Example:
        >>> text_key(" 很 好\\n") == text_key("很好")
        True
    """
    # The separator of a pair counts as white space to Python, but says which text is which.
    return PAIR_SEPARATOR.join("".join(each.split()) for each in text.split(PAIR_SEPARATOR))


def digest(key: str) -> bytes:
    """Return 16 bytes that stand for a text key, so that long texts need not be kept twice."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def rank(purpose: str, seed: int, row_digest: bytes) -> bytes:
    """Return a sort key that shuffles rows by ``seed``, whatever order a file has them in.

    Unlike a random generator's permutation it does not depend on a library's version.
    """
    return hashlib.blake2b(f"{purpose}:{seed}:".encode() + row_digest, digest_size=16).digest()


def format_of(path: Path) -> str | None:
    """Return the format that a file's name announces, or ``None``.

    Example:
        >>> format_of(Path("train.txt.xz")), format_of(Path("README.md"))
        ('lines', None)
    """
    suffixes = [each.lower() for each in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    if compressed:
        suffixes.pop()
    found = SUFFIXES.get(suffixes[-1]) if suffixes else None
    return None if found == "parquet" and compressed else found


def read_file(
    path: Path, format: str, columns: Columns, encoding: str = "auto"
) -> Iterator[Row | Skipped]:
    """Yield the rows of one file, in its order.

    Args:
        path: the file.
        format: ``csv``, ``tsv``, ``jsonl``, ``parquet``, ``lines`` or ``blank_lines``.
        columns: names of the columns; of no matter to lines.
        encoding: of the text formats; ``auto`` is UTF-8, with or without a byte order mark.

    Raises:
        InputError: if the file cannot be read to its end, lacks a column, or holds a weight that
            is not a finite number of at least 0, or a membership that is none.
    """
    if format in ("lines", "blank_lines"):
        without = f"{path} has a label and a text a line, without columns"
        if columns.pairs:
            expected = f"the name of one column: {without}"
            raise checks.wrong("data.text_column", list(columns.text), expected)
        if columns.weight is not None:
            raise checks.wrong("data.weight_column", columns.weight, f"null: {without}")
        if columns.subgroups:
            raise checks.wrong("data.subgroups", list(columns.subgroups), f"patterns: {without}")
    with readable(path):
        if format == "parquet":
            yield from map(_usable, _parquet(path, columns))
        else:
            # csv wants to see line ends itself; elsewhere only \n ends a line, so that a stray \r
            # or form feed inside a text does not cut it in two.
            newline = "" if _quoted(format, columns) else "\n"
            with _open_text(path, encoding, newline) as file:
                lines = Lines(shown(path), file)
                rows = map(_usable, _TEXT_FORMATS[format](lines, columns))
                yield from lines.accounted(rows)


def class_folders(root: Path) -> dict[str, Path]:
    """Return label to folder of a folder per class, sorted by label.

    ``C16-Electronics`` is read as ``Electronics`` when every folder is named in that way, as the
    Fudan corpus does.
    """
    with readable(root):
        folders = [each for each in root.iterdir() if each.is_dir() and each.name[0] != "."]
    for folder in folders:
        if _SURROGATE.search(folder.name):
            raise InputError(
                f"{shown(folder)}: the folder's name is not UTF-8, expected a readable class name"
            )
    matches = [re.fullmatch(r"C\d+-(.+)", each.name) for each in folders]
    numbered = all(matches)
    labels = [
        each[1] if numbered else folder.name for each, folder in zip(matches, folders, strict=True)
    ]
    found = dict(sorted(zip(labels, folders, strict=True)))
    if len(found) < len(folders):
        raise InputError(f"{root}: two folders name one class, expected a folder per class")
    return found


def read_folders(root: Path, encoding: str = "auto") -> Iterator[Row | Skipped]:
    """Yield a row for each ``.txt`` file of a folder per class, sorted by class and file name.

    Args:
        root: holds the class folders.
        encoding: ``auto`` is UTF-8 for a file that is valid UTF-8, else GB18030.
    """
    for label, folder in class_folders(root).items():
        with readable(folder):
            paths = sorted(folder.iterdir())
        for path in paths:
            # A pipe that nobody writes to would never end.
            special = path.exists() and not path.is_file()
            if special or path.suffix.lower() != ".txt":
                yield Skipped(shown(path), "not a .txt file")
                continue
            with readable(path):
                data = path.read_bytes()
            yield clean(shown(path), _decode(data, encoding), label)
    with readable(root):
        beside = sorted(each for each in root.iterdir() if not each.is_dir())
    for path in beside:
        if path.name[0] != ".":
            yield Skipped(shown(path), "beside the class folders")


def content(path: Path) -> str:
    """Return a hash of what a file holds, or of the names and contents of a folder per class.

    Raises:
        InputError: if it cannot be read.
    """
    if path.is_dir():
        found = hashlib.blake2b(digest_size=16)
        for folder in class_folders(path).values():
            with readable(folder):
                for each in [folder, *sorted(folder.iterdir())]:
                    found.update(
                        f"{len(os.fsencode(each.name))}:".encode() + os.fsencode(each.name)
                    )
                    found.update(bytes.fromhex(content(each)) if each.is_file() else b"-")
        return found.hexdigest()
    with readable(path), open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


@contextmanager
def opened_lines(path: Path, encoding: str = "auto") -> Iterator[Lines]:
    """Give the lines of a text file; only ``\\n`` ends one.

    A lone surrogate stands for what does not fit the encoding, see :func:`mended`.

    Raises:
        InputError: if the file cannot be read to its end.
    """
    with readable(path), _open_text(path, encoding, "\n") as file:
        yield Lines(shown(path), file)


def mended(text: str) -> tuple[str, bool]:
    """Return the text with U+FFFD for each lone surrogate, and whether there was one."""
    text, breaks = _SURROGATE.subn("\ufffd", text)
    return text, bool(breaks)


def label_name(label: str) -> str:
    """Return a label with white space folded to single blanks and letters composed.

    Folded: labels.txt holds one a line. Composed: é must be one class, however it is typed.
    """
    return unicodedata.normalize("NFC", " ".join(label.split()))


class _Raw(NamedTuple):
    place: str
    text: object
    label: object
    weight: object
    members: Mapping[str, object] = MappingProxyType({})


def _usable(raw: _Raw | Skipped) -> Row | Skipped:
    return raw if isinstance(raw, Skipped) else clean(*raw)


def clean(place: str, text, label, weight=None, members=MappingProxyType({})) -> Row | Skipped:
    """Turn values as a file holds them into a row, or say why that cannot be done.

    Args:
        place: ``file:line``.
        text: a string, or a tuple of the two texts of a pair.
        label, weight: as the file holds them.

    Raises:
        InputError: if ``weight`` is neither ``None`` nor a finite number of at least 0, or a value
            of ``members``, column to value, is not as :func:`imbalance.data.subgroups.member` says.
    """
    texts = text if isinstance(text, tuple) else (text,)
    if any(each is None for each in texts):
        return Skipped(place, "empty text")
    if not all(isinstance(each, str) for each in texts):
        return Skipped(place, "text is not a string")
    if not all(map(str.strip, texts)):
        return Skipped(place, "empty text")
    separated = len(texts) > 1 and any(PAIR_SEPARATOR in each for each in texts)
    if separated:
        texts = [each.replace(PAIR_SEPARATOR, " ") for each in texts]
    text, breaks = mended(PAIR_SEPARATOR.join(texts))
    if label is None or (isinstance(label, float) and math.isnan(label)):
        return Skipped(place, "empty label")
    if not isinstance(label, (str, int, float)):
        return Skipped(place, "label is neither text nor a number")
    # 1.0 is what a table makes of the label 1 when another row's label is missing.
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    label, label_breaks = mended(label_name(str(label)))
    if not label:
        return Skipped(place, "empty label")
    weight = None if weight is None else _weight(place, weight)
    members = {column: member(place, column, value) for column, value in members.items()}
    broken = breaks or label_breaks
    return Row(place, text, label, weight, digest(text_key(text)), broken, separated, members)


def _weight(place: str, value) -> float:
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
    try:
        return checks.number("weight", number, low=0)
    except InputError:
        expected = "a finite number of at least 0"
        raise checks.wrong(f"{place}: weight", value, expected) from None


def _delimited(lines: Lines, records, columns) -> Iterator[_Raw | Skipped]:
    """Turn the records of a table with a header into raw rows."""
    path = lines.name
    header = next(records, Record(1, None, 0))
    if not isinstance(header.fields, list):
        raise InputError(f"{path}: has no header, expected the columns {_names(columns.names())}")
    lines.of_no_row(header.lines)
    positions = _positions(path, header.fields, columns)
    for line, fields, count in records:
        lines.of_rows(lines=count)
        place = f"{path}:{line}"
        if isinstance(fields, str):
            yield Skipped(place, fields)
        elif len(fields) != len(header.fields):
            yield Skipped(place, "wrong number of fields")
        else:
            yield _raw(place, [fields[each] for each in positions], columns)


def _quoted(format: str, columns: Columns) -> bool:
    if format not in ("csv", "tsv"):
        return False
    return format == "csv" if columns.quotes is None else columns.quotes


def _table(format: str, delimiter: str, lines: Lines, columns):
    if _quoted(format, columns):
        records = quoted_records(lines.name, lines, delimiter)
    else:
        records = plain_records(lines, delimiter)
    return _delimited(lines, records, columns)


class Record(NamedTuple):
    """A record of a table: the line it starts on, its fields or why there are none, its lines."""

    line: int
    fields: list[str] | str | None
    lines: int


def plain_records(file: Iterable[str], delimiter: str) -> Iterator[Record]:
    """Yield the records of a table in which quotes are characters like others."""
    for number, line in numbered(file):
        yield Record(number, line.split(delimiter) if line else "blank line", 1)


def quoted_records(path, file: Iterable[str], delimiter: str) -> Iterator[Record]:
    """Yield the records of a table with quotes."""
    # The module's own limit, 131,072 characters, is below the length of real documents.
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise InputError(
                    f"{path}:{line}: a quote is opened and never closed, expected a closing quote"
                ) from None
            fields = "malformed CSV row"
        yield Record(line, fields or "blank line", reader.line_num - line + 1)


def _jsonl(lines: Lines, columns) -> Iterator[_Raw | Skipped]:
    path, names = lines.name, columns.names()
    first = True
    for number, line in numbered(lines):
        lines.of_rows()
        place = f"{path}:{number}"
        if not line.strip():
            yield Skipped(place, "blank line")
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            yield Skipped(place, "not a JSON object")
            continue
        if first:
            _positions(path, list(value), columns)
            first = False
        if any(each not in value for each in names):
            yield Skipped(place, "field missing")
        else:
            yield _raw(place, [value[each] for each in names], columns)


def _lines(separator: str, name: str, lines: Lines, columns) -> Iterator[_Raw | Skipped]:
    for number, line in numbered(lines):
        lines.of_rows()
        place = f"{lines.name}:{number}"
        label, found, text = line.partition(separator)
        if found:
            yield _Raw(place, text, label, None)
        else:
            yield Skipped(place, f"line without a {name}" if line.strip() else "blank line")


_TEXT_FORMATS = {
    "csv": partial(_table, "csv", ","),
    "tsv": partial(_table, "tsv", "\t"),
    "jsonl": _jsonl,
    "lines": partial(_lines, "\t", "tab"),
    "blank_lines": partial(_lines, " ", "blank"),
}


def _parquet(path, columns) -> Iterator[_Raw | Skipped]:
    # Imported here because it takes a third of a second that other formats need not wait for.
    import pyarrow
    from pyarrow import parquet

    names, name = columns.names(), shown(path)

    def rows(file):
        number = 0
        for batch in file.iter_batches(batch_size=1024, columns=list(dict.fromkeys(names))):
            values_of = [column_values(batch.column(each)) for each in names]
            for values in zip(*values_of, strict=True):
                number += 1
                yield _raw(f"{name}:{number}", values, columns)

    try:
        with parquet.ParquetFile(path) as file:
            _positions(name, file.schema_arrow.names, columns)
            yield from accounted(name, rows(file), lambda: file.metadata.num_rows)
    except pyarrow.ArrowException as error:
        raise unreadable(path, error) from None


def column_values(column) -> list:
    """Return an Arrow column as Python values, decoding strings as leniently as text files."""
    import pyarrow

    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pyarrow.types.is_string(column.type):
        column = column.cast(pyarrow.binary())
    elif pyarrow.types.is_large_string(column.type):
        column = column.cast(pyarrow.large_binary())
    else:
        return column.to_pylist()
    return [None if each is None else each.decode(errors=_MARK) for each in column.to_pylist()]


def _raw(place: str, values: Sequence, columns: Columns) -> _Raw:
    *texts, label = values[: 3 if columns.pairs else 2]
    rest = values[len(texts) + 1 :]
    weight = None if columns.weight is None else rest[0]
    if columns.weight is not None and weight is None:
        raise checks.wrong(f"{place}: weight", None, "a finite number of at least 0")
    text = tuple(texts) if columns.pairs else texts[0]
    members = rest[len(rest) - len(columns.subgroups) :]
    return _Raw(place, text, label, weight, dict(zip(columns.subgroups, members, strict=True)))


def _positions(path, header: list[str], columns: Columns) -> list[int]:
    return positions(path, header, columns.names())


def positions(path, header: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return where the columns ``names`` stand in a header.

    Raises:
        InputError: if one is missing or stands twice; ``path`` says where.
    """
    for name in names:
        if header.count(name) != 1:
            problem, hint = "stands twice", ""
            if name not in header:
                problem, hint = "is missing", checks.did_you_mean(name, header)
                if any(map(_SURROGATE.search, header)):
                    hint = "; these bytes do not fit the encoding, data.encoding may be wrong"
            raise InputError(f"{path}: the column {name!r} {problem}, found {_names(header)}{hint}")
    return [header.index(each) for each in names]


def _names(names: Sequence[str], most: int = 12) -> str:
    shown = [checks.show(each) for each in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


def numbered(file: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield lines, numbered from 1, without their ends."""
    for number, line in enumerate(file, start=1):
        yield number, line.removesuffix("\n").removesuffix("\r")


def _open_text(path: Path, encoding: str, newline: str) -> io.TextIOWrapper:
    opener = COMPRESSIONS.get(path.suffix.lower(), open)
    return decoded(opener(path, "rb"), encoding, newline)


def decoded(file: BinaryIO, encoding: str, newline: str) -> io.TextIOWrapper:
    """Return the text of a binary file; a lone surrogate stands for what does not fit the
    encoding, see :func:`mended`.
    """
    return io.TextIOWrapper(file, encoding=_codec(encoding), errors=_MARK, newline=newline)


def _codec(encoding: str) -> str:
    name = "utf-8" if encoding == "auto" else codecs.lookup(encoding).name
    return "utf-8-sig" if name == "utf-8" else name


def _decode(data: bytes, encoding: str) -> str:
    if encoding != "auto":
        return data.decode(_codec(encoding), _MARK)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", _MARK)


@contextmanager
def readable(path: Path):
    """Turn what the system and the decompressors raise into one line about ``path``."""
    try:
        yield
    except (OSError, EOFError, UnicodeError, lzma.LZMAError, zlib.error) as error:
        raise unreadable(path, error) from None


def unreadable(path, error: Exception) -> InputError:
    """Build (not raise) the error of a file that cannot be read to its end."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return InputError(f"{shown(path)}: cannot be read ({' '.join(reason.split())})")


def shown(path: Path) -> str:
    """Return the path as text that any terminal can print."""
    return checks.printable(str(path).encode(errors="replace").decode())
