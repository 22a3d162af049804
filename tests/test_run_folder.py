import pytest

from imbalance import run_folder
from imbalance.checks import InputError
from imbalance.config import RunConfig
from imbalance.models import text_cnn
from imbalance.run_folder import Run


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
