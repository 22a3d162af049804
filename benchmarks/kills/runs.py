"""Runs that are started, watched by their files, killed and compared."""

import json
import os
import signal
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from benchmarks.kills.data import EPOCHS
from imbalance.unfinished import Unfinished

ROOT = Path(__file__).parents[2]
NAME = "run"
# Where a run is that was killed too late.
FINISHED = "finished"
PHASES = ("reading", "epoch", "checkpoint", "saving", "evaluating", "exporting")
_POLL_SECONDS = 0.001


@dataclass(frozen=True)
class Killed:
    """One kill: the phase it was meant for, and what was on disk behind it."""

    phase: str
    where: str


def begun(run: Unfinished, phase: str, checkpoints: int) -> bool:
    """Say whether a phase of a run has begun.

    Args:
        run: being written.
        phase: one of ``PHASES``.
        checkpoints: for ``epoch`` and ``checkpoint``, after how many epochs.
    """
    if run.final.exists():
        return True
    if phase == "reading":
        return run.begun
    if phase in ("epoch", "checkpoint"):
        if epochs(run) < checkpoints or not (run.folder / "tensorboard").exists():
            return False
        return phase == "epoch" or (run.checkpoints / "writing.npz").exists()
    file = {"saving": "vocabulary.txt", "evaluating": "metrics.json", "exporting": "serving"}
    return (run.folder / file[phase]).exists()


def epochs(run: Unfinished) -> int:
    """Return after how many epochs the newest checkpoint is."""
    return max((int(path.name[:6]) for path in run.checkpoints.glob("0*.npz")), default=0)


def where(run: Unfinished) -> str:
    """Return what a run that was killed left."""
    if run.final.exists():
        return FINISHED
    there = [f"{epochs(run)} of {EPOCHS} epochs" if epochs(run) else "no checkpoint"]
    there += ["half a checkpoint"] * (run.checkpoints / "writing.npz").exists()
    names = ("vocabulary.txt", "model.keras", "metrics.json", "report", "serving")
    return ", ".join(there + [name for name in names if (run.folder / name).exists()])


def forked(arguments: Sequence[str], log: Path, cache: Path) -> int:
    """Start ``train.py`` in a fork and return its process id."""
    from imbalance.commands import options, train

    return _fork(lambda: options.run(train.main, list(arguments)), log, cache)


def fresh(
    arguments: Sequence[str], log: Path, cache: Path, environment: Mapping = MappingProxyType({})
) -> int:
    """Start ``train.py`` as a user does, with more in its environment, and return its id."""
    command = [sys.executable, str(ROOT / "train.py"), *arguments]

    def become():
        os.environ.update(environment)
        os.execv(sys.executable, command)

    return _fork(become, log, cache)


def _fork(work: Callable, log: Path, cache: Path) -> int:
    if pid := os.fork():
        return pid
    status = 1
    try:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.environ["XDG_CACHE_HOME"] = str(cache)
        status = work()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def status_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_in(pid: int, run: Unfinished, phase: str, after: int, delay: float) -> Killed:
    """Kill a process so many seconds behind the begin of a phase."""
    while not begun(run, phase, after) and not ended(pid):
        time.sleep(_POLL_SECONDS)
    time.sleep(delay)
    if not ended(pid):
        os.kill(pid, signal.SIGKILL)
    status_of(pid)
    return Killed(phase, where(run))


def timed(arguments, folder: Path, start: Callable) -> dict[str, float]:
    """Train without a kill; return how long each phase took, in seconds."""
    run = Unfinished(folder / NAME)
    pid = start([*arguments, "--output-dir", str(folder)], folder / "log", folder / "cache")
    marks = {}
    while not ended(pid):
        for phase in PHASES:
            if phase not in marks and begun(run, phase, 0):
                marks[phase] = time.monotonic()
        time.sleep(_POLL_SECONDS)
    end = time.monotonic()
    marks = dict.fromkeys(PHASES, end) | marks
    if status_of(pid):
        raise RuntimeError((folder / "log").read_text()[-2000:])
    return {
        "reading": marks["epoch"] - marks["reading"],
        "epoch": (marks["saving"] - marks["epoch"]) / EPOCHS,
        # As soon as it is there: it is soon gone.
        "checkpoint": 0.0,
        "saving": marks["evaluating"] - marks["saving"],
        "evaluating": marks["exporting"] - marks["evaluating"],
        "exporting": end - marks["exporting"],
    }


def killed_and_resumed(case) -> tuple[list[Killed], bool, str]:
    """Kill a run, resume it, and so on; return the kills, whether the end is equal, and the log."""
    folder, arguments, phases, seconds, seed, expected, start = case
    random = np.random.default_rng(seed)
    folder.mkdir()
    run = Unfinished(folder / NAME)
    log, cache = folder / "log", folder / "cache"
    kills, given = [], [*arguments, "--output-dir", str(folder)]
    for phase in phases:
        pid = start(given, log, cache)
        done = epochs(run)
        # Not the last: training may stop early.
        after = int(random.integers(done, max(done, EPOCHS - 2), endpoint=True))
        kills.append(kill_in(pid, run, phase, after, seconds[phase] * random.uniform(0, 0.9)))
        if run.begun:
            given = ["--resume", str(run.final)]
    if not run.final.exists() and status_of(start(given, log, cache)):
        return kills, False, log.read_text()[-1000:]
    return kills, contents(run.final) == expected, log.read_text()


def contents(folder: Path) -> dict:
    """Return what is to be equal of a finished run."""
    import h5py

    found = {}

    def keep(name, each):
        if isinstance(each, h5py.Dataset):
            found[name] = (each.dtype.str, each[()].tobytes())

    with (
        zipfile.ZipFile(folder / "model.keras") as archive,
        archive.open("model.weights.h5") as file,
        h5py.File(file, "r") as weights,
    ):
        weights.visititems(keep)
    found["history.csv"] = (folder / "history.csv").read_bytes()
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    found["metrics.json"] = _without_seconds(metrics)
    return found


def _without_seconds(tree):
    if isinstance(tree, dict):
        return {key: _without_seconds(each) for key, each in tree.items() if key != "seconds"}
    return [_without_seconds(each) for each in tree] if isinstance(tree, list) else tree
