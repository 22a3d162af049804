"""Running a study: what is missing is trained, and each number written down as it comes."""

import json
import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import EMBEDDED
from imbalance.study import baselines, jobs, results, tuning
from imbalance.study.archive import Archive
from imbalance.study.cells import Cell
from imbalance.study.config import Study
from imbalance.study.jobs import Clock, Runner

FAILURES = "failures.json"


def run(
    study: Study,
    only: str = "*",
    *,
    replace_stale: bool = False,
    at_once: int = 1,
    runner: Runner | None = None,
) -> dict[str, str]:
    """Train what is missing: baselines, the trials of the tuning, then the rows seed by seed.

    A finished cell is not trained nor scored again, its folder being on this machine or not, as
    long as the results file and :mod:`imbalance.study.archive` have it; one that another
    configuration made is named as stale and left alone. A cell that fails does not keep the
    others from being trained.

    Args:
        study: the study.
        only: a pattern such as ``dice*``, of the names of cells, ``<row>-seed<seed>``.
        replace_stale: remove stale cells and train them again.
        at_once: how many cells to train at a time, with their share of the cores each.
        runner: trains one job, :func:`imbalance.study.jobs.runner` if nothing.

    Returns:
        Cell to why it has no result. It is also written to ``failures.json`` in the study's
        folder.

    Raises:
        InputError: if a file beside the results is damaged or of other data, or no cell can be
            trained as asked.
    """
    chosen = select(study, only)
    check(study, chosen)
    runner = runner or jobs.runner(at_once)
    with jobs.only_one(study.output_dir):
        archive = Archive(study)
        _check_rows(study, archive, chosen if replace_stale else ())
        (study.output_dir / FAILURES).unlink(missing_ok=True)
        failures = _tune(study, chosen, runner, at_once)
        failures |= _train(study, archive, only, failures, replace_stale, runner, at_once)
        text = json.dumps(failures, ensure_ascii=False, indent=1)
        (study.output_dir / FAILURES).write_text(text + "\n", encoding="utf-8")
    return failures


def select(study: Study, only: str) -> list[Cell]:
    """Return the cells whose names fit a pattern.

    Raises:
        InputError: if none does.
    """
    cells = [cell for cell in study.cells(tuning.settings(study)) if fnmatch(cell.name, only)]
    if not cells:
        names = ", ".join(cell.name for cell in study.cells()[:5])
        raise InputError(f"--only: got {only!r}, expected a pattern of cells such as {names}")
    return cells


def check(study: Study, cells: Sequence[Cell]) -> None:
    """Refuse data that is not there, and a loss or model that cannot be built, before hours are
    spent on others.
    """
    for row in study.rows:
        source = study.run(row).data.source
        if source not in EMBEDDED and not Path(source).expanduser().exists():
            raise checks.wrong(
                f"{study.path}: rows, {row.name}: data.source",
                source,
                f"{' or '.join(EMBEDDED)}, or a path that exists; --data replaces it",
            )
    # Imported here: it imports TensorFlow, which takes longer than finding the above.
    from imbalance.training.settings import check

    losses = {cell.loss for cell in cells}
    for row in study.rows:
        if row.name in losses:
            try:
                check(study.run(row))
                if tuning.missing(study, row):
                    tuning.check(study, row)
                    for changes in tuning.ends(study, row):
                        check(study.run(row, changes))
            except InputError as error:
                raise InputError(f"{study.path}: rows, {row.name}: {error}") from None
            except Exception:  # nosec B110
                pass  # no mistake in the study file: the cell will fail, and the others will not


def lines(study: Study, only: str = "*") -> list[str]:
    """Return what a run would do: each cell with its state, and the time it will take.

    Raises:
        InputError: as of :func:`run`.
    """
    cells = select(study, only)
    check(study, cells)
    told, clock, waiting, archive = [], Clock(), [], Archive(study)
    for cell in cells:
        state = "to train"
        if archive.finished(cell):
            clock.add(cell.kind, archive.result(cell)["seconds"])
            changed = archive.stale(cell) or archive.other_rows(cell)
            state = f"stale: {changed}" if changed else "finished"
        elif reason := _absent(cell):
            state = f"skipped: {reason}"
        waiting += [cell.kind] if state == "to train" else []
        told.append(f"{cell.name}: {state}")
    for row in study.rows:
        trials = tuning.missing(study, row)
        if trials and any(cell.loss == row.name for cell in cells):
            each = study.tuning.folds * study.tuning.repeats
            told.append(f"{row.name}: {trials} trials to make, of {each} trainings each")
    told.append(f"{len(waiting)} of {len(cells)} cells to train, {clock.left(waiting)}")
    return told


