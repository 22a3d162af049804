"""Rows on their way from a file to another: what a source gives and a sink takes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from imbalance.checks import InputError
from imbalance.data import readers
from imbalance.data.report import Tally

ROWS_AT_ONCE = 256


class Batch(NamedTuple):
    """Some rows.

    Attributes:
        rows: a list of mappings, column to value, or a ``RecordBatch`` of Arrow.
        texts: of each row what the model reads, or None.
        places: ``file:line`` of each row.
    """

    rows: object
    texts: list[tuple[str, ...] | None]
    places: list[str]


class Account:
    """What became of the rows.

    Attributes:
        read: rows so far.
        unanswered: reason to :class:`Tally`, of rows that have no answer.
        notes: remark to :class:`Tally`, of rows that have one, and of blank lines.
    """

    def __init__(self):
        self.read = 0
        self.unanswered: dict[str, Tally] = {}
        self.notes: dict[str, Tally] = {}

    def leave(self, reason: str, place: str) -> None:
        """Count a row that is not answered."""
        self.unanswered.setdefault(reason, Tally()).add(place)

    def note(self, remark: str, place: str) -> None:
        """Count a remark."""
        self.notes.setdefault(remark, Tally()).add(place)

    def lines(self, name: str) -> list[str]:
        """Return the account as lines for a terminal.

        Example:
            >>> account = Account()
            >>> account.read = 2
            >>> account.leave("without a text", "a.csv:3")
            >>> print(*account.lines("a.csv"), sep="\\n")
            a.csv: 2 rows read, 1 answered
              not answered: 1 without a text (a.csv:3)
        """
        left = sum(tally.count for tally in self.unanswered.values())
        return [
            f"{name}: {self.read:,} rows read, {self.read - left:,} answered",
            *(f"  not answered: {t.count:,} {what} ({t})" for what, t in self.unanswered.items()),
            *(f"  note: {t.count:,} {what} ({t})" for what, t in self.notes.items()),
        ]


class Source(ABC):
    """Rows of one file or pipe.

    Args:
        name: for places and messages.
        text_columns: the columns that the model reads.

    Attributes:
        columns: all of them in their order; None where each row has its own.
        account: what became of the rows.
        total, done: how much there is to read and how much was, in any unit; None: nobody knows.
        plain_tabs: whether tabs separate fields that no quotes enclose.
    """

    columns: list[str] | None = None
    total: int | None = None
    done: int | None = None
    plain_tabs = False

    def __init__(self, name: str, text_columns: Sequence[str]):
        self.name, self.text_columns = name, tuple(text_columns)
        self.account = Account()

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """Yield the rows in their order."""

    def texts_of(self, place: str, values: Sequence) -> tuple[str, ...] | None:
        """Return the texts of a row as the model reads them, or count why it cannot."""
        self.account.read += 1
        if any(each is None for each in values):
            return self.account.leave("without a text", place)
        if not all(isinstance(each, str) for each in values):
            return self.account.leave("whose text is no string", place)
        if not all(map(str.strip, values)):
            self.account.note("with an empty text", place)
        return tuple(readers.mended(each)[0] for each in values)

    def check_columns(self, columns: Sequence[str]) -> None:
        """Keep the columns; refuse them if one of the texts is missing or any stands twice."""
        readers.positions(self.name, columns, self.text_columns)
        readers.positions(self.name, columns, columns)
        self.columns = list(columns)


class Sink(ABC):
    """What rows are written to.

    Args:
        file: binary.
        new: names of the columns of the answers, with their types of Arrow.
        columns: of the input; None: those of the first rows.
        plain_tabs: see :class:`Source`.
    """

    def __init__(
        self,
        file: BinaryIO,
        new: Mapping[str, str],
        columns: Sequence[str] | None,
        plain_tabs: bool = False,
    ):
        self.file, self.new, self.columns = file, dict(new), columns
        self.plain_tabs = plain_tabs

    @abstractmethod
    def write(self, batch: Batch, answers: Sequence[Sequence | None]) -> None:
        """Write rows with their answers, None where there is none.

        Raises:
            InputError: if a row does not fit.
        """

    def close(self) -> None:
        """Write what is left."""
        self.file.flush()

    def filled(self, answer: Sequence | None) -> dict:
        """Return the answer by column."""
        nothing = [None] * len(self.new)
        return dict(zip(self.new, nothing if answer is None else answer, strict=True))

    def mappings(self, batch: Batch) -> list[dict]:
        """Return the rows as mappings, whichever they are."""
        if isinstance(batch.rows, list):
            return batch.rows
        columns = [map(mended, readers.column_values(each)) for each in batch.rows.columns]
        names = batch.rows.schema.names
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def fix_columns(self, rows: Sequence[dict], places: Sequence[str]) -> None:
        """Let the first rows decide on the columns; refuse a later row with another."""
        if self.columns is None:
            self.columns = list(dict.fromkeys(name for row in rows for name in row))
        known = set(self.columns)
        for row, place in zip(rows, places, strict=True):
            if not row.keys() <= known:
                name = next(name for name in row if name not in known)
                raise InputError(
                    f"{place}: has {name!r}, which the first rows lack, expected one set of "
                    "columns, or an output in JSON lines"
                )


def mended(value):
    """Return a string without lone surrogates; anything else as it is."""
    return readers.mended(value)[0] if isinstance(value, str) else value


def taken(place: str, name: str) -> InputError:
    """Build (not raise) the error of a column that the input has already."""
    return InputError(
        f"{place}: has a column {name!r} already, expected --prefix to name ours otherwise"
    )
