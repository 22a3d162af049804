"""A corpus of texts in which typed spans are marked, in three splits.

``load`` finds the splits as :mod:`imbalance.data.corpus` does for labelled texts:
``people_daily`` and a single file are cut three ways, of a folder each split has its file
(``train.*``, ``validation.*``, also ``valid``, ``val`` or ``dev``, ``test.*``), and
``data.files`` names files that are called otherwise. A missing split is cut from train.

A test file that holds no labels cannot be tested on: the validation file, if there is one, is
then the test split, as a published development split is where the test is kept secret; the
report says so.

Cutting follows ``split_seed`` alone and gives each cut split its share of rows. Rows with the
same text, and questions on the same context, stay together, so no text stands in two cut splits.

Besides what :mod:`imbalance.data.span_readers` skips and counts:

===========================================  ===================================================
what                                         becomes
===========================================  ===================================================
spans that overlap, of task ``tagging``      the longer is kept (of equals the first), since a
                                             character has one tag; the other is left out, counted
spans that overlap, of task ``span``         likewise if they have one type, or begin or end with
                                             the same character: no pointers could tell them apart
spans that overlap, of task ``reading``      kept: each is an answer that is accepted
the text and spans of an earlier row         kept and counted as a note
the text of a row with other spans           kept and counted as a note
a span whose type no training row has        (validation, test) its row is skipped, counted and
                                             named
===========================================  ===================================================
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import SPAN_FORMATS, DataConfig
from imbalance.data import cache, corpus, people_daily, readers, span_readers
from imbalance.data.cache import Cache
from imbalance.data.corpus import BROKEN, SPLITS
from imbalance.data.readers import Skipped
from imbalance.data.report import FileReport, ReadReport
from imbalance.data.span_readers import NO_LABEL, NamedSpan, SpanRow
from imbalance.spans import Span

SOURCE = "people_daily"
TASKS = ("tagging", "span", "reading")
OVERLAPPING = "spans left out: overlapping a longer one"
OTHER_SPANS = "same text with other spans"
REPEATED = "repeating an earlier row"
UNKNOWN_TYPE = "span of a type that no training row has"
# Formats whose spans are words, each character but the blanks between them in one.
_OF_WORDS = ("conllu", "words")


@dataclass(frozen=True)
class AnnotatedSplit:
    """Rows of one split, in the order of their file.

    Attributes:
        texts: as they were read; position i of a span is code point i.
        spans: of each text, in its order; types are positions in :attr:`AnnotatedCorpus.types`.
        places: ``file:line`` of each row.
        digests: 16 bytes a row, shape (n,), equal for rows with the same text.
        lengths: characters of each text, int32, shape (n,).
        answers: of task ``reading``, all accepted answers of each row as they are written, also
            those that stand at no offset; ``None`` for other tasks.
        weights: ``None``; such rows have none.
    """

    texts: list[str]
    spans: list[tuple[Span, ...]]
    places: list[str]
    digests: np.ndarray
    lengths: np.ndarray
    answers: list[tuple[str, ...]] | None = None
    weights: None = None

    def __len__(self) -> int:
        return len(self.texts)

    def counts(self, n_types: int) -> np.ndarray:
        """Return the spans of each type, shape (n_types,)."""
        types = [span.type for spans in self.spans for span in spans]
        return np.bincount(np.array(types, np.int64), minlength=n_types)

    @property
    def outside_share(self) -> float:
        """Share of the characters that are in no span, what tags call O."""
        inside = 0
        for spans in self.spans:
            end = 0
            for span in sorted(spans):
                inside += max(0, span.end - max(span.start, end))
                end = max(end, span.end)
        return 1 - inside / max(1, int(self.lengths.sum()))


@dataclass(frozen=True)
class AnnotatedCorpus:
    """Texts with spans in three splits.

    Attributes:
        name: ``people_daily``, or the name of the file or folder.
        types: of the spans of the training rows, sorted.
        splits: ``train``, ``validation`` and ``test``.
        report: what became of every row that was read.
        cache: where what is made of it is kept.
        key: names its content there.
    """

    name: str
    types: tuple[str, ...]
    splits: dict[str, AnnotatedSplit]
    report: ReadReport
    cache: Cache
    key: str


def load(config: DataConfig, task: str) -> AnnotatedCorpus:
    """Read the texts with spans that ``config`` names and cut the splits that they lack.

    Args:
        config: ``source``, ``files``, ``format``, ``scheme``, ``encoding``, the fractions,
            ``split_seed`` and ``cache`` are used; ``weight_column`` and ``folds`` are refused.
        task: ``tagging``, ``span`` or ``reading``.

    Returns:
        An :class:`AnnotatedCorpus`; its report says what became of every row.

    Raises:
        InputError: one line, if the source cannot be read or holds nothing to train on.

    Example:
        >>> import tempfile
        >>> line = '{"text": "他在北京", "label": {"place": {"北京": [[2, 3]]}}}'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("train", "dev", "test"):
        ...         _ = Path(folder, f"{name}.json").write_text(line, encoding="utf-8")
        ...     corpus = load(DataConfig(source=folder, cache=None), "tagging")
        >>> corpus.types, corpus.splits["train"].spans
        (('place',), [(Span(start=2, end=4, type=0),)])
        >>> corpus.splits["train"].outside_share
        0.5
    """
    report = ReadReport()
    files = _read(config, task, report)
    for each in files.values():
        _note_repeats(each)
    fractions = {"validation": config.validation_fraction, "test": config.test_fraction}
    missing = {split: share for split, share in fractions.items() if share and split not in files}
    account = files["train"].account
    for split, rows in _cut(files["train"].rows, missing, config.split_seed).items():
        files[split] = _Given(account, rows)
    files.setdefault("validation", _Given(account, []))
    known = {kind for row in files["train"].rows for _, _, kind in row.spans}
    if not known:
        raise InputError(f"{account.path}: no span in any training row, expected one at least")
    types = tuple(sorted(known))
    splits = {}
    for split in SPLITS:
        rows = _known(split, files[split], types, report)
        if not rows and (split in missing or split != "validation"):
            raise InputError(f"{files[split].account.path}: the {split} split is empty")
        splits[split] = _split(rows, types, task)
    report.check()
    return AnnotatedCorpus(
        _name(config), types, splits, report, Cache(config.cache), _key(config, task)
    )


def load_split(
    config: DataConfig, task: str, split: str, types: Sequence[str]
) -> tuple[AnnotatedSplit, ReadReport]:
    """Read one split as it is given, to score a network whose types of spans are ``types``.

    Nothing is cut: of a source without splits, such as one file, all rows are returned.

    Args:
        config: as for :func:`load`.
        task: ``tagging``, ``span`` or ``reading``.
        split: ``train``, ``validation`` or ``test``.
        types: the known types; a row with a span of another is skipped, counted and named.

    Raises:
        InputError: if the source has splits, but not this one, or no row is left.
    """
    report = ReadReport()
    files = _read(config, task, report)
    if split not in files and len(files) > 1:
        raise checks.wrong("split", split, f"one that {config.source} has: {', '.join(files)}")
    given = files[split if split in files else "train"]
    _note_repeats(given)
    rows = _known(split, given, types, report)
    if not rows:
        raise InputError(
            f"{config.source}: no row whose spans have known types, expected {', '.join(types)}"
        )
    # Those of the other splits were read, but for nothing.
    report.files = [given.account]
    report.check()
    return _split(rows, types, task), report


@dataclass
class _Given:
    """The rows of one split, and the account of the file that they come from."""

    account: FileReport
    rows: list[SpanRow]

    @property
    def unlabelled(self) -> bool:
        """Whether all that the file lacks is labels."""
        skipped = self.account.skipped
        return NO_LABEL in skipped and skipped[NO_LABEL].count == self.account.read


def _read(config: DataConfig, task: str, report: ReadReport) -> dict[str, _Given]:
    """Return the splits that the source gives, with the files that were read in ``report``."""
    _check(config, task)
    files = {}
    for split, (path, format) in _layout(config).items():
        if path is None:
            lines = people_daily.read()
        else:
            lines = span_readers.read_file(path, format, config.encoding)
            _check_format(config, task, readers.shown(path), format)
        files[split] = _collect(lines, task, readers.shown(path) if path else config.source)
        report.files.append(files[split].account)
    for split in ("validation", "test"):
        if split in files and files[split].unlabelled:
            _do_without(split, files, report)
    for each in files.values():
        _check_rows(each, config.encoding)
    return files


def _do_without(split: str, files: dict[str, _Given], report: ReadReport) -> None:
    """Give up a split that has no labels; the validation split takes the place of test."""
    path = files.pop(split).account.path
    instead = f"{split} is cut from train"
    if split == "test" and "validation" in files:
        files["test"] = files.pop("validation")
        instead = f"{files['test'].account.path} is the test split, validation is cut from train"
    report.warnings.append(f"{path} holds no labels: {instead}")


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


def _collect(lines: Iterable[SpanRow | Skipped], task: str, name: str) -> _Given:
    account, rows = FileReport(name), []
    for line in lines:
        account.read += 1
        if isinstance(line, Skipped):
            account.skip(line.reason, line.place)
            continue
        kept = _told_apart(line.spans, task)
        left_out = len(line.spans) - len(kept)
        if left_out:
            account.note(OVERLAPPING, line.place, count=left_out)
        for remark in line.remarks:
            account.note(remark, line.place)
        if line.broken:
            account.note(BROKEN, line.place)
        rows.append(line._replace(spans=kept))
    return _Given(account, rows)


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


def _check_rows(given: _Given, encoding: str) -> None:
    account = given.account
    if not given.rows:
        raise InputError(
            f"{account.path}: no usable row among {account.read}, expected one at least"
            + (f"; skipped: {account.reasons()}" if account.read else "")
        )
    broken = account.notes[BROKEN].count if BROKEN in account.notes else 0
    if 2 * broken > len(given.rows):
        raise InputError(
            f"{account.path}: {broken} of {account.read} rows hold bytes that do not fit the "
            f"encoding {encoding!r}, expected data.encoding to name the right one, for example "
            "gb18030"
        )


def _note_repeats(given: _Given) -> None:
    """Count rows that repeat a text, or have it with other spans."""
    spans_of_text = defaultdict(set)
    for row in given.rows:
        seen = spans_of_text[row.digest]
        if seen:
            given.account.note(REPEATED if row.spans in seen else OTHER_SPANS, row.place)
        seen.add(row.spans)


def _cut(rows: list[SpanRow], fractions: dict[str, float], seed: int) -> dict[str, list[SpanRow]]:
    """Cut splits of the given shares from ``rows``, by group; what is left is ``train``."""
    sizes = Counter(row.group for row in rows)
    groups = sorted(sizes, key=lambda each: readers.rank("cut", seed, each))
    split_of, position = {}, 0
    for split, fraction in fractions.items():
        wanted = max(1, round(len(rows) * fraction))
        # One group at least stays in train.
        while wanted > 0 and position < len(groups) - 1:
            split_of[groups[position]] = split
            wanted -= sizes[groups[position]]
            position += 1
    return {
        split: [row for row in rows if split_of.get(row.group, "train") == split]
        for split in ("train", *fractions)
    }


def _known(split: str, given: _Given, types: Sequence[str], report: ReadReport) -> list[SpanRow]:
    """Return the rows whose spans have known types, counted as used; the others are skipped."""
    known, strange, kept = set(types), Counter(), []
    for row in given.rows:
        unknown = {kind for _, _, kind in row.spans} - known
        if unknown:
            given.account.skip(UNKNOWN_TYPE, row.place)
            strange.update(unknown)
        else:
            kept.append(row)
    named = [f"{kind!r} ({count} rows)" for kind, count in strange.most_common()]
    corpus.warn(report, f"{split}: rows skipped, their spans have unknown types", named, str)
    given.account.used += len(kept)
    return kept


def _split(rows: list[SpanRow], types: Sequence[str], task: str) -> AnnotatedSplit:
    ids = {kind: position for position, kind in enumerate(types)}
    return AnnotatedSplit(
        texts=[row.text for row in rows],
        spans=[
            tuple(Span(start, end, ids[kind]) for start, end, kind in row.spans) for row in rows
        ],
        places=[row.place for row in rows],
        digests=np.array([row.digest for row in rows], "S16"),
        lengths=np.array([len(row.text) for row in rows], np.int32),
        answers=[row.answers for row in rows] if task == "reading" else None,
    )


def _key(config: DataConfig, task: str) -> str:
    """Return what stands for all that the splits depend on."""
    settings = {
        name: value
        for name, value in asdict(config).items()
        if name not in (*corpus.ENCODING_FIELDS, "cache")
    }
    content = {
        split: people_daily.FILE if path is None else [str(path), format, readers.content(path)]
        for split, (path, format) in _layout(config).items()
    }
    return cache.fingerprint(
        {"settings": settings, "task": task, "content": content, "code": cache.code()}
    )


def _name(config: DataConfig) -> str:
    return config.source if config.source == SOURCE else corpus.name_of(config)


def _layout(config: DataConfig) -> dict[str, tuple[Path | None, str]]:
    """Return, for each split that the source gives, its path, None if packaged, and its format."""
    if config.source == SOURCE:
        return {"train": (None, "words")}
    root = Path(config.source).expanduser()
    if config.files:
        paths = corpus.named_files(root, config.files)
    elif root.is_dir():
        paths = _split_files(root)
    elif root.is_file():
        paths = {"train": root}
    else:
        raise checks.wrong(
            "data.source", config.source, f"{SOURCE}, or a file or a folder of texts with spans"
        )
    return {
        split: (
            path,
            span_readers.format_of(path, config.encoding)
            if config.format == "auto"
            else config.format,
        )
        for split, path in paths.items()
    }


def _split_files(root: Path) -> dict[str, Path]:
    try:
        entries = sorted(each for each in root.iterdir() if each.is_file())
    except OSError as error:
        raise InputError(f"{root}: cannot be read ({error.strerror})") from None
    found = {}
    for split, names in corpus.FILE_NAMES.items():
        paths = [each for each in entries if each.name.split(".")[0] in names]
        if len(paths) > 1:
            listed = ", ".join(each.name for each in paths)
            raise InputError(f"{root}: {listed} all name the {split} split, expected one of them")
        if paths:
            found[split] = paths[0]
    if "train" not in found:
        listed = ", ".join(each.name for each in entries[:5]) or "no file"
        raise InputError(
            f"{root}: found {listed}{', …' if len(entries) > 5 else ''}; expected a train.* file, "
            "or data.files to name one"
        )
    return found
