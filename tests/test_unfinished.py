"""Runs that are being written, were left behind, and are gone on with."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from imbalance.checks import InputError, Interrupted
from imbalance.config import RunConfig
from imbalance.unfinished import Unfinished, available_name, resuming, writing


def test_a_folder_appears_whole(tmp_path):
    with writing(tmp_path, "run") as run:
        (run.folder / "file").write_text("x")
        assert not (tmp_path / "run").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "file").read_text() == "x"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_run_leaves_nothing(tmp_path, error):
    with pytest.raises(error), writing(tmp_path, "run"):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    unwritable = writing(tmp_path / "file", "run")
    with pytest.raises(InputError, match="output_dir: .*file cannot be written"):
        unwritable.__enter__()


def test_default_names_never_collide(tmp_path):
    config = RunConfig.from_mapping({"loss": "dice_loss", "data": {"source": "a/news.csv"}})
    assert available_name(tmp_path, config) == "news-dice_loss-seed1"
    (tmp_path / "news-dice_loss-seed1").mkdir()
    assert available_name(tmp_path, config) == "news-dice_loss-seed1-2"


def test_two_runs_at_once_get_two_names(tmp_path):
    config = RunConfig.from_mapping({"loss": "dice_loss", "data": {"source": "news.csv"}})
    first = available_name(tmp_path, config)
    with writing(tmp_path, first):
        second = available_name(tmp_path, config)
        assert second != first
        with writing(tmp_path, second):
            pass
    assert {path.name for path in tmp_path.iterdir()} == {first, second}


def test_a_name_being_written_is_refused(tmp_path):
    with writing(tmp_path, "mine"):
        again = writing(tmp_path, "mine")
        with pytest.raises(InputError, match=r"\.mine\.partial is being written"):
            again.__enter__()
        # Before the data are read as well.
        with pytest.raises(InputError, match=r"\.mine\.partial is being written"):
            available_name(tmp_path, RunConfig(name="mine"))
    assert (tmp_path / "mine").is_dir()


def test_a_given_name_is_never_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="name: got 'mine', expected a name that is free"):
        available_name(tmp_path, RunConfig(name="mine"))


CONFIG = RunConfig(name="mine", loss=RunConfig.from_mapping({"loss": "dice_loss"}).loss)


def left_behind(folder, checkpoint: bool = True) -> Unfinished:
    """Leave a run as a process does that is killed."""
    program = (
        "import os, signal, sys\n"
        "from imbalance.config import RunConfig\n"
        "from imbalance.unfinished import writing\n"
        "config = RunConfig.from_mapping({'name': 'mine', 'loss': 'dice_loss'})\n"
        "with writing(sys.argv[1], 'mine', config) as run:\n"
        "    (run.folder / 'config.yaml').write_text('x')\n"
        "    (run.folder / 'tensorboard').write_text('x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(folder)], check=False)
    assert killed.returncode == -signal.SIGKILL
    run = Unfinished(folder / "mine")
    if checkpoint:
        run.checkpoints.mkdir()
        (run.checkpoints / "000001-aa.npz").write_text("x")
    return run


def fail(run: Unfinished, error: BaseException):
    """Fail behind the first checkpoint."""
    run.checkpoints.mkdir()
    (run.checkpoints / "000001-aa.npz").write_text("x")
    raise error


@pytest.mark.parametrize("name", ["mine", ".mine.partial"])
def test_what_a_killed_run_left_is_gone_on_with(tmp_path, name):
    left = left_behind(tmp_path)
    with pytest.raises(InputError, match="was left by a run that was killed; --resume .*mine goes"):
        available_name(tmp_path, CONFIG)
    with resuming(tmp_path / name) as (config, run):
        assert config == CONFIG
        assert [each.name for each in run.folder.iterdir()] == ["tensorboard"]
        assert (run.checkpoints / "000001-aa.npz").exists()
        # Not twice at a time.
        with pytest.raises(InputError, match="is being written by another process"):
            resuming(left.final).__enter__()
        (run.folder / "config.yaml").touch()
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(InputError, match="an unfinished run: .*mine is finished"):
        resuming(left.final).__enter__()


def test_a_run_killed_at_the_very_end_is_finished(tmp_path):
    left = left_behind(tmp_path)
    left.folder.rename(left.final)
    with pytest.raises(InputError, match="is finished"):
        resuming(left.place).__enter__()
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_what_is_no_unfinished_run_is_refused(tmp_path):
    (tmp_path / "file.csv").touch()
    with pytest.raises(InputError, match="got .*file.csv', expected an unfinished run; in .* none"):
        resuming(tmp_path / "file.csv").__enter__()
    for name in ("", ".", "..", "/"):
        with pytest.raises(InputError, match="--resume: got .*, expected the name or the folder"):
            resuming(name).__enter__()
    left = left_behind(tmp_path, checkpoint=False)
    with pytest.raises(InputError, match="got .*other.*; in .* there is mine"):
        resuming(tmp_path / "other").__enter__()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="got .*empty', expected an unfinished run; in"):
        resuming(tmp_path / "empty").__enter__()
    left.final.mkdir()
    with pytest.raises(InputError, match="mine is in the place of the run that .*; move it away"):
        resuming(left.place).__enter__()
    left.final.rmdir()
    (left.place / "config.yaml").write_text("")
    with pytest.raises(InputError, match="has no config.yaml with settings"):
        resuming(left.place).__enter__()
    assert left.place.exists()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError("[Errno 28] Can't write data (error message = 'No space left on device')"),
        OSError(errno.EROFS, os.strerror(errno.EROFS), "run/model.keras"),
    ],
)
def test_a_disk_that_takes_nothing_is_one_line_and_the_checkpoint_stays(tmp_path, error):
    with pytest.raises(InputError) as caught, writing(tmp_path, "mine", CONFIG) as run:
        fail(run, error)
    (line,) = str(caught.value).splitlines()
    assert f"the last checkpoint is kept: python train.py --resume {run.final} goes on" in line
    with resuming(run.final):
        pass
    assert run.final.is_dir()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_what_is_interrupted_says_how_to_go_on(tmp_path, error):
    with pytest.raises(type(error)) as caught, writing(tmp_path, "mine", CONFIG) as run:
        fail(run, error)
    said = [*caught.value.args, *getattr(caught.value, "__notes__", [])]
    assert said == [f"python train.py --resume {run.final} goes on with it"]


def test_what_another_process_ended_is_kept_for_the_same_command(tmp_path):
    with (
        pytest.raises(Interrupted, match="^gone; the same command goes on with it$"),
        writing(tmp_path, "mine", CONFIG, "the same command") as run,
    ):
        fail(run, Interrupted("gone"))
    with resuming(run.final):
        pass
    assert run.final.is_dir()
    with pytest.raises(Interrupted, match="^gone$"), writing(tmp_path, "early", CONFIG):
        raise Interrupted("gone")
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_what_fails_is_not_kept_where_it_is_not_wanted(tmp_path):
    again = {"again": "it", "keep_failed": False}
    with pytest.raises(KeyboardInterrupt), writing(tmp_path, "mine", CONFIG, **again) as run:
        fail(run, KeyboardInterrupt())
    with (
        pytest.raises(InputError, match="No space left on device; .*: it goes on with it"),
        resuming(run.final, **again),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert run.resumable
    with pytest.raises(MemoryError) as caught, resuming(run.final, **again):
        raise MemoryError
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(MemoryError), writing(tmp_path, "mine", CONFIG, **again) as run:
        fail(run, MemoryError())
    assert list(tmp_path.iterdir()) == []


def test_wrong_input_leaves_nothing_of_a_new_run_and_all_of_an_old_one(tmp_path):
    with pytest.raises(InputError, match="wrong"), writing(tmp_path / "out", "mine", CONFIG) as run:
        fail(run, InputError("wrong"))
    assert not (tmp_path / "out").exists()
    left = left_behind(tmp_path)
    with pytest.raises(InputError, match="^wrong$"), resuming(left.final):
        raise InputError("wrong")
    assert left.resumable
