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
a folder and ``data.files``           the files it names; a missing split is cut from train
====================================  ==========================================================

Cutting follows ``split_seed`` alone. Each class gives each cut split its share of rows, rounded,
and at least one row: a class with two different texts reaches train and validation, one with a
single text stays in train. Rows with the same text stay together, so no text stands in two cut
splits. Splits that are given as files are left as they are; the audit counts what they share.

With ``validation_fraction`` 0 the validation split is empty. With ``folds`` it is one of that many
folds of the rows that are left when test is cut: each class is dealt out evenly, equal texts into
one fold, and each row is in the validation split of one ``fold``; the rows of a class with a
single text train in all of them. Both cut the same test split.

What becomes of a row that is not as it should be:

==========================================  ====================================================
a row with                                  is
==========================================  ====================================================
a pair of texts, one of them empty          skipped and counted
a pair with the separator in one of its texts  kept, a blank in its place, and counted as a note
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
a file in a class folder, not ``.txt``, or  skipped and counted
beside the class folders
a weight that is not finite and >= 0        refused
no value for a subgroup                     kept and counted as a note: no member
another value than 0, 1, true, false or a   refused
share for a subgroup
the text and label of an earlier row        kept and counted as a note
the text of a row with another label        in train: skipped, all such rows, since none of
                                            them has a label to trust; in a given validation or
                                            test split: kept and counted as a note
a label that no training row has            (validation, test) skipped, counted and named
==========================================  ====================================================

A missing column, an unclosed quote, a file that cannot be read to its end, a split without a
usable row and a training split with fewer than two classes are refused in one line; so is data
without the column of the weights, or of a subgroup, when one is named. A class with one training
row, or without a row in another split, is a warning; so is a subgroup whose rows in validation or
test are not of two classes.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import cache, readers, reviews
from imbalance.data.cache import Cache
from imbalance.data.cutting import CONFLICTING, SPLITS, divide, warn, with_known_labels
from imbalance.data.layout import layout
from imbalance.data.mistaken import refuse_marked_texts
from imbalance.data.readers import Columns, Row, Skipped
from imbalance.data.report import FileReport, ReadReport
from imbalance.data.rows import ROWS, Collector, Given, Rows, Texts
from imbalance.data.spool import Column
from imbalance.data.subgroups import Subgroups

