"""Exact resume: what is trained in two pieces is what is trained in one."""

import csv
import errno
import logging
import os
import shutil

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from imbalance import run_folder
from imbalance.config import RunConfig
from imbalance.data import load
from imbalance.run_folder import Run
from imbalance.training import checkpoint_files
from imbalance.training.checkpoint import Checkpoints, Unusable
from imbalance.training.fit import fit
from imbalance.training.stateful import EarlyStopping


class Killed(Exception):
    """Ends a training as a kill would: nothing after it is done."""


def configured(corpus, **training):
    model = {"embedding_dim": 8, "filters": 8, "kernel_sizes": [1], "dropout": 0.3}
    settings = {"epochs": 3, "batch_size": 16, "learning_rate": 0.02, "patience": 1}
    return RunConfig.from_mapping(
        {
            "data": {"source": str(corpus), "validation_fraction": 0.25, "max_length": 20},
            "model": {"args": {**model, "implementation": "dense"}},
            "loss": {"name": "ghm_loss", "args": {"momentum": 0.9}},
            "training": {**settings, "schedule": "cosine", "ema": 0.8, **training},
        }
    )


def trained(config, folder, kill_in_epoch=None):
    """Train into a folder, the rest of it if there is a checkpoint beside it."""
    folder.mkdir(exist_ok=True)

    def draw(matrix, labels):  # called at the end of each validation
        path = folder / run_folder.HISTORY
        rows = len(path.read_text(encoding="utf-8").splitlines())
        if kill_in_epoch is not None and max(0, rows - 1) == kill_in_epoch:
            raise Killed
        return np.zeros((4, 4, 4), "u1")

    return fit(config, load(config.data), folder, draw, folder.with_name("checkpoints"))


def contents(folder):
    """Return all numbers that are to be equal: weights, optimizer, history."""
    model = keras.saving.load_model(folder / run_folder.MODEL)
    variables = [*model.variables, *model.optimizer.variables]
    # Seeds of dropout are in no .keras file.
    weights = [keras.ops.convert_to_numpy(each).tobytes() for each in variables]
    return weights, (folder / run_folder.HISTORY).read_bytes()


