"""The run configuration: one frozen, validated object, read from YAML and command-line flags.

It imports no TensorFlow, so a wrong configuration is refused before anything slow starts.
Values whose validity depends on the model or the loss (``model.args``, ``loss.args``) are
checked by those when they are built.
"""

import codecs
import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from imbalance import checks
from imbalance.checks import InputError

# Stands in a text between the two texts of a pair, and between a question and its text.
PAIR_SEPARATOR = "\x1f"
TASKS = ("classification", "tagging", "span", "reading")
PRECISIONS = ("auto", "float32", "mixed_float16", "mixed_bfloat16")
OPTIMIZERS = ("adam", "lazy_adam")
CLASS_WEIGHTS = ("none", "balanced", "effective")
SAMPLINGS = ("instance", "square_root", "class_balanced", "effective_number")
SCHEDULES = ("constant", "cosine")
PRETRAININGS = ("none", "skip_gram")
TABLES = ("auto", "none", "float32", "float16")
FORMATS = ("auto", "csv", "tsv", "jsonl", "parquet", "lines", "blank_lines", "folders")
# Of texts in which spans are marked.
SPAN_FORMATS = ("auto", "cluener", "conll", "conllu", "words", "squad")
# Corpora that need no file of the user's: of labelled texts, and of texts with spans.
EMBEDDED = ("reviews", "people_daily")
SCHEMES = ("bio", "bioes", "words")
_OF_CLASSES = (
    "val_loss",
    "val_accuracy",
    "val_balanced_accuracy",
    "val_macro_f1",
    "val_weighted_f1",
    "val_geometric_mean",
    "val_mcc",
    "val_roc_auc",
    "val_pr_auc",
)
MONITORS_OF_TASK = {
    "classification": (*_OF_CLASSES, "val_bias_auc"),
    "tagging": (*_OF_CLASSES, "val_span_f1"),
    "span": (*_OF_CLASSES, "val_span_f1"),
    "reading": ("val_loss", "val_exact_match", "val_answer_f1"),
}
MONITORS = tuple(dict.fromkeys(name for names in MONITORS_OF_TASK.values() for name in names))
# What stands for `auto`, by task.
MONITOR_OF_TASK = {
    "classification": "val_macro_f1",
    "tagging": "val_span_f1",
    "span": "val_span_f1",
    "reading": "val_answer_f1",
}
MODEL_OF_TASK = {
    "classification": "text_cnn",
    "tagging": "dilated_cnn",
    "span": "dilated_cnn",
    "reading": "reader_cnn",
}


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
        keep: ``all`` characters, or ``letters`` (Chinese and Latin letters, as the published
            Fudan system does).
        max_characters: characters read from the start of each text; null reads all. Of a pair,
            of either text.
        max_length: tokens kept from the start of each text. Of a pair, of either text.
        vocabulary_size: ids, the padding and the unknown token included.
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
    keep: str = "all"
    max_characters: int | None = None
    max_length: int = 400
    vocabulary_size: int = 8000
    cache: str | None = "auto"

    def __post_init__(self):
        checks.text("data.source", self.source)
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
            checks.number(f"data.resample.{label}", factor, low=0, low_open=True)
        # Labels may be numbers in YAML; in the data they are text.
        resample = {str(label): factor for label, factor in self.resample.items()}
        object.__setattr__(self, "resample", resample)
        checks.integer("data.split_seed", self.split_seed, low=0)
        checks.choice("data.tokens", self.tokens, ("characters", "words"))
        checks.choice("data.keep", self.keep, ("all", "letters"))
        if self.max_characters is not None:
            checks.integer("data.max_characters", self.max_characters, low=1)
        checks.integer("data.max_length", self.max_length, low=1)
        checks.integer("data.vocabulary_size", self.vocabulary_size, low=3)
        if self.cache is not None and not (isinstance(self.cache, str) and self.cache.strip()):
            raise checks.wrong("data.cache", self.cache, "auto, the path of a folder, or null")

    @property
    def pairs(self) -> bool:
        """Whether a row has two texts."""
        return not isinstance(self.text_column, str)


@dataclass(frozen=True)
class ModelConfig:
    """The network's name in the registry and its own arguments.

    ``auto`` is ``text_cnn`` for documents, ``dilated_cnn`` for tokens and ``reader_cnn`` for
    answers.
    """

    name: str = "auto"
    args: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        checks.text("model.name", self.name)
        object.__setattr__(self, "args", _frozen("model.args", self.args))