BROKEN = "with broken bytes replaced"
SEPARATED = "with a separator character replaced"
UNMARKED = "without a value for a subgroup, no member of it"
# What decides how texts become ids, and nothing before that.
ENCODING_FIELDS = (
    *("tokens", "user_dict", "keep", "max_characters", "max_length", "vocabulary_size"),
    "oov_buckets",
)
# Files of a cache entry.
_ARRAYS, _REST = "splits.npz", "corpus.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Split:
    """Rows of one split, in the order of their file.

    Attributes:
        texts: the texts as they were read; a sequence that reads them from disk.
        labels: int32, shape (n,), positions in :attr:`Corpus.labels`.
        weights: float32, shape (n,), or ``None`` without a weight column.
        places: ``file:line`` of each row, as :attr:`texts` on disk.
        digests: 16 bytes a row, shape (n,), equal for rows with the same text.
        lengths: characters of each text, int32, shape (n,).
        subgroups: name to membership, bool, shape (n,).
    """

    texts: Sequence[str]
    labels: np.ndarray
    weights: np.ndarray | None
    places: Sequence[str]
    digests: np.ndarray
    lengths: np.ndarray
    subgroups: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

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
        cache: where it is kept, and what is made of it.
        key: names its content there.
    """

    name: str
    labels: tuple[str, ...]
    splits: dict[str, Split]
    report: ReadReport
    cache: Cache
    key: str


def load(config: DataConfig) -> Corpus:
    """Read the corpus that ``config`` names and cut the splits that it lacks.

    Args:
        config: ``source``, ``format``, the columns, ``encoding``, ``imbalance_ratio``, the
            fractions, the folds and ``split_seed`` are used.

    Returns:
        A :class:`Corpus`; its report says what became of every row.

    Raises:
        InputError: one line, if the source cannot be read or holds nothing to train on.

    Example:
        >>> corpus = load(DataConfig(imbalance_ratio=100))
        >>> corpus.labels, {name: len(split) for name, split in corpus.splits.items()}
        (('negative', 'positive'), {'train': 6385, 'validation': 912, 'test': 1824})
    """
    kept = Cache(config.cache)
    key = _key(config)

    def build(folder):
        given = read(config, folder)
        splits = divide(given, config)
        if _key(config) != key:
            raise InputError(
                f"{config.source}: changed while it was read, expected to stay as it is"
            )
        _write(folder, splits, given.report)

    folder = kept.entry("corpus", key, build)
    labels, splits, report = _reopened(folder, config, kept)
    return Corpus(name_of(config), labels, splits, report, kept, cache.fingerprint(key))


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
    rows = with_known_labels(split, rows, set(labels), given.report)
    if not len(rows):
        raise InputError(
            f"{config.source}: no row with a known label, expected {', '.join(labels)}"
        )
    rows.note(rows.conflicting(), CONFLICTING)
    rows.use()
    # Those of the other splits were read, but for nothing.
    report = given.report
    report.files = rows.read_from()
    report.check()
    return _numbered(rows, labels, config.weight_column is not None), report


def read(config: DataConfig, folder: Path | None = None) -> Given:
    """Read every usable row of the source, in the splits that the source itself gives.

    Args:
        config: as for :func:`load`.
        folder: gets the texts; by default a temporary folder, which goes with the rows.
    """
    report = ReadReport()
    spool = Texts(folder)
    try:
        collected = _read(config, report, spool)
    finally:
        spool.close()
    splits = {split: each.rows() for split, each in collected.items()}
    return Given(name_of(config), splits, report)


def _read(config: DataConfig, report: ReadReport, spool: Texts) -> dict[str, Collector]:
    subgroups = Subgroups(config.subgroups)
    if config.source == "reviews":
        _without_columns(config, subgroups, "reviews")
        splits = {}
        for split, files in _reviews(config).items():
            splits[split] = Collector(spool, subgroups)
            for name, lines in files:
                _collect(lines, name, report, config.encoding, splits[split])
        return splits
    root = Path(config.source).expanduser()
    columns = Columns(
        config.text_column,
        config.label_column,
        config.weight_column,
        config.quotes,
        subgroups.columns,
    )
    splits = {}
    for split, (path, format) in layout(root, config).items():
        if format == "folders":
            _without_columns(config, subgroups, str(path))
            if config.pairs:
                expected = f"the name of one column: {path} has single texts in files"
                raise checks.wrong("data.text_column", list(config.text_column), expected)
            lines = readers.read_folders(path, config.encoding)
        else:
            refuse_marked_texts(path, format, config.encoding)
            lines = readers.read_file(path, format, columns, config.encoding)
        splits[split] = Collector(spool, subgroups)
        _collect(lines, str(path), report, config.encoding, splits[split])
        if format == "folders":
            used = splits[split].names
            empty = [each for each in readers.class_folders(path) if each not in used]
            warn(report, f"{path}: class folders without a usable text", empty)
    return splits


def _without_columns(config: DataConfig, subgroups: Subgroups, what: str) -> None:
    if config.weight_column is not None:
        expected = f"null: {what} has no columns"
        raise checks.wrong("data.weight_column", config.weight_column, expected)
    if subgroups.columns:
        expected = f"patterns: {what} has no columns"
        raise checks.wrong("data.subgroups", list(subgroups.columns), expected)


def _reviews(config: DataConfig) -> dict:
    ratio, test_ratio, seed = config.imbalance_ratio, config.test_imbalance_ratio, config.split_seed
    if test_ratio is None:
        return {"train": reviews.read_reviews(ratio, seed)}
    return reviews.read_reviews_with_test(ratio, test_ratio, config.test_fraction, seed)


def name_of(config: DataConfig) -> str:
    """Return the name of the source: that of its file, without suffixes, or its folder."""
    root = Path(config.source).expanduser()
    name = root.resolve().name
    if config.source == "reviews" or root.is_dir():
        return name
    return name.split(".")[0] or name


def _collect(
    lines: Iterable[Row | Skipped], name: str, report: ReadReport, encoding: str, rows: Collector
) -> None:
    """Add the rows of one file to ``rows`` and its account to ``report``."""
    file = FileReport(name)
    report.files.append(file)
    rows.accounts.append(file)
    for line in lines:
        file.read += 1
        if isinstance(line, Skipped):
            file.skip(line.reason, line.place)
            continue
        if line.broken:
            file.note(BROKEN, line.place)
        if line.separated:
            file.note(SEPARATED, line.place)
        if None in line.members.values():
            file.note(UNMARKED, line.place)
        rows.append(line)
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


def _numbered(rows: Rows, labels: Sequence[str], weighted: bool) -> Split:
    ids = {label: position for position, label in enumerate(labels)}
    return Split(
        texts=rows.texts,
        labels=np.array([ids.get(each, -1) for each in rows.names], np.int32)[rows.codes],
        weights=rows.weights.astype(np.float32) if weighted else None,
        places=rows.places,
        digests=rows.digests,
        lengths=rows.lengths,
        subgroups=rows.subgroups,
    )


def _key(config: DataConfig) -> dict:
    """Return what the splits depend on: settings, contents of the source, and this code."""
    settings = {k: v for k, v in asdict(config).items() if k not in (*ENCODING_FIELDS, "cache")}
    if config.source == "reviews":
        content = [digest for _, digest in reviews.FILES.values()]
    else:
        files = layout(Path(config.source).expanduser(), config)
        content = {
            split: [str(path), format, readers.content(path)]
            for split, (path, format) in files.items()
        }
    return {"settings": settings, "content": content, "code": cache.code()}


def _write(folder: Path, splits: dict[str, Rows], report: ReadReport) -> None:
    """Write beside the texts what :func:`_reopened` reads."""
    labels = sorted(splits["train"].counts())
    arrays = {}
    for name, rows in splits.items():
        split = _numbered(rows, labels, True)
        arrays[f"{name}.rows"] = rows.texts.rows
        for each in ("labels", "weights", "digests", "lengths"):
            arrays[f"{name}.{each}"] = getattr(split, each)
        for number, members in enumerate(split.subgroups.values()):
            arrays[f"{name}.subgroup{number}"] = members
    np.savez(folder / _ARRAYS, **arrays)
    names = list(splits["train"].subgroups)
    rest = json.dumps({"labels": labels, "subgroups": names, "report": report.to_mapping()})
    (folder / _REST).write_text(rest, encoding="utf-8")


def _reopened(folder: Path, config: DataConfig, keep):
    """Return labels, splits and report of a cache entry."""
    rest = json.loads((folder / _REST).read_text(encoding="utf-8"))
    splits = {}
    with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
        for name in SPLITS:
            rows = arrays[f"{name}.rows"]
            splits[name] = Split(
                texts=Column(folder / ROWS, "text", rows, keep),
                labels=arrays[f"{name}.labels"],
                weights=arrays[f"{name}.weights"] if config.weight_column is not None else None,
                places=Column(folder / ROWS, "place", rows, keep),
                digests=arrays[f"{name}.digests"],
                lengths=arrays[f"{name}.lengths"],
                subgroups={
                    group: arrays[f"{name}.subgroup{number}"]
                    for number, group in enumerate(rest["subgroups"])
                },
            )
    return tuple(rest["labels"]), splits, ReadReport.from_mapping(rest["report"])
