"""``python -m benchmarks.kills.processes``: one of two processes that train together is killed.

Two processes of ``train.py`` train one network, by ``TF_CONFIG`` over loopback. The first, which
writes the run, or the second is killed (SIGKILL) in a phase of the run; the other must end by
itself. Then the same command is started again in both, and the run is compared with one of two
processes that were not killed, as :mod:`benchmarks.kills` does.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.kills import data
from benchmarks.kills.runs import FINISHED, NAME, contents, fresh, kill_in, status_of, where
from benchmarks.replicas import free_ports
from imbalance.unfinished import Unfinished

FIRST, SECOND = 0, 1
KILLS = (
    *((SECOND, "epoch"), (SECOND, "epoch"), (SECOND, "checkpoint"), (SECOND, "reading")),
    *((FIRST, "epoch"), (FIRST, "checkpoint"), (FIRST, "saving"), (FIRST, "exporting")),
)
_NAMES = ("first", "second")
_LONGEST_DELAY = 0.1
# What TensorFlow says of itself.
_NOISE = ("E0000 ", "I0000 ", "W0000 ", "WARNING: ", "Additional GRPC", ":UNKNOWN:")


@dataclass(frozen=True)
class Outcome:
    """What came of one kill.

    Attributes:
        where: what was on disk behind it.
        status: exit status of the process that was not killed.
        seconds: until it had ended.
        equal: whether the run, started again, ended as the one that was not killed.
        said: by the process that was not killed, in its last line.
    """

    where: str
    status: int
    seconds: float
    equal: bool
    said: str


def started(arguments, folder: Path) -> list[int]:
    """Start both processes; return their ids."""
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    pids = []
    for index, name in enumerate(_NAMES):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        given = [*arguments, "--output-dir", str(folder)]
        environment = {"TF_CONFIG": json.dumps(cluster), "TF_CPP_MIN_LOG_LEVEL": "3"}
        pids.append(fresh(given, folder / f"{name}.log", folder / f"cache-{name}", environment))
    return pids


def killed_and_begun_again(arguments, folder: Path, victim: int, phase: str, random) -> Outcome:
    """Kill one of two processes, start both again, and compare."""
    folder.mkdir()
    run = Unfinished(folder / NAME)
    pids = started(arguments, folder)
    after = int(random.integers(1, data.EPOCHS - 2, endpoint=True))
    kill = kill_in(pids[victim], run, phase, after, random.uniform(0, _LONGEST_DELAY))
    began = time.monotonic()
    status = status_of(pids[1 - victim])
    seconds = time.monotonic() - began
    said = _lines(folder / f"{_NAMES[1 - victim]}.log")[-1]
    left, statuses = kill.where, [0, 0]
    if left != FINISHED:
        left = where(run)
        # Both, always: a list.
        statuses = [status_of(pid) for pid in started(arguments, folder)]
    equal = statuses == [0, 0] and contents(run.final) == contents(folder.parent / "whole" / NAME)
    return Outcome(left, status, seconds, equal, said)


def _lines(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith(_NOISE)]


def report(found, log: list[str], seed: int) -> str:
    """Return the table of outcomes, and what one of the runs printed."""
    equal = sum(outcome.equal for _, _, outcome in found)
    late = sum(outcome.where == FINISHED for _, _, outcome in found)
    lines = [
        "# One of two processes killed",
        "",
        f"`python -m benchmarks.kills.processes --seed {seed}`: {equal} of {len(found)} runs "
        "ended, when the same command was started again in both processes, equal to the run of two "
        "processes that were not killed: weights and optimizer in `model.keras` bit by bit, "
        f"`history.csv`, `metrics.json` but for seconds. In {late} of them the run was in its "
        "place already, and nothing was started again.",
        "",
        "| killed | in | left behind | the other ended with | after, s | again, equal |",
        "|-|-|-|-:|-:|-|",
    ]
    for victim, phase, outcome in found:
        lines.append(
            f"| {_NAMES[victim]} | {phase} | {outcome.where} | {outcome.status} | "
            f"{outcome.seconds:.1f} | {'yes' if outcome.equal else '**no**'} |"
        )
    lines += ["", "What the other printed last:", "", "```"]
    lines += list(dict.fromkeys(outcome.said for _, _, outcome in found if outcome.status))
    lines += [
        "```",
        "",
        "The first process, of which the second was killed, and what it printed when",
        "both were started again:",
        "",
        "```",
        *log,
        "```",
    ]
    return "\n".join(lines) + "\n"


def main(arguments=None) -> int:
    """Kill, compare and print; 1 if a run did not end equal or a process did not end by itself."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kills.processes", description=__doc__
    )
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--only", type=int, help="so many kills, the first")
    parser.add_argument("--output", type=Path, help="a Markdown file, besides stdout")
    options = parser.parse_args(arguments)
    random = np.random.default_rng(options.seed)
    found, log = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data.write(folder)
        given = data.arguments("text_cnn", folder, NAME)
        (folder / "whole").mkdir()
        if any([status_of(pid) for pid in started(given, folder / "whole")]):
            raise RuntimeError((folder / "whole" / "first.log").read_text(encoding="utf-8"))
        for number, (victim, phase) in enumerate(KILLS[: options.only]):
            place = folder / str(number)
            outcome = killed_and_begun_again(given, place, victim, phase, random)
            found.append((victim, phase, outcome))
            print(f"{_NAMES[victim]}, {phase}: {outcome}", flush=True)
            if not log and victim == SECOND and phase == "epoch":
                log = _lines(place / "first.log")
        text = report(found, log, options.seed).replace(str(folder), "…")
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    # Where the run was not in its place yet, the other must not take it for done.
    ends = (
        outcome.equal and bool(outcome.status) != (outcome.where == FINISHED)
        for *_, outcome in found
    )
    return int(not all(ends))


if __name__ == "__main__":
    sys.exit(main())
