"""The study file: which runs, which seeds, what is tuned, and the baselines beside them."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import RunConfig, merge, read_yaml
from imbalance.study import kinds, measures
from imbalance.study.cells import NO_LOSS, Cell
from imbalance.study.measures import Measures
from imbalance.study.report_settings import ReportSettings

BASELINES = (
    "svm",
    "svm_balanced",
    "logistic_regression",
    "logistic_regression_balanced",
    "fasttext",
)
# Those whose fit draws random numbers: the others are the same for every seed.
_DRAWING = ("svm", "svm_balanced", "fasttext")
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
        checks.text(f"rows, {self.name}: group", self.group)
        _mapping(f"rows, {self.name}: changes", self.changes)
        if self.seeds is not None:
            object.__setattr__(self, "seeds", _seeds(f"rows, {self.name}: seeds", self.seeds))
        for metric, value in _mapping(f"rows, {self.name}: published", self.published).items():
            checks.number(f"rows, {self.name}: published.{metric}", value)


@dataclass(frozen=True)
class Variant:
    """Another axis: every row is run with these changes as well, as ``<row>@<variant>``.

    What is published of a row stands beside the variant without changes.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        _name("variants, name", self.name)
        _mapping(f"variants, {self.name}: changes", self.changes)


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
        _mapping("tuning.changes", self.changes)
        for row, spaces in _mapping("tuning.spaces", self.spaces).items():
            for setting, space in _mapping(f"tuning.spaces.{row}", spaces).items():
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
        for name in _list("baselines.names", self.names):
            checks.choice("baselines.names, one of them", name, BASELINES)
        for length in _list("baselines.characters", self.characters):
            checks.integer("baselines.characters, one of them", length, low=1)
        for name in ("names", "characters"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
            _once(f"baselines.{name}", getattr(self, name))


@dataclass(frozen=True)
class Study:
    """A study, read and checked; see :meth:`from_yaml`.

    Attributes:
        path: of the study file.
        base: a run's settings, which the rows change.
        output_dir: the folder of the cells' folders.
        results: the results file.
        seeds: of the rows that name none.
        rows: the table's rows; those of all variants, if there are any.
        tuning: how values are chosen; ``None`` without.
        baselines: what stands beside the networks; ``None`` without.
        report: what the report says besides the numbers.
    """

    path: Path
    base: Mapping[str, Any]
    output_dir: Path
    results: Path
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    tuning: Tuning | None = None
    baselines: Baselines | None = None
    report: ReportSettings = field(default_factory=ReportSettings)

    @classmethod
    def from_yaml(cls, path, data: str | None = None) -> "Study":
        """Read a study file.

        Args:
            path: of a YAML mapping with the keys ``base`` (a run's settings, or its YAML file,
                relative to the study file), ``output_dir`` and ``results`` (relative to the
                working directory), ``seeds``, ``rows`` and, if wanted, ``data`` (changes to
                ``data`` of the base), ``variants``, ``tuning``, ``baselines`` and ``report``.
            data: replaces ``data.source``.

        Raises:
            InputError: if a key is unknown or a value wrong, that of any row's run included.
        """
        path = Path(path)
        file = read_yaml(path)
        needed = ("base", "output_dir", "results", "seeds", "rows")
        checks.keys(str(path), file, (*needed, "data", "variants", "tuning", "baselines", "report"))
        for key in needed:
            if key not in file:
                raise InputError(f"{path}: {key} is missing, expected {', '.join(needed)}")
        base = file["base"]
        if isinstance(base, str):
            base = read_yaml(path.parent / base)
        base = dict(_mapping("base", base))
        changes = {"data": _mapping("data", file.get("data", {}))}
        if data is not None:
            changes = merge(changes, {"data": {"source": data}})
        for key in ("name", "output_dir"):
            base.pop(key, None)  # those of a cell are of the study
        rows = [
            _build(Row, f"rows[{i}]", each) for i, each in enumerate(_list("rows", file["rows"]))
        ]
        if "variants" in file:
            variants = _list("variants", file["variants"])
            variants = [_build(Variant, f"variants[{i}]", each) for i, each in enumerate(variants)]
            _once("variants", [each.name for each in variants])
            rows = [_varied(row, each) for each in variants for row in rows]
        study = cls(
            path,
            merge(base, changes),
            Path(checks.text("output_dir", file["output_dir"])),
            Path(checks.text("results", file["results"])),
            _seeds("seeds", file["seeds"]),
            tuple(rows),
            _build(Tuning, "tuning", file["tuning"]) if file.get("tuning") else None,
            _build(Baselines, "baselines", file["baselines"]) if file.get("baselines") else None,
            _build(ReportSettings, "report", file.get("report") or {}),
        )
        study.check()
        return study

    def check(self) -> None:
        """Refuse rows that stand twice, and runs whose configuration is wrong."""
        names = [row.name for row in self.rows]
        _once("rows", names)
        for row in self.tuning.spaces if self.tuning else ():
            if row not in names:
                raise checks.unknown("tuning.spaces", row, names)
        for row in self.rows:
            try:
                self._check_task(self.run(row))
            except InputError as error:
                raise InputError(f"{self.path}: rows, {row.name}: {error}") from None
        self._check_measures()
        cells = self.cells()
        _once("cells", [cell.name for cell in cells])
        known = {cell.model for cell in cells if cell.loss == NO_LOSS}
        if self.report.rival is not None and self.report.rival not in known:
            raise checks.unknown(f"{self.path}: report.rival", self.report.rival, known)
        for group, row in self.report.references.items():
            if row not in names:
                raise checks.unknown(f"{self.path}: report.references.{group}", row, names)

    def _check_task(self, run: RunConfig) -> None:
        if kinds.of_task(run.task) is not kinds.of_task(self.task):
            expected = f"one whose scores are those of {self.task}, the task of the study"
            raise checks.wrong("task", run.task, expected)

    def _check_measures(self) -> None:
        """Refuse scores without a name, and what is of labelled texts alone with another task."""
        try:
            known = self.measures
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None
        for row in self.rows:
            for metric in row.published:
                if metric not in known.headings and not metric.startswith("f1:"):
                    place = f"{self.path}: rows, {row.name}: published"
                    raise checks.unknown(place, metric, known.headings)
        for name in ("tuning", "baselines"):
            if self.task != "classification" and getattr(self, name) is not None:
                place = f"{self.path}: {name}"
                raise checks.wrong(place, "settings", f"none with task {self.task}")

    @property
    def task(self) -> str:
        """The task of the base configuration, of whose kind are those of all rows."""
        return self._base_run.task

    @property
    def measures(self) -> Measures:
        """Which scores the report shows."""
        run = self._base_run
        return measures.of_task(run.task, run.data.scheme).chosen(self.report.metrics)

    @cached_property
    def _base_run(self) -> RunConfig:
        return RunConfig.from_mapping(self.base)

    def run(self, row: Row, changes: Mapping | None = None) -> RunConfig:
        """Return the configuration of a row's run, with further changes."""
        return RunConfig.from_mapping(merge(merge(self.base, row.changes), changes or {}))

    def cells(self, tuned: Mapping[str, Mapping] | None = None) -> list[Cell]:
        """Return all cells: baselines first, then the rows, one seed after the other.

        Args:
            tuned: row to the nested settings chosen for it.
        """
        networks = []
        seeds = dict.fromkeys(seed for row in self.rows for seed in row.seeds or self.seeds)
        for seed in seeds:
            for row in self.rows:
                if seed in (row.seeds or self.seeds):
                    chosen = merge((tuned or {}).get(row.name, {}), {"training": {"seed": seed}})
                    config = self.run(row, chosen)
                    name = f"{row.name}-seed{seed}".replace(":", "-")  # 1:4 is no file name
                    networks.append(self.cell(row.name, config, name))
        return [*self._baseline_cells(), *networks]

    def cell(self, loss: str, config: RunConfig, name: str, output_dir: Path | None = None) -> Cell:
        """Return the cell of one run, whose folder is ``name`` in ``output_dir``."""
        folder = (output_dir or self.output_dir) / name
        config = dataclasses.replace(config, name=name, output_dir=str(folder.parent))
        asked = {"run": config.to_mapping()}
        return Cell(name, config.model.name, loss, config.training.seed, folder, asked)

    def _baseline_cells(self) -> list[Cell]:
        if self.baselines is None:
            return []
        cells = []
        data = RunConfig.from_mapping(self.base).to_mapping()["data"]
        for characters in self.baselines.characters:
            for name in self.baselines.names:
                suffix = "" if characters == self.baselines.characters[0] else f"_{characters}"
                for seed in self.seeds if name in _DRAWING else self.seeds[:1]:
                    model = name + suffix
                    asked = {"model": name, "characters": characters, "seed": seed, "data": data}
                    folder = self.output_dir / f"{model}-seed{seed}"
                    cells.append(
                        Cell(folder.name, model, NO_LOSS, seed, folder, {"baseline": asked})
                    )
        return cells


def nested(values: Mapping[str, Any]) -> dict:
    """Return ``{"loss.args.gamma": 2}`` as ``{"loss": {"args": {"gamma": 2}}}``.

    Example:
        >>> nested({"loss.args.gamma": 2, "loss.args.alpha": 1})
        {'loss': {'args': {'gamma': 2, 'alpha': 1}}}
    """
    result: dict = {}
    for path, value in values.items():
        *sections, last = path.split(".")
        place = result
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return result


def _varied(row: Row, variant: Variant) -> Row:
    name = f"{row.name}{VARIANT}{variant.name}"
    changes = merge(row.changes, variant.changes)
    published = {} if variant.changes else row.published
    return dataclasses.replace(row, name=name, changes=changes, published=published)


def _build(cls, place: str, mapping):
    known = {each.name: each for each in dataclasses.fields(cls)}
    checks.keys(place, _mapping(place, mapping), known)
    for name, each in known.items():
        required = each.default is each.default_factory is dataclasses.MISSING
        if required and name not in mapping:
            raise InputError(f"{place}: {name} is missing")
    return cls(**mapping)


def _space(name: str, space) -> None:
    checks.keys(name, _mapping(name, space), ("low", "high", "log", "choices"))
    if "choices" in space:
        _list(name + ".choices", space["choices"])
        if len(space) > 1:
            raise checks.wrong(name, space, "choices alone, or low and high")
        return
    log = checks.boolean(f"{name}.log", space.get("log", False))
    low = checks.number(
        f"{name}.low", space.get("low"), **({"low": 0, "low_open": True} if log else {})
    )
    checks.number(f"{name}.high", space.get("high"), low=low, low_open=True)


def _mapping(name: str, value) -> Mapping:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise checks.wrong(name, value, "a mapping of settings")
    return value


def _list(name: str, value) -> Sequence:
    if not isinstance(value, (list, tuple)) or not value:
        raise checks.wrong(name, value, "a list with something in it")
    return value


def _name(what: str, value) -> None:
    checks.text(what, value)
    if "/" in value or value.startswith(".") or not value.isprintable():
        raise checks.wrong(what, value, "a name that a folder can have")


def _seeds(name: str, values) -> tuple[int, ...]:
    seeds = tuple(
        checks.integer(f"{name}, one of them", each, low=0) for each in _list(name, values)
    )
    _once(name, seeds)
    return seeds


def _once(name: str, values: Sequence) -> None:
    twice = next((each for each in values if list(values).count(each) > 1), None)
    if twice is not None:
        raise checks.wrong(f"{name}, one that stands twice", twice, "each once")
