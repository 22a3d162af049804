import pytest

from imbalance import run_folder
from imbalance.checks import InputError
from imbalance.config import RunConfig
from imbalance.run_folder import Run, available_name, writing


def test_a_folder_appears_whole(tmp_path):
    with writing(tmp_path, "run") as folder:
        (folder / "file").write_text("x")
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


def test_a_given_name_is_never_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="name: got 'mine', expected a name that is free"):
        available_name(tmp_path, RunConfig(name="mine"))


def test_no_folder_and_an_unfinished_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="run: got .* expected the folder of a finished run"):
        Run(tmp_path / "none")
    with pytest.raises(InputError, match="lacks config.yaml, labels.txt"):
        Run(tmp_path)


def test_a_broken_model_is_refused(tmp_path):
    for name in (run_folder.CONFIG, run_folder.LABELS, run_folder.VOCABULARY, run_folder.MODEL):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError, match="model.keras: cannot be loaded"):
        _ = Run(tmp_path).model