@dataclass(frozen=True)
class LossConfig:
    """The loss's name in the registry and its own arguments."""

    name: str = "cross_entropy"
    args: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        checks.text("loss.name", self.name)
        object.__setattr__(self, "args", _frozen("loss.args", self.args))


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained.

    Attributes:
        epochs: at most this many passes over the training split.
        batch_size: rows a step.
        optimizer: ``adam``; or ``lazy_adam``, which updates, of the token vectors, those of the
            batch alone: another algorithm, whose work does not grow with the vocabulary.
        learning_rate: of the optimizer.
        class_weight: ``none``, ``balanced`` (n / (classes × n_c)), ``effective``
            ((1 − β) / (1 − β^n_c), β = .999), or a JSON or YAML file ``{label: weight}``; always
            scaled so that the mean weight of a row is 1 (its expectation, of drawn rows).
        deferred: share of the epochs trained without class weights before they set in (deferred
            re-weighting, Cao et al. 2019, arXiv:1906.07413); 0, they hold from the start. The best
            epoch is chosen from when they hold.
        sampling: ``instance``, each row once an epoch; or as many rows drawn with replacement, a
            class with a chance in proportion to n_c^½ (``square_root``), the same for each class
            (``class_balanced``), or in proportion to its effective number of rows, (1 − β^n_c) /
            (1 − β) with β = .999 (``effective_number``). Kang et al. 2020, arXiv:1910.09217.
        schedule: of the learning rate, after the warm-up: ``constant``, or ``cosine``, which ends
            at 0 with the last step of ``epochs``.
        warmup: share of all steps in which the learning rate rises in a line from 0.
        ema: momentum m of an exponential average of the weights, a ← m·a + (1 − m)·w at each
            step, which is validated and kept in their place; null, no average.
        pretrain: ``none``, or ``skip_gram``: token vectors start from those learnt, without labels,
            from the training texts.
        pretrain_args: of that, see :class:`imbalance.data.skip_gram.SkipGram`.
        precision: ``auto`` is mixed_float16 on a GPU that is fast at it, float32 elsewhere.
        monitor: the validation score that chooses the best epoch and stops early; ``auto`` is
            macro-F1 of documents, F1 of spans or of answers. Unused without validation rows.
        patience: epochs without a better monitor before training stops.
        seed: of weights, dropout and shuffling.
    """

    epochs: int = 12
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    class_weight: str = "none"
    deferred: float = 0.0
    sampling: str = "instance"
    schedule: str = "constant"
    warmup: float = 0.0
    ema: float | None = None
    pretrain: str = "none"
    pretrain_args: Mapping[str, Any] = field(default_factory=dict)
    precision: str = "auto"
    monitor: str = "auto"
    patience: int = 4
    seed: int = 1

    def __post_init__(self):
        checks.integer("training.epochs", self.epochs, low=1)
        checks.integer("training.batch_size", self.batch_size, low=1)
        checks.choice("training.optimizer", self.optimizer, OPTIMIZERS)
        checks.number("training.learning_rate", self.learning_rate, low=0, low_open=True)
        checks.text("training.class_weight", self.class_weight)
        checks.number("training.deferred", self.deferred, low=0, high=1, high_open=True)
        if self.deferred and self.class_weight == "none":
            raise checks.wrong(
                "training.deferred", self.deferred, "0, since training.class_weight is none"
            )
        checks.choice("training.sampling", self.sampling, SAMPLINGS)
        checks.choice("training.schedule", self.schedule, SCHEDULES)
        checks.number("training.warmup", self.warmup, low=0, high=1, high_open=True)
        if self.ema is not None:
            checks.number("training.ema", self.ema, low=0, high=1, low_open=True, high_open=True)
        checks.choice("training.pretrain", self.pretrain, PRETRAININGS)
        args = _frozen("training.pretrain_args", self.pretrain_args)
        object.__setattr__(self, "pretrain_args", args)
        checks.choice("training.precision", self.precision, PRECISIONS)
        checks.choice("training.monitor", self.monitor, ("auto", *MONITORS))
        checks.integer("training.patience", self.patience, low=0)
        checks.integer("training.seed", self.seed, low=0, high=2**31 - 1)


@dataclass(frozen=True)
class ServingConfig:
    """How the network is exported.

    Attributes:
        tables: tables that stand for embedding and convolutions in the SavedModel: ``float32``,
            exact; ``float16``, half the size at the price of rounding; ``none``; or ``auto``,
            float32 where the network computes by tables as well, if they are not too large.
        table_megabytes: the largest tables that ``auto`` makes, in units of 10^6 bytes.
    """

    tables: str = "auto"
    table_megabytes: int = 256

    def __post_init__(self):
        checks.choice("serving.tables", self.tables, TABLES)
        checks.integer("serving.table_megabytes", self.table_megabytes, low=0)


@dataclass(frozen=True)
class DecisionConfig:
    """What stands between the network's logits and the label, fitted on the validation rows.

    Attributes:
        prior_correction: τ, of ``τ · log(share of the class)`` that the decision subtracts from
            the log-probabilities, from -3 to 3; or ``auto``, fitted to the macro-F1.
        temperature: whether one temperature, fitted to the likelihood, calibrates probabilities.
        thresholds: whether each class gets an offset of its log-probability, fitted to the
            macro-F1; of two classes, one threshold.
    """

    prior_correction: float | str = 0.0
    temperature: bool = False
    thresholds: bool = False

    def __post_init__(self):
        if isinstance(self.prior_correction, str):
            checks.choice("decision.prior_correction", self.prior_correction, ("auto",))
        else:
            checks.number("decision.prior_correction", self.prior_correction, low=-3, high=3)
        checks.boolean("decision.temperature", self.temperature)
        checks.boolean("decision.thresholds", self.thresholds)

    @property
    def fitted(self) -> bool:
        """Whether validation rows are needed."""
        return self.prior_correction == "auto" or self.temperature or self.thresholds

    @property
    def identity(self) -> bool:
        """Whether the label is that of the largest probability, as without a decision layer."""
        return not self.fitted and self.prior_correction == 0


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run.

    Attributes:
        name: of the run folder; by default the loss's name and the data's, with the seed.
        output_dir: the folder that holds the run folders.
        task: what is predicted: ``classification``, one label a text, or a pair of texts;
            ``tagging``, a tag for each token; ``span``, typed spans by their first and last token;
            ``reading``, the answer to a question as a span of a text.

    Example:
        >>> config = RunConfig.from_mapping({"loss": {"name": "dice_loss"}})
        >>> config.loss.name, config.training.batch_size
        ('dice_loss', 64)
        >>> RunConfig.from_mapping({"training": {"epoch": 3}})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        imbalance.checks.InputError: training.epoch: unknown key, ... did you mean 'epochs'?
    """

    name: str | None = None
    output_dir: str = "saved_models"
    task: str = "classification"
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decision: DecisionConfig = field(default_factory=DecisionConfig)
    serving: ServingConfig = field(default_factory=ServingConfig)

    def __post_init__(self):
        if self.name is not None:
            checks.text("name", self.name)
            plain = Path(self.name).name == self.name and self.name.isprintable()
            if not plain or self.name.startswith(".") or len(self.name.encode()) > 200:
                raise checks.wrong("name", self.name, "a folder name, without a path")
        checks.text("output_dir", self.output_dir)
        checks.choice("task", self.task, TASKS)
        formats = FORMATS if self.task == "classification" else SPAN_FORMATS
        if self.data.format not in formats:
            raise checks.wrong(
                "data.format", self.data.format, f"of task {self.task}: {', '.join(formats)}"
            )
        if self.model.name == "auto":
            model = dataclasses.replace(self.model, name=MODEL_OF_TASK[self.task])
            object.__setattr__(self, "model", model)
        if self.training.monitor == "auto":
            training = dataclasses.replace(self.training, monitor=MONITOR_OF_TASK[self.task])
            object.__setattr__(self, "training", training)
        monitors = MONITORS_OF_TASK[self.task]
        if self.training.monitor not in monitors:
            expected = f"of task {self.task}: {', '.join(monitors)}"
            raise checks.wrong("training.monitor", self.training.monitor, expected)
        if self.task != "classification":
            self._check_token_task()

    def _check_token_task(self):
        """Refuse what is about labels of whole texts."""
        data, training = self.data, self.training
        wrong = {
            "decision": (_plain(self.decision), "as it is", not self.decision.identity),
            "training.sampling": (training.sampling, "instance", training.sampling != "instance"),
            "data.weight_column": (data.weight_column, "null", data.weight_column is not None),
            "data.subgroups": (data.subgroups, "nothing", bool(data.subgroups)),
            "data.text_column": (data.text_column, "one column", data.pairs),
            "data.resample": (data.resample, "nothing", bool(data.resample)),
            "data.folds": (data.folds, "null", data.folds is not None),
            "data.tokens": (data.tokens, "characters", data.tokens != "characters"),
            "data.keep": (data.keep, "all", data.keep != "all"),
            "data.max_characters": (data.max_characters, "null", data.max_characters is not None),
            "data.scheme": (data.scheme, "bio", self.task != "tagging" and data.scheme != "bio"),
            "serving.tables": (
                *(self.serving.tables, "auto or none"),
                self.serving.tables not in ("auto", "none"),
            ),
        }
        for name, (given, expected, refused) in wrong.items():
            if refused:
                raise checks.wrong(name, given, f"{expected} with task {self.task}")

    @classmethod
    def from_mapping(cls, mapping: Mapping) -> "RunConfig":
        """Build from nested plain mappings, as YAML gives them; unknown keys are refused."""
        return _build(cls, "", mapping)

    @classmethod
    def from_yaml(cls, path, overrides: Mapping | None = None) -> "RunConfig":
        """Read a YAML file, replace what the nested ``overrides`` name, and validate the whole."""
        return cls.from_mapping(merge(read_yaml(path), overrides or {}))

    def to_mapping(self) -> dict:
        """Return nested plain mappings that :meth:`from_mapping` reads back."""
        return _plain(self)

    def to_yaml(self) -> str:
        """Return YAML that :meth:`from_yaml` reads back."""
        return yaml.safe_dump(self.to_mapping(), sort_keys=False, allow_unicode=True)


