"""A loss or gradient that is no number: which batch it was, and which rows are in it."""

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from imbalance.config import TrainingConfig
from imbalance.data.pipeline import TrainingBatches
from imbalance.training import loop

_NAMED_AT_MOST = 5


def stop(
    batches: TrainingBatches,
    places: Sequence[str],
    settings: TrainingConfig,
    epoch: int,
    step: int,
    what: str,
) -> NoReturn:
    """Name the rows of a batch and say what to try.

    Args:
        batches: what training reads.
        places: ``file:line`` of each training row.
        settings: those of the training, with the precision resolved.
        epoch, step: of the batch, counted from 0.
        what: the loss, or of what the gradient is; for the message.

    Raises:
        InputError: always.
    """
    rows = np.unique(batches.rows_of(epoch, step))
    named = ", ".join(places[int(row)] for row in rows[:_NAMED_AT_MOST])
    more = len(rows) - _NAMED_AT_MOST
    half = settings.precision != "float32"
    loop.refuse(
        epoch,
        step,
        what,
        f"try a training.learning_rate below {settings.learning_rate:g}"
        + (f", or training.precision: float32 instead of {settings.precision}" if half else "")
        + f"; the batch holds {named}"
        + (f" and {more} more" if more > 0 else ""),
    )
