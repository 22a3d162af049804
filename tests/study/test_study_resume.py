"""Cells that were killed while they were trained, and are gone on with."""

import errno
import fcntl
import os
import shutil
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from imbalance import checks, run_folder
from imbalance.config import RunConfig, merge
from imbalance.run_folder import Run
from imbalance.study import jobs, worker
from imbalance.study.cells import CELL, PREDICTIONS, Cell
from imbalance.training import checkpoint_files
from imbalance.training.checkpoint import Unusable
from imbalance.unfinished import Unfinished


def cell_of(corpus, output_dir: Path, name: str = "cell", **changes) -> Cell:
    settings = {
        "name": name,
        "output_dir": str(output_dir),
        "data": {"source": str(corpus), "validation_fraction": 0.25, "max_length": 20},
        "model": {"args": {"embedding_dim": 8, "filters": 8, "dropout": 0.3}},
        "training": {"epochs": 4, "batch_size": 16, "patience": 99},
    }
    config = RunConfig.from_mapping(merge(settings, changes))
    return Cell(name, "text_cnn", "a", 1, output_dir / name, {"run": config.to_mapping()})


def job_of(cell: Cell) -> dict:
    return {
        "name": cell.name,
        "output_dir": str(cell.folder.parent),
        "split": "test",
        "asked": cell.asked,
    }


def numbers(cell: Cell):
    """Return all that is to be equal of two cells."""
    result = cell.result()
    for scores in result["scores"].values():
        scores.pop("seconds", None)
    with np.load(cell.folder / PREDICTIONS) as file:
        predictions = {name: file[name].tobytes() for name in file.files}
    history = (cell.folder / run_folder.HISTORY).read_bytes()
    return result["scores"], result["training_rows"], predictions, history


@pytest.mark.slow
def test_a_killed_cell_ends_as_one_that_was_not(small_corpus, tmp_path):
    settings = {"epochs": 12, "deterministic": True}
    cell, whole = (
        cell_of(small_corpus, tmp_path, name, training=settings) for name in ("killed", "whole")
    )
    train = partial(jobs.train, split="test", output_dir=tmp_path, run=jobs.runner(1))
    reasons = []
    thread = threading.Thread(target=lambda: reasons.append(train(cell)))
    thread.start()
    left = Unfinished(cell.folder)
    while thread.is_alive() and not left.resumable:
        time.sleep(0.01)
    for process in list(jobs._running):
        process.kill()
    thread.join()
    assert [each.split(" (")[0] for each in reasons] == ["killed by SIGKILL"]
    assert left.resumable
    assert not cell.finished

    assert train(cell) is None
    log = (tmp_path / jobs.LOGS / "killed.log").read_text(encoding="utf-8")
    assert "checkpoint: going on after epoch " in log
    assert train(whole) is None
    assert numbers(cell) == numbers(whole)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["killed", "logs", "whole"]


@pytest.fixture(scope="module")
def interrupted(small_corpus, tmp_path_factory):
    """A cell that was interrupted after two epochs, with their checkpoints."""
    folder = tmp_path_factory.mktemp("interrupted")
    cell = cell_of(small_corpus, folder)
    save = checkpoint_files.save

    def interrupt(folder, epochs, tree):
        save(folder, epochs, tree)
        if epochs == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(checkpoint_files, "save", interrupt)
        with pytest.raises(KeyboardInterrupt, match="the next start of the study goes on with it"):
            worker.work(job_of(cell))
    return cell


@pytest.fixture
def left(interrupted, monkeypatch, caplog):
    """The same, anew for each test; its settings name the place, so that is the same one."""
    caplog.set_level("INFO", "imbalance")
    place = Unfinished(interrupted.folder).place
    kept = place.with_name("kept")
    if not kept.exists():
        shutil.copytree(place, kept)
    shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(interrupted.folder, ignore_errors=True)
    shutil.copytree(kept, place)
    return Unfinished(interrupted.folder)


