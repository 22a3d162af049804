"""What became of every row: read, used, or skipped for a named reason at a named place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from imbalance.data import accounting

PLACES_KEPT = 5


@dataclass
class Tally:
    """How often something happened, and the first few places where it did."""

    count: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, *places: str, count: int = 1) -> None:
        """Count more rows, of which the first are at ``places``."""
        self.count += count
        self.places += places[: PLACES_KEPT - len(self.places)]

    def __str__(self):
        more = ", …" if self.count > len(self.places) else ""
        return f"{', '.join(self.places)}{more}"


@dataclass
class FileReport:
    """The account of one file, or of one folder that holds a folder per class.

    Attributes:
        path: as the user gave it.
        read: rows found in the file, usable or not.
        used: rows that ended in a split.
        skipped: reason to :class:`Tally`, of rows that did not.
        notes: remark to :class:`Tally`, of rows that were kept and yet deserve a word.
        spans_marked: spans that the rows mark which are not skipped, or answers.
        spans_used: those of them that ended in a split.
        left_out: reason to :class:`Tally`, of spans that did not.
    """

    path: str
    read: int = 0
    used: int = 0
    skipped: dict[str, Tally] = field(default_factory=dict)
    notes: dict[str, Tally] = field(default_factory=dict)
    spans_marked: int = 0
    spans_used: int = 0
    left_out: dict[str, Tally] = field(default_factory=dict)

    def skip(self, reason: str, *places: str, count: int = 1) -> None:
        """Count rows as skipped; of many, the first few places will do."""
        self.skipped.setdefault(reason, Tally()).add(*places, count=count)

    def note(self, remark: str, *places: str, count: int = 1) -> None:
        """Count a remark on rows that are kept; of many, the first few places will do."""
        self.notes.setdefault(remark, Tally()).add(*places, count=count)

    def leave_out(self, reason: str, *places: str, count: int = 1) -> None:
        """Count spans of rows that are kept as left out."""
        self.left_out.setdefault(reason, Tally()).add(*places, count=count)

    @property
    def rows_skipped(self) -> int:
        """Rows skipped, whatever the reason."""
        return sum(each.count for each in self.skipped.values())

    @property
    def spans_left_out(self) -> int:
        """Spans left out, whatever the reason."""
        return sum(each.count for each in self.left_out.values())

    def reasons(self) -> str:
        """Return ``12 empty text, 1 blank line``, the most frequent reason first."""
        ordered = sorted(self.skipped.items(), key=lambda item: -item[1].count)
        return ", ".join(f"{tally.count:,} {reason}" for reason, tally in ordered)


@dataclass
class ReadReport:
    """The account of everything a corpus was read from.

    Example:
        >>> report = ReadReport([FileReport("a.csv", read=3, used=2)])
        >>> report.files[0].skip("empty text", "a.csv:3")
        >>> report.check()
        >>> print(*report.lines(), sep="\\n")
        a.csv: 3 rows read, 2 used, 1 skipped
          skipped: 1 empty text (a.csv:3)
    """

    files: list[FileReport] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        """Rows found in all files."""
        return sum(each.read for each in self.files)

    @property
    def rows_used(self) -> int:
        """Rows that ended in a split."""
        return sum(each.used for each in self.files)

    @property
    def rows_skipped(self) -> int:
        """Rows that did not."""
        return sum(each.rows_skipped for each in self.files)

    def check(self) -> None:
        """Raise unless every row read was either used or skipped, and every span of a used row
        used or left out, file by file.
        """
        for file in self.files:
            rows = {"used": file.used, "skipped": file.rows_skipped}
            spans = {"used": file.spans_used, "left_out": file.spans_left_out}
            accounting.check_sum(file.path, "rows", file.read, **rows)
            accounting.check_sum(file.path, "spans", file.spans_marked, **spans)

    def lines(self) -> list[str]:
        """Return the account as lines for a terminal or a log."""
        lines = []
        for file in self.files:
            spans = f"; {file.spans_marked:,} spans marked, {file.spans_used:,} used"
            lines.append(
                f"{file.path}: {file.read:,} rows read, {file.used:,} used, "
                f"{file.rows_skipped:,} skipped" + (spans if file.spans_marked else "")
            )
            lines += _tallies("skipped", file.skipped.items())
            lines += _tallies("left out", file.left_out.items())
            lines += _tallies("kept", file.notes.items())
        return lines + [f"warning: {each}" for each in self.warnings]

    def to_mapping(self) -> dict:
        """Return the account as plain mappings, for JSON."""
        return {
            "rows_read": self.rows_read,
            "rows_used": self.rows_used,
            "rows_skipped": self.rows_skipped,
            "files": [
                {
                    "path": file.path,
                    "rows_read": file.read,
                    "rows_used": file.used,
                    "skipped": _plain(file.skipped),
                    "notes": _plain(file.notes),
                    "spans_marked": file.spans_marked,
                    "spans_used": file.spans_used,
                    "left_out": _plain(file.left_out, "spans"),
                }
                for file in self.files
            ],
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_mapping(cls, mapping: Mapping) -> "ReadReport":
        """Return the account that :meth:`to_mapping` wrote."""
        files = [
            FileReport(
                each["path"],
                each["rows_read"],
                each["rows_used"],
                _read_tallies(each["skipped"]),
                _read_tallies(each["notes"]),
                each["spans_marked"],
                each["spans_used"],
                _read_tallies(each["left_out"], "spans"),
            )
            for each in mapping["files"]
        ]
        return cls(files, list(mapping["warnings"]))


def _tallies(kind: str, items: Iterable) -> list[str]:
    return [f"  {kind}: {tally.count:,} {what} ({tally})" for what, tally in items]


def _plain(tallies: dict[str, Tally], unit: str = "rows") -> dict:
    return {what: {unit: each.count, "places": each.places} for what, each in tallies.items()}


def _read_tallies(plain: Mapping, unit: str = "rows") -> dict[str, Tally]:
    return {what: Tally(each[unit], list(each["places"])) for what, each in plain.items()}
