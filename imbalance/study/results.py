"""The results file of a study: one number a row, kept sorted, so that its changes read well."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from imbalance import checks
from imbalance.study.cells import Cell

COLUMNS = ("model", "loss", "seed", "subset", "metric", "value")
_CELL = ["model", "loss", "seed"]
_TYPES = {"model": str, "loss": str, "seed": "int64", "subset": str, "metric": str, "value": float}


def read(path) -> pd.DataFrame:
    """Return the rows of a results file, with :data:`COLUMNS`; none where there is no file.

    Raises:
        InputError: if the file has other columns, a seed or value is no number, or a number stands
            twice.
    """
    if not Path(path).exists():
        return pd.DataFrame({name: pd.Series(dtype=_TYPES[name]) for name in COLUMNS})
    try:
        # `none` and a label such as NA are names, not gaps.
        frame = pd.read_csv(path, keep_default_na=False, dtype=str)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise checks.InputError(
            f"{path}: cannot be read ({reason}), expected {','.join(COLUMNS)}"
        ) from None
    if tuple(frame.columns) != COLUMNS:
        raise checks.wrong(f"{path}, its columns", list(frame.columns), ",".join(COLUMNS))
    for name in ("seed", "value"):
        numbers = pd.to_numeric(frame[name], errors="coerce")
        # A metric may be NaN, a seed may not.
        bad = numbers.isna() & (frame[name].str.lower() != "nan")
        if name == "seed":
            bad |= numbers.isna() | (numbers % 1 != 0)
        for index in np.flatnonzero(bad)[:1]:
            wrong = frame.loc[index, name]  # line 1 is the heading
            raise checks.InputError(f"{path}:{index + 2}: {name} {wrong!r}, expected a number")
        frame[name] = numbers.astype(_TYPES[name])
    for index in np.flatnonzero(frame.duplicated(list(COLUMNS[:-1])))[:1]:
        key = ",".join(map(str, frame.loc[index].iloc[:-1]))
        raise checks.InputError(f"{path}:{index + 2}: {key} stands twice")
    return frame


def replace(path, cell: Cell, scores: Mapping[str, Mapping[str, float]]) -> None:
    """Write a cell's numbers into the file, in place of those it had there.

    Args:
        path: of the results file; it is made where it is missing, and replaced whole.
        cell: the cell.
        scores: ``{subset: {metric: value}}``.
    """
    before = read(path)
    own = (before[_CELL] == [cell.model, cell.loss, cell.seed]).all(axis=1)
    rows = [
        (cell.model, cell.loss, cell.seed, subset, metric, value)
        for subset, values in scores.items()
        for metric, value in values.items()
    ]
    added = pd.DataFrame(rows, columns=list(COLUMNS)).astype(_TYPES)
    write(path, pd.concat([before[~own], added]).sort_values(list(COLUMNS[:-1])))


def write(path, frame: pd.DataFrame) -> None:
    """Write a table whole or not at all, six digits a number."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial-{os.getpid()}")
    frame.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    temporary.replace(path)
