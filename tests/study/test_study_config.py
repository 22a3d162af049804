import pytest
import yaml

from imbalance.checks import InputError
from imbalance.study.config import Study

FILE = {
    "base": {"data": {"source": "somewhere"}, "loss": {"name": "focal_loss", "args": {"gamma": 1}}},
    "output_dir": "cells",
    "results": "results/small.csv",
    "seeds": [1, 2],
    "rows": [{"name": "focal"}, {"name": "dice", "changes": {"loss": "dice_loss"}, "seeds": [2]}],
}


@pytest.fixture
def read(tmp_path):
    def read(data=None, **changes):
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(FILE | changes), encoding="utf-8")
        return Study.from_yaml(path, data=data)

    return read


def test_cells_are_all_rows_seed_by_seed(read):
    study = read(data="elsewhere")
    cells = study.cells({"focal": {"loss": {"args": {"gamma": 3}}}})
    assert [cell.name for cell in cells] == ["focal-seed1", "focal-seed2", "dice-seed2"]
    runs = [cell.asked["run"] for cell in cells]
    assert [run["loss"]["args"] for run in runs] == [{"gamma": 3}, {"gamma": 3}, {}]
    assert [run["training"]["seed"] for run in runs] == [1, 2, 2]
    assert {run["data"]["source"] for run in runs} == {"elsewhere"}
    assert str(cells[0].folder) == "cells/focal-seed1"


def test_a_base_may_be_a_file_beside_the_study(read, tmp_path):
    (tmp_path / "base.yaml").write_text("{training: {epochs: 3}, name: ignored}", encoding="utf-8")
    study = read(base="base.yaml")
    assert study.run(study.rows[1]).training.epochs == 3
    assert study.cells()[0].asked["run"]["name"] == "focal-seed1"


def test_variants_multiply_the_rows(read):
    ratios = [{"name": f"1:{n}", "changes": {"data": {"imbalance_ratio": n}}} for n in (4, 50)]
    cells = read(variants=ratios).cells()
    assert [cell.loss for cell in cells][:3] == ["focal@1:4", "focal@1:50", "focal@1:4"]
    assert cells[1].name == "focal@1-50-seed1"
    assert cells[1].asked["run"]["data"]["imbalance_ratio"] == 50


def test_baselines_come_first_and_only_those_that_draw_have_all_seeds(read):
    names = ["svm", "logistic_regression"]
    cells = read(baselines={"names": names, "characters": [400, 200]}).cells()
    assert [cell.name for cell in cells[:6]] == [
        "svm-seed1",
        "svm-seed2",
        "logistic_regression-seed1",
        "svm_200-seed1",
        "svm_200-seed2",
        "logistic_regression_200-seed1",
    ]
    assert cells[3].asked["baseline"]["characters"] == 200
    assert {cell.loss for cell in cells[:6]} == {"none"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": [1]}, "seed: unknown key"),
        ({"seeds": []}, "seeds: got"),
        ({"seeds": [1, 1]}, "stands twice"),
        ({"rows": [{"name": "a"}, {"name": "a"}]}, "rows, one that stands twice: got 'a'"),
        ({"rows": [{"changes": {}}]}, r"rows\[0\]: name is missing"),
        ({"rows": [{"name": "a/b"}]}, "a name that a folder can have"),
        (
            {"rows": [{"name": "a", "changes": {"training": {"epoch": 1}}}]},
            "rows, a: training.epoch",
        ),
        (
            {"tuning": {"trials": 1, "folds": 2, "epochs": 1, "spaces": {"fokal": {}}}},
            "mean 'focal'",
        ),
        (
            {
                "tuning": {
                    "trials": 1,
                    "folds": 2,
                    "epochs": 1,
                    "spaces": {"focal": {"loss.args.gamma": {"low": 2, "high": 1}}},
                }
            },
            "loss.args.gamma.high: got 1",
        ),
        ({"baselines": {"names": ["smv"]}}, "did you mean 'svm'"),
        ({"baselines": {"names": ["svm"]}, "report": {"rival": "smv"}}, "rival: got 'smv'"),
        ({"report": {"references": {"losses": "fokal"}}}, "references.losses: got 'fokal'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(read, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        read(**changes)
    assert "\n" not in str(caught.value)
