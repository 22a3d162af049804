"""Which kind of predictions a task has."""

from collections.abc import Iterable

import numpy as np

from imbalance.study.files import load_arrays
from imbalance.study.predictions import LabelPredictions, Predictions
from imbalance.study.token_predictions import AnswerPredictions, SpanPredictions

_OF_TASK: dict[str, type[Predictions]] = {
    "classification": LabelPredictions,
    "tagging": SpanPredictions,
    "span": SpanPredictions,
    "reading": AnswerPredictions,
}


def of_task(task: str) -> type[Predictions]:
    """Return the kind of a task's predictions.

    Example:
        >>> of_task("span").__name__
        'SpanPredictions'
    """
    return _OF_TASK[task]


def of_names(names: Iterable[str]) -> type[Predictions]:
    """Return the kind that is kept under such names.

    Raises:
        KeyError: if it is none.
    """
    kinds = {kind.TRUTH: kind for kind in _OF_TASK.values()}
    known = kinds.keys() & set(names)
    if len(known) != 1:
        raise KeyError(f"one of {', '.join(kinds)}")
    return kinds[known.pop()]


def load(path) -> Predictions:
    """Read the predictions that a cell left.

    Raises:
        InputError: if they cannot be read.
    """

    def read(arrays) -> Predictions:
        return of_names(arrays).of_arrays({name: np.asarray(each) for name, each in arrays.items()})

    return load_arrays(path, read)
