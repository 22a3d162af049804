"""Reading the arrays that cells leave."""

import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from imbalance import checks

# What reading a damaged npz raises.
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
T = TypeVar("T")


def load_arrays(path, read: Callable[[Mapping[str, np.ndarray]], T]) -> T:
    """Return what ``read`` makes of the arrays of a cell's file.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return read(arrays)
    except UNREADABLE:
        raise checks.InputError(f"{path}: cannot be read, expected that of a cell") from None


def small(values: np.ndarray) -> np.ndarray:
    """Return integers in the smallest signed type that holds them; other numbers as they are.

    Example:
        >>> small(np.array([0, -3, 200])).dtype.name, small(np.array([0.5])).dtype.name
        ('int16', 'float64')
    """
    if values.dtype.kind not in "iu":
        return values
    low, high = values.min(initial=0), values.max(initial=0)
    for name in ("int8", "int16"):
        if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
            return values.astype(name)
    return values.astype("int32")
