"""The whole way, as a user goes it: train, evaluate, compare, serve; and what goes wrong."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalance.commands import evaluate, options, train
from imbalance.data import load
from imbalance.run_folder import Run

ROOT = Path(__file__).parents[2]
SMALL = ["--model-arg", "filters=8", "--model-arg", "embedding_dim=8", "--batch-size", "16"]


def call(command, *arguments) -> int:
    return options.run(command.main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("saved models")


@pytest.fixture(scope="module")
def runs(output, small_corpus):
    """Two finished runs on the small corpus."""
    common = [*SMALL, "--data", small_corpus, "--output-dir", output, "--epochs", 8]
    common += ["--set", "training.learning_rate=0.02", "--set", "data.validation_fraction=0.2"]
    assert call(train, "--loss", "dice_loss", "--name", "dice", *common) == 0
    assert call(train, "--loss", "bce", "--name", "bce", *common) == 0
    return [output / "dice", output / "bce"]


def test_a_run_folder_holds_what_it_says(runs):
    names = {str(path.relative_to(runs[0])) for path in runs[0].rglob("*")}
    assert {
        "config.yaml",
        "vocabulary.txt",
        "labels.txt",
        "history.csv",
        "metrics.json",
        "model.keras",
        "serving/1/saved_model.pb",
        "tensorboard/train",
        "report/test/report.md",
        "report/test/per_class.csv",
        "report/test/confusion_matrix.png",
        "report/test/f1_by_support.png",
        "report/test/pr_curves.png",
        "report/test/reliability.png",
    } <= names
    assert not any("partial" in name for name in names)
    report = (runs[0] / "report" / "test" / "report.md").read_text(encoding="utf-8")
    assert "partial" not in report
    assert "| dice |" in report


def test_training_learns_the_rare_class(runs):
    scores = Run(runs[0]).metrics["test"]["all"]
    assert scores["accuracy"] > 0.9
    assert scores["per_class"]["Law"]["recall"] > 0.5


def test_metrics_have_the_documented_form(runs):
    metrics = json.loads((runs[0] / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics) == {"training", "validation", "test"}
    for subset in ("all", "unseen"):
        scores = metrics["test"][subset]
        assert {"accuracy", "macro_f1", "per_class"} <= set(scores)
        assert set(scores["per_class"]) == {"Law", "体育", "经济"}
        assert {"precision", "recall", "f1", "support"} <= set(scores["per_class"]["体育"])


def test_training_prints_table_and_places(output, small_corpus, capsys):
    arguments = [*SMALL, "--data", small_corpus, "--output-dir", output, "--epochs", 1]
    assert call(train, "--loss", "normal", *arguments, "--seed", 7) == 0
    printed = capsys.readouterr().out
    name = next(path.name for path in output.iterdir() if "seed7" in path.name)
    assert "体育" in printed
    assert printed.rstrip().splitlines()[-3].startswith("run folder:")
    assert f"tensorboard --logdir '{output / name}/tensorboard'" in printed


def test_evaluating_again_gives_the_same_scores(runs, capsys):
    before = Run(runs[0]).metrics["test"]
    assert call(evaluate, runs[0]) == 0
    assert Run(runs[0]).metrics["test"] == before
    assert "test, by class" in capsys.readouterr().out


def test_batch_prediction_answers_as_evaluation(runs, small_corpus, tmp_path):
    from imbalance.predict import command

    run, out = Run(runs[0]), tmp_path / "out.csv"
    given = pd.read_csv(small_corpus / "test.csv")
    arguments = [runs[0], small_corpus / "test.csv", "-o", out, "--prefix", "p_"]
    assert command.main([str(each) for each in arguments]) == 0
    found = pd.read_csv(out)
    pd.testing.assert_frame_equal(found[["text", "label"]], given)
    probabilities = run.probabilities(given["text"].tolist())
    decided = run.decision.decide(probabilities)
    assert found["p_label"].tolist() == [run.labels[each] for each in decided]
    wanted = probabilities[np.arange(len(decided)), decided]
    np.testing.assert_allclose(found["p_score"], wanted, atol=1e-6)
    accuracy = (found["p_label"] == found["label"]).mean()
    assert accuracy == pytest.approx(run.metrics["test"]["all"]["accuracy"])


def test_a_run_is_read_back_by_a_new_process(runs):
    done = subprocess.run(
        [sys.executable, "evaluate.py", str(runs[0])],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "dice: test, by class" in done.stdout


def test_runs_stand_side_by_side_with_published_rows(runs, tmp_path, capsys):
    reference = tmp_path / "published.yaml"
    reference.write_text("published CNN:\n  all: {accuracy: 0.94, macro_f1: 0.75}\n")
    assert call(evaluate, *runs, "--reference", reference, "--output", tmp_path / "both") == 0
    markdown = (tmp_path / "both" / "comparison.md").read_text(encoding="utf-8")
    assert "| published CNN |" in markdown
    assert "| class | support | dice | bce |" in markdown
    frame = pd.read_csv(tmp_path / "both" / "comparison.csv")
    assert set(frame["run"]) == {"dice", "bce"}
    assert "published CNN" in capsys.readouterr().out


def test_other_data_is_scored_whole_and_leaves_the_metrics_of_the_run(runs, tmp_path, capsys):
    before = Run(runs[0]).metrics
    rows = [("体育", "球"), ("Law", "法")] * 20 + [("other", "x")]
    path = tmp_path / "new.txt"
    path.write_text("".join(f"{label}\t{text}\n" for label, text in rows), encoding="utf-8")
    assert call(evaluate, runs[0], "--data", path) == 0
    assert Run(runs[0]).metrics == before
    printed = capsys.readouterr()
    assert "'other' (1 rows)" in printed.err
    assert "41 rows read, 40 used, 1 skipped" in printed.err
    frame = pd.read_csv(runs[0] / "report" / "new.txt-test" / "per_class.csv")
    assert frame["support"].sum() == 40


def test_nothing_of_the_training_split_is_unseen(runs, capsys):
    assert call(evaluate, runs[0], "--split", "train") == 0
    scores = Run(runs[0]).metrics["train"]
    assert scores["all"]["rows"] > 0
    assert scores["unseen"]["rows"] == 0


def test_a_class_weight_file_is_not_needed_again(small_corpus, tmp_path):
    weights = tmp_path / "weights.json"
    weights.write_text('{"体育": 1e-1, "经济": 2, "Law": 3}', encoding="utf-8")
    arguments = [*SMALL, "--data", small_corpus, "--output-dir", tmp_path, "--epochs", 1]
    assert call(train, *arguments, "--name", "x", "--class-weight", weights) == 0
    weights.unlink()
    assert call(evaluate, tmp_path / "x") == 0


@pytest.mark.parametrize(
    "content",
    ["x: 3", "x: {all: [1]}", "x: {all: {accuracy: abc}}", "x: {all: {acuracy: 1}}", "[1]"],
)
def test_references_are_checked_before_anything_is_scored(runs, tmp_path, capsys, content):
    path = tmp_path / "published.yaml"
    path.write_text(content)
    assert call(evaluate, runs[0], "--reference", path) == 2
    printed = capsys.readouterr()
    assert str(path) in printed.err
    assert printed.out == ""


def test_an_output_that_is_a_file_is_one_line(runs, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert call(evaluate, runs[0], "--output", tmp_path / "file") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_other_data_without_a_known_class_is_refused(runs, tmp_path, capsys):
    path = tmp_path / "new.txt"
    path.write_text("other\tx\n")
    assert call(evaluate, runs[0], "--data", path) == 2
    assert "no row with a known label" in capsys.readouterr().err


def test_the_savedmodel_needs_tensorflow_alone_and_answers_as_the_run(runs, tmp_path):
    run = Run(runs[0])
    rows = load(run.config.data).splits["test"].texts
    texts = [*rows, "", "😀", "法" * 5000, " \t\n"]
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    program = f"""
import json, sys
import tensorflow as tf
model = tf.saved_model.load({str(runs[0] / "serving" / "1")!r})
texts = json.load(open({str(tmp_path / "texts.json")!r}, encoding="utf-8"))
answer = model.signatures["serving_default"](text=tf.constant(texts))
assert "imbalance" not in sys.modules
json.dump({{
    "label": [label.decode() for label in answer["label"].numpy()],
    "score": answer["score"].numpy().tolist(),
    "probabilities": answer["probabilities"].numpy().tolist(),
}}, open({str(tmp_path / "answer.json")!r}, "w"))
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
    answer = json.loads((tmp_path / "answer.json").read_text())
    expected = run.probabilities(texts)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
    np.testing.assert_allclose(answer["score"], expected.max(axis=1), atol=1e-6)
    assert answer["label"] == [run.labels[each] for each in expected.argmax(axis=1)]


