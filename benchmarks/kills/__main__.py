"""``python -m benchmarks.kills``: runs killed at 20 moments, resumed, and compared bit by bit.

They are compared with a run that was not killed. Told is also what is printed where there is no
room, or no right, to write.

Each run is ``train.py`` in a process forked from one that has imported everything, which spares the
imports; those of other networks are processes of their own. A kill is a SIGKILL from outside, when
the files of the run say that a phase has begun and a drawn share of that phase has passed. Compared
are the weights and the optimizer in ``model.keras``, ``history.csv``, and ``metrics.json`` but for
seconds.
"""

import argparse
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.kills import data
from benchmarks.kills.runs import (
    FINISHED,
    NAME,
    contents,
    forked,
    fresh,
    killed_and_resumed,
    timed,
)
from benchmarks.kills.storage import of_storage

# One tuple a run: in which phases it is killed, one after the other.
KILLS = (
    *(("reading",), ("reading",), ("reading", "epoch")),
    *(("epoch",), ("epoch",), ("epoch",), ("epoch", "checkpoint")),
    *(("checkpoint",), ("checkpoint",), ("checkpoint", "saving"), ("saving",)),
    *(("evaluating",), ("evaluating",), ("evaluating", "exporting"), ("exporting",)),
    ("exporting",),
)


def table(results) -> list[str]:
    lines = ["| run | killed in | left behind | resumed equal |", "|-:|-|-|-|"]
    for number, (name, (kills, equal, _)) in enumerate(results, 1):
        for index, kill in enumerate(kills):
            last = index == len(kills) - 1
            verdict = ("yes" if equal else "**no**") if last else "killed again"
            if kill.where == FINISHED:  # too late: there was nothing to resume
                verdict = "was in its place" if equal else "**no**"
            lines.append(f"| {number}{name} | {kill.phase} | {kill.where} | {verdict} |")
    return lines


def of_kills(folder: Path, seed: int, lanes: int) -> list:
    """Kill and resume runs of one network in all phases."""
    arguments = data.arguments("text_cnn", folder, NAME)
    whole = folder / "whole"
    whole.mkdir()
    seconds = timed(arguments, whole, forked)
    expected = contents(whole / NAME)
    cases = [
        (folder / str(number), arguments, phases, seconds, [seed, number], expected, forked)
        for number, phases in enumerate(KILLS)
    ]
    # Forks of a process that has only imported: TensorFlow runs nothing before.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(lanes, mp_context=context) as pool:
        return [("", each) for each in pool.map(killed_and_resumed, cases)]


def of_others(folder: Path, seed: int) -> list:
    """Kill one run of each other network in the middle of an epoch."""
    results = []
    for kind in data.OTHERS:
        arguments = data.arguments(kind, folder, NAME)
        whole = folder / f"{kind}-whole"
        whole.mkdir()
        seconds = timed(arguments, whole, fresh)
        case = (folder / kind, arguments, ("epoch",), seconds, seed)
        results.append((f", {kind}", killed_and_resumed((*case, contents(whole / NAME), fresh))))
    return results


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--lanes", type=int, default=2, help="runs at a time")
    parser.add_argument("--output", type=Path, help="a Markdown file, besides stdout")
    options = parser.parse_args(arguments)
    import matplotlib.font_manager  # noqa: F401 # all that takes long, before the forks

    from imbalance.commands import results, train  # noqa: F401
    from imbalance.serving import export  # noqa: F401
    from imbalance.training import fit  # noqa: F401

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data.write(folder)
        found = of_kills(folder, options.seed, options.lanes)
        storage = of_storage(folder)
        found += of_others(folder, options.seed)
    kills = [kill for _, each in found for kill in each[0]]
    late = sum(kill.where == FINISHED for kill in kills)
    equal = sum(each[1] for _, each in found)
    lines = [
        "# Runs that were killed and resumed",
        "",
        f"`python -m benchmarks.kills --seed {options.seed}`: {len(kills)} kills of {len(found)} "
        f"runs, {late} of them when the run was in its place already; "
        f"{equal} of {len(found)} runs ended equal to the run that was not killed: weights and "
        "optimizer in `model.keras` bit by bit, `history.csv`, `metrics.json` but for seconds.",
        "",
        *table(found),
        "",
        "## Disks and damage",
        "",
        *storage,
    ]
    text = "\n".join(lines).rstrip() + "\n"
    print(text)
    for _, (_, equal_too, log) in found:
        if not equal_too:
            print(log, file=sys.stderr)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    return int(equal < len(found) or "**no**" in text)


if __name__ == "__main__":
    sys.exit(main())
