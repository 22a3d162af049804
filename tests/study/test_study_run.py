"""A small study from start to end; what trains a cell is false, but for one test."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from imbalance.checks import InputError
from imbalance.study import jobs, paired, report, results, tuning, worker
from imbalance.study.__main__ import main
from imbalance.study.archive import Archive
from imbalance.study.cells import CELL, PREDICTIONS, Outcome
from imbalance.study.config import Study
from imbalance.study.predictions import LabelPredictions
from imbalance.study.run import FAILURES, lines, run
from imbalance.study.scoring import scores

LABELS = ("a", "b", "c")
SPACE = {"loss.args.gamma": {"low": 0.5, "high": 4}, "training.batch_size": {"choices": [32, 64]}}


class FalseRunner:
    """Leaves what a worker leaves, and keeps which jobs it was given."""

    def __init__(self, failing=(), killed_at=None):
        self.jobs, self.failing, self.killed_at = [], failing, killed_at

    def __call__(self, job, log):
        self.jobs.append(job["name"])
        folder = Path(job["output_dir"], job["name"])
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        if len(self.jobs) == self.killed_at:
            raise KeyboardInterrupt
        if job["name"] in self.failing:
            shutil.rmtree(partial)
            return "the reason"
        outcome = self.outcome(job["asked"]["run"])
        outcome.predictions.save(partial / PREDICTIONS)
        result = {
            "asked": job["asked"],
            "seconds": 7.0,
            "scores": scores(outcome),
            "training_rows": dict(zip(LABELS, outcome.training_rows.tolist(), strict=True)),
        }
        (partial / CELL).write_text(json.dumps(result), encoding="utf-8")
        partial.rename(folder)
        return None

    @staticmethod
    def outcome(config):
        """Predictions that are the worse, the further gamma is from 3."""
        rows = np.random.default_rng(config["data"]["fold"] or 0)
        y_true, unseen = rows.integers(0, 3, 300), rows.random(300) < 0.5
        rng = np.random.default_rng(config["training"]["seed"])
        wrong = rng.random(300) < 0.1 * abs(config["loss"]["args"].get("gamma", 2) - 3)
        y_pred = np.where(wrong, (y_true + 1) % 3, y_true)
        probabilities = np.eye(3)[y_pred] * 0.7 + 0.1
        predictions = LabelPredictions(y_true, y_pred, unseen, probabilities)
        return Outcome(predictions, LABELS, np.array([2000, 500, 20]), 5.0)


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        file = {
            "base": {"data": {"source": str(tmp_path)}, "model": {"args": {"filters": 4}}},
            "output_dir": str(tmp_path / "cells"),
            "results": str(tmp_path / "results" / "small.csv"),
            "seeds": [1, 2],
            "rows": [
                {"name": "cross_entropy"},
                {"name": "focal", "changes": {"loss": "focal_loss"}},
            ],
        }
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(file | changes), encoding="utf-8")
        return Study.from_yaml(path)

    return write


CELLS = ["cross_entropy-seed1", "focal-seed1", "cross_entropy-seed2", "focal-seed2"]


def test_data_that_is_not_there_is_refused_before_anything_is_trained(write):
    study, runner = write(base={"data": {"source": "/nowhere"}}), FalseRunner()
    with pytest.raises(InputError, match="cross_entropy: data.source: got '/nowhere', expected"):
        run(study, runner=runner)
    assert not runner.jobs


def test_each_cell_is_trained_once_and_written_down(write):
    study, runner = write(), FalseRunner()
    assert run(study, runner=runner) == {}
    assert runner.jobs == CELLS
    table = results.read(study.results)
    assert table.groupby(["loss", "seed"]).ngroups == 4
    wanted = study.cells()[1].result()["scores"]["unseen"]["macro_f1"]
    row = table.query("loss == 'focal' & seed == 1 & subset == 'unseen' & metric == 'macro_f1'")
    assert row["value"].item() == pytest.approx(wanted, rel=1e-5)
    before = study.results.read_bytes()
    assert run(study, runner=runner) == {}
    assert runner.jobs == CELLS
    assert study.results.read_bytes() == before
    # A results file that was lost comes back without training.
    study.results.unlink()
    assert run(study, runner=runner) == {}
    assert (runner.jobs, study.results.read_bytes()) == (CELLS, before)


def test_a_killed_study_goes_on_where_it_was(write):
    study = write()
    with pytest.raises(KeyboardInterrupt):
        run(study, runner=FalseRunner(killed_at=3))
    assert set(results.read(study.results)["loss"]) == {"cross_entropy", "focal"}
    assert (study.output_dir / ".cross_entropy-seed2.partial").is_dir()
    assert lines(study)[-1] == "2 of 4 cells to train, about 0:00:14 left"
    runner = FalseRunner()
    assert run(study, runner=runner) == {}
    assert runner.jobs == CELLS[2:]
    assert not list(study.output_dir.glob(".*.partial"))


def test_cells_trained_at_once_give_the_same_files(write):
    rows = [
        {"name": name, "changes": {"loss": {"name": "focal_loss", "args": {"gamma": 1}}}}
        for name in ("first", "second", "third")
    ]
    budget = {"trials": 3, "folds": 2, "epochs": 3}
    study = write(rows=rows, tuning=budget | {"spaces": dict.fromkeys(("first", "third"), SPACE)})
    written = []
    for at_once in (1, 3):
        assert run(study, at_once=at_once, runner=FalseRunner()) == {}
        paths = [tuning.trials_path(study), *sorted(study.results.parent.iterdir())]
        written.append({path: path.read_bytes() for path in paths})
        assert len(written[-1]) >= 3
        for folder in (study.results.parent, study.output_dir):
            shutil.rmtree(folder)
    assert written[0] == written[1]


def test_an_interruption_starts_nothing_more_and_kills_what_runs():
    started = []

    def interrupted():
        while len(jobs._running) < 1:
            time.sleep(0.01)
        raise KeyboardInterrupt

    def sleeps():
        with subprocess.Popen(["sleep", "60"]) as process:
            jobs._running.add(process)
            started.append(process)
            process.wait()

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(jobs.each([sleeps, interrupted, *[sleeps] * 50], at_once=2))
    jobs._running.clear()
    assert time.monotonic() - before < 30
    assert len(started) < 4
    assert all(process.returncode for process in started)


def test_a_training_that_an_interruption_ended_did_not_fail(tmp_path, monkeypatch):
    """A failed trial of the tuning counts as a bad one, and is not made again."""
    ended, start = [], subprocess.Popen
    # It ends as a worker that is interrupted does, but at once, whatever it is importing; and where
    # these tests run in the background of a shell, whose processes begin by ignoring interruptions.
    worker = (
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "print('ready', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", worker]
    monkeypatch.setattr(subprocess, "Popen", lambda _, **given: start(command, **given))

    def trains(place):
        try:
            ended.append(jobs.in_process_of_its_own({}, tmp_path / f"{place}.log", at_once=2))
        except KeyboardInterrupt:
            ended.append("interrupted")
            raise

    def interrupted():
        while len(jobs._running) < 1:
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(jobs.each([partial(trains, 0), interrupted], at_once=2))
    assert ended == ["interrupted"]
    # By the terminal, which interrupts all of its processes.
    thread = threading.Thread(target=lambda: pytest.raises(KeyboardInterrupt, trains, 1))
    thread.start()
    while "ready" not in (log.read_text() if (log := tmp_path / "1.log").exists() else ""):
        time.sleep(0.01)
    next(iter(jobs._running)).send_signal(signal.SIGINT)
    thread.join()
    assert ended == ["interrupted"] * 2


def test_a_failing_cell_keeps_none_of_the_others(write, capsys):
    study = write()
    failures = run(study, runner=FalseRunner(failing=["focal-seed1"]))
    assert list(failures) == ["focal-seed1"]
    assert failures["focal-seed1"].startswith("the reason (see ")
    assert json.loads((study.output_dir / FAILURES).read_text()) == failures
    assert "[2/4] focal-seed1: failed: the reason" in capsys.readouterr().out
    assert len(results.read(study.results)[["loss", "seed"]].drop_duplicates()) == 3
    runner = FalseRunner()
    assert run(study, runner=runner) == {}
    assert runner.jobs == ["focal-seed1"]


def test_a_stale_cell_is_named_and_trained_again_on_request_alone(write):
    run(write(), runner=FalseRunner())
    changed = write(rows=[{"name": "focal", "changes": {"loss": "dice_loss"}}])
    runner = FalseRunner()
    failures = run(changed, only="focal-seed1", runner=runner)
    assert failures["focal-seed1"].startswith("stale: run.loss.name was 'focal_loss', is now 'dice")
    assert runner.jobs == []
    assert "focal-seed1: stale" in lines(changed)[0]
    assert run(changed, "focal-seed1", replace_stale=True, runner=runner) == {}
    assert runner.jobs == ["focal-seed1"]
    assert len(results.read(changed.results)[["loss", "seed"]].drop_duplicates()) == 4


@pytest.fixture
def without_folders(write, tmp_path):
    """A finished study on another machine: the committed files, and another place of the data."""
    study = write()
    run(study, runner=FalseRunner())
    report.write(study)
    shutil.rmtree(study.output_dir)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    base = dict(study.base) | {"data": {"source": str(elsewhere)}}
    return lambda **changes: write(base=base, **changes)


def test_a_study_goes_on_without_its_folders(without_folders):
    study, runner = without_folders(seeds=[1, 2, 3]), FalseRunner()
    before = {path: path.read_bytes() for path in study.results.parent.iterdir()}
    report.write(without_folders())
    assert {path: path.read_bytes() for path in study.results.parent.iterdir()} == before
    assert lines(study)[-1] == "2 of 6 cells to train, about 0:00:14 left"
    assert run(study, runner=runner) == {}
    assert runner.jobs == ["cross_entropy-seed3", "focal-seed3"]
    report.write(study)
    compared = paired.read(paired.path_beside(study.results, "paired"))
    assert set(compared["seed_count"]) == {3}
    # Numbers without predictions are made again, and so is what was removed from the results.
    shutil.rmtree(study.output_dir)
    table = results.read(study.results)
    results.write(study.results, table[table["seed"] != 2])
    run(study, runner=runner)
    assert runner.jobs[2:] == ["cross_entropy-seed2", "focal-seed2"]
    study.results.with_name("small-predictions.npz").unlink()
    shutil.rmtree(study.output_dir)
    run(study, "focal-seed1", runner=runner)
    assert runner.jobs[4:] == ["focal-seed1"]


def test_a_changed_configuration_is_stale_without_its_folder_too(without_folders):
    changed = without_folders(rows=[{"name": "focal", "changes": {"loss": "dice_loss"}}])
    runner = FalseRunner()
    failures = run(changed, "focal-seed1", runner=runner)
    assert failures["focal-seed1"].startswith("stale: run.loss.name was 'focal_loss', is now 'dice")
    assert "focal-seed1: stale" in lines(changed)[0]
    assert runner.jobs == []
    assert run(changed, "focal-seed1", replace_stale=True, runner=runner) == {}
    assert run(changed, "focal-seed1", runner=runner) == {}
    assert runner.jobs == ["focal-seed1"]
    assert "focal-seed2: stale" in lines(changed)[1]


def test_settings_that_came_later_do_not_make_a_cell_stale():
    before = {"run": {"loss": {"name": "dice_loss"}, "name": "a", "output_dir": "b"}}
    assert jobs.difference(before, {"run": {"loss": {"name": "dice_loss", "args": {}}}}) is None
    baseline = {"baseline": {"model": "svm", "data": {}}}
    filled = {"baseline": {"model": "svm", "data": {"max_length": 400, "cache": None}}}
    assert jobs.difference(baseline, filled) is None
    assert "training.epochs" in jobs.difference(before, {"run": {"training": {"epochs": 2}}})


def test_two_studies_do_not_write_into_one_folder(write):
    study = write()
    with (
        jobs.only_one(study.output_dir),
        pytest.raises(InputError, match="another study is writing there"),
    ):
        run(study, runner=FalseRunner())


def test_a_pattern_that_fits_no_cell_is_refused(write):
    with pytest.raises(InputError, match="got 'dice"):
        run(write(), only="dice*", runner=FalseRunner())


def test_a_loss_that_cannot_be_built_is_refused_before_any_training(write):
    runner = FalseRunner()
    with pytest.raises(InputError, match="rows, focal: loss: got 'fokal_loss'"):
        run(write(rows=[{"name": "focal", "changes": {"loss": "fokal_loss"}}]), runner=runner)
    assert runner.jobs == []


def test_a_dry_run_refuses_what_a_run_refuses(write, capsys):
    loss = {"name": "focal_loss", "args": {"gama": 2}}
    study = write(rows=[{"name": "focal", "changes": {"loss": loss}}])
    assert main([str(study.path), "--dry-run"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "rows, focal: loss.args.gama: unknown key" in told.err
    assert "did you mean 'gamma'?" in told.err


@pytest.fixture
def tuned(write):
    def tuned(**changes):
        settings = {"trials": 5, "folds": 2, "epochs": 3, "spaces": {"focal": SPACE}}
        return write(tuning=settings | changes)

    return tuned


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"loss.args.gama": {"low": 0.5, "high": 4}}, "loss.args.gama: unknown key"),
        ({"loss.args.gamma": {"low": -1, "high": 4}}, "gamma: got -1"),
        ({"training.batch_size": {"choices": [32, "x"]}}, "training.batch_size: got 'x'"),
    ],
)
def test_a_space_with_a_wrong_setting_is_refused_before_anything_is_trained(
    tuned, capsys, space, said
):
    study = tuned(spaces={"focal": space})
    assert main([str(study.path), "--dry-run"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["a.yaml", "--jobs", "0"], ["a.yaml", "--nonsense"]])
def test_wrong_arguments_are_told_in_one_line(arguments, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1


def test_tuning_chooses_by_the_pooled_folds(tuned):
    study, runner = tuned(), FalseRunner()
    assert run(study, runner=runner) == {}
    assert runner.jobs[:2] == ["focal-trial0-repeat0-fold0", "focal-trial0-repeat0-fold1"]
    assert len(runner.jobs) == 5 * 2 + 4
    trials = tuning.read(study)
    assert len(trials) == 5
    # The first trial is that of the configuration, as far as it names the values.
    assert json.loads(trials["values"][0])["training.batch_size"] == 64
    best = json.loads(trials.loc[trials["macro_f1"].idxmax(), "values"])
    distances = [abs(json.loads(each)["loss.args.gamma"] - 3) for each in trials["values"]]
    assert abs(best["loss.args.gamma"] - 3) == min(distances)
    cell = next(cell for cell in study.cells(tuning.settings(study)) if cell.loss == "focal")
    assert cell.finished
    assert cell.asked["run"]["loss"]["args"] == {"gamma": best["loss.args.gamma"]}
    assert jobs.stale(cell) is None
    shown = yaml.safe_load(tuning.tuned_path(study).read_text())
    assert shown["budget"] == {"trials": 5, "folds": 2, "repeats": 1, "epochs": 3, "seed": 1}
    assert shown["rows"]["focal"]["values"] == best
    assert not list((study.output_dir / tuning.FOLDS).iterdir())


def test_a_killed_tuning_ends_as_one_that_was_not(tuned):
    study = tuned()
    with pytest.raises(KeyboardInterrupt):
        run(study, runner=FalseRunner(killed_at=6))
    runner = FalseRunner()
    run(study, runner=runner)
    assert runner.jobs[0] == "focal-trial2-repeat0-fold1"  # the fold before it was finished
    resumed = tuning.trials_path(study).read_bytes()
    tuning.trials_path(study).unlink()
    run(study, runner=FalseRunner())
    assert tuning.trials_path(study).read_bytes() == resumed


def test_a_failing_trial_counts_as_a_bad_one(tuned):
    study = tuned()
    assert run(study, runner=FalseRunner(failing=["focal-trial1-repeat0-fold0"])) == {}
    trials = tuning.read(study)
    assert trials["macro_f1"][1] == 0
    assert trials["remark"][1].startswith("the reason")
    assert len(trials) == 5


def test_a_failed_trial_leaves_nothing_to_go_on_with(tuned):
    study, name = tuned(), "focal-trial1-repeat0-fold0"

    class Killed(FalseRunner):
        def __call__(self, job, log):
            if job["name"] != name:
                return super().__call__(job, log)
            Path(job["output_dir"], f".{name}.partial", "checkpoints").mkdir(parents=True)
            return "killed by SIGKILL"

    assert run(study, runner=Killed()) == {}
    assert not list((study.output_dir / tuning.FOLDS).iterdir())


def test_another_budget_than_that_of_the_trials_is_refused(tuned):
    run(tuned(trials=1), runner=FalseRunner())
    with pytest.raises(InputError, match="focal was tuned with epochs 3, expected 4"):
        run(tuned(epochs=4), runner=FalseRunner())


def test_repeats_are_refused_where_the_test_split_is_cut(tuned):
    with pytest.raises(InputError, match="tuning.repeats: got 2, expected 1"):
        run(tuned(repeats=2), runner=FalseRunner())


@pytest.mark.slow
def test_the_command_trains_in_processes_of_their_own(tmp_path, small_corpus, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = {
        "base": {
            "data": {"source": str(small_corpus), "validation_fraction": 0.2},
            "model": {"args": {"filters": 8, "embedding_dim": 8}},
            "training": {"epochs": 1},
        },
        "output_dir": "cells",
        "results": "small.csv",
        "seeds": [1],
        "rows": [
            {"name": "good"},
            {"name": "bad", "changes": {"data": {"text_column": "absent"}}},
        ],
    }
    Path("study.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")
    assert main(["study.yaml"]) == 1
    printed = capsys.readouterr()
    assert "2/2] bad-seed1: failed: " in printed.out
    assert "absent" in printed.out
    assert "1 cells without a result" in printed.err
    table = results.read("small.csv").set_index(["model", "subset", "metric"])["value"]
    cell = next(each for each in Study.from_yaml("study.yaml").cells() if each.loss == "good")
    predictions = cell.predictions()
    accuracy = (predictions.y_true == predictions.y_pred).mean()
    assert table["text_cnn", "all", "accuracy"] == pytest.approx(accuracy, rel=1e-5)
    assert predictions.probabilities.sum(axis=1) == pytest.approx(1, abs=2e-3)
    assert (cell.folder / "model.keras").is_file()
    assert not (cell.folder / "serving").exists()


def test_a_baseline_leaves_its_folder(write, small_corpus):
    data = {"source": str(small_corpus)}
    study = write(data=data, baselines={"names": ["svm_balanced"]})
    cell = study.cells()[0]
    worker.work({"name": cell.name, "output_dir": cell.folder.parent, "asked": cell.asked})
    result = cell.result()
    assert result["scores"]["unseen"]["accuracy"] == 1
    assert result["training_rows"] == {"Law": 6, "体育": 40, "经济": 12}
    assert jobs.stale(cell) is None


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("split", ["train", "test"])
def test_results_of_other_data_are_not_put_beside(write, small_corpus, tmp_path, split, earlier):
    data = tmp_path / "data"
    shutil.copytree(small_corpus, data)
    study = write(
        base={"data": {"source": str(data), "cache": None}, "model": {"args": {"filters": 4}}},
        baselines={"names": ["svm", "svm_balanced"]},
    )

    def runner(job, log):
        worker.work(job)

    assert run(study, "svm-*", runner=runner) == {}
    assert lines(study, "svm-*")[0] == "svm-seed1: finished"
    if earlier:  # a version that kept no digest of the rows
        for file in study.output_dir.rglob(CELL):
            result = json.loads(file.read_text(encoding="utf-8"))
            del result["rows"]
            file.write_text(json.dumps(result), encoding="utf-8")
        Archive(study).path.unlink()
        assert lines(study, "svm-*")[0] == "svm-seed1: finished"
    with open(data / f"{split}.csv", "a", encoding="utf-8") as file:
        file.write("球钱,Law\n")
    told = lines(study, "svm-*")[0]
    if earlier and split == "test":  # which is told when a result on those rows is there
        assert told == "svm-seed1: finished"
        return
    assert told == "svm-seed1: stale: data.source had other rows"
    with pytest.raises(InputError, match="svm-seed1.* had other rows than data.source has now"):
        run(study, "svm_balanced-*", runner=runner)
    assert run(study, "svm-*", replace_stale=True, runner=runner) == {}
    assert run(study, "svm*", runner=runner) == {}
    assert lines(study, "svm*")[-1].startswith("0 of ")


@pytest.mark.slow
def test_a_worker_ends_with_the_study_that_started_it(tmp_path, small_corpus):
    job = {
        "name": "svm",
        "output_dir": str(tmp_path),
        "split": "test",
        "asked": {"baseline": {"model": "svm", "characters": 9, "seed": 1, "data": {}}},
    }
    (tmp_path / "job.json").write_text(json.dumps(job), encoding="utf-8")
    # Its parent is this process, not the one it is told of: as after that one's end.
    command = [sys.executable, "-m", "imbalance.study.worker", str(tmp_path / "job.json"), "1"]
    assert subprocess.run(command, check=False, timeout=60).returncode == 1
    assert not (tmp_path / "svm").exists()