@pytest.fixture(scope="module")
def whole(small_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    training = trained(configured(small_corpus), folder)
    return training, contents(folder)


@pytest.fixture(scope="module")
def killed(small_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed") / "run"
    with pytest.raises(Killed):
        trained(configured(small_corpus), folder, kill_in_epoch=2)
    return folder.parent


@pytest.fixture
def left(killed, tmp_path):
    """What a killed training left behind, after two whole epochs."""
    shutil.copytree(killed, tmp_path / "left")
    return tmp_path / "left" / "run"


def test_a_training_in_two_pieces_is_equal(small_corpus, left, whole):
    training = trained(configured(small_corpus), left)
    assert contents(left) == whole[1]
    summary, expected = dict(training.summary), dict(whole[0].summary)
    assert summary.pop("seconds") > 0
    expected.pop("seconds")
    assert summary == expected
    check_logs(left)
    # What follows the training is done again.
    (left / run_folder.MODEL).write_bytes(b"half")
    trained(configured(small_corpus), left)
    assert contents(left) == whole[1]


@pytest.mark.parametrize(
    ("training", "kill_in_epoch"),
    [
        ({"precision": "mixed_float16", "optimizer": "lazy_adam"}, 1),
        # After one epoch of cross entropy a loss sets in that has a state of its own: the
        # checkpoint is of before, and of after.
        ({"cross_entropy_first": 0.34}, 1),
        ({"cross_entropy_first": 0.34}, 2),
    ],
)
def test_with_other_settings_it_is_equal_as_well(small_corpus, tmp_path, training, kill_in_epoch):
    config = configured(small_corpus, **training)
    whole, left = tmp_path / "whole" / "run", tmp_path / "left" / "run"
    for folder in (whole.parent, left.parent):
        folder.mkdir()
    trained(config, whole)
    expected = contents(whole)
    with pytest.raises(Killed):
        trained(config, left, kill_in_epoch=kill_in_epoch)
    trained(config, left)
    assert contents(left) == expected


def check_logs(folder):
    """Logs are cut to where the checkpoint was: each epoch is told of once."""
    with open(folder / run_folder.HISTORY, encoding="utf-8") as file:
        epochs = [int(row["epoch"]) for row in csv.DictReader(file)]
    assert epochs == list(range(len(epochs)))
    for part, tag in (("train", "epoch_loss"), ("validation", "f1/Law"), ("validation", "config")):
        events = EventAccumulator(str(folder / run_folder.TENSORBOARD / part))
        events.Reload()
        expected = [0] if tag == "config" else epochs
        assert [each.step for each in events.Tensors(tag)] == expected
    assert Run(folder).labels


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(small_corpus, left, whole, caplog):
    newest = max((left.parent / "checkpoints").iterdir())
    os.truncate(newest, newest.stat().st_size // 2)
    with caplog.at_level(logging.INFO, "imbalance"):
        trained(configured(small_corpus), left)
    assert f"checkpoint: {newest} is damaged: it is not used" in caplog.messages
    assert "checkpoint: going on after epoch 1" in caplog.messages
    assert contents(left) == whole[1]


def test_the_checkpoint_of_another_training_is_refused(small_corpus, left):
    with pytest.raises(Unusable, match="--resume: training.seed changed since .*checkpoints was"):
        trained(configured(small_corpus, seed=2), left)


@pytest.mark.parametrize("part", ["callbacks", "network", "optimizer"])
def test_the_checkpoint_of_another_version_is_refused(tmp_path, part):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    stopping = {"EarlyStopping": EarlyStopping()}
    stopping["EarlyStopping"].on_train_begin()
    folder = tmp_path / "checkpoints"
    Checkpoints(folder, tmp_path / "logs", {"a": 1}).save(model, stopping, 1, 2.0)
    tree = checkpoint_files.read(checkpoint_files.newest(folder))
    Checkpoints(folder, tmp_path / "logs", {"a": 1}).restore(model, stopping)
    other = {"Renamed": {}} if part == "callbacks" else tree[part][1:]
    checkpoint_files.save(folder, 2, tree | {part: other})
    with pytest.raises(Unusable, match="another state than .*, expected the versions of this pack"):
        Checkpoints(folder, tmp_path / "logs", {"a": 1}).restore(model, stopping)


def test_a_checkpoint_is_what_was_kept(tmp_path):
    tree = {"a": [np.arange(3), None], "b": {"c": np.float32(0.1), "d": "x"}, "e": []}
    checkpoint_files.save(tmp_path, 7, tree)
    found = checkpoint_files.read(checkpoint_files.newest(tmp_path))
    assert found["a"][0].tolist() == [0, 1, 2]
    assert found["a"][1:] == [None]
    assert (found["b"]["c"].shape, found["b"]["c"].dtype) == ((), np.float32)
    assert found["b"]["c"] == np.float32(0.1)
    assert (found["b"]["d"], found["e"]) == ("x", [])


def test_any_damage_is_seen(tmp_path, caplog):
    assert checkpoint_files.newest(tmp_path / "absent") is None
    assert not caplog.messages
    random = np.random.default_rng(0)
    path = checkpoint_files.save(tmp_path, 1, {"a": np.arange(50)})
    content = path.read_bytes()
    for place in random.integers(len(content), size=50):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(bytes(damaged))
        assert checkpoint_files.newest(tmp_path) is None
        path.write_bytes(content[:place])
        assert checkpoint_files.newest(tmp_path) is None
    assert f"checkpoint: none in {tmp_path} is whole: training begins anew" in caplog.messages
    path.write_bytes(content)
    found = checkpoint_files.read(checkpoint_files.newest(tmp_path))
    assert found["a"].tolist() == list(range(50))


def test_where_there_is_no_room_the_last_checkpoints_stay(tmp_path, monkeypatch):
    for epochs in (1, 2):
        checkpoint_files.save(tmp_path, epochs, {"epochs": epochs})
    before = sorted(tmp_path.iterdir())

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint_files.save(tmp_path, 3, {"epochs": 3})
    assert sorted(tmp_path.iterdir()) == before
    assert checkpoint_files.read(checkpoint_files.newest(tmp_path)) == {"epochs": 2}
