"""The settings of a run, all together."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from imbalance import checks
from imbalance.config.choices import (
    FORMATS,
    MODEL_OF_TASK,
    MONITOR_OF_TASK,
    MONITORS_OF_TASK,
    SPAN_FORMATS,
    TASKS,
)
from imbalance.config.data import DataConfig
from imbalance.config.sections import (
    DecisionConfig,
    LossConfig,
    ModelConfig,
    ServingConfig,
    TrainingConfig,
)
from imbalance.config.yaml_files import merge, read_yaml


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
                raise checks.wrong(
                    "name", self.name, "a folder name of at most 200 bytes, without a path"
                )
        checks.path("output_dir", self.output_dir)
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
        if self.training.monitor == "val_bias_auc" and not self.data.subgroups:
            raise checks.wrong(
                "training.monitor", "val_bias_auc", "another, or data.subgroups: there are none"
            )
        if self.task != "classification":
            self._check_token_task()
        elif self.data.scheme != "bio":
            expected = "bio with task classification: texts have no tags"
            raise checks.wrong("data.scheme", self.data.scheme, expected)

    def _check_token_task(self):
        """Refuse what is about labels of whole texts."""
        data, training = self.data, self.training
        # The default stands in the configuration of every run.
        thinned = data.imbalance_ratio not in (None, DataConfig.imbalance_ratio)
        wrong = {
            "decision": (_plain(self.decision), "as it is", not self.decision.identity),
            "training.sampling": (training.sampling, "instance", training.sampling != "instance"),
            "data.imbalance_ratio": (data.imbalance_ratio, "null", thinned),
            "data.test_imbalance_ratio": (
                *(data.test_imbalance_ratio, "null"),
                data.test_imbalance_ratio is not None,
            ),
            "data.weight_column": (data.weight_column, "null", data.weight_column is not None),
            "data.subgroups": (data.subgroups, "nothing", bool(data.subgroups)),
            "data.text_column": (data.text_column, "text", data.text_column != "text"),
            "data.quotes": (data.quotes, "null", data.quotes is not None),
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
