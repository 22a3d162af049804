"""``python -m imbalance.study.worker JOB``: train one cell in a process of its own.

A process for each cell keeps the memory flat, and a crash is that of one cell. The job is a JSON
file with ``name`` and ``output_dir`` of the folder, ``asked`` (see
:class:`imbalance.study.cells.Cell`) and the ``split`` to predict. The folder appears when all is
done, with what training leaves there, ``predictions.npz`` and ``cell.json``.

A network that was killed is gone on with from its last whole epoch, as ``train.py --resume`` does,
if it was of the same settings. All else that was left behind goes, and so does what fails: a cell
must not fail twice for what is left of it.
"""

import contextlib
import json
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from imbalance import tasks, unfinished
from imbalance.checks import InputError
from imbalance.config import RunConfig
from imbalance.evaluation.evaluate import texts_met
from imbalance.evaluation.scores import unseen_rows
from imbalance.run_folder import Run
from imbalance.study import baselines, content, jobs, kinds
from imbalance.study.cells import CELL, PREDICTIONS, Outcome
from imbalance.study.scoring import scores
from imbalance.training.checkpoint import Unusable
from imbalance.training.fit import Training, fit
from imbalance.unfinished import Unfinished

_AGAIN = "the next start of the study"


def work(job: Mapping) -> None:
    """Train the cell that ``job`` describes and leave its folder."""
    asked = job["asked"]
    started = time.monotonic()
    config = RunConfig.from_mapping(asked["run"]) if "run" in asked else None
    with _opened(Path(job["output_dir"], job["name"]), config) as run:
        if config is None:
            outcome = baselines.train(asked["baseline"])
        else:
            outcome = network(config, run, job["split"])
        outcome.predictions.save(run.folder / PREDICTIONS)
        result = {
            "asked": asked,
            "seconds": round(outcome.seconds_before + time.monotonic() - started, 1),
            "training_rows": dict(zip(outcome.labels, outcome.training_rows.tolist(), strict=True)),
            "rows": outcome.rows,
            "scores": scores(outcome),
        }
        text = json.dumps(result, ensure_ascii=False, indent=1)
        (run.folder / CELL).write_text(text + "\n", encoding="utf-8")


@contextlib.contextmanager
def _opened(folder: Path, config: RunConfig | None) -> Iterator[Unfinished]:
    """Give what a killed training of a cell left, or a new folder, which becomes ``folder``.

    Args:
        folder: of the cell.
        config: of a network; None, a baseline keeps no checkpoints.

    Raises:
        InputError: if another process is writing it, or something else is in its place.
    """
    left = Unfinished(folder)
    if folder.exists():
        raise InputError(f"{folder}: is there already, expected no folder of that name; remove it")
    reason = _why_anew(left, config) if left.place.exists() else None
    if reason is not None and not left.locked:
        _tell_anew(left, reason)
        shutil.rmtree(left.place)
    if left.place.exists():
        with unfinished.resuming(folder, _AGAIN, keep_failed=False) as (_, run):
            yield run
    else:
        new = unfinished.writing(folder.parent, folder.name, config, _AGAIN, keep_failed=False)
        with new as run:
            yield run


def _why_anew(left: Unfinished, config: RunConfig | None) -> str | None:
    """Return why what was left behind is not gone on with, or nothing if it is."""
    if config is None:
        return "a baseline has no checkpoints"
    if not (left.begun and left.resumable):
        return "it has no checkpoint"
    try:
        before = RunConfig.from_yaml(left.place / unfinished.CONFIG)
    except InputError as error:
        return str(error)
    return jobs.difference({"run": before.to_mapping()}, {"run": config.to_mapping()})


def _tell_anew(left: Unfinished, reason) -> None:
    print(f"{left.place}: was left by a killed training, the cell begins anew: {reason}")


def network(config: RunConfig, run: Unfinished, split: str) -> Outcome:
    """Train a network as ``train.py`` does, and predict a split once."""
    task = tasks.get(config.task)
    corpus = task.load(config.data)
    print("\n".join(corpus.report.lines()))
    training = _train(config, corpus, run)
    written = Run(run.folder)
    written.update_metrics({"training": training.summary})
    rows = corpus.splits[split]
    unseen = unseen_rows(rows.digests, texts_met(corpus, split))
    predictions = kinds.of_task(config.task).of_run(written, rows, unseen)
    names = task.names(corpus)
    return Outcome(
        *(predictions, names, content.training_rows(corpus.splits, names)),
        *(training.summary["seconds"], training.seconds_before, content.digest(corpus)),
    )


def _train(config: RunConfig, corpus, run: Unfinished) -> Training:
    """Go on from the checkpoints, or begin anew if that cannot be done."""
    try:
        return fit(config, corpus, run.folder, checkpoints=run.checkpoints)
    except Unusable as error:
        _tell_anew(run, error)
        shutil.rmtree(run.checkpoints)
    return fit(config, corpus, run.folder, checkpoints=run.checkpoints)


def _end_with(parent: int) -> None:
    """End this process soon after its parent, however that ended: nobody waits for it then."""

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _end_with(int(sys.argv[2]))
    # The study keeps it: what training goes on from is said there. Other libraries stay quiet.
    log = logging.getLogger("imbalance")
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler())
    try:
        work(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    except InputError as error:
        print(f"error: {error}", flush=True)
        sys.exit(2)
