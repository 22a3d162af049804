"""The parts of a study file: rows, variants, tuning, baselines; and checks of what YAML gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imbalance import checks

BASELINES = (
    "svm",
    "svm_balanced",
    "logistic_regression",
    "logistic_regression_balanced",
    "fasttext",
)
# Those whose fit draws random numbers: the others are the same for every seed.
DRAWING = ("svm", "svm_balanced", "fasttext")
VARIANT = "@"


@dataclass(frozen=True)
class Row:
    """A row of the table: what it changes in the base configuration.

    Attributes:
        name: in the results file's column `loss`, and of its folders.
        changes: nested settings that replace those of the base.
        seeds: of this row; by default those of the study.
        published: scores to stand beside it, by metric.
        group: the part of the report that shows it, such as `losses` or `ablation`.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] | None = None
    published: Mapping[str, float] = field(default_factory=dict)
    group: str = "losses"

    def __post_init__(self):
        _name("rows, name", self.name)
        place = f"rows, {self.name}"
        checks.text(f"{place}: group", self.group)
        checked_mapping(f"{place}: changes", self.changes)
        if self.seeds is not None:
            object.__setattr__(self, "seeds", checked_seeds(f"{place}: seeds", self.seeds))
        for metric, value in checked_mapping(f"{place}: published", self.published).items():
            checks.number(f"{place}: published.{metric}", value)


@dataclass(frozen=True)
class Variant:
    """Another axis: every row is run with these changes as well, as ``<row>@<variant>``.

    What is published of a row stands beside the variant without changes.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        _name("variants, name", self.name)
        checked_mapping(f"variants, {self.name}: changes", self.changes)


@dataclass(frozen=True)
class Tuning:
    """How the values of a row's space are chosen: by macro-F1 pooled over folds of training rows.

    Attributes:
        trials: of each row, the same for all.
        folds: parts of the training rows; each trial trains once without each of them.
        repeats: other shuffles into folds, after which all is pooled.
        epochs: of each of these trainings.
        seed: of the sampler, of the folds and of the trainings.
        changes: nested settings of these trainings alone.
        spaces: row to ``{setting: space}``; a setting such as ``loss.args.gamma``, a space
            ``{low: 0, high: 5, log: false}`` or ``{choices: [...]}``.
    """

    trials: int
    folds: int
    epochs: int
    spaces: Mapping[str, Mapping[str, Mapping]]
    repeats: int = 1
    seed: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        for name, low in (("trials", 1), ("folds", 2), ("epochs", 1), ("repeats", 1), ("seed", 0)):
            checks.integer(f"tuning.{name}", getattr(self, name), low=low)
        checked_mapping("tuning.changes", self.changes)
        for row, spaces in checked_mapping("tuning.spaces", self.spaces).items():
            for setting, space in checked_mapping(f"tuning.spaces.{row}", spaces).items():
                _space(f"tuning.spaces.{row}.{setting}", space)

    @property
    def budget(self) -> dict:
        """What the choice cost, as it is stated beside the chosen values."""
        names = ("trials", "folds", "repeats", "epochs", "seed")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Baselines:
    """Linear models on the rows that the base configuration trains and validates on.

    Attributes:
        names: of :data:`BASELINES`.
        characters: read from the start of each text. A baseline of the first length has its plain
            name in the results, another has the length behind it, such as ``svm_200``.
    """

    names: tuple[str, ...] = BASELINES
    characters: tuple[int, ...] = (400,)

    def __post_init__(self):
        for name in checked_list("baselines.names", self.names):
            checks.choice("baselines.names, one of them", name, BASELINES)
        for length in checked_list("baselines.characters", self.characters):
            checks.integer("baselines.characters, one of them", length, low=1)
        for name in ("names", "characters"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
            check_once(f"baselines.{name}", getattr(self, name))


def _space(name: str, space) -> None:
    checks.keys(name, checked_mapping(name, space), ("low", "high", "log", "choices"))
    if "choices" in space:
        checked_list(name + ".choices", space["choices"])
        if len(space) > 1:
            raise checks.wrong(name, space, "choices alone, or low and high")
        return
    log = checks.boolean(f"{name}.log", space.get("log", False))
    low = checks.number(
        f"{name}.low", space.get("low"), **({"low": 0, "low_open": True} if log else {})
    )
    checks.number(f"{name}.high", space.get("high"), low=low, low_open=True)


def checked_mapping(name: str, value) -> Mapping:
    """Return a mapping with names for keys, or refuse the value."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise checks.wrong(name, value, "a mapping of settings")
    return value


def checked_list(name: str, value) -> Sequence:
    """Return a list with something in it, or refuse the value."""
    if not isinstance(value, (list, tuple)) or not value:
        raise checks.wrong(name, value, "a list with something in it")
    return value


def _name(what: str, value) -> None:
    checks.text(what, value)
    if "/" in value or value.startswith(".") or not value.isprintable():
        raise checks.wrong(what, value, "a name that a folder can have")


def checked_seeds(name: str, values) -> tuple[int, ...]:
    """Return seeds, each once, or refuse them."""
    seeds = tuple(
        checks.integer(f"{name}, one of them", each, low=0) for each in checked_list(name, values)
    )
    check_once(name, seeds)
    return seeds


def check_once(name: str, values: Sequence) -> None:
    """Refuse values of which one stands twice."""
    twice = next((each for each in values if list(values).count(each) > 1), None)
    if twice is not None:
        raise checks.wrong(f"{name}, one that stands twice", twice, "each once")
