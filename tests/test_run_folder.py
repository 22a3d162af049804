import pytest

from imbalance import run_folder
from imbalance.checks import InputError
from imbalance.config import RunConfig
from imbalance.models import text_cnn
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
        with pytest.raises(InputError, match=r"\.mine\.partial is being written, or was left"):
            again.__enter__()
        # Before the data are read as well.
        with pytest.raises(InputError, match=r"\.mine\.partial is being written, or was left"):
            available_name(tmp_path, RunConfig(name="mine"))
    assert (tmp_path / "mine").is_dir()


def test_a_given_name_is_never_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="name: got 'mine', expected a name that is free"):
        available_name(tmp_path, RunConfig(name="mine"))


def test_no_folder_and_an_unfinished_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="run: got .* expected the folder of a finished run"):
        Run(tmp_path / "none")
    with pytest.raises(InputError, match="lacks config.yaml, labels.txt"):
        Run(tmp_path)


@pytest.fixture
def damaged(tmp_path):
    """A folder with the files of a run, the network being no network."""
    (tmp_path / run_folder.CONFIG).write_text(RunConfig().to_yaml())
    (tmp_path / run_folder.LABELS).write_text("a\nb\n")
    (tmp_path / run_folder.VOCABULARY).write_text("[PAD]\n[UNK]\nx\n")
    (tmp_path / run_folder.MODEL).write_text("no archive")
    return Run(tmp_path)


def test_a_broken_model_is_refused(damaged):
    with pytest.raises(InputError, match="model.keras: cannot be loaded .* expected a whole file"):
        _ = damaged.model


def test_files_of_two_runs_are_refused(damaged):
    text_cnn(5, 2, embedding_dim=2, filters=2).save(damaged.path / run_folder.MODEL)
    with pytest.raises(InputError, match="made for 5 tokens and 2 outputs, .*vocabulary.txt has 3"):
        _ = damaged.model


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"a\n", b"a\na\n"])
def test_broken_labels_are_refused(damaged, content):
    (damaged.path / run_folder.LABELS).write_bytes(content)
    with pytest.raises(InputError, match="labels.txt"):
        _ = damaged.labels


@pytest.mark.parametrize("content", [b"", b"data: {}\n", b"[1]"])
def test_a_broken_configuration_is_refused(damaged, content):
    (damaged.path / run_folder.CONFIG).write_bytes(content)
    with pytest.raises(InputError, match="config.yaml"):
        _ = damaged.config


@pytest.mark.parametrize("content", [b"garb", b"[1]", b"\xff", b"[" * 99999])
def test_broken_metrics_are_refused(damaged, content):
    (damaged.path / run_folder.METRICS).write_bytes(content)
    with pytest.raises(InputError, match="metrics.json: cannot be read"):
        _ = damaged.metrics
