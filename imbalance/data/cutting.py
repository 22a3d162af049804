"""Rows of a source to splits: what is missing is cut, folded, and drawn from the training rows."""

import heapq
from collections import Counter
from collections.abc import Sequence

import numpy as np

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import readers
from imbalance.data.report import ReadReport
from imbalance.data.rows import Given, Rows

SPLITS = ("train", "validation", "test")
CONFLICTING = "same text under another label"
UNKNOWN_LABEL = "label of no training row"
DROPPED = "dropped by data.resample"
REPEATED = "repeated by data.resample"
_NAMED_AT_MOST = 5


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
            f"{source_of(given)}: classes of the training rows",
            sorted(known),
            "two classes or more",
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
            kept[name] = with_known_labels(name, given.splits[name], known, given.report)
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


def with_known_labels(name: str, rows: Rows, known: set[str], report: ReadReport) -> Rows:
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
            raise InputError(f"{source_of(given)}: the {name} split {cause}")
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
        raise InputError(
            f"{source_of(given)}: every training row has weight 0, expected one above 0"
        )
    single = sorted(label for label, count in train.items() if count == 1)
    warn(report, "train: classes with a single row", single)
    report.check()


def warn(report: ReadReport, what: str, names: Sequence[str], show=repr) -> None:
    """Add a warning that lists the first few ``names``, if there are any."""
    if names:
        more = len(names) - _NAMED_AT_MOST
        listed = ", ".join(map(show, names[:_NAMED_AT_MOST]))
        report.warnings.append(f"{what}: {listed}" + (f" and {more} more" if more > 0 else ""))


def source_of(given: Given) -> str:
    return given.report.files[0].path