def test_tables_of_half_precision_say_what_they_cost(small_corpus, tmp_path, capsys):
    arguments = [*SMALL, "--data", small_corpus, "--output-dir", tmp_path, "--epochs", 1]
    assert call(train, *arguments, "--name", "half", "--set", "serving.tables=float16") == 0
    output = capsys.readouterr().out
    assert "float16 tables on " in output
    assert "(float16 tables, 1 MB)" in output


def test_a_run_without_validation_rows(small_corpus, tmp_path, capsys):
    arguments = [*SMALL, "--data", small_corpus, "--output-dir", tmp_path, "--epochs", 1]
    arguments += ["--sampling", "square_root", "--set", "data.validation_fraction=0"]
    assert call(train, *arguments, "--name", "x", "--set", "serving.tables=float16") == 0
    assert "float16 tables on 58 texts" in capsys.readouterr().out
    metrics = Run(tmp_path / "x").metrics
    assert set(metrics) == {"training", "test"}
    assert metrics["training"]["sampling"] == "square_root"
    assert call(evaluate, tmp_path / "x", "--split", "validation") == 2
    assert "split: got 'validation', expected another" in capsys.readouterr().err


def test_an_exported_version_is_never_overwritten(runs, tmp_path):
    from imbalance.serving.export import export

    run = Run(runs[1])
    assert export(run, tmp_path / "serving").path == tmp_path / "serving" / "1"
    assert export(run, tmp_path / "serving").path == tmp_path / "serving" / "2"


