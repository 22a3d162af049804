"""Choosing each loss's values by macro-F1 pooled over folds of the training rows.

Every row with a space gets the same number of trials. A trial trains one network a fold and
repeat, each an ordinary run whose validation split is that fold, and scores their predictions
together: macro-F1 of a class with four training rows is noise in one fold, less so in all. The
test split is not looked at.

The trials stand in ``<results>-tuning.csv``, written after each; a study that is run again goes
on from there. What was chosen is read from it, and shown in ``<study>-tuned.yaml``.
"""

import importlib.util
import json
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from sklearn.metrics import f1_score

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import merge
from imbalance.study import results
from imbalance.study.cells import Cell
from imbalance.study.config import Study, nested
from imbalance.study.jobs import stale
from imbalance.study.rows import Row
from imbalance.unfinished import Unfinished

_BUDGET = ("folds", "repeats", "epochs", "seed")
FOLDS = "tuning"  # the folder of the folds' runs, which go when their trial is scored
COLUMNS = ("loss", "trial", *_BUDGET, "values", "macro_f1", "seconds", "remark")

# Rows may be tuned at the same time, and their trials stand in one file.
_writing = threading.Lock()

# Trains a cell whose validation split is to be predicted; returns why it failed, or nothing.
Train = Callable[[Cell], str | None]


def trials_path(study: Study) -> Path:
    """Return where the trials stand."""
    return study.results.with_name(f"{study.results.stem}-tuning.csv")


def tuned_path(study: Study) -> Path:
    """Return where the chosen values are shown."""
    return study.path.with_name(f"{study.path.stem}-tuned.yaml")


def read(study: Study) -> pd.DataFrame:
    """Return the finished trials.

    Raises:
        InputError: if they cannot be read, or were made with another budget than the study's.
    """
    path = trials_path(study)
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    trials = pd.read_csv(path, keep_default_na=False)
    if tuple(trials.columns) != COLUMNS:
        raise checks.wrong(f"{path}, its columns", list(trials.columns), ",".join(COLUMNS))
    for row in study.tuning.spaces:
        own = trials[trials["loss"] == row]
        for name in _BUDGET:
            other = own[own[name] != getattr(study.tuning, name)]
            if len(other):
                raise InputError(
                    f"{path}: {row} was tuned with {name} {other[name].iloc[0]}, expected "
                    f"{getattr(study.tuning, name)}; remove its lines to tune it again"
                )
    return trials


def chosen(study: Study) -> dict[str, dict]:
    """Return the values of each row whose trials are all done: ``{row: {setting: value}}``."""
    if study.tuning is None:
        return {}
    trials = read(study)
    found = {}
    for row in study.tuning.spaces:
        own = trials[trials["loss"] == row]
        if len(own) >= study.tuning.trials and own["macro_f1"].max() > 0:
            found[row] = json.loads(own.loc[own["macro_f1"].idxmax(), "values"])
    return found


def settings(study: Study) -> dict[str, dict]:
    """Return what :func:`chosen` does, as the nested settings of runs."""
    return {row: nested(values) for row, values in chosen(study).items()}


def missing(study: Study, row: Row) -> int:
    """Return how many trials a row still needs."""
    if study.tuning is None or row.name not in study.tuning.spaces:
        return 0
    return max(0, study.tuning.trials - int((read(study)["loss"] == row.name).sum()))


def check(study: Study, row: Row) -> None:
    """Refuse what cannot be tuned.

    Raises:
        InputError: if Optuna is not installed, or repeats are asked for where another shuffle into
            folds would cut another test split as well.
    """
    if importlib.util.find_spec("optuna") is None:
        raise InputError(
            f"tuning of {row.name}: Optuna is not installed, see requirements-study.txt"
        )
    source = Path(study.run(row).data.source).expanduser()
    names = [each.name.split(".")[0] for each in source.iterdir()] if source.is_dir() else []
    if study.tuning.repeats > 1 and "test" not in names:
        raise checks.wrong(
            "tuning.repeats",
            study.tuning.repeats,
            f"1: {source} has no test file, and test rows would get into the folds",
        )


def ends(study: Study, row: Row) -> list[dict]:
    """Return, as nested settings, each choice or end of the spaces of a row, one at a time."""
    spaces = study.tuning.spaces[row.name]
    return [
        nested({setting: value})
        for setting, space in spaces.items()
        for value in space.get("choices") or (space["low"], space["high"])
    ]


def try_once(study: Study, row: Row, train: Train) -> tuple[str, float]:
    """Make the next trial of a row and write it down; return a line to show, and its seconds."""
    own = read(study).query("loss == @row.name")
    number = len(own)
    values = _suggest(study, row, own)
    score, seconds, remark = _score(study, row, number, values, train)
    entry = {"loss": row.name, "trial": number, "macro_f1": score, "seconds": round(seconds, 1)}
    entry |= {name: getattr(study.tuning, name) for name in _BUDGET}
    entry |= {"values": json.dumps(values, ensure_ascii=False), "remark": remark}
    line = pd.DataFrame([entry], columns=list(COLUMNS))
    with _writing:
        trials = read(study)
        both = pd.concat([trials, line]) if len(trials) else line
        results.write(trials_path(study), both.sort_values(["loss", "trial"]))
        _show(study)
    best = max([score, *own["macro_f1"]])
    told = ", ".join(f"{key.split('.')[-1]} {value}" for key, value in values.items())
    shown = (
        f"tuning {row.name}, trial {number + 1} of {study.tuning.trials} ({told}): "
        f"macro-F1 {score:.4f}, best {best:.4f}" + (f"; {remark}" if remark else "")
    )
    return shown, seconds


