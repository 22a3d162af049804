import dataclasses

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, log_loss

from imbalance.bias import bias_auc
from imbalance.checks import InputError
from imbalance.study import results
from imbalance.study.cells import Cell, Outcome
from imbalance.study.predictions import LabelPredictions
from imbalance.study.scoring import scores


def outcome(classes, rows=200, counts=(2000, 500, 20, 5)):
    rng = np.random.default_rng(classes)
    probabilities = rng.dirichlet(np.ones(classes), rows)
    y_true = rng.integers(0, classes, rows)
    predictions = LabelPredictions(
        y_true, probabilities.argmax(axis=1), rng.random(rows) < 0.6, probabilities
    )
    return Outcome(predictions, tuple("abcd"[:classes]), np.array(counts[:classes]), 1.25)


def test_scores_are_those_of_scikit_learn():
    given = outcome(4)
    found = scores(given)
    for subset, rows in (("all", slice(None)), ("unseen", given.predictions.unseen)):
        y_true, y_pred = given.predictions.y_true[rows], given.predictions.y_pred[rows]
        f1 = f1_score(y_true, y_pred, average=None)
        assert found[subset]["accuracy"] == pytest.approx((y_true == y_pred).mean())
        assert found[subset]["macro_f1"] == pytest.approx(f1.mean())
        assert found[subset]["f1:b"] == pytest.approx(f1[1])
        assert found[subset]["tail_macro_f1"] == pytest.approx(f1[2:].mean())
        assert found[subset]["middle_macro_f1"] == pytest.approx(f1[1])
        assert found[subset]["head_macro_f1"] == pytest.approx(f1[0])
        probabilities = given.predictions.probabilities[rows]
        assert found[subset]["log_loss"] == pytest.approx(log_loss(y_true, probabilities))
        assert "pr_auc" not in found[subset]
    assert found["all"]["seconds"] == pytest.approx(1.2)
    assert "seconds" not in found["unseen"]


def test_two_classes_have_areas_and_margins_have_no_calibration():
    given = outcome(2)
    wanted = average_precision_score(
        given.predictions.y_true, given.predictions.probabilities[:, 1]
    )
    assert scores(given)["all"]["pr_auc"] == pytest.approx(wanted)
    predictions = given.predictions
    bare = LabelPredictions(predictions.y_true, predictions.y_pred, predictions.unseen)
    found = scores(Outcome(bare, given.labels, given.training_rows, 1))["all"]
    assert not {"ece", "log_loss", "pr_auc", "roc_auc"} & set(found)
    assert found["macro_f1"] == scores(given)["all"]["macro_f1"]


def test_subgroups_have_a_bias_auc_where_there_are_two_classes():
    for classes in (2, 3):
        given = outcome(classes)
        predictions = given.predictions
        members = np.arange(len(predictions.y_true)) % 3 == 0
        members_of = dataclasses.replace(predictions, subgroups={"third": members})
        given = dataclasses.replace(given, predictions=members_of)
        found = scores(given)
        if classes == 3:
            assert "bias_auc" not in found["all"]
            continue
        for subset, rows in (("all", slice(None)), ("unseen", predictions.unseen)):
            wanted = bias_auc(
                predictions.y_true[rows],
                predictions.probabilities[rows, 1],
                {"third": members[rows]},
            )
            assert found[subset]["bias_auc"] == pytest.approx(wanted["bias_auc"])
            assert found[subset]["overall_auc"] == pytest.approx(found[subset]["roc_auc"])


def test_predictions_are_read_back(tmp_path):
    given = outcome(3).predictions
    given.save(tmp_path / "predictions.npz")
    read = LabelPredictions.load(tmp_path / "predictions.npz")
    assert (read.y_true == given.y_true).all()
    assert (read.y_pred == given.y_pred).all()
    assert (read.unseen == given.unseen).all()
    assert read.confidence == pytest.approx(given.probabilities.max(axis=1), abs=1e-3)


def test_a_results_file_keeps_the_other_cells_and_its_order(tmp_path):
    path = tmp_path / "new" / "results.csv"
    for name in ("b", "a", "b"):
        cell = Cell(name, "text_cnn", name, 1, tmp_path, {})
        results.replace(path, cell, {"all": {"f1:NA": 1 / 3, "accuracy": len(name)}})
    assert path.read_text().splitlines() == [
        "model,loss,seed,subset,metric,value",
        "text_cnn,a,1,all,accuracy,1",
        "text_cnn,a,1,all,f1:NA,0.333333",
        "text_cnn,b,1,all,accuracy,1",
        "text_cnn,b,1,all,f1:NA,0.333333",
    ]
    assert results.read(path)["metric"].tolist()[1] == "f1:NA"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("m,a,1,all,accuracy,abc", ":3: value 'abc', expected a number"),
        ("m,a,,all", ":3: seed '', expected a number"),
        ("m,a,1.5,all,f1:x,1", ":3: seed '1.5', expected a number"),
        ("m,a,1,all,accuracy,0.5", ":3: m,a,1,all,accuracy stands twice"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, line, message):
    path = tmp_path / "results.csv"
    path.write_text(f"model,loss,seed,subset,metric,value\nm,a,1,all,accuracy,nan\n{line}\n")
    with pytest.raises(InputError) as caught:
        results.read(path)
    assert str(caught.value) == f"{path}{message}"


@pytest.mark.parametrize("text", ["loss,seed\na,1\n", "model,loss,seed\na,b,c\n"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "results.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="expected model,loss,seed,subset,metric,value"):
        results.read(path)
