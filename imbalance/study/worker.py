"""``python -m imbalance.study.worker JOB``: train one cell in a process of its own.

A process for each cell keeps the memory flat, and a crash is that of one cell. The job is a JSON
file with ``name`` and ``output_dir`` of the folder, ``asked`` (see
:class:`imbalance.study.cells.Cell`) and the ``split`` to predict. The folder appears when all is
done, with what training leaves there, ``predictions.npz`` and ``cell.json``.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imbalance import tasks, unfinished
from imbalance.checks import InputError
from imbalance.config import RunConfig
from imbalance.evaluation.evaluate import texts_met
from imbalance.evaluation.scores import unseen_rows
from imbalance.run_folder import Run
from imbalance.study import baselines, kinds
from imbalance.study.cells import CELL, PREDICTIONS, Outcome
from imbalance.study.scoring import scores
from imbalance.training.fit import fit


def work(job: Mapping) -> None:
    """Train the cell that ``job`` describes and leave its folder."""
    asked = job["asked"]
    started = time.monotonic()
    with unfinished.writing(job["output_dir"], job["name"]) as run:
        folder = run.folder
        if "baseline" in asked:
            outcome = baselines.train(asked["baseline"])
        else:
            outcome = network(RunConfig.from_mapping(asked["run"]), folder, job["split"])
        outcome.predictions.save(folder / PREDICTIONS)
        result = {
            "asked": asked,
            "seconds": round(time.monotonic() - started, 1),
            "training_rows": dict(zip(outcome.labels, outcome.training_rows.tolist(), strict=True)),
            "scores": scores(outcome),
        }
        text = json.dumps(result, ensure_ascii=False, indent=1)
        (folder / CELL).write_text(text + "\n", encoding="utf-8")


def network(config: RunConfig, folder: Path, split: str) -> Outcome:
    """Train a network into ``folder``, as ``train.py`` does, and predict a split once."""
    task = tasks.get(config.task)
    corpus = task.load(config.data)
    print("\n".join(corpus.report.lines()))
    training = fit(config, corpus, folder)
    run = Run(folder)
    run.update_metrics({"training": training.summary})
    rows = corpus.splits[split]
    unseen = unseen_rows(rows.digests, texts_met(corpus, split))
    predictions = kinds.of_task(config.task).of_run(run, rows, unseen)
    names = task.names(corpus)
    counts = sum(corpus.splits[each].counts(len(names)) for each in ("train", "validation"))
    return Outcome(predictions, names, np.asarray(counts), training.summary["seconds"])


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
    try:
        work(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    except InputError as error:
        print(f"error: {error}", flush=True)
        sys.exit(2)