def _suggest(study: Study, row: Row, own: pd.DataFrame) -> dict:
    """Return the values of the next trial: first those of the configuration, if it names any."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = study.tuning.spaces[row.name]
    distributions = {setting: _distribution(space) for setting, space in spaces.items()}
    # A sampler for each trial: what comes next must not depend on where a study was interrupted.
    sampler = optuna.samplers.TPESampler(
        seed=1000 * study.tuning.seed + len(own), n_startup_trials=max(2, study.tuning.trials // 3)
    )
    memory = optuna.create_study(direction="maximize", sampler=sampler)
    for line in own.itertuples():
        values = json.loads(line.values)
        try:
            memory.add_trial(
                optuna.trial.create_trial(
                    params={key: _coded(spaces[key], value) for key, value in values.items()},
                    distributions=distributions,
                    value=line.macro_f1,
                )
            )
        except (ValueError, KeyError):
            raise InputError(
                f"{trials_path(study)}: trial {line.trial} of {row.name} is outside of its space "
                "in the study; remove its lines to tune it again"
            ) from None
    if not len(own):
        memory.enqueue_trial(_configured(study, row), skip_if_exists=True)
    trial = memory.ask(distributions)
    return {key: _decoded(spaces[key], value) for key, value in trial.params.items()}


def _distribution(space: Mapping):
    from optuna import distributions

    if "choices" in space:
        return distributions.CategoricalDistribution(
            [json.dumps(each) for each in space["choices"]]
        )
    return distributions.FloatDistribution(space["low"], space["high"], log=space.get("log", False))


def _coded(space: Mapping, value):
    return json.dumps(value) if "choices" in space else value


def _decoded(space: Mapping, value):
    if "choices" in space:
        return json.loads(value)
    # Four digits are readable, and more would be noise.
    return min(max(float(f"{value:.4g}"), space["low"]), space["high"])


def _configured(study: Study, row: Row) -> dict:
    """Return the values in the spaces that the row's configuration names."""
    found = {}
    for setting, space in study.tuning.spaces[row.name].items():
        place = study.run(row).to_mapping()
        for key in setting.split("."):
            place = place.get(key) if isinstance(place, Mapping) else None
        if "choices" in space:
            inside = place in space["choices"]
        else:
            number = isinstance(place, (int, float)) and not isinstance(place, bool)
            inside = number and space["low"] <= place <= space["high"]
        if inside:
            found[setting] = _coded(space, place)
    return found


def _score(study: Study, row: Row, number: int, values: Mapping, train: Train):
    """Return macro-F1 pooled over the folds, the seconds of all, and what went wrong."""
    cells = _folds(study, row, number, values)
    reason = None
    for cell in cells:
        if cell.finished and stale(cell):
            shutil.rmtree(cell.folder)
        if not cell.finished:
            reason = train(cell)
        if reason:
            # Nobody goes on with it: the trial is made.
            shutil.rmtree(Unfinished(cell.folder).place, ignore_errors=True)
            break
    finished = [cell for cell in cells if cell.finished]
    seconds = sum(cell.result()["seconds"] for cell in finished)
    predictions = [cell.predictions() for cell in finished]
    for cell in finished:
        shutil.rmtree(cell.folder)
    if reason:
        # A value with which training fails is a bad one, and the sampler is told so.
        return 0.0, seconds, reason
    y_true = np.concatenate([each.y_true for each in predictions])
    y_pred = np.concatenate([each.y_pred for each in predictions])
    return float(f1_score(y_true, y_pred, average="macro", zero_division=0)), seconds, ""


def _folds(study: Study, row: Row, number: int, values: Mapping) -> list[Cell]:
    tuning = study.tuning
    base = study.run(row)
    cells = []
    for repeat in range(tuning.repeats):
        for fold in range(tuning.folds):
            data = {
                "folds": tuning.folds,
                "fold": fold,
                "split_seed": base.data.split_seed + repeat,
            }
            training = {"epochs": tuning.epochs, "seed": tuning.seed}
            changes = merge(merge(tuning.changes, nested(values)), {"data": data})
            config = study.run(row, merge(changes, {"training": training}))
            name = f"{row.name}-trial{number}-repeat{repeat}-fold{fold}".replace(":", "-")
            cells.append(study.cell(row.name, config, name, study.output_dir / FOLDS))
    return cells


def _show(study: Study) -> None:
    """Write the chosen values for people to read."""
    trials, found = read(study), chosen(study)
    rows = {
        row: {
            "values": values,
            "macro_f1": round(float(trials[trials["loss"] == row]["macro_f1"].max()), 4),
            "space": {key: dict(space) for key, space in study.tuning.spaces[row].items()},
        }
        for row, values in found.items()
    }
    text = (
        f"# What `python -m imbalance.study {study.path.as_posix()}` chose, from the trials in\n"
        f"# {trials_path(study).as_posix()}, which it reads; this file is for reading. The budget\n"
        "# is that of each row, macro_f1 is pooled over the folds of the training rows.\n"
    )
    text += yaml.safe_dump(
        {"budget": study.tuning.budget, "rows": rows}, sort_keys=False, allow_unicode=True
    )
    tuned_path(study).write_text(text, encoding="utf-8")
