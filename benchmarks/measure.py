"""How two sides are timed, and what a benchmark hands back."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

FUDAN_VARIABLE = "IMBALANCE_FUDAN"
_BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "data" / "fudan"

# A unit without an amount is one of time; more of it is worse.
_PER_SECOND = {"s": 1.0, "ms": 1e3, "µs": 1e6}


@dataclass(frozen=True)
class Row:
    """One comparison: ``ratio`` is ours / theirs, both in ``unit``."""

    name: str
    ours: float
    theirs: float
    unit: str
    ratio: float

    @classmethod
    def of(cls, name: str, ours: float, theirs: float, unit: str) -> "Row":
        return cls(name, ours, theirs, unit, ours / theirs)


@dataclass(frozen=True)
class Skipped:
    """A comparison that could not be made, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Note:
    """Text for the reader, printed under the table."""

    text: str


def compare(
    name: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    unit: str = "ms",
    repeats: int = 9,
    warmup: int = 2,
    amount: float | None = None,
    pause: float = 0.0,
) -> Row:
    """Time both sides in turns, so that a slow spell of the machine befalls both.

    Args:
        name: what is measured, for the table.
        ours, theirs: called without arguments; each must return when its work is done.
        unit: ``s``, ``ms`` or ``µs`` for time; with ``amount``, what is done a second, such as
            ``documents/s``.
        repeats: timed calls of each side; their medians count.
        warmup: calls of each side before, not timed.
        amount: how much one call does, in the unit before ``/s``.
        pause: seconds to wait before each timed call; some libraries' threads go on spinning for
            work when theirs is done, and would take the other side's cores.

    Example:
        >>> compare("sum", lambda: sum(range(9)), lambda: sum(range(9)), unit="µs").unit
        'µs'
    """
    if amount is None and unit not in _PER_SECOND:
        raise ValueError(f"unit: got {unit!r}, expected one of {list(_PER_SECOND)} or an amount")
    for _ in range(warmup):
        ours()
        theirs()
    times = []
    for _ in range(repeats):
        time.sleep(pause)
        our_time = seconds(ours)
        time.sleep(pause)
        times.append((our_time, seconds(theirs)))
    our_time, their_time = (median(side) for side in zip(*times, strict=True))
    if amount is None:
        return Row.of(name, our_time * _PER_SECOND[unit], their_time * _PER_SECOND[unit], unit)
    return Row.of(name, amount / our_time, amount / their_time, unit)


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call takes, by a clock that never jumps."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def fudan() -> Path | None:
    """Return the folder of the Fudan corpus (``train.txt``, ``test.txt``, also as .xz), or None.

    It is where the environment variable ``IMBALANCE_FUDAN`` (``--fudan``) says, or in
    ``../shared/data/fudan`` beside the checkout.
    """
    folder = Path(os.environ.get(FUDAN_VARIABLE, _BESIDE_THE_CHECKOUT))
    return folder if folder.is_dir() else None


NO_FUDAN = f"the Fudan corpus is not at hand (--fudan PATH, or {FUDAN_VARIABLE})"
