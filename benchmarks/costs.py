"""What being able to resume, and to say what goes wrong, costs: ``python -m benchmarks.costs``.

``train.py``'s training runs as it is and with ``training.deterministic``, in turns, each time in a
process of its own. Printed are the medians of a step and of an epoch; and of an epoch, the share
of what happens at its end: its checkpoint, the gradients of the classes, and others. The first
epoch, which traces and compiles, is left out.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from unittest import mock

from imbalance.checks import whole

_ROUNDS, _EPOCHS = 3, 4
_UNTIMED = 1  # epochs
_KINDS = ("plain", "deterministic")
# By what the configuration says; of the embedded corpus, so that no other data is needed.
_RUNS = {
    "text_cnn, tables": {},
    "text_cnn, dense": {"model": {"args": {"implementation": "dense"}}},
    "bigru": {"model": "bigru", "data": {"max_length": 64}},
}
_NAMED = ("GradientShares", "checkpoint", "TensorBoard", "Diagnosis")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--rounds", type=whole(1, 1000), default=_ROUNDS)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run, kind, path = options.child
        Path(path).write_text(json.dumps(_train(run, kind)), encoding="utf-8")
        return 0
    head = "| run | step, ms | deterministic | epoch, s | deterministic |"
    print(head, *(f" {name} |" for name in (*_NAMED, "others")), sep="")
    print("|:-|-:|-:|-:|-:|" + "-:|" * (len(_NAMED) + 1))
    for run in _RUNS:
        found = {kind: defaultdict(list) for kind in _KINDS}
        for _ in range(options.rounds):
            for kind in _KINDS:
                for name, values in _in_a_process(run, kind).items():
                    found[kind][name] += values
        print(_row(run, found), flush=True)
    return 0


def _row(run: str, found) -> str:
    middle = {kind: {name: median(v) for name, v in found[kind].items()} for kind in _KINDS}
    plain, ordered = (middle[kind] for kind in _KINDS)
    at_end = {name: seconds for name, seconds in plain.items() if name not in ("step", "epoch")}
    shares = [at_end.pop(name, 0.0) for name in _NAMED] + [sum(at_end.values())]
    cells = [
        f"{1000 * plain['step']:.1f}",
        f"× {ordered['step'] / plain['step']:.2f}",
        f"{plain['epoch']:.2f}",
        f"× {ordered['epoch'] / plain['epoch']:.2f}",
        *(f"{100 * each / plain['epoch']:.1f} %" for each in shares),
    ]
    return f"| {run} | {' | '.join(cells)} |"


def _in_a_process(run: str, kind: str) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "seconds.json")
        command = [sys.executable, "-m", "benchmarks.costs", "--child", run, kind, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{run}, {kind}: {done.stderr[-2000:]}")
        return json.loads(path.read_text(encoding="utf-8"))


def _train(run: str, kind: str) -> dict[str, list[float]]:
    """Return the seconds of steps, of epochs, and of what each callback does at their ends."""
    import keras

    from imbalance import tasks
    from imbalance.config import RunConfig, merge
    from imbalance.training import fit

    logging.disable()
    training = {"epochs": _EPOCHS, "patience": _EPOCHS, "deterministic": kind == "deterministic"}
    config = RunConfig.from_mapping(merge({"loss": "dice_loss", "training": training}, _RUNS[run]))
    seconds = defaultdict(list)

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self._epoch, self._began, self._last = epoch, time.perf_counter(), time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            now = time.perf_counter()
            if self._epoch >= _UNTIMED:
                seconds["step"].append(now - self._last)
            self._last = now

        def on_epoch_end(self, epoch, logs=None):
            if epoch >= _UNTIMED:
                seconds["epoch"].append(time.perf_counter() - self._began)

    def timed(callback):
        name = type(callback).__name__
        end = callback.on_epoch_end

        def on_epoch_end(epoch, logs=None):
            began = time.perf_counter()
            end(epoch, logs)
            if epoch >= _UNTIMED:
                seconds[names.get(name, name)].append(time.perf_counter() - began)

        callback.on_epoch_end = on_epoch_end

    def train(model, batches, *, callbacks, **others):
        for each in callbacks:
            timed(each)
        return loop_train(model, batches, callbacks=[*callbacks, Clock()], **others)

    names = {"_Keep": "checkpoint"}
    loop_train = fit.loop.train
    corpus = tasks.get(config.task).load(config.data)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(fit.loop, "train", train):
        checkpoints = Path(folder, "checkpoints")
        checkpoints.mkdir()
        fit.fit(config, corpus, Path(folder), checkpoints=checkpoints)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
