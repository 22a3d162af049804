"""Training cells, each in a process of its own and one or more at a time."""

import json
import os
import signal
import statistics
import subprocess  # nosec B404 # our worker
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from imbalance import checks
from imbalance.config import RunConfig
from imbalance.study.cells import Cell

LOGS = "logs"
LOCK = ".lock"
# What does not change a cell's numbers. The data may have moved: that its rows are the same is what
# imbalance.study.content checks.
_IRRELEVANT = (
    "run.name",
    "run.output_dir",
    "run.data.cache",
    "run.data.source",
    "baseline.data.cache",
    "baseline.data.source",
)

# Trains a job, its output going to a file; returns why it failed, or nothing.
Runner = Callable[[Mapping, Path], str | None]

_running: set[subprocess.Popen] = set()


def stale(cell: Cell) -> str | None:
    """Return in what a finished cell is not what is asked for now, or nothing if it is.

    Example:
        >>> from imbalance.study.cells import Cell
        >>> cell = Cell("a", "svm", "none", 1, Path("a"), {"baseline": {"seed": 1}})
        >>> difference({"baseline": {"seed": 2}}, cell.asked)
        'baseline.seed was 2, is now 1'
    """
    return difference(cell.result()["asked"], cell.asked)


def difference(before: Mapping, now: Mapping) -> str | None:
    """Return the settings that differ, or nothing."""
    before, now = _leaves(_filled(before)), _leaves(_filled(now))
    absent = object()
    keys = [key for key in {**before, **now} if key not in _IRRELEVANT]
    changed = [key for key in keys if before.get(key, absent) != now.get(key, absent)]
    named = [
        f"{key} was {checks.show(before.get(key))}, is now {checks.show(now.get(key))}"
        for key in changed[:3]
    ]
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return "; ".join(named) + more if changed else None


def _filled(asked: Mapping) -> Mapping:
    """Return settings with the values of those that were not there when they were written."""
    try:
        if "run" in asked:
            return {"run": RunConfig.from_mapping(asked["run"]).to_mapping()}
        data = RunConfig.from_mapping({"data": asked["baseline"].get("data", {})})
        return {"baseline": {**asked["baseline"], "data": data.to_mapping()["data"]}}
    except checks.InputError:  # written when other settings existed
        return asked


def _leaves(settings: Mapping, place: str = "") -> dict:
    leaves = {}
    for key, value in settings.items():
        inner = isinstance(value, Mapping) and value
        leaves |= _leaves(value, f"{place}{key}.") if inner else {place + key: value}
    return leaves


def train(cell: Cell, split: str, output_dir: Path, run: Runner) -> str | None:
    """Train a cell, or what a killed training of it left to do.

    Returns:
        Why it failed, in one line; nothing if its folder is there.
    """
    job = {
        "name": cell.name,
        "output_dir": str(cell.folder.parent),
        "split": split,
        "asked": cell.asked,
    }
    log = output_dir / LOGS / f"{cell.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    reason = run(job, log)
    if reason is None and not cell.finished:
        return f"it ended without its folder, see {log}"
    return reason and f"{reason} (see {log})"


def in_process_of_its_own(job: Mapping, log: Path, *, at_once: int = 1) -> str | None:
    """Train a job with :mod:`imbalance.study.worker`.

    Args:
        job: see the worker.
        log: where its output goes.
        at_once: how many train at a time; each gets its share of the cores.

    Raises:
        KeyboardInterrupt: if the process ended because the study is interrupted; that is no
            failure of the job.
    """
    path = log.with_suffix(".json")
    path.write_text(json.dumps(job, ensure_ascii=False, indent=1), encoding="utf-8")
    command = [sys.executable, "-m", "imbalance.study.worker", str(path), str(os.getpid())]
    threads = {}
    if at_once > 1:
        share = str(max(1, len(os.sched_getaffinity(0)) // at_once))
        threads = {"TF_NUM_INTRAOP_THREADS": share, "OMP_NUM_THREADS": share}
    environment = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **threads,
        **os.environ,
        "PYTHONUNBUFFERED": "1",
    }
    # This package also where it was found through the working directory alone.
    places = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(  # nosec B603 # Python and our worker
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
        _running.add(process)
        try:
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            # Who kills what is running takes it out; a terminal interrupts all of its processes.
            interrupted = process not in _running or process.returncode == -signal.SIGINT
            _running.discard(process)
    if interrupted:
        raise KeyboardInterrupt
    if code == 0:
        return None
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip().removeprefix("error: ") if lines else f"exit status {code}"


def runner(at_once: int) -> Runner:
    """Return what trains jobs in processes, ``at_once`` of which share the cores."""
    return partial(in_process_of_its_own, at_once=at_once)


def each(calls: Sequence[Callable], at_once: int = 1) -> Iterator[tuple[int, object]]:
    """Yield the place and the result of each call as it ends.

    What is interrupted kills the processes that are running.

    Example:
        >>> sorted(each([lambda: "a", lambda: "b"], at_once=2))
        [(0, 'a'), (1, 'b')]
    """
    if at_once == 1:
        for place, call in enumerate(calls):
            yield place, call()
        return
    pool = ThreadPoolExecutor(at_once)
    places = {pool.submit(call): place for place, call in enumerate(calls)}
    try:
        for future in as_completed(places):
            yield places[future], future.result()
    finally:
        for future in places:
            future.cancel()
        # What is not cancelled now is running, and may only be about to start its process.
        while any(future.running() for future in places):
            for process in list(_running):
                _running.discard(process)
                process.kill()
            time.sleep(0.05)
        pool.shutdown()


@contextmanager
def only_one(output_dir: Path) -> Iterator[None]:
    """Let one process at a time write into a study's folder.

    Raises:
        InputError: if another one does.
    """
    import fcntl

    output_dir.mkdir(parents=True, exist_ok=True)
    with (output_dir / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise checks.InputError(
                f"{output_dir}: another study is writing there, expected that it has ended"
            ) from None
        yield


class Clock:
    """How long what is left will take, by the median of what has finished and is of its kind.

    Args:
        at_once: how many go at a time.

    Example:
        >>> clock = Clock()
        >>> for seconds in (60, 90, 600):
        ...     clock.add("run", seconds)
        >>> clock.left(["run"] * 10), clock.left(["baseline"])
        ('about 0:15:00 left', 'time left unknown')
    """

    def __init__(self, at_once: int = 1):
        self._at_once = at_once
        self._seconds: dict[str, list[float]] = {}

    def add(self, kind: str, seconds: float) -> None:
        self._seconds.setdefault(kind, []).append(seconds)

    def left(self, kinds: Iterable[str]) -> str:
        """Return the time for what is left, given the kind of each, in words."""
        kinds = list(kinds)
        if any(kind not in self._seconds for kind in kinds):
            return "time left unknown"
        seconds = sum(statistics.median(self._seconds[kind]) for kind in kinds)
        total = round(seconds / self._at_once)
        return f"about {total // 3600}:{total // 60 % 60:02}:{total % 60:02} left"
