"""Networks of strangers: what holds code, or leaves its folder, is refused in one line."""

import json
import zipfile

import keras
import numpy as np
import pytest

from imbalance import models
from imbalance.checks import InputError
from imbalance.models import LossStateModel


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.keras"
    models.text_cnn(9, 2, embedding_dim=4, filters=3).save(path)
    return path


def refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        models.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: cannot be loaded (")
    assert message.endswith("expected a whole file that train.py wrote")
    assert message.isprintable()
    return message


def rewritten(path, change):
    """Change members, name to content, of an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_a_network_comes_back(saved):
    ids = np.array([[2, 3, 4]])
    loaded = models.load(saved)
    assert loaded(ids).shape == (1, 2)
    assert not loaded.compiled


def test_code_in_a_layer_is_refused_and_not_run(tmp_path):
    witness = tmp_path / "witness"
    inputs = keras.Input((1,))
    ran = keras.layers.Lambda(lambda x, place=str(witness): (open(place, "w").close(), x)[1])
    path = tmp_path / "model.keras"
    LossStateModel(inputs, ran(inputs)).save(path)
    witness.unlink()
    with zipfile.ZipFile(path) as archive:
        assert "__lambda__" in archive.read("config.json").decode()
    assert "Lambda" in refusal(path)
    assert not witness.exists()


@pytest.mark.parametrize(
    "layer",
    [
        {"module": "builtins", "class_name": "exec", "config": "1"},
        {"module": "os", "class_name": "system", "config": "true"},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}},
        {
            "module": "keras.layers",
            "class_name": "TFSMLayer",
            "config": {"filepath": "elsewhere", "name": "x"},
        },
        {
            "module": "keras.layers",
            "class_name": "TorchModuleWrapper",
            "config": {"module": "gASVAAAAAAAAAC4=", "name": "x"},
        },
    ],
    ids=lambda layer: layer["class_name"],
)
def test_other_things_than_layers_are_refused(saved, layer):
    def change(members):
        config = json.loads(members["config.json"])
        place = next(each for each in config["config"]["layers"] if each["class_name"] == "Dense")
        place.update(layer)
        members["config.json"] = json.dumps(config).encode()

    rewritten(saved, change)
    refusal(saved)


@pytest.mark.parametrize(
    "name",
    ["../outside.txt", "/outside.txt", "assets/x.txt", "model.weights.npz", "assets/../../x"],
)
def test_an_archive_holds_nothing_else(saved, name, tmp_path):
    rewritten(saved, lambda members: members.update({name: b"x"}))
    before = sorted(tmp_path.rglob("*"))
    assert f"holds {name!r} beside config.json" in refusal(saved)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members.pop("config.json"),
        lambda members: members.pop("model.weights.h5"),
        lambda members: members.update({"config.json": b"[" * 100_000}),
        lambda members: members.update({"config.json": b"5"}),
        lambda members: members.update({"model.weights.h5": b"no hdf5"}),
    ],
)
def test_a_damaged_archive_is_refused(saved, change):
    rewritten(saved, change)
    refusal(saved)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    refusal(path)