def merge(base: Mapping, changes: Mapping) -> dict:
    """Return ``base`` with the leaves that ``changes`` names replaced; ``args`` merge as well.

    A changed ``name`` of a model or loss drops the arguments that belonged to the old one.
    """
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(old, str) and isinstance(value, Mapping):
            old = {"name": old}  # the short form of a loss or model
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if "args" in old and value.get("name", old.get("name")) != old.get("name"):
                old = {inner: each for inner, each in old.items() if inner != "args"}
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


def read_yaml(path) -> dict:
    """Read a YAML mapping with the safe loader; a repeated key is refused, not overwritten."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({_reason(error)}), expected a YAML file"
        ) from None
    content = parse_yaml(str(path), text)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise checks.wrong(str(path), content, "a YAML mapping of settings")
    return content


def parse_yaml(name: str, text: str):
    """Return what YAML (or JSON) text says; ``name`` is where it comes from, for the message.

    Numbers are those of YAML 1.2 and JSON, so 1e-3 is one; a date is a string.

    Example:
        >>> parse_yaml("--set", "[1e-3, 2026-01-31]")
        [0.001, '2026-01-31']
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError(f"{where}: {problem}, expected YAML") from None
    except (ValueError, RecursionError):
        raise InputError(f"{name}: got {checks.show(text)}, expected YAML") from None