def _check_rows(study: Study, archive: Archive, replaced: Sequence[Cell]) -> None:
    """Refuse to put results beside those of other data, but for cells that are trained again."""
    names = {cell.name for cell in replaced}
    others = [
        cell.name
        for cell in study.cells(tuning.settings(study))
        if cell.name not in names
        and archive.finished(cell)
        and not archive.stale(cell)
        and archive.other_rows(cell)
    ]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise InputError(
            f"{study.results}: {others[0]}{more} had other rows than data.source has now, expected "
            "the data that the results are of; --replace-stale trains them again"
        )


def _tune(study: Study, cells: Sequence[Cell], runner: Runner, at_once: int) -> dict[str, str]:
    """Make the missing trials of the rows that ``cells`` need, a trial of each row in turn."""
    losses = {cell.loss for cell in cells}
    rows = [row for row in study.rows if row.name in losses]
    left = sum(tuning.missing(study, row) for row in rows)
    clock, failures = Clock(at_once), {}

    def train(cell):
        return jobs.train(cell, "validation", study.output_dir, runner)

    while waiting := [row for row in rows if tuning.missing(study, row)]:
        trials = [partial(tuning.try_once, study, row, train) for row in waiting]
        for _, (line, seconds) in jobs.each(trials, at_once):
            clock.add("trial", seconds)
            left -= 1
            _tell(f"{line}; tuning: {clock.left(['trial'] * left)}")
    for row in rows:
        wanted = study.tuning.spaces if study.tuning else ()
        if row.name in wanted and row.name not in tuning.chosen(study):
            failures[row.name] = f"no trial succeeded, see {tuning.trials_path(study)}"
    return failures


def _train(study, archive, only, untuned, replace_stale, runner, at_once) -> dict[str, str]:
    """Train the missing cells; return why cells have no result."""
    failures = {}
    clock = Clock(at_once)
    waiting: list[Cell] = []
    here: list[Cell] = []
    for cell in select(study, only):
        if cell.loss in untuned:
            failures[cell.name] = untuned[cell.loss]
        elif archive.finished(cell):
            changed = archive.stale(cell) or archive.other_rows(cell)
            if changed and replace_stale:
                archive.drop(cell)
                if cell.finished:
                    shutil.rmtree(cell.folder)
                waiting.append(cell)
            elif changed:
                failures[cell.name] = f"stale: {changed}; --replace-stale trains it again"
            else:
                clock.add(cell.kind, archive.result(cell)["seconds"])
                here += [cell] if cell.finished else []
        elif reason := _absent(cell):
            _tell(f"{cell.name}: skipped, {reason}")
        else:
            waiting.append(cell)
    archive.keep(here)
    for cell in here:
        results.replace(study.results, cell, cell.result()["scores"])
    trainings = [partial(jobs.train, cell, "test", study.output_dir, runner) for cell in waiting]
    left = [cell.kind for cell in waiting]
    for number, (place, reason) in enumerate(jobs.each(trainings, at_once), start=1):
        cell = waiting[place]
        left.remove(cell.kind)
        place = f"[{number}/{len(waiting)}] {cell.name}"
        if reason:
            failures[cell.name] = reason
            _tell(f"{place}: failed: {reason}")
            continue
        result = cell.result()
        archive.keep([cell])
        results.replace(study.results, cell, result["scores"])
        clock.add(cell.kind, result["seconds"])
        _tell(f"{place}: {_scores(study, result)}; {clock.left(left)}")
    return failures


def _absent(cell: Cell) -> str | None:
    asked = cell.asked.get("baseline")
    return asked and baselines.absent(asked["model"])


def _scores(study: Study, result) -> str:
    """Return two scores and the seconds of a cell that was trained, for people to read."""
    scores, measures = result["scores"], study.measures
    shown = [name for name in measures.summary if name in scores["all"]][:2]
    told = ", ".join(f"{name} {scores['all'][name]:.4f}" for name in shown)
    unseen = scores["unseen"].get(measures.main)
    told += f" (unseen {unseen:.4f})" if unseen is not None else ""
    return f"{told}, {result['seconds']:.0f} s"


def _tell(line: str) -> None:
    print(line, flush=True)
