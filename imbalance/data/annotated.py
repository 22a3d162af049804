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
a span whose type no training row has        (validation, test) left out, its row kept; counted
                                             and named
===========================================  ===================================================
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import cache, corpus, cutting, people_daily, readers, span_sources
from imbalance.data.cache import Cache
from imbalance.data.cutting import SPLITS
from imbalance.data.report import ReadReport
from imbalance.data.span_rows import SpanRow
from imbalance.data.span_sources import Given
from imbalance.spans import Span

OTHER_SPANS = "same text with other spans"
REPEATED = "repeating an earlier row"
UNKNOWN_TYPE = "spans of a type that no training row has"


@dataclass(frozen=True)
class AnnotatedSplit:
    """Rows of one split, in the order of their file.

    Attributes:
        texts: as they were read; position i of a span is code point i.
        spans: of each text, in its order; types are positions in :attr:`AnnotatedCorpus.types`.
        places: ``file:line`` of each row.
        digests: 16 bytes a row, shape (n,), equal for rows with the same text.
        lengths: characters of each text, int32, shape (n,).
        unknown: spans of each row that were left out, being of unknown types, int32, shape (n,).
        answers: of task ``reading``, all accepted answers of each row as they are written, also
            those that stand at no offset; ``None`` for other tasks.
        weights: ``None``; such rows have none.
    """

    texts: list[str]
    spans: list[tuple[Span, ...]]
    places: list[str]
    digests: np.ndarray
    lengths: np.ndarray
    unknown: np.ndarray
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
        >>> from pathlib import Path
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
    files = span_sources.read(config, task, report)
    for each in files.values():
        _note_repeats(each)
    fractions = {"validation": config.validation_fraction, "test": config.test_fraction}
    missing = {split: share for split, share in fractions.items() if share and split not in files}
    account = files["train"].account
    if "test" in missing and "validation" in files:
        report.warnings.append(
            "the test split is cut from train, since no file gives it; data.files can name one"
        )
    parts = _cut(files["train"].rows, missing, config.split_seed)
    for split, rows in parts.items():
        if not rows:
            texts = len({row.group for row in files["train"].rows})
            raise InputError(
                f"{account.path}: the {split} split is empty: {texts} different text"
                f"{'s are' if texts > 1 else ' is'} too few to cut it from train, expected more"
            )
    files |= {split: Given(account, rows) for split, rows in parts.items()}
    files.setdefault("validation", Given(account, []))
    known = {kind for row in files["train"].rows for _, _, kind in row.spans}
    if not known:
        raise InputError(f"{account.path}: no span in any training row, expected one at least")
    types = tuple(sorted(known))
    splits = {split: _known(split, files[split], types, report, task) for split in SPLITS}
    report.check()
    return AnnotatedCorpus(
        span_sources.name(config), types, splits, report, Cache(config.cache), _key(config, task)
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
        types: the known types; a span of another is left out, counted and named.

    Raises:
        InputError: if the source has splits, but not this one, or no span of a known type.
    """
    report = ReadReport()
    files = span_sources.read(config, task, report)
    if split not in files and len(files) > 1:
        raise checks.wrong("split", split, f"one that {config.source} has: {', '.join(files)}")
    given = files[split if split in files else "train"]
    _note_repeats(given)
    rows = _known(split, given, types, report, task)
    if not any(rows.spans):
        raise InputError(
            f"{config.source}: no span of a known type, expected one at least of "
            + ", ".join(types)
        )
    # Those of the other splits were read, but for nothing.
    report.files = [given.account]
    report.check()
    return rows, report


def _note_repeats(given: Given) -> None:
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


def _known(
    split: str, given: Given, types: Sequence[str], report: ReadReport, task: str
) -> AnnotatedSplit:
    """Return the rows with their spans of known types; others are left out, counted and named."""
    ids, strange, unknown = {kind: each for each, kind in enumerate(types)}, Counter(), []
    rows = given.rows
    for row in rows:
        left_out = [kind for _, _, kind in row.spans if kind not in ids]
        unknown.append(len(left_out))
        strange.update(left_out)
        if left_out:
            given.account.leave_out(UNKNOWN_TYPE, row.place, count=len(left_out))
    named = [f"{kind!r} ({count} spans)" for kind, count in strange.most_common()]
    cutting.warn(
        report, f"{split}: spans left out, their types stand in no training row", named, str
    )
    spans = [
        tuple(Span(start, end, ids[kind]) for start, end, kind in row.spans if kind in ids)
        for row in rows
    ]
    given.account.used += len(rows)
    given.account.spans_used += sum(map(len, spans))
    return AnnotatedSplit(
        texts=[row.text for row in rows],
        spans=spans,
        places=[row.place for row in rows],
        digests=np.array([row.digest for row in rows], "S16"),
        lengths=np.array([len(row.text) for row in rows], np.int32),
        unknown=np.array(unknown, np.int32),
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
        for split, (path, format) in span_sources.layout(config).items()
    }
    return cache.fingerprint(
        {"settings": settings, "task": task, "content": content, "code": cache.code()}
    )
