"""What a file holds, counted where it is read, against what a reader makes of it.

The account of rows in :mod:`imbalance.data.report` begins with what a reader yields. Whether it
yields all that its file holds is counted here: each line is of a row or of none (a header, a
comment, what separates sentences), and each row is yielded.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Lines:
    """The lines of a file as they are read; a reader says of each what it is.

    Args:
        name: of the file, for the message.
        file: its lines, with their ends.

    Attributes:
        read: lines so far.

    Example:
        >>> lines = Lines("a.txt", ["label,text\\n", "good,yes\\n"])
        >>> def rows():
        ...     for line in lines:
        ...         lines.of_no_row() if line.startswith("label,") else lines.of_rows()
        ...     yield "yes"
        >>> list(lines.accounted(rows()))
        ['yes']
    """

    def __init__(self, name: str, file: Iterable[str]):
        self.name, self._file = name, file
        self.read = self._rows = self._named = 0
        self._ended = False

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.read += 1
            yield line
        self._ended = True

    def of_rows(self, rows: int = 1, lines: int = 1) -> None:
        """Say that the next lines are those of so many rows, be they usable or not."""
        self._rows += rows
        self._named += lines

    def of_no_row(self, lines: int = 1) -> None:
        """Say that the next lines belong to no row."""
        self._named += lines

    def accounted(self, items: Iterable[T]) -> Iterator[T]:
        """Yield what a reader yields; raise at its end unless that is all that was read."""
        yield from accounted(self.name, items, lambda: self._rows)
        if not self._ended or self._named != self.read:
            raise _defect(self.name, f"{self.read} lines read, {self._named} accounted for")


def accounted(name: str, items: Iterable[T], held: Callable[[], int]) -> Iterator[T]:
    """Yield ``items``; raise at their end unless there are as many as ``held()`` says.

    Args:
        name: of the file, for the message.
        items: what a reader yields, one for each row.
        held: called at the end, returns the rows that the file holds.
    """
    count = 0
    for item in items:
        count += 1
        yield item
    if count != held():
        raise _defect(name, f"{held()} rows held, {count} read")


def check_sum(name: str, what: str, whole: int, **parts: int) -> None:
    """Raise unless the parts are the whole.

    Example:
        >>> check_sum("a.csv", "rows", 3, used=1, skipped=1)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        RuntimeError: a.csv: 3 rows read, yet 1 used and 1 skipped; this is a defect ...
    """
    if whole != sum(parts.values()):
        named = " and ".join(f"{count} {part.replace('_', ' ')}" for part, count in parts.items())
        raise _defect(name, f"{whole} {what} read, yet {named}")


def _defect(name: str, problem: str) -> RuntimeError:
    return RuntimeError(f"{name}: {problem}; this is a defect in imbalance.data")
