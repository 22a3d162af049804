import csv
import dataclasses
import re

import numpy as np
import pytest
import tensorflow as tf

from imbalance import run_folder
from imbalance.bias import bias_auc
from imbalance.checks import InputError
from imbalance.commands import results
from imbalance.config import RunConfig
from imbalance.data import load
from imbalance.run_folder import Run
from imbalance.serving.export import export
from imbalance.training import rows as trainer
from imbalance.training.fit import fit


def configured(folder, **training):
    signs, about = ("好妙", "坏差"), ("书", "店")
    random = np.random.default_rng(0)
    lines = ["text,label,weight,hotel"]
    for row in range(240):
        bad = int(row % 6 == 0)
        said = bad if random.random() < 0.7 else 1 - bad
        text = f"{signs[said][row % 2]}{'的' * (row % 37)}{about[row % 5 > 2]}{row}"
        lines.append(f"{text},{('good', 'negative')[bad]},{1 + row % 3},{int(row % 5 > 2)}")
    path = folder / "reviews.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return RunConfig.from_mapping(
        {
            "data": {
                "source": str(path),
                "validation_fraction": 0.25,
                "max_length": 40,
                "weight_column": "weight",
                "subgroups": {"book": {"pattern": "书"}, "hotel": "hotel"},
            },
            "model": {"name": "bigru", "args": {"embedding_dim": 8, "hidden": 4, "dense": 4}},
            "loss": "binary_cross_entropy",
            "training": {
                "epochs": 3,
                "batch_size": 32,
                "learning_rate": 0.01,
                "class_weight": "balanced",
                "monitor": "val_bias_auc",
                "pretrain": "skip_gram",
                "pretrain_args": {"min_count": 2, "epochs": 1},
                **training,
            },
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bias")
    config = configured(folder)
    (folder / "run").mkdir()
    given = {}
    with pytest.MonkeyPatch.context() as patch:
        original = trainer.TrainingBatches

        def kept(rows, labels, weights, **settings):
            given.update(labels=labels, weights=weights)
            return original(rows, labels, weights, **settings)

        patch.setattr(trainer, "TrainingBatches", kept)
        corpus = load(config.data)
        training = fit(config, corpus, folder / "run")
    return training, corpus, Run(folder / "run"), given


def test_class_weights_and_a_weight_column_are_folded_to_mean_one(trained):
    _, corpus, _, given = trained
    train = corpus.splits["train"]
    own = np.array([1 + int(re.search(r"\d+$", text)[0]) % 3 for text in train.texts])
    np.testing.assert_allclose(train.weights, own)
    counts = np.bincount(train.labels)
    expected = own * (len(own) / (2 * counts))[train.labels]
    np.testing.assert_allclose(given["weights"], expected / expected.mean(), rtol=1e-5)
    assert given["weights"].mean() == pytest.approx(1, abs=1e-5)


def test_the_kept_epoch_has_the_best_bias_auc(trained):
    training, corpus, run, _ = trained
    with open(run.path / run_folder.HISTORY, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    values = [float(row["val_bias_auc"]) for row in rows]
    assert training.summary["monitor"] == "val_bias_auc"
    assert training.summary["best_value"] == pytest.approx(max(values))
    split = corpus.splits["validation"]
    scores = bias_auc(split.labels, run.probabilities(split.texts)[:, 1], split.subgroups)
    assert scores["bias_auc"] == pytest.approx(max(values), abs=1e-6)
    best = rows[training.summary["best_epoch"] - 1]
    assert scores["overall_auc"] == pytest.approx(float(best["val_overall_auc"]), abs=1e-6)


def test_evaluation_shows_subgroups(trained, capsys):
    _, corpus, run, _ = trained
    scores = results.evaluate(run, corpus, ["test"], "run")
    split = corpus.splits["test"]
    expected = bias_auc(split.labels, run.probabilities(split.texts)[:, 1], split.subgroups)
    assert run.metrics["test"]["all"]["bias"] == expected
    assert set(expected["subgroups"]) == {"book", "hotel"}
    report = (run.path / "report" / "test" / "report.md").read_text(encoding="utf-8")
    assert f"| run | hotel | {split.subgroups['hotel'].sum()} |" in report
    results.show({"run": scores["test"]}, "test")
    assert "BPSN AUC" in capsys.readouterr().out


def test_the_export_answers_as_the_run(trained, tmp_path):
    _, corpus, run, _ = trained
    texts = [*corpus.splits["test"].texts, "", "没见过"]
    serve = tf.saved_model.load(export(run, tmp_path).path).signatures["serving_default"]
    served = serve(text=tf.constant(texts))["probabilities"].numpy()
    np.testing.assert_allclose(served, run.probabilities(texts), atol=1e-5)


def test_what_has_no_bias_auc_is_refused(tmp_path, small_corpus):
    tagging = {"task": "tagging", "data": {"format": "cluener", "subgroups": {"book": "b"}}}
    with pytest.raises(InputError, match="data.subgroups: .* expected nothing with task tagging"):
        RunConfig.from_mapping(tagging)
    del tagging["data"]["subgroups"]
    with pytest.raises(InputError, match="training.monitor: .* of task tagging"):
        RunConfig.from_mapping({**tagging, "training": {"monitor": "val_bias_auc"}})
    config = configured(tmp_path)
    with pytest.raises(InputError, match="training.monitor: got 'val_bias_auc', expected another"):
        dataclasses.replace(config, data=dataclasses.replace(config.data, subgroups={}))
    subgroups = {"book": {"pattern": "书"}}
    data = {"source": str(small_corpus), "weight_column": None, "subgroups": subgroups}
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, **data))
    with pytest.raises(InputError, match="training.monitor: classes: got 3, expected 2"):
        fit(config, load(config.data), tmp_path)
