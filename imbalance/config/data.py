"""Settings of the data."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config.choices import EMBEDDED, FORMATS, SCHEMES, SPAN_FORMATS


@dataclass(frozen=True)
class DataConfig:
    """Where the rows come from and how a text becomes token ids.

    Attributes:
        source: ``reviews`` (the embedded corpus), or a path: a file, a folder holding one file
            per split (``train.*``, ``validation.*``, ``test.*``), or a folder per class. Of texts
            with spans: ``people_daily`` (the embedded one), a file, or a file per split.
        files: split to the file of the folder ``source`` that holds it, where they are called
            otherwise, as in ``{train: trial.json, test: dev.json}``; empty, they go by their
            names.
        format: how files are read; ``auto`` goes by their names. Of lines of a label and a text,
            ``lines`` has a tab between them and ``blank_lines`` a blank. Of texts with spans:
            ``cluener`` (JSON lines), ``conll`` (a token and its tag a line), ``conllu``, ``words``
            (``word/tag`` separated by blanks) or ``squad``.
        scheme: tags that stand for spans: ``bio``, ``bioes``; or ``words``, where each span is a
            word that has one tag, as parts of speech are.
        text_column, label_column, weight_column: names of the columns in tables and JSON lines.
            Two names in a list are the two texts of a pair, whose order counts.
        quotes: whether double quotes enclose fields of a table in text, as in RFC 4180, or are
            characters like others; null, of csv they do, of tsv they do not.
        subgroups: of rows, to score how evenly a network ranks them (:mod:`imbalance.bias`): name
            to a column that holds 0 or 1, true or false, or a share, from .5 on a member; or to
            ``{pattern: regular expression}``, whose members are the texts where it is found.
        encoding: of text files; ``auto`` is UTF-8, and in a folder per class GB18030 for a file
            that is not valid UTF-8.
        imbalance_ratio: negatives for each positive kept of ``reviews``; null keeps all.
        test_imbalance_ratio: the same for its test split alone, which is then cut before anything
            is thinned, so that runs with other ratios are tested on the same rows; null, the test
            split has the ratio of the others.
        validation_fraction, test_fraction: shares cut from the rows when no file gives the split.
            ``validation_fraction`` 0 means no validation rows: all of them train, and the last
            epoch is kept.
        folds: the training rows in this many stratified folds instead of ``validation_fraction``:
            fold number ``fold`` is the validation split, and each row is in one fold; null, no
            folds.
        fold: from 0 to ``folds`` - 1.
        resample: label to factor, by which the training rows of this class are multiplied once the
            splits are cut: below 1 rows are dropped, above 1 rows come again; other classes and
            splits stay as they are.
        split_seed: seed of thinning, cutting and resampling, apart from the training seed, so that
            runs with other seeds see the same data.
        tokens: ``characters``, or ``words`` (jieba without its hidden Markov model).
        user_dict: a file of words beside jieba's, in the format of its user dictionaries: a word a
            line, and behind blanks its frequency, a tag, or both; null, none.
        keep: ``all`` characters, or ``letters`` (Chinese and Latin letters, as the published
            Fudan system does).
        max_characters: characters read from the start of each text; null reads all. Of a pair,
            of either text.
        max_length: tokens kept from the start of each text. Of a pair, of either text.
        vocabulary_size: ids, the padding and the unknown token included.
        oov_buckets: further ids, for words that are not in the vocabulary: each has one of them by
            its hash, so that the texts of a pair can have it in common; 0, all of them are one
            unknown token. Words only.
        cache: where the prepared corpus is kept for the next run: ``auto`` is
            ``$XDG_CACHE_HOME/imbalance``, by default ``~/.cache/imbalance``; a path; or null, to
            keep nothing.
    """

    source: str = "reviews"
    # Dictionaries, which `dataclasses.asdict` can copy and nothing can hash; equal ones are equal.
    files: Mapping[str, str] = field(default_factory=dict, hash=False)
    format: str = "auto"
    scheme: str = "bio"
    text_column: str | tuple[str, str] = "text"
    label_column: str = "label"
    weight_column: str | None = None
    quotes: bool | None = None
    subgroups: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict, hash=False)
    encoding: str = "auto"
    imbalance_ratio: float | None = 11.5
    test_imbalance_ratio: float | None = None
    validation_fraction: float = 0.1
    test_fraction: float = 0.2
    folds: int | None = None
    fold: int | None = None
    resample: Mapping[str, float] = field(default_factory=dict, hash=False)
    split_seed: int = 2009
    tokens: str = "characters"
    user_dict: str | None = None
    keep: str = "all"
    max_characters: int | None = None
    max_length: int = 400
    vocabulary_size: int = 8000
    oov_buckets: int = 0
    cache: str | None = "auto"

    def __post_init__(self):
        checks.path("data.source", self.source)
        object.__setattr__(self, "files", _files(self.files, self.source))
        checks.choice("data.format", self.format, (*FORMATS, *SPAN_FORMATS[1:]))
        checks.choice("data.scheme", self.scheme, SCHEMES)
        _text_columns(self.text_column)
        checks.text("data.label_column", self.label_column)
        if self.pairs:
            object.__setattr__(self, "text_column", tuple(self.text_column))
            if self.source == "reviews":
                expected = "the name of one column: reviews has single texts"
                raise checks.wrong("data.text_column", list(self.text_column), expected)
        if self.label_column in (self.text_column if self.pairs else (self.text_column,)):
            raise checks.wrong(
                "data.label_column", self.label_column, "another column than data.text_column"
            )
        if self.weight_column is not None:
            checks.text("data.weight_column", self.weight_column)
        if self.quotes is not None:
            checks.boolean("data.quotes", self.quotes)
        object.__setattr__(self, "subgroups", _subgroups(self.subgroups))
        _encoding("data.encoding", self.encoding)
        for name in ("imbalance_ratio", "test_imbalance_ratio"):
            if getattr(self, name) is not None:
                checks.number(f"data.{name}", getattr(self, name), low=0, low_open=True)
        checks.number("data.validation_fraction", self.validation_fraction, low=0, high=1)
        checks.number(
            "data.test_fraction", self.test_fraction, low=0, high=1, low_open=True, high_open=True
        )
        if self.validation_fraction + self.test_fraction >= 1:
            raise checks.wrong(
                "data.validation_fraction",
                self.validation_fraction,
                f"a number that leaves training rows beside test_fraction {self.test_fraction:g}",
            )
        if self.folds is not None:
            checks.integer("data.folds", self.folds, low=2)
            if self.fold is None:
                raise InputError(
                    f"data.fold: is missing, expected an integer from 0 to {self.folds - 1}, since "
                    f"data.folds is {self.folds}"
                )
            checks.integer("data.fold", self.fold, low=0, high=self.folds - 1)
        elif self.fold is not None:
            raise checks.wrong("data.fold", self.fold, "null, since data.folds is null")
        if not isinstance(self.resample, Mapping):
            raise checks.wrong("data.resample", self.resample, "a mapping from labels to factors")
        for label, factor in self.resample.items():
            place = f"data.resample.{label}"
            checks.number(place, factor, low=0, high=1000, low_open=True)
        object.__setattr__(self, "resample", checks.by_name("data.resample", self.resample))
        checks.integer("data.split_seed", self.split_seed, low=0)
        checks.choice("data.tokens", self.tokens, ("characters", "words"))
        if self.user_dict is not None:
            checks.path("data.user_dict", self.user_dict)
            if self.tokens != "words":
                expected = "null, since data.tokens is not words"
                raise checks.wrong("data.user_dict", self.user_dict, expected)
        checks.choice("data.keep", self.keep, ("all", "letters"))
        if self.max_characters is not None:
            checks.integer("data.max_characters", self.max_characters, low=1)
        checks.integer("data.max_length", self.max_length, low=1)
        checks.integer("data.vocabulary_size", self.vocabulary_size, low=3)
        checks.integer("data.oov_buckets", self.oov_buckets, low=0, high=1_000_000)
        if self.oov_buckets and self.tokens != "words":
            raise checks.wrong("data.oov_buckets", self.oov_buckets, "0, or data.tokens: words")
        if self.cache is not None:
            if not (isinstance(self.cache, str) and self.cache.strip()):
                raise checks.wrong("data.cache", self.cache, "auto, the path of a folder, or null")
            checks.path("data.cache", self.cache)

    @property
    def pairs(self) -> bool:
        """Whether a row has two texts."""
        return not isinstance(self.text_column, str)


def _subgroups(value) -> dict:
    if not isinstance(value, Mapping):
        raise checks.wrong("data.subgroups", value, "a mapping from names to columns or patterns")
    found = {}
    for name, each in value.items():
        checks.text("data.subgroups, one of the names", name)
        place = f"data.subgroups.{name}"
        if not isinstance(each, Mapping):
            found[name] = checks.text(place, each)
            continue
        checks.keys(place, each, ("pattern",))
        pattern = checks.text(f"{place}.pattern", each.get("pattern"))
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            expected = f"a regular expression ({error})"
            raise checks.wrong(f"{place}.pattern", pattern, expected) from None
        found[name] = {"pattern": pattern}
    return found


def _text_columns(value):
    if not isinstance(value, (list, tuple)):
        checks.text("data.text_column", value)
        return
    if len(value) != 2 or value[0] == value[1]:
        raise checks.wrong("data.text_column", value, "a column, or a list of two different ones")
    for each in value:
        checks.text("data.text_column, one of them", each)


def _files(files, source: str) -> dict[str, str]:
    if not isinstance(files, Mapping):
        raise checks.wrong("data.files", files, "a mapping from splits to names of files")
    checks.keys("data.files", files, ("train", "validation", "test"))
    if files and "train" not in files:
        raise checks.wrong("data.files", dict(files), "the file of train among them")
    if files and source in EMBEDDED:
        expected = f"nothing, since data.source is {source}, no folder; --data names another"
        raise checks.wrong("data.files", dict(files), expected)
    for split, file in files.items():
        checks.path(f"data.files.{split}", file)
    return dict(files)


def _encoding(name: str, value):
    checks.text(name, value)
    if value == "auto":
        return
    try:
        codecs.lookup(value)
        "a".encode(value).decode(value)
    except (LookupError, ValueError):
        raise checks.wrong(name, value, "auto or a text encoding that Python knows") from None
