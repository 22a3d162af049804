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
a file in a class folder, not ``.txt``      skipped and counted
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

import heapq
import json
import logging
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import cache, readers, reviews
from imbalance.data.cache import Cache
from imbalance.data.readers import Columns, Row, Skipped
from imbalance.data.report import PLACES_KEPT, FileReport, ReadReport
from imbalance.data.spool import Column, Spool
from imbalance.data.subgroups import Subgroups

SPLITS = ("train", "validation", "test")
BROKEN = "with broken bytes replaced"
SEPARATED = "with a separator character replaced"
UNMARKED = "without a value for a subgroup, no member of it"
CONFLICTING = "same text under another label"
UNKNOWN_LABEL = "label of no training row"
DROPPED = "dropped by data.resample"
REPEATED = "repeated by data.resample"
FILE_NAMES = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
_NAMED_AT_MOST = 5
_TELL_EVERY_SECONDS = 10
# What decides how texts become ids, and nothing before that.
ENCODING_FIELDS = ("tokens", "keep", "max_characters", "max_length", "vocabulary_size")
# Files of a cache entry.
_ROWS, _ARRAYS, _REST = "rows.parquet", "splits.npz", "corpus.json"

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


@dataclass(frozen=True)
class Rows:
    """Rows as columns, before the labels that training knows become numbers. Texts are on disk.

    Attributes:
        texts, places: as in :class:`readers.Row`, read from disk.
        names: the labels that ``codes`` count.
        codes: int32, shape (n,), the label of each row.
        weights: float64, shape (n,); NaN without a weight column.
        digests: shape (n,), 16 bytes each.
        lengths: characters of each text, int32, shape (n,).
        subgroups: name to membership, bool, shape (n,).
        accounts: the accounts that ``files`` count.
        files: int32, shape (n,), the account that each row belongs to.
    """

    texts: Column
    places: Column
    names: tuple[str, ...]
    codes: np.ndarray
    weights: np.ndarray
    digests: np.ndarray
    lengths: np.ndarray
    subgroups: Mapping[str, np.ndarray]
    accounts: tuple[FileReport, ...]
    files: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def labels(self) -> list[str]:
        """The label of each row."""
        return [self.names[code] for code in self.codes.tolist()]

    def counts(self) -> Counter[str]:
        """Return the rows of each label that has any, by label."""
        counts = np.bincount(self.codes, minlength=len(self.names)).tolist()
        return Counter({n: count for n, count in zip(self.names, counts, strict=True) if count})

    def select(self, keep: np.ndarray) -> "Rows":
        """Return the rows at the positions ``keep``."""
        columns = ("codes", "weights", "digests", "lengths", "files")
        picked = {name: getattr(self, name)[keep] for name in columns}
        picked["subgroups"] = {name: each[keep] for name, each in self.subgroups.items()}
        return replace(self, texts=self.texts.at(keep), places=self.places.at(keep), **picked)

    def skip(self, positions: np.ndarray, reason: str) -> "Rows":
        """Count the rows at ``positions`` as skipped and return the others."""
        for file, count, places in self._by_file(positions):
            file.skip(reason, *places, count=count)
        return self.select(np.delete(np.arange(len(self)), positions))

    def note(self, positions: np.ndarray, remark: str) -> None:
        """Count a remark on the rows at ``positions``."""
        for file, count, places in self._by_file(positions):
            file.note(remark, *places, count=count)

    def use(self) -> None:
        """Count all rows as used."""
        for file, count in zip(self.accounts, self._per_file(), strict=True):
            file.used += count

    def read_from(self) -> list[FileReport]:
        """Return the accounts that any row belongs to."""
        counts = zip(self.accounts, self._per_file(), strict=True)
        return [file for file, count in counts if count]

    def repeated(self) -> np.ndarray:
        """Return the positions of rows whose text and label an earlier row has."""
        _, pairs = self._texts_and_pairs()
        return np.delete(np.arange(len(self)), np.unique(pairs, return_index=True)[1])

    def conflicting(self) -> np.ndarray:
        """Return the positions of rows whose text another row has under another label."""
        texts, pairs = self._texts_and_pairs()
        labels_of_text = np.bincount(texts[np.unique(pairs, return_index=True)[1]])
        return np.flatnonzero(labels_of_text[texts] > 1)

    def _texts_and_pairs(self):
        _, texts = np.unique(self.digests, return_inverse=True)
        return texts, texts * len(self.names) + self.codes

    def _per_file(self) -> list[int]:
        return np.bincount(self.files, minlength=len(self.accounts)).tolist()

    def _by_file(self, positions):
        files = self.files[positions]
        for index in np.unique(files):
            found = positions[files == index]
            yield self.accounts[index], len(found), self.places.at(found[:PLACES_KEPT])


