"""``python -m benchmarks.memory``: whether memory stays flat, over epochs and over a study's cells.

A training of many epochs is ``train.py`` itself, whose resident memory is read whenever its history
has a line more. Of a study it is the runner that is looked at, so that its cells are trained by
something that only leaves their files.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).parents[1]
# Of the median after the first tenth, in which everything is built.
TOLERANCE = 0.05
_POLL_SECONDS = 0.1
_ROWS_OF_A_CELL = 2000
# So small that an epoch takes a second: what may grow does so with each epoch, step or file.
_TINY = (
    *("model.args.embedding_dim=4", "model.args.filters=4", "data.max_length=40"),
    *("training.batch_size=256", "data.vocabulary_size=500", "data.test_fraction=0.6"),
)


def of_epochs(epochs: int) -> list[float]:
    """Return the resident memory of a training on ``reviews`` after each epoch, in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"training.epochs={epochs}", f"training.patience={epochs}", *_TINY]
        command = [sys.executable, "train.py", "--data", "reviews", "--loss", "dice_loss"]
        command += ["--output-dir", folder, "--name", "run"]
        for each in settings:
            command += ["--set", each]
        with open(Path(folder, "log.txt"), "w+") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
            series = _watched(process, Path(folder, ".run.partial", "run", "history.csv"))
            if process.returncode or len(series) < epochs:
                log.seek(0)
                raise RuntimeError(f"train.py: {len(series)} epochs seen\n{log.read()[-2000:]}")
    return series[:epochs]


def _watched(process: subprocess.Popen, history: Path) -> list[float]:
    """Return the memory of a process whenever a file has a line more, behind its header."""
    series = []
    while process.poll() is None:
        time.sleep(_POLL_SECONDS)
        try:
            epochs = history.read_bytes().count(b"\n") - 1
            used = resident(process.pid)
        except OSError:  # not there yet, or not any more
            continue
        series += [used] * (epochs - len(series))
    return series


def of_cells(cells: int) -> list[float]:
    """Return the resident memory of a study's runner after each cell, in MiB."""
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_study, args=(cells, sender))
    process.start()
    sender.close()
    series = []
    try:
        while True:
            series.append(receiver.recv())
    except EOFError:
        process.join()
    if process.exitcode or len(series) < cells:
        raise RuntimeError(f"the study ended with {process.exitcode} after {len(series)} cells")
    return series


def _study(cells: int, sender) -> None:
    from imbalance.study.cells import CELL, PREDICTIONS, Outcome
    from imbalance.study.config import Study
    from imbalance.study.predictions import LabelPredictions
    from imbalance.study.run import run
    from imbalance.study.scoring import scores

    labels, rng = ("a", "b", "c"), np.random.default_rng(1)
    truth, unseen = rng.integers(0, len(labels), _ROWS_OF_A_CELL), rng.random(_ROWS_OF_A_CELL) < 0.5

    def leave_files(job, log) -> None:
        y_pred = np.where(rng.random(_ROWS_OF_A_CELL) < 0.8, truth, 0)
        chances = np.eye(len(labels))[y_pred] * 0.7 + 0.1
        predictions = LabelPredictions(truth, y_pred, unseen, chances)
        outcome = Outcome(predictions, labels, np.array([2000, 500, 20]), 5.0)
        folder = Path(job["output_dir"], job["name"])
        folder.mkdir(parents=True)
        predictions.save(folder / PREDICTIONS)
        training_rows = dict(zip(labels, outcome.training_rows.tolist(), strict=True))
        result = {"asked": job["asked"], "seconds": 7.0, "scores": scores(outcome)}
        (folder / CELL).write_text(json.dumps(result | {"training_rows": training_rows}))
        sender.send(resident("self"))

    with tempfile.TemporaryDirectory() as folder:
        file = {
            "base": {"data": {"source": "reviews"}},
            "output_dir": f"{folder}/cells",
            "results": f"{folder}/results.csv",
            "seeds": list(range(cells)),
            "rows": [{"name": "dice", "changes": {"loss": "dice_loss"}}],
        }
        path = Path(folder, "study.yaml")
        path.write_text(json.dumps(file))
        failures = run(Study.from_yaml(path), runner=leave_files)
    if failures:
        raise RuntimeError(f"cells failed: {failures}")


def resident(process: int | str) -> float:
    """Return the resident memory of a process in MiB, as Linux tells it."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"process {process} has ended")


def summary(series: Sequence[float]) -> dict:
    """Return median, least and most after the first tenth, the share by which they differ from it,
    and by how many MiB a step a line through the last half rises.

    Example:
        >>> summary([50.0, 100.0, 101.0, 99.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0])["off"]
        0.01
    """
    steady = series[len(series) // 10 :]
    middle = median(steady)
    last = series[len(series) // 2 :]
    return {
        "median": round(middle, 1),
        "least": round(min(steady), 1),
        "most": round(max(steady), 1),
        "off": round(max(max(steady) - middle, middle - min(steady)) / middle, 4),
        "slope": round(float(np.polyfit(range(len(last)), last, 1)[0]), 3),
    }


def markdown(found: dict[str, list[float]]) -> str:
    """Return the curves as a table of some of their points, and what they amount to."""
    lines = [
        "# Resident memory over time",
        "",
        f"`python -m benchmarks.memory`. Flat is within ± {TOLERANCE:.0%} of the median after the "
        "first tenth, in which everything is built and loaded; MiB.",
        "",
        "| what | first | median | least | most | off the median | last half, MiB a step | flat |",
        "|-|-:|-:|-:|-:|-:|-:|-|",
    ]
    for name, series in found.items():
        each = summary(series)
        lines.append(
            f"| {len(series)} {name} | {series[0]:.1f} | {each['median']} | {each['least']} | "
            f"{each['most']} | {each['off']:.1%} | {each['slope']:+.3f} | "
            f"{'yes' if each['off'] <= TOLERANCE else 'no'} |"
        )
    for name, series in found.items():
        step = max(1, len(series) // 10)
        places = sorted({1, *range(step, len(series) + 1, step)})
        lines += ["", f"| {name} | " + " | ".join(map(str, places)) + " |"]
        lines.append("|-|" + "-:|" * len(places))
        lines.append("| MiB | " + " | ".join(f"{series[at - 1]:.0f}" for at in places) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write it.

    Returns:
        0; 1 if a curve is not flat.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--epochs", type=int, default=200, help="0 for none")
    parser.add_argument("--cells", type=int, default=100, help="0 for none")
    parser.add_argument("--output", type=Path, metavar="STEM", help="write STEM.md and STEM.json")
    options = parser.parse_args(arguments)
    found = {}
    for name, measure in (("cells", of_cells), ("epochs", of_epochs)):
        if count := getattr(options, name):
            found[name] = [round(each, 1) for each in measure(count)]
    text = markdown(found)
    print(text)
    if options.output:
        options.output.with_suffix(".md").write_text(text, encoding="utf-8")
        options.output.with_suffix(".json").write_text(json.dumps(found) + "\n")
    return 0 if all(summary(each)["off"] <= TOLERANCE for each in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
