"""The study file: which runs, which seeds, what is tuned, and the baselines beside them."""

import dataclasses
from collections.abc import Mapping
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
from imbalance.study.rows import (
    DRAWING,
    VARIANT,
    Baselines,
    Row,
    Tuning,
    Variant,
    check_once,
    checked_list,
    checked_mapping,
    checked_seeds,
)


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
        base = dict(checked_mapping("base", base))
        changes = {"data": checked_mapping("data", file.get("data", {}))}
        if data is not None:
            changes = merge(changes, {"data": {"source": data}})
        for key in ("name", "output_dir"):
            base.pop(key, None)  # those of a cell are of the study
        rows = checked_list("rows", file["rows"])
        rows = [_build(Row, f"rows[{i}]", each) for i, each in enumerate(rows)]
        if "variants" in file:
            variants = checked_list("variants", file["variants"])
            variants = [_build(Variant, f"variants[{i}]", each) for i, each in enumerate(variants)]
            check_once("variants", [each.name for each in variants])
            rows = [_varied(row, each) for each in variants for row in rows]
        study = cls(
            path,
            merge(base, changes),
            Path(checks.text("output_dir", file["output_dir"])),
            Path(checks.text("results", file["results"])),
            checked_seeds("seeds", file["seeds"]),
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
        check_once("rows", names)
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
        check_once("cells", [cell.name for cell in cells])
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
                for seed in self.seeds if name in DRAWING else self.seeds[:1]:
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
    checks.keys(place, checked_mapping(place, mapping), known)
    for name, each in known.items():
        required = each.default is each.default_factory is dataclasses.MISSING
        if required and name not in mapping:
            raise InputError(f"{place}: {name} is missing")
    return cls(**mapping)
