"""Where texts with spans are found, and what of them a task can hold.

See :mod:`imbalance.data.annotated` for the rules.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import SPAN_FORMATS, DataConfig
from imbalance.data import corpus, people_daily, readers, span_readers
from imbalance.data.corpus import BROKEN
from imbalance.data.layout import Kind, split_paths
from imbalance.data.readers import Skipped
from imbalance.data.report import FileReport, ReadReport
from imbalance.data.span_rows import DAMAGED, NO_LABEL, NamedSpan, SpanRow

SOURCE = "people_daily"
TASKS = ("tagging", "span", "reading")
OVERLAPPING = "spans overlapping a longer one"
_KIND = Kind(
    fits=lambda path: True,
    folders=False,
    source=f"{SOURCE}, or a file or a folder of texts with spans that exists",
    within="a train.* file, or data.files to name one",
    embedded=SOURCE,
)
# Formats whose spans are words, each character but the blanks between them in one.
_OF_WORDS = ("conllu", "words")


@dataclass
class Given:
    """The rows of one split, and the account of the file that they come from."""

    account: FileReport
    rows: list[SpanRow]

    @property
    def unlabelled(self) -> bool:
        """Whether there is no row for want of labels."""
        return not self.rows and NO_LABEL in self.account.skipped


def read(config: DataConfig, task: str, report: ReadReport) -> dict[str, Given]:
    """Return the splits that the source gives, with the files that were read in ``report``."""
    _check(config, task)
    files = {}
    for split, (path, format) in layout(config).items():
        shown = readers.shown(path) if path else config.source
        _check_format(config, task, shown, format)
        if path:
            lines = span_readers.read_file(path, format, config.encoding)
        else:
            lines = people_daily.read()
        files[split] = _collect(lines, task, shown)
        report.files.append(files[split].account)
    for split in ("validation", "test"):
        if split in files and files[split].unlabelled:
            _do_without(split, files, report)
    for each in files.values():
        _check_rows(each, config.encoding)
    return files


def _do_without(split: str, files: dict[str, Given], report: ReadReport) -> None:
    """Give up a split that has no labels; the validation split takes the place of test."""
    path = files.pop(split).account.path
    instead = ""
    if split == "test" and "validation" in files:
        files["test"] = files.pop("validation")
        instead = f"; {files['test'].account.path} is the test split"
    report.warnings.append(f"{path} holds no labels and is not used{instead}")


def _check(config: DataConfig, task: str) -> None:
    checks.choice("task", task, TASKS)
    checks.choice("data.format", config.format, SPAN_FORMATS)
    for name in ("weight_column", "folds"):
        if getattr(config, name) is not None:
            raise checks.wrong(f"data.{name}", getattr(config, name), f"null for task {task}")


def _check_format(config: DataConfig, task: str, path: str, format: str) -> None:
    if (format == "squad") != (task == "reading"):
        raise InputError(
            f"{path}: is in the format {format}, expected "
            + ("squad for task reading" if task == "reading" else f"another for task {task}")
        )
    if task == "tagging" and config.scheme == "words" and format not in _OF_WORDS:
        raise checks.wrong(
            "data.scheme", "words", f"bio or bioes: the spans of {path} ({format}) are no words"
        )


def _collect(lines: Iterable[SpanRow | Skipped], task: str, name: str) -> Given:
    account, rows = FileReport(name), []
    for line in lines:
        account.read += 1
        if isinstance(line, Skipped):
            account.skip(line.reason, line.place)
            continue
        account.spans_marked += len(line.spans) + len(line.left_out)
        for reason in line.left_out:
            account.leave_out(reason, line.place)
        kept = _told_apart(line.spans, task)
        if len(kept) < len(line.spans):
            account.leave_out(OVERLAPPING, line.place, count=len(line.spans) - len(kept))
        for remark in line.remarks:
            account.note(remark, line.place)
        if line.broken:
            account.note(BROKEN, line.place)
        rows.append(line._replace(spans=kept))
    return Given(account, rows)


def _told_apart(spans: tuple[NamedSpan, ...], task: str) -> tuple[NamedSpan, ...]:
    """Return the spans that the network of a task can hold at once, the longer ones first served.

    Args:
        spans: sorted by their start.
        task: see :data:`TASKS`.
    """
    apart = all(one[1] <= other[0] for one, other in pairwise(spans))
    if apart or task == "reading":
        return spans
    kept = []
    for span in sorted(spans, key=lambda each: (each[0] - each[1], each)):
        if not any(_collide(span, other, task) for other in kept):
            kept.append(span)
    return tuple(sorted(kept))


def _collide(one: NamedSpan, other: NamedSpan, task: str) -> bool:
    if one[0] >= other[1] or other[0] >= one[1]:
        return False
    return task == "tagging" or any(a == b for a, b in zip(one, other, strict=True))


def _check_rows(given: Given, encoding: str) -> None:
    account = given.account
    broken = sum(
        tally[name].count
        for tally, name in ((account.notes, BROKEN), (account.skipped, DAMAGED))
        if name in tally
    )
    if 2 * broken > len(given.rows):
        raise InputError(
            f"{account.path}: {broken} of {account.read} rows hold bytes that do not fit the "
            f"encoding {encoding!r}, expected data.encoding to name the right one, for example "
            "gb18030"
        )
    if not given.rows:
        raise InputError(
            f"{account.path}: no usable row among {account.read}, expected one at least"
            + (f"; skipped: {account.reasons()}" if account.read else "")
        )


def layout(config: DataConfig) -> dict[str, tuple[Path | None, str]]:
    """Return, for each split that the source gives, its path, None if packaged, and its format."""
    if config.source == SOURCE:
        return {"train": (None, "words")}
    root = Path(config.source).expanduser()
    return {
        split: (
            path,
            span_readers.format_of(path, config.encoding)
            if config.format == "auto"
            else config.format,
        )
        for split, path in split_paths(root, config, _KIND).items()
    }


def name(config: DataConfig) -> str:
    """Return the name of the source."""
    return config.source if config.source == SOURCE else corpus.name_of(config)