def test_a_configuration_file_and_flags(small_corpus, tmp_path, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(
        f"data: {{source: {small_corpus}}}\n"
        "model: {args: {filters: 4, embedding_dim: 4}}\n"
        "loss: {name: focal_loss, args: {gamma: 1}}\n"
        "training: {epochs: 9, class_weight: effective}\n"
    )
    arguments = ["--config", path, "--loss-arg", "alpha=2", "--epochs", 1, "--name", "x"]
    assert call(train, *arguments, "--output-dir", tmp_path) == 0
    config = Run(tmp_path / "x").config
    assert dict(config.loss.args) == {"gamma": 1, "alpha": 2}
    assert (config.training.epochs, config.training.class_weight) == (1, "effective")


def test_a_saved_model_of_words_cuts_raw_text_by_the_users_words(
    small_corpus, tmp_path, capsys, monkeypatch
):
    import tensorflow as tf

    from benchmarks import equality

    arguments = [*SMALL, "--data", small_corpus, "--output-dir", tmp_path, "--epochs", 1]
    arguments += ["--name", "words", "--set", "data.tokens=words"]
    words = tmp_path / "own words.txt"
    words.write_text("球赛在 9000 n\n\n钱股市\n法·律\n", encoding="utf-8")
    assert call(train, *arguments, "--user-dict", words) == 0
    assert "1 of 3 words hold a sign that always stands alone" in capsys.readouterr().err
    words.write_text("something else")
    run = Run(tmp_path / "words")
    text = "球赛在北京举行"
    assert run.encoder.tokenizer.prepare([text]) == ["球赛在 北京 举行"]
    serving = tf.saved_model.load(tmp_path / "words" / "serving" / "1")
    answer = serving.signatures["serving_default"](text=tf.constant([text]))
    np.testing.assert_allclose(answer["probabilities"], run.probabilities([text]), atol=1e-6)
    capsys.readouterr()
    assert equality.main([str(tmp_path / "words")]) == 0
    assert "116   100.0000%   100.0000%" in capsys.readouterr().out

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert call(train, *arguments[:-4], "--set", "data.tokens=words") == 2
    assert "tensorflow-text, which is absent (pip install" in capsys.readouterr().err


def test_list_losses_names_each_with_its_paper(capsys):
    from imbalance import losses

    assert call(train, "--list-losses") == 0
    printed = capsys.readouterr().out
    for name, entry in losses.TABLE.items():
        assert f"\n{name}: " in "\n" + printed
        assert entry.paper in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loss", "dise_loss"], "loss: got 'dise_loss'"),
        (["--loss", "focal_loss", "--loss-arg", "gamma=-1"], "gamma: got -1"),
        (["--loss-arg", "gama=1"], "loss.args.gama: unknown key"),
        (["--data", "no/such/place"], "no/such/place"),
        (["--epochs", "0"], "training.epochs: got 0"),
        (["--set", "data.token=words"], "data.token: unknown key"),
        (["--monitor", "f1"], "training.monitor: got 'f1'"),
        (["--sampling", "root"], "training.sampling: got 'root'"),
        (["--user-dict", "x"], "data.user_dict: got 'x', expected null, since data.tokens is not"),
        (["--user-dict", "x", "--set", "data.tokens=words"], "data.user_dict: x cannot be read"),
        (["--set", "data.fold=1"], "data.fold: got 1, expected null"),
        (["--class-weight", "balancd"], "did you mean 'balanced'"),
        (["--loss-arg", "from_logits=false"], "loss.args.from_logits: unknown key"),
        (["--loss-arg", "name=3"], "loss.args.name: unknown key"),
        (["--loss", "tversky_loss", "--loss-arg", "alpha=0", "--loss-arg", "beta=0"], "above 0"),
        (["--loss", "ghm_loss", "--loss-arg", "bins=1000000000"], "bins: got 1000000000"),
        (["--config", "none.yaml"], "none.yaml: cannot be read"),
        (["--loss", "weight_focal_loss", "--class-weight", "balanced"], "expected none"),
        (["--model-arg", "filters=x"], "filters: got 'x'"),
        (["--name", "a/b"], "name: got 'a/b'"),
    ],
)
def test_wrong_arguments_are_one_line(arguments, message, tmp_path, capsys):
    assert call(train, *arguments, "--output-dir", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("taken", "message"), [("x", "is free"), (".x.partial", "was left by a run")]
)
def test_a_name_that_is_taken_is_refused_before_the_data_are_read(taken, message, tmp_path, capsys):
    (tmp_path / taken).mkdir()
    # Read first, the missing corpus would be what is refused.
    data = ["--data", tmp_path / "missing", "--output-dir", tmp_path]
    assert call(train, "--name", "x", *data) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: name: got 'x'")
    assert message in error