class _Collector:
    """Rows of one split as they are read: texts to the spool, the rest into flat arrays."""

    def __init__(self, spool: "_Texts", subgroups: Subgroups):
        self.spool, self.subgroups = spool, subgroups
        self.positions, self.codes, self.files = array("q"), array("i"), array("i")
        self.weights, self.lengths, self.digests = array("d"), array("i"), bytearray()
        self.members = bytearray()
        self.names, self.accounts = {}, []

    def __len__(self):
        return len(self.codes)

    def append(self, row: Row) -> None:
        self.positions.append(self.spool.add(row.text, row.place))
        self.codes.append(self.names.setdefault(row.label, len(self.names)))
        self.files.append(len(self.accounts) - 1)
        self.weights.append(np.nan if row.weight is None else row.weight)
        self.lengths.append(len(row.text))
        self.digests += row.digest
        self.members += self.subgroups.of(row.text, row.members)

    def rows(self) -> Rows:
        positions, names = np.array(self.positions), self.subgroups.names
        members = np.frombuffer(bytes(self.members), bool).reshape(len(positions), len(names))
        return Rows(
            texts=self.spool.column("text", positions),
            places=self.spool.column("place", positions),
            names=tuple(self.names),
            codes=np.array(self.codes),
            weights=np.array(self.weights),
            digests=np.frombuffer(bytes(self.digests), "S16"),
            lengths=np.array(self.lengths),
            subgroups={name: members[:, i] for i, name in enumerate(names)},
            accounts=tuple(self.accounts),
            files=np.array(self.files),
        )


class _Texts:
    """The spool of one reading, in ``folder`` or else in one that goes with the last column."""

    def __init__(self, folder: Path | None):
        self._temporary = None
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(
                prefix="imbalance-", ignore_cleanup_errors=True
            )
            folder = Path(self._temporary.name)
        self._spool = Spool(folder / _ROWS)
        self._rows = 0
        self._told = time.monotonic()

    def add(self, text: str, place: str) -> int:
        self._spool.add(text, place)
        self._rows += 1
        if self._rows % 4096 == 0 and time.monotonic() - self._told > _TELL_EVERY_SECONDS:
            self._told = time.monotonic()
            _log.info("reading: %s rows so far", f"{self._rows:,}")
        return self._rows - 1

    def column(self, name: str, rows: np.ndarray) -> Column:
        return Column(self._spool.path, name, rows, keep=self._temporary)

    def close(self) -> None:
        self._spool.close()


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
    rows = _known(split, rows, set(labels), given.report)
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
    spool = _Texts(folder)
    try:
        collected = _read(config, report, spool)
    finally:
        spool.close()
    splits = {split: each.rows() for split, each in collected.items()}
    return Given(name_of(config), splits, report)


def _read(config: DataConfig, report: ReadReport, spool: _Texts) -> dict[str, _Collector]:
    subgroups = Subgroups(config.subgroups)
    if config.source == "reviews":
        _without_columns(config, subgroups, "reviews")
        splits = {}
        for split, files in _reviews(config).items():
            splits[split] = _Collector(spool, subgroups)
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
    for split, (path, format) in _layout(root, config).items():
        if format == "folders":
            _without_columns(config, subgroups, str(path))
            if config.pairs:
                expected = f"the name of one column: {path} has single texts in files"
                raise checks.wrong("data.text_column", list(config.text_column), expected)
            lines = readers.read_folders(path, config.encoding)
        else:
            lines = readers.read_file(path, format, columns, config.encoding)
        splits[split] = _Collector(spool, subgroups)
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


def divide(given: Given, config: DataConfig) -> dict[str, Rows]:
    """Return the three splits as they are used, and complete ``given.report``.

    Raises:
        InputError: if a split would be empty, or train has fewer than two classes.
    """
    train = given.splits["train"]
    train = train.skip(train.conflicting(), CONFLICTING)
    known = set(train.counts())
    if len(known) < 2:
        raise checks.wrong(
            f"{_source(given)}: classes of the training rows", sorted(known), "two classes or more"
        )
    warn(
        given.report,
        "train: classes skipped, each of their texts stands under another label as well",
        sorted(set(given.splits["train"].counts()) - known),
    )
    if config.folds is not None and "validation" in given.splits:
        raise checks.wrong(
            "data.folds", config.folds, f"null: {config.source} has a validation split of its own"
        )
    kept = {"train": train}
    for name in given.splits:
        if name != "train":
            kept[name] = _known(name, given.splits[name], known, given.report)
            kept[name].note(kept[name].conflicting(), CONFLICTING)
    for rows in kept.values():
        rows.note(rows.repeated(), "repeating an earlier row")
    fractions = {"validation": config.validation_fraction, "test": config.test_fraction}
    if config.folds is not None:
        del fractions["validation"]
    missing = {name: share for name, share in fractions.items() if share and name not in kept}
    splits = kept | cut(train, missing, config.split_seed)
    if config.folds is not None:
        splits |= fold(splits["train"], config.folds, config.fold, config.split_seed)
    splits = {name: splits[name] for name in SPLITS if name in splits}
    splits["train"], copies = _resampled(splits["train"], config)
    _finish(splits, given)
    splits["train"].note(copies, REPEATED)
    # With equal rows together they are read from disk in its order.
    train = splits["train"].select(np.sort(np.append(np.arange(len(splits["train"])), copies)))
    # Without a validation split there is an empty one.
    return {"validation": train.select(np.zeros(0, np.int64)), **splits, "train": train}


