"""A corpus: texts with one label each, in a train, a validation and a test split.

``load`` finds the splits like this:

====================================  ==========================================================
``data.source``                       splits
====================================  ==========================================================
``reviews``                           the embedded corpus, cut three ways
a file                                cut three ways
a folder with ``train.*``             a file per split; ``validation.*`` may be called ``valid``,
                                      ``val`` or ``dev``; a missing split is cut from train
``<root>/<class>/*.txt``              cut three ways
``<root>/<split>/<class>/*.txt``      a folder per split; a missing one is cut from train
====================================  ==========================================================

Cutting follows ``split_seed`` alone. Each class gives each cut split its share of rows, rounded,
and at least one row: a class with two different texts reaches train and validation, one with a
single text stays in train. Rows with the same text stay together, so no text stands in two cut
splits. Splits that are given as files are left as they are; the audit counts what they share.

What becomes of a row that is not as it should be:

==========================================  ====================================================
a row with                                  is
==========================================  ====================================================
bytes the encoding does not know            kept, each replaced by U+FFFD, and counted; refused
                                            when this befalls most rows of a file
no text, or white space alone               skipped and counted
no label, or null, or NaN                   skipped and counted
a text that is no string                    skipped and counted
a label that is neither text nor a number   skipped and counted
a number as a label (0, 1.0)                kept: its label is "0", "1"
too few or too many fields, bad quotes      skipped and counted
a line that is no JSON object, lacks a      skipped and counted
field, has no tab, or is blank
a file in a class folder, not ``.txt``      skipped and counted
a weight that is not finite and >= 0        refused
the text and label of an earlier row        kept and counted as a note
the text of a row with another label        in train: skipped, all such rows, since none of
                                            them has a label to trust; in a given validation or
                                            test split: kept and counted as a note
a label that no training row has            (validation, test) skipped, counted and named
==========================================  ====================================================

A missing column, an unclosed quote, a file that cannot be read to its end, a split without a
usable row and a training split with fewer than two classes are refused in one line; so is a file
without the weight column, when one is named. A class with one training row, or without a row in
another split, is a warning.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import readers, reviews
from imbalance.data.readers import Columns, Row, Skipped
from imbalance.data.report import FileReport, ReadReport

SPLITS = ("train", "validation", "test")
BROKEN = "with broken bytes replaced"
CONFLICTING = "same text under another label"
UNKNOWN_LABEL = "label of no training row"
_FILE_NAMES = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Split:
    """Rows of one split, in the order of their file.

    Attributes:
        texts: the texts as they were read.
        labels: int32, shape (n,), positions in :attr:`Corpus.labels`.
        weights: float32, shape (n,), or ``None`` without a weight column.
        places: ``file:line`` of each row.
    """

    texts: list[str]
    labels: np.ndarray
    weights: np.ndarray | None
    places: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def counts(self, num_classes: int) -> np.ndarray:
        """Return the rows of each class, shape (num_classes,)."""
        return np.bincount(self.labels, minlength=num_classes)


@dataclass(frozen=True)
class Corpus:
    """Labelled texts in three splits.

    Attributes:
        name: ``reviews``, or the name of the file or folder.
        labels: the classes of the training rows, sorted.
        splits: ``train``, ``validation`` and ``test``.
        report: what became of every row that was read.
    """

    name: str
    labels: tuple[str, ...]
    splits: dict[str, Split]
    report: ReadReport


@dataclass
class Rows:
    """Rows as columns, before labels become numbers.

    Attributes:
        texts, labels, weights, digests, places: as in :class:`readers.Row`.
        files: the account that each row belongs to.
    """

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    weights: list[float | None] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    files: list[FileReport] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    def append(self, row: Row, file: FileReport) -> None:
        """Add a row of ``file``."""
        self.texts.append(row.text)
        self.labels.append(row.label)
        self.weights.append(row.weight)
        self.digests.append(row.digest)
        self.places.append(row.place)
        self.files.append(file)

    def select(self, keep: Sequence[int]) -> "Rows":
        """Return the rows at the positions ``keep``."""
        columns = (self.texts, self.labels, self.weights, self.digests, self.places, self.files)
        return Rows(*([column[each] for each in keep] for column in columns))

    def skip(self, positions: Iterable[int], reason: str) -> "Rows":
        """Count the rows at ``positions`` as skipped and return the others."""
        dropped = set(positions)
        for each in sorted(dropped):
            self.files[each].skip(reason, self.places[each])
        return self.select([each for each in range(len(self)) if each not in dropped])

    def repeated(self) -> list[int]:
        """Return the positions of rows whose text and label an earlier row has."""
        seen = set()
        found = []
        for position, pair in enumerate(zip(self.digests, self.labels, strict=True)):
            if pair in seen:
                found.append(position)
            seen.add(pair)
        return found

    def conflicting(self) -> list[int]:
        """Return the positions of rows whose text another row has under another label."""
        labels = defaultdict(set)
        for each, label in zip(self.digests, self.labels, strict=True):
            labels[each].add(label)
        return [i for i, each in enumerate(self.digests) if len(labels[each]) > 1]


@dataclass(frozen=True)
class Given:
    """What the source holds, before anything is cut.

    Attributes:
        name: of the corpus.
        splits: ``train`` and, where the source gives them, ``validation`` and ``test``.
        report: the account so far; :func:`divide` completes it.
    """

    name: str
    splits: dict[str, Rows]
    report: ReadReport


def load(config: DataConfig) -> Corpus:
    """Read the corpus that ``config`` names and cut the splits that it lacks.

    Args:
        config: ``source``, ``format``, the columns, ``encoding``, ``imbalance_ratio``, the
            fractions and ``split_seed`` are used.

    Returns:
        A :class:`Corpus`; its report says what became of every row.

    Raises:
        InputError: one line, if the source cannot be read or holds nothing to train on.

    Example:
        >>> corpus = load(DataConfig(imbalance_ratio=100))
        >>> corpus.labels, {name: len(split) for name, split in corpus.splits.items()}
        (('negative', 'positive'), {'train': 6385, 'validation': 912, 'test': 1824})
    """
    given = read(config)
    splits = divide(given, config)
    labels = tuple(sorted(set(splits["train"].labels)))
    ids = {label: position for position, label in enumerate(labels)}
    weighted = config.weight_column is not None
    return Corpus(
        name=given.name,
        labels=labels,
        splits={name: _numbered(rows, ids, weighted) for name, rows in splits.items()},
        report=given.report,
    )


def load_split(config: DataConfig, split: str, labels: Sequence[str]) -> tuple[Split, ReadReport]:
    """Read one split as it is given, to score a network whose classes are ``labels``.

    Nothing is cut: of a source without splits, such as one file, all rows are returned.

    Args:
        config: as for :func:`load`.
        split: ``train``, ``validation`` or ``test``.
        labels: the known classes; a row with another label is skipped, counted and named.

    Raises:
        InputError: if the source has splits, but not this one, or no row is left.
    """
    given = read(config)
    if split not in given.splits and len(given.splits) > 1:
        raise checks.wrong(
            "split", split, f"one that {config.source} has: {', '.join(given.splits)}"
        )
    rows = given.splits[split if split in given.splits else "train"]
    rows = _known(split, rows, set(labels), given.report)
    if not len(rows):
        raise InputError(
            f"{config.source}: no row with a known label, expected {', '.join(labels)}"
        )
    _note(rows, rows.conflicting(), CONFLICTING)
    for file in rows.files:
        file.used += 1
    # Those of the other splits were read, but for nothing.
    report = given.report
    scored = {id(file) for file in rows.files}
    report.files = [file for file in report.files if id(file) in scored]
    report.check()
    ids = {label: position for position, label in enumerate(labels)}
    return _numbered(rows, ids, config.weight_column is not None), report


def read(config: DataConfig) -> Given:
    """Read every usable row of the source, in the splits that the source itself gives."""
    report = ReadReport()
    if config.source == "reviews":
        train = Rows()
        for name, lines in reviews.read_reviews(config.imbalance_ratio, config.split_seed):
            _collect(lines, name, report, config.encoding, train)
        return Given("reviews", {"train": train}, report)
    root = Path(config.source).expanduser()
    columns = Columns(config.text_column, config.label_column, config.weight_column)
    splits = {}
    for split, (path, format) in _layout(root, config).items():
        if format == "folders":
            lines = readers.read_folders(path, config.encoding)
        else:
            lines = readers.read_file(path, format, columns, config.encoding)
        splits[split] = _collect(lines, str(path), report, config.encoding, Rows())
        if format == "folders":
            used = set(splits[split].labels)
            empty = [each for each in readers.class_folders(path) if each not in used]
            _warn(report, f"{path}: class folders without a usable text", empty)
    name = root.resolve().name
    return Given(name if root.is_dir() else name.split(".")[0] or name, splits, report)


def divide(given: Given, config: DataConfig) -> dict[str, Rows]:
    """Return the three splits as they are used, and complete ``given.report``.

    Raises:
        InputError: if a split would be empty, or train has fewer than two classes.
    """
    train = given.splits["train"]
    train = train.skip(train.conflicting(), CONFLICTING)
    known = set(train.labels)
    if len(known) < 2:
        raise checks.wrong(
            f"{_source(given)}: classes of the training rows", sorted(known), "two classes or more"
        )
    _warn(
        given.report,
        "train: classes skipped, each of their texts stands under another label as well",
        sorted(set(given.splits["train"].labels) - known),
    )
    kept = {"train": train}
    for name in given.splits:
        if name != "train":
            kept[name] = _known(name, given.splits[name], known, given.report)
            _note(kept[name], kept[name].conflicting(), CONFLICTING)
    for rows in kept.values():
        _note(rows, rows.repeated(), "repeating an earlier row")
    fractions = {"validation": config.validation_fraction, "test": config.test_fraction}
    missing = {name: share for name, share in fractions.items() if name not in kept}
    splits = kept | cut(train, missing, config.split_seed)
    splits = {name: splits[name] for name in SPLITS}
    _finish(splits, given)
    return splits


def cut(rows: Rows, fractions: dict[str, float], seed: int) -> dict[str, Rows]:
    """Cut splits of the given shares from ``rows``; what is left is ``train``.

    Args:
        rows: without a text that stands under two labels.
        fractions: split to the share of each class's rows that it gets; at least one row while
            a row with another text is left for train. The first split is served first.
        seed: chooses the rows, by a hash of it and of each text.
    """
    classes = defaultdict(lambda: defaultdict(list))
    for position, (label, each) in enumerate(zip(rows.labels, rows.digests, strict=True)):
        classes[label][each].append(position)
    positions = defaultdict(list)
    for texts in classes.values():
        size = sum(map(len, texts.values()))
        left = sorted(texts, key=lambda each: readers.rank("cut", seed, each))
        for name, fraction in fractions.items():
            target = max(1, int(size * fraction + 0.5))
            taken = _take(left, texts, target)
            left = [each for each in left if each not in taken]
            positions[name] += (i for each in taken for i in texts[each])
        positions["train"] += (i for each in left for i in texts[each])
    return {name: rows.select(sorted(positions[name])) for name in ("train", *fractions)}


def _take(order: list[bytes], texts: dict[bytes, list[int]], target: int) -> set[bytes]:
    """Take texts worth ``target`` rows at most (one text at least), and leave one text."""
    taken = set()
    for each in order:
        if target == 0 or len(taken) == len(order) - 1:
            break
        if len(texts[each]) <= target:
            taken.add(each)
            target -= len(texts[each])
    if not taken and len(order) > 1:
        taken.add(min(order, key=lambda each: len(texts[each])))
    return taken


def _note(rows: Rows, positions: Iterable[int], remark: str) -> None:
    for each in positions:
        rows.files[each].note(remark, rows.places[each])


def _known(name: str, rows: Rows, known: set[str], report: ReadReport) -> Rows:
    strange = Counter(label for label in rows.labels if label not in known)
    named = [f"{label!r} ({count} rows)" for label, count in strange.most_common()]
    _warn(report, f"{name}: rows skipped, their labels stand in no training row", named, str)
    return rows.skip(
        (i for i, label in enumerate(rows.labels) if label not in known), UNKNOWN_LABEL
    )


def _finish(splits: dict[str, Rows], given: Given) -> None:
    """Refuse empty splits, warn of thin classes, and close the account."""
    train = Counter(splits["train"].labels)
    report = given.report
    for name, rows in splits.items():
        if not len(rows):
            cause = "has no row with a label of the training rows"
            if name not in given.splits:
                cause = "is empty: no class has enough different texts to cut it from train"
            raise InputError(f"{_source(given)}: the {name} split {cause}")
        if name != "train":
            absent = sorted(set(train) - set(rows.labels))
            _warn(report, f"{name}: classes without a row", absent)
        for file in rows.files:
            file.used += 1
    if not any(each is None or each > 0 for each in splits["train"].weights):
        raise InputError(f"{_source(given)}: every training row has weight 0, expected one above 0")
    single = sorted(label for label, count in train.items() if count == 1)
    _warn(report, "train: classes with a single row", single)
    report.check()


def _warn(report: ReadReport, what: str, names: Sequence[str], show=repr) -> None:
    if names:
        more = len(names) - _NAMED_AT_MOST
        listed = ", ".join(map(show, names[:_NAMED_AT_MOST]))
        report.warnings.append(f"{what}: {listed}" + (f" and {more} more" if more > 0 else ""))


def _source(given: Given) -> str:
    return given.report.files[0].path


def _collect(
    lines: Iterable[Row | Skipped], name: str, report: ReadReport, encoding: str, rows: Rows
) -> Rows:
    """Add the rows of one file to ``rows`` and its account to ``report``."""
    file = FileReport(name)
    report.files.append(file)
    for line in lines:
        file.read += 1
        if isinstance(line, Skipped):
            file.skip(line.reason, line.place)
            continue
        if line.broken:
            file.note(BROKEN, line.place)
        rows.append(line, file)
    if file.rows_skipped == file.read:
        raise InputError(
            f"{name}: no usable row among {file.read}, expected one at least"
            + (f"; skipped: {file.reasons()}" if file.read else "")
        )
    broken = file.notes[BROKEN].count if BROKEN in file.notes else 0
    if 2 * broken > file.read - file.rows_skipped:
        raise InputError(
            f"{name}: {broken} of {file.read} rows hold bytes that do not fit the encoding "
            f"{encoding!r}, expected data.encoding to name the right one, for example gb18030"
        )
    return rows


def _numbered(rows: Rows, ids: dict[str, int], weighted: bool) -> Split:
    return Split(
        texts=rows.texts,
        labels=np.array([ids[each] for each in rows.labels], np.int32),
        weights=np.array(rows.weights, np.float32) if weighted else None,
        places=rows.places,
    )


def _layout(root: Path, config: DataConfig) -> dict[str, tuple[Path, str]]:
    """Return, for each split that the source gives, its path and format."""
    try:
        if root.is_dir():
            return _folder_layout(root, config.format)
        if root.is_file():
            return {"train": (root, _file_format(root, config.format))}
        siblings = [each.name for each in root.parent.iterdir()] if root.parent.is_dir() else []
    except OSError as error:
        raise InputError(f"{root}: cannot be read ({error.strerror})") from None
    raise checks.wrong(
        "data.source",
        config.source,
        "reviews, a file or a folder that exists"
        + checks.did_you_mean(root.name, ["reviews", *siblings]),
    )


def _file_format(path: Path, format: str) -> str:
    if format == "folders":
        raise checks.wrong("data.format", format, f"a format of files: {path} is a file")
    found = readers.format_of(path) if format == "auto" else format
    if found is None:
        known = ", ".join(readers.SUFFIXES)
        raise InputError(
            f"{path}: its name tells no format, expected one of {known} "
            f"(also with {', '.join(readers.COMPRESSIONS)}), or data.format"
        )
    return found


def _folder_layout(root: Path, format: str) -> dict[str, tuple[Path, str]]:
    entries = sorted(root.iterdir())
    found = {}
    for split, names in _FILE_NAMES.items():
        folders = [each for each in entries if each.is_dir() and each.name in names]
        files = [] if format == "folders" else _split_files(entries, names, format)
        candidates = files or (folders if format in ("auto", "folders") else [])
        if len(candidates) > 1:
            listed = ", ".join(each.name for each in candidates)
            raise InputError(f"{root}: {listed} all name the {split} split, expected one of them")
        for each in candidates:
            found[split] = (each, "folders" if each.is_dir() else _file_format(each, format))
    if "train" in found:
        return found
    if not found and format in ("auto", "folders") and any(each.is_dir() for each in entries):
        return {"train": (root, "folders")}
    listed = ", ".join(each.name for each in entries[:_NAMED_AT_MOST]) or "nothing"
    raise InputError(
        f"{root}: found {listed}{', …' if len(entries) > _NAMED_AT_MOST else ''}; expected a "
        "train.* file (csv, tsv, jsonl, parquet, txt), a folder named train, or a folder per class"
    )


def _split_files(entries: list[Path], names: Sequence[str], format: str) -> list[Path]:
    files = [each for each in entries if each.is_file() and each.name.split(".")[0] in names]
    if format == "auto":
        return [each for each in files if readers.format_of(each)]
    return [each for each in files if readers.format_of(each) in (format, None)]
