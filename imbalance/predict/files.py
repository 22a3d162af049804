"""Files by their names: what rows come from, and what they go to."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from imbalance import checks
from imbalance.checks import InputError
from imbalance.data import readers
from imbalance.predict.parquet_files import ParquetSink, ParquetSource
from imbalance.predict.rows import Sink, Source
from imbalance.predict.text_sinks import JsonLines, Table, TabTable
from imbalance.predict.text_source import TextSource

STDIN = "-"
# A line of .txt is a text, without a label.
READ = {**readers.SUFFIXES, ".txt": "lines"}
WRITTEN = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".parquet": "parquet"}
SINKS: Mapping[str, type[Sink]] = {
    "csv": Table,
    "tsv": TabTable,
    "jsonl": JsonLines,
    "parquet": ParquetSink,
}


def input_format(given: str, format: str | None = None) -> str:
    """Return the format of a file, or of standard input.

    Args:
        given: the path, or ``-``.
        format: if it is known.

    Raises:
        InputError: if nothing tells it, or the file is not there.

    Example:
        >>> input_format("-", "jsonl")
        'jsonl'
    """
    if given == STDIN:
        if format in (None, "parquet"):
            expected = "jsonl, lines, csv or tsv for standard input"
            raise checks.wrong("--format", format, expected)
        return format
    path = Path(given)
    if not path.exists() or path.is_dir():
        raise checks.wrong("IN", readers.shown(path), "a file that exists, or - for standard input")
    format = format or readers.format_of(path)
    if format is None:
        known = ", ".join(dict.fromkeys(READ.values()))
        expected = f"one of {known}, since the name {path.name} does not tell it"
        raise checks.wrong("--format", format, expected)
    return format


def output_format(out: Path | None, given: str) -> str:
    """Return the format of the output.

    Args:
        out: its path; None: standard output, where tables in text stay what they are, and
            everything else becomes JSON lines.
        given: the format of the input.

    Raises:
        InputError: if the path's ending tells none.

    Example:
        >>> output_format(None, "parquet"), output_format(Path("a.CSV"), "lines")
        ('jsonl', 'csv')
    """
    if out is None:
        return given if given in ("csv", "tsv") else "jsonl"
    format = WRITTEN.get(out.suffix.lower())
    if format is None:
        raise checks.wrong("OUT", readers.shown(out), f"a file that ends in {', '.join(WRITTEN)}")
    return format


def open_source(
    given: str,
    stdin: BinaryIO,
    text_columns: Sequence[str],
    format: str,
    encoding: str = "auto",
    quotes: bool | None = None,
) -> Source:
    """Open a file, or standard input.

    Args:
        given: its path, or ``-``.
        stdin: what ``-`` stands for.
        text_columns, encoding, quotes: see :class:`TextSource`.
        format: of :func:`input_format`.

    Raises:
        InputError: if it cannot be read, or lacks a column.
    """
    if format == "parquet":
        return ParquetSource(Path(given), text_columns)
    if given == STDIN:
        return TextSource("stdin", stdin, format, text_columns, "", encoding, quotes)
    path = Path(given)
    with readers.readable(path):
        file = path.open("rb")
    suffix = path.suffix.lower()
    packed = suffix if suffix in readers.COMPRESSIONS else ""
    name = readers.shown(path)
    return TextSource(name, file, format, text_columns, packed, encoding, quotes)


@contextmanager
def whole(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Give a binary file that becomes ``path`` when the block ends well, and else is removed.

    Raises:
        InputError: if ``path`` is there and not to be overwritten, or cannot be written.
    """
    path = Path(os.path.realpath(path))

    def check():
        if path.is_dir() or (path.exists() and not overwrite):
            raise InputError(f"{readers.shown(path)}: is there already, expected --overwrite")

    check()
    temporary = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
        check()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