def cut(rows: Rows, fractions: dict[str, float], seed: int) -> dict[str, Rows]:
    """Cut splits of the given shares from ``rows``; what is left is ``train``.

    Args:
        rows: without a text that stands under two labels.
        fractions: split to the share of each class's rows that it gets; at least one row while
            a row with another text is left for train. The first split is served first.
        seed: chooses the rows, by a hash of it and of each text.
    """
    text_of_row, counts, classes = _texts(rows, "cut", seed)
    split_of_text = np.zeros(len(counts), np.int8)
    for left in classes:
        size = counts[left].sum()
        for number, fraction in enumerate(fractions.values(), start=1):
            taken = _take(counts[left], max(1, int(size * fraction + 0.5)))
            split_of_text[left[taken]] = number
            left = np.delete(left, taken)
    split_of_row = split_of_text[text_of_row]
    names = ("train", *fractions)
    return {name: rows.select(np.flatnonzero(split_of_row == i)) for i, name in enumerate(names)}


def fold(rows: Rows, folds: int, number: int, seed: int) -> dict[str, Rows]:
    """Deal ``rows`` into folds; fold ``number`` is ``validation``, the others are ``train``.

    Args:
        rows: without a text that stands under two labels.
        folds: how many, at least 2.
        number: from 0.
        seed: chooses the rows, as for :func:`cut`.
    """
    text_of_row, counts, classes = _texts(rows, "fold", seed)
    fold_of_text = np.full(len(counts), -1, np.int32)
    sizes = [0] * folds
    for texts in classes:
        if len(texts) == 1:
            continue  # without it in train there would be no such class
        # The text of most rows first: what comes later evens out.
        texts = texts[np.argsort(-counts[texts], kind="stable")]
        # Rows of the class in a fold, rows of all classes so far, and the fold.
        heap = [(0, size, each) for each, size in enumerate(sizes)]
        heapq.heapify(heap)
        for text, count in zip(texts.tolist(), counts[texts].tolist(), strict=True):
            of_class, size, least = heap[0]
            heapq.heapreplace(heap, (of_class + count, size + count, least))
            fold_of_text[text] = least
        for _, size, each in heap:
            sizes[each] = size
    chosen = fold_of_text[text_of_row] == number
    return {
        "train": rows.select(np.flatnonzero(~chosen)),
        "validation": rows.select(np.flatnonzero(chosen)),
    }


def _resampled(train: Rows, config: DataConfig) -> tuple[Rows, np.ndarray]:
    """Return the training rows that ``data.resample`` leaves, and the positions in them of those
    that are to come again, as often as they are.
    """
    checks.keys("data.resample", config.resample, sorted(train.counts()))
    dropped, copies = [], []
    for label, factor in config.resample.items():
        rows = np.flatnonzero(train.codes == train.names.index(label))
        digests = (each.ljust(16, b"\0") for each in train.digests[rows].tolist())
        ranks = [readers.rank("resample", config.split_seed, each) for each in digests]
        rows = rows[np.argsort(np.array(ranks, "S16"), kind="stable")]
        wanted = max(1, int(len(rows) * factor + 0.5))
        dropped.append(rows[wanted:])
        copies.append(np.resize(rows, max(0, wanted - len(rows))))
    empty = np.zeros(0, np.int64)
    dropped = np.sort(np.concatenate([empty, *dropped]))
    copies = np.concatenate([empty, *copies])
    copies = copies - np.searchsorted(dropped, copies)
    return train.skip(dropped, DROPPED) if len(dropped) else train, copies


