import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from imbalance.study import results
from imbalance.study.__main__ import main
from imbalance.study.archive import Archive
from imbalance.study.cells import CELL, PREDICTIONS
from imbalance.study.config import Study
from imbalance.study.predictions import LabelPredictions

ROWS = 2_000
SCORES = {"all": {"accuracy": 0.5}}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = {
        "base": {"data": {"source": str(tmp_path)}},
        "output_dir": "runs",
        "results": "results/small.csv",
        "seeds": list(range(1, 11)),
        "rows": [{"name": "dice:loss"}, {"name": "focal", "changes": {"loss": "focal_loss"}}],
        "variants": [{"name": "1:1"}, {"name": "1:4", "changes": {"training": {"epochs": 2}}}],
    }
    Path("small.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")
    return Study.from_yaml("small.yaml")


def finish(study, cell, classes=20, data=0):
    """Leave what a trained cell leaves, and return its predictions."""
    rows, rng = np.random.default_rng(data), np.random.default_rng(list(cell.name.encode()))
    y_true, unseen = rows.integers(0, classes, ROWS), rows.random(ROWS) < 0.7
    y_pred = np.where(rng.random(ROWS) < 0.05, rng.integers(0, classes, ROWS), y_true)
    made = LabelPredictions(y_true, y_pred, unseen)
    cell.folder.mkdir(parents=True)
    made.save(cell.folder / PREDICTIONS)
    counts = {f"类{number}": 9 for number in range(classes)}
    result = {"asked": cell.asked, "seconds": 9.5, "training_rows": counts, "scores": SCORES}
    (cell.folder / CELL).write_text(json.dumps(result), encoding="utf-8")
    results.replace(study.results, cell, SCORES)
    return made


@pytest.mark.parametrize("classes", [2, 200, 40_000])
def test_predictions_are_read_back(study, classes):
    cell = study.cells()[0]
    made = finish(study, cell, classes)
    Archive(study).keep([cell])
    cell.folder.rename("elsewhere")
    archive = Archive(study)
    assert archive.finished(cell)
    for name in ("y_true", "y_pred", "unseen"):
        read = getattr(archive.predictions(cell), name)
        assert (read == getattr(made, name)).all()
    assert archive.result(cell)["asked"]["run"]["data"] == cell.asked["run"]["data"]
    assert list(archive.result(cell)["training_rows"])[-1] == f"类{classes - 1}"
    assert archive.stale(cell) is None


def test_the_bytes_are_those_of_the_cells_alone(study, tmp_path):
    cells = study.cells()
    for cell in cells:
        finish(study, cell)
    one = Archive(study)
    one.keep(cells)
    whole = one.path.read_bytes()
    assert len(cells) == 40
    assert len(whole) < 40 * 800
    assert str(tmp_path).encode() not in np.load(one.path)["cells"].tobytes()
    one.path.unlink()
    for cell in reversed(cells):
        Archive(study).keep([cell])
    assert one.path.read_bytes() == whole
    assert {entry.date_time for entry in zipfile.ZipFile(one.path).infolist()} == {
        (1980, 1, 1, 0, 0, 0)
    }
    one.drop(cells[0])
    left = np.load(one.path).files
    assert (len(left), f"text_cnn/{cells[0].loss}/1" in left) == (1 + 39 + 2, False)
    Archive(study).keep(cells[:1])
    assert one.path.read_bytes() == whole


def test_other_test_rows_are_refused(study, capsys):
    first, second = (cell for cell in study.cells()[:3] if cell.loss.endswith("@1:1"))
    finish(study, first)
    finish(study, second, data=1)
    assert main(["small.yaml", "--report-only"]) == 2
    told = capsys.readouterr().err
    assert "small-predictions.npz: its text_cnn/dice:loss@1:1/1 has other test rows than" in told
    assert told.count("\n") == 1
    # Those of another variant may differ.
    third = next(cell for cell in study.cells() if cell.loss == "focal@1:4")
    finish(study, third, data=1)
    Archive(study).keep([first, third])


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "changed", "other", "array", "lacking"])
def test_a_damaged_file_is_refused_in_one_line(study, damage, capsys):
    cell = study.cells()[0]
    finish(study, cell)
    archive = Archive(study)
    archive.keep([cell])
    whole = archive.path.read_bytes()
    if damage == "lacking":
        arrays = {key: each for key, each in np.load(archive.path).items() if "unseen" not in key}
        np.savez(archive.path, **arrays)
    elif damage == "other":
        np.savez(archive.path, y_true=np.zeros(3))
    elif damage == "array":
        with archive.path.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        middle = whole.index(b"dice") + 200
        made = {
            "cut": whole[: len(whole) // 2],
            "empty": b"",
            "text": b"<<<<<<< ours\n",
            "changed": whole[:middle] + bytes(9) + whole[middle + 9 :],
        }
        archive.path.write_bytes(made[damage])
    for options in (["--report-only"], ["--dry-run"], []):
        assert main(["small.yaml", *options]) == 2
        told = capsys.readouterr().err
        assert told.startswith("error: results/small-predictions.npz: cannot be read, expected")
        assert told.count("\n") == 1