class _StrictLoader(yaml.SafeLoader):
    """Safe loading with the numbers of YAML 1.2, that refuses a key standing twice."""

    yaml_implicit_resolvers = {
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # `<<: *anchor`, whose keys may be given anew
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (str, int, float)) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key if isinstance(key, (str, int, float)) else id(key))
        return super().construct_mapping(node, deep=deep)


_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def _build(cls, place: str, mapping):
    if not isinstance(mapping, Mapping):
        raise checks.wrong(place or "configuration", mapping, "a mapping of settings")
    fields = {each.name: each for each in dataclasses.fields(cls)}
    checks.keys(place, mapping, fields)
    values = {}
    for key, value in mapping.items():
        section = fields[key].default_factory
        if dataclasses.is_dataclass(section):
            # `loss: dice_loss` is short for `loss: {name: dice_loss}`.
            if isinstance(value, str) and "args" in {f.name for f in dataclasses.fields(section)}:
                value = {"name": value}
            value = _build(section, key, value)
        values[key] = value
    return cls(**values)


def _plain(value):
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _frozen(name: str, args) -> Mapping:
    if not isinstance(args, Mapping) or not all(isinstance(key, str) for key in args):
        raise checks.wrong(name, args, "a mapping from argument names to values")
    return MappingProxyType(dict(args))


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
        except re.error as error:
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
        raise checks.wrong("data.files", dict(files), f"nothing, since {source} is no folder")
    for split, file in files.items():
        checks.text(f"data.files.{split}", file)
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


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