def _texts(rows: Rows, purpose: str, seed: int):
    """Return the text of each row, the rows of each text, and the texts of each class, shuffled."""
    digests, first, text_of_row, counts = np.unique(
        rows.digests, return_index=True, return_inverse=True, return_counts=True
    )
    ranks = [readers.rank(purpose, seed, each.ljust(16, b"\0")) for each in digests.tolist()]
    labels = rows.codes[first]
    # Text by text: sorted by label, then as the seed says.
    order = np.lexsort((np.array(ranks, "S16"), labels))
    return text_of_row, counts, np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def _take(counts: np.ndarray, target: int) -> list[int]:
    """Take texts worth ``target`` rows at most (one text at least), and leave one text.

    Args:
        counts: rows of each text, in the order in which they are taken.
        target: rows.

    Returns:
        Positions in ``counts``.
    """
    taken = []
    for position, count in enumerate(counts.tolist()):
        if target == 0 or len(taken) == len(counts) - 1:
            break
        if count <= target:
            taken.append(position)
            target -= count
    if not taken and len(counts) > 1:
        taken.append(int(counts.argmin()))
    return taken


def _known(name: str, rows: Rows, known: set[str], report: ReadReport) -> Rows:
    strange = Counter({n: count for n, count in rows.counts().items() if n not in known})
    named = [f"{label!r} ({count} rows)" for label, count in strange.most_common()]
    warn(report, f"{name}: rows skipped, their labels stand in no training row", named, str)
    codes = [code for code, label in enumerate(rows.names) if label not in known]
    return rows.skip(np.flatnonzero(np.isin(rows.codes, codes)), UNKNOWN_LABEL)


def _finish(splits: dict[str, Rows], given: Given) -> None:
    """Refuse empty splits, warn of thin classes, and close the account."""
    train = splits["train"].counts()
    report = given.report
    for name, rows in splits.items():
        if not len(rows):
            cause = "has no row with a label of the training rows"
            if name not in given.splits:
                texts = 1 + len(splits.keys() - given.splits.keys() - {"train"})
                cause = (
                    "is empty: no class has enough different texts to cut it from train, expected "
                    f"{texts} or more in one"
                )
            raise InputError(f"{_source(given)}: the {name} split {cause}")
        if name != "train":
            absent = sorted(set(train) - set(rows.counts()))
            warn(report, f"{name}: classes without a row", absent)
            alike = [
                group
                for group, members in rows.subgroups.items()
                if len(np.unique(rows.codes[members])) < 2
            ]
            warn(report, f"{name}: subgroups whose rows are not of two classes", alike)
        rows.use()
    if (splits["train"].weights == 0).all():
        raise InputError(f"{_source(given)}: every training row has weight 0, expected one above 0")
    single = sorted(label for label, count in train.items() if count == 1)
    warn(report, "train: classes with a single row", single)
    report.check()


def warn(report: ReadReport, what: str, names: Sequence[str], show=repr) -> None:
    """Add a warning that lists the first few ``names``, if there are any."""
    if names:
        more = len(names) - _NAMED_AT_MOST
        listed = ", ".join(map(show, names[:_NAMED_AT_MOST]))
        report.warnings.append(f"{what}: {listed}" + (f" and {more} more" if more > 0 else ""))


def _source(given: Given) -> str:
    return given.report.files[0].path


def _collect(
    lines: Iterable[Row | Skipped], name: str, report: ReadReport, encoding: str, rows: _Collector
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
        layout = _layout(Path(config.source).expanduser(), config)
        content = {
            split: [str(path), format, readers.content(path)]
            for split, (path, format) in layout.items()
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
    with np.load(folder / _ARRAYS) as arrays:
        for name in SPLITS:
            rows = arrays[f"{name}.rows"]
            splits[name] = Split(
                texts=Column(folder / _ROWS, "text", rows, keep),
                labels=arrays[f"{name}.labels"],
                weights=arrays[f"{name}.weights"] if config.weight_column is not None else None,
                places=Column(folder / _ROWS, "place", rows, keep),
                digests=arrays[f"{name}.digests"],
                lengths=arrays[f"{name}.lengths"],
                subgroups={
                    group: arrays[f"{name}.subgroup{number}"]
                    for number, group in enumerate(rest["subgroups"])
                },
            )
    return tuple(rest["labels"]), splits, ReadReport.from_mapping(rest["report"])


def _layout(root: Path, config: DataConfig) -> dict[str, tuple[Path, str]]:
    """Return, for each split that the source gives, its path and format."""
    if config.files:
        paths = named_files(root, config.files)
        return {split: (path, _file_format(path, config.format)) for split, path in paths.items()}
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


def named_files(root: Path, files: Mapping[str, str]) -> dict[str, Path]:
    """Return the files of a folder that ``data.files`` names, by split.

    Raises:
        InputError: if one of them does not exist.
    """
    found = {split: root / name for split, name in files.items()}
    for split, path in found.items():
        if not path.is_file():
            siblings = [each.name for each in root.iterdir()] if root.is_dir() else []
            raise checks.wrong(
                f"data.files.{split}",
                files[split],
                f"a file in {root}" + checks.did_you_mean(path.name, siblings),
            )
    return found


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
    for split, names in FILE_NAMES.items():
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