def test_a_cell_goes_on_with_its_seconds_and_without_what_is_damaged(interrupted, left, caplog):
    newest = max(left.checkpoints.iterdir())
    os.truncate(newest, newest.stat().st_size // 2)
    oldest = min(left.checkpoints.iterdir())
    tree = checkpoint_files.read(oldest.read_bytes())
    oldest.unlink()
    checkpoint_files.save(left.checkpoints, 1, tree | {"seconds": 1000.0})
    worker.work(job_of(interrupted))
    assert f"checkpoint: {newest} is damaged: it is not used" in caplog.messages
    assert "checkpoint: going on after epoch 1" in caplog.messages
    assert len((left.final / run_folder.HISTORY).read_text().splitlines()) == 1 + 4
    training = Run(left.final).metrics["training"]["seconds"]
    result = interrupted.result()
    assert 1000 < training == result["scores"]["all"]["seconds"]
    assert training <= result["seconds"] < 1600
    assert not left.place.exists()


@pytest.fixture
def fits(monkeypatch):
    """Whether there was something to go on from, of each call of a false training."""
    calls = []

    def fit(config, corpus, folder, checkpoints):
        calls.append(checkpoints.exists())
        if calls[-1] and "unusable" in fit.is_:
            raise Unusable("of another version")
        raise fit.error

    fit.is_, fit.error, fit.calls = (), KeyboardInterrupt, calls
    monkeypatch.setattr(worker, "fit", fit)
    return fit


def anew(capsys) -> list[str]:
    """Return why cells began anew, as their logs say."""
    told = "was left by a killed training, the cell begins anew: "
    lines = capsys.readouterr().out.splitlines()
    return [line.split(told)[1] for line in lines if told in line]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda left: (left.place / "config.yaml").unlink(), "it has no checkpoint"),
        (lambda left: shutil.rmtree(left.checkpoints), "it has no checkpoint"),
        (lambda left: (left.place / "config.yaml").write_bytes(b"\xff\0: ["), "config.yaml"),
    ],
)
def test_what_cannot_be_gone_on_with_begins_anew(interrupted, left, fits, capsys, change, reason):
    change(left)
    with pytest.raises(KeyboardInterrupt):
        worker.work(job_of(interrupted))
    (said,) = anew(capsys)
    assert reason in said
    assert fits.calls == [False]
    assert not left.place.exists()


def test_other_settings_begin_anew(interrupted, left, small_corpus, fits, capsys):
    settings = {"batch_size": 8}
    cell = cell_of(small_corpus, interrupted.folder.parent, training=settings)
    with pytest.raises(KeyboardInterrupt):
        worker.work(job_of(cell))
    assert anew(capsys) == ["run.training.batch_size was 16, is now 8"]
    assert fits.calls == [False]


def test_unusable_checkpoints_begin_anew(interrupted, left, fits, capsys):
    fits.is_ = "unusable"
    with pytest.raises(KeyboardInterrupt):
        worker.work(job_of(interrupted))
    assert anew(capsys) == ["of another version"]
    assert fits.calls == [True, False]


def test_a_cell_is_interrupted_as_often_as_need_be(interrupted, left, fits, capsys):
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt, match="the next start of the study goes on with it"):
            worker.work(job_of(interrupted))
    assert fits.calls == [True, True]
    assert anew(capsys) == []


@pytest.mark.parametrize("error", [ZeroDivisionError, checks.InputError("wrong")])
def test_a_cell_that_fails_leaves_nothing(interrupted, left, fits, error):
    """It would fail again, for what is left of it."""
    fits.error = error
    with pytest.raises((ZeroDivisionError, checks.InputError)) as caught:
        worker.work(job_of(interrupted))
    # The last line of the log is the reason that the study gives.
    assert not getattr(caught.value, "__notes__", [])
    assert fits.calls == [True]
    assert not left.place.exists()


def test_a_full_disk_leaves_what_is_there(interrupted, left, fits):
    fits.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(checks.InputError, match="No space left .*: the next start of the study"):
        worker.work(job_of(interrupted))
    assert left.resumable


def test_a_baseline_begins_anew(tmp_path, small_corpus, capsys):
    left = Unfinished(tmp_path / "svm")
    left.checkpoints.mkdir(parents=True)
    settings = {"model": "svm", "characters": 9, "seed": 1, "data": {"source": str(small_corpus)}}
    cell = Cell("svm", "svm", "none", 1, left.final, {"baseline": settings})
    worker.work(job_of(cell))
    assert anew(capsys) == ["a baseline has no checkpoints"]
    assert [each.name for each in tmp_path.iterdir()] == ["svm"]
    assert (cell.folder / CELL).is_file()


def test_what_another_process_writes_is_left_alone(interrupted, left):
    (left.place / "config.yaml").unlink()
    with (left.place / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(checks.InputError, match="is being written by another process"):
            worker.work(job_of(interrupted))
    assert left.resumable


def test_a_folder_in_the_place_of_a_cell_is_refused_before_the_training(interrupted, left):
    left.final.mkdir()
    with pytest.raises(checks.InputError, match="is there already, expected no folder of that"):
        worker.work(job_of(interrupted))
    left.final.rmdir()
    assert left.resumable