def test_a_killed_run_never_looks_finished_and_is_gone_on_with(small_corpus, tmp_path, capsys):
    program = (
        "import os, signal, sys\n"
        "from imbalance.commands import train\n"
        "import imbalance.serving.export as module\n"
        "module.export = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "train.main(sys.argv[1:])\n"
    )
    arguments = [*SMALL, "--data", str(small_corpus), "--output-dir", str(tmp_path), "--epochs=1"]
    killed = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--name=x"],
        check=False,
        cwd=ROOT,
        capture_output=True,
    )
    assert killed.returncode == -9
    assert [path.name for path in tmp_path.iterdir()] == [".x.partial"]
    assert call(train, "--resume", tmp_path / "x") == 0
    assert "checkpoint: going on after epoch 1" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("beside", "of_processes", "message"),
    [
        (["--epochs", "9"], False, "--resume: got '--epochs', expected nothing beside RUN"),
        ([], True, "--resume: TF_CONFIG is set, expected the command that the run began"),
    ],
)
def test_a_resume_elsewhere_or_otherwise_is_refused(
    beside, of_processes, message, tmp_path, capsys, monkeypatch
):
    if of_processes:
        task = {"type": "worker", "index": 0}
        cluster = {"worker": ["a:1", "b:1"]}
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    assert call(train, "--resume", tmp_path / "x", *beside) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_the_scripts_explain_themselves(script):
    done = subprocess.run(
        [sys.executable, script, "--help"], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert "Exit status" in done.stdout
