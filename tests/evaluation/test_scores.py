"""The scores of a split: against scikit-learn, and where they are not defined."""

import json
import warnings

import numpy as np
import pytest
import sklearn.metrics as sk

from imbalance.checks import InputError
from imbalance.data.readers import digest, text_key
from imbalance.evaluation.scores import (
    OVERALL,
    PER_CLASS,
    calibration_bins,
    classification_scores,
    unseen_rows,
)

LABELS = ["经济", "sport", "文学", "law"]


def random_rows(rows=300, classes=4, seed=0, softmax=True):
    rng = np.random.default_rng(seed)
    y_true = rng.choice(classes, rows, p=np.arange(classes, 0, -1) / sum(range(classes + 1)))
    logits = rng.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[y_true]
    probabilities = np.exp(logits) if softmax else 1 / (1 + np.exp(-logits))
    if softmax:
        probabilities /= probabilities.sum(1, keepdims=True)
    return y_true, probabilities, rng.uniform(0, 2, rows)


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("softmax", [True, False], ids=["softmax", "sigmoid"])
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_agrees_with_scikit_learn(softmax, weighted):
    y_true, probabilities, weights = random_rows(softmax=softmax)
    options = {"sample_weight": weights if weighted else None}
    scores = classification_scores(y_true, probabilities, LABELS, **options)
    predicted = probabilities.argmax(1)
    wanted = {
        "accuracy": sk.accuracy_score(y_true, predicted, **options),
        "balanced_accuracy": sk.balanced_accuracy_score(y_true, predicted, **options),
        "macro_precision": sk.precision_score(y_true, predicted, average="macro", **options),
        "macro_recall": sk.recall_score(y_true, predicted, average="macro", **options),
        "macro_f1": sk.f1_score(y_true, predicted, average="macro", **options),
        "weighted_f1": sk.f1_score(y_true, predicted, average="weighted", **options),
        "mcc": sk.matthews_corrcoef(y_true, predicted, **options),
        "pr_auc": sk.average_precision_score(np.eye(4)[y_true], probabilities, **options),
        "roc_auc": sk.roc_auc_score(np.eye(4)[y_true], probabilities, **options),
        "log_loss": sk.log_loss(
            y_true, probabilities / probabilities.sum(axis=1, keepdims=True), **options
        ),
        "geometric_mean": sk.recall_score(y_true, predicted, average=None, **options).prod()
        ** 0.25,
    }
    assert {key: scores[key] for key in wanted} == pytest.approx(wanted)
    assert scores["rows"] == 300
    report = sk.classification_report(
        y_true, predicted, target_names=LABELS, output_dict=True, **options
    )
    for label in LABELS:
        mine = scores["per_class"][label]
        assert set(mine) == set(PER_CLASS)
        assert mine["f1"] == pytest.approx(report[label]["f1-score"])
        assert mine["precision"] == pytest.approx(report[label]["precision"])
        assert mine["recall"] == pytest.approx(report[label]["recall"])
        assert mine["support"] == pytest.approx(report[label]["support"])


def test_two_classes_also_report_the_positive_one():
    y_true, probabilities, _ = random_rows(classes=2)
    scores = classification_scores(y_true, probabilities, ["no", "yes"])
    assert scores["positive_label"] == "yes"
    assert scores["positive_f1"] == sk.f1_score(y_true, probabilities.argmax(1))
    assert scores["positive_pr_auc"] == sk.average_precision_score(y_true, probabilities[:, 1])
    assert "positive_label" not in classification_scores(*random_rows()[:2], LABELS)


def test_absent_classes_are_named_and_left_out_only_where_undefined():
    y_true = np.array([0, 0, 2])
    probabilities = np.eye(4)[[0, 0, 2]] * 0.6 + 0.1
    scores = classification_scores(y_true, probabilities, LABELS)
    assert scores["absent_classes"] == ["sport", "law"]
    assert scores["macro_f1"] == 0.5
    assert scores["balanced_accuracy"] == scores["geometric_mean"] == scores["roc_auc"] == 1
    assert (scores["roc_auc_classes"], scores["pr_auc_classes"]) == (2, 2)
    assert scores["per_class"]["law"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "roc_auc": None,
        "pr_auc": None,
        "support": 0,
    }


def test_one_class_throughout_has_no_roc_area_and_no_correlation():
    scores = classification_scores([1, 1], [[0.2, 0.8], [0.3, 0.7]], ["no", "yes"])
    assert (scores["roc_auc"], scores["roc_auc_classes"], scores["mcc"]) == (None, 0, 0)
    assert (scores["pr_auc"], scores["accuracy"]) == (1, 1)


@pytest.mark.parametrize("weights", [None, [0.0, 0.0]], ids=["no rows", "no weight"])
def test_nothing_to_score_is_null_not_a_crash(weights):
    rows = 0 if weights is None else 2
    y_true, probabilities = np.zeros(rows, int), np.full((rows, 2), 0.5)
    scores = classification_scores(y_true, probabilities, ["a", "b"], sample_weight=weights)
    assert scores["rows"] == rows
    assert {scores[key] for key in OVERALL} == {None}
    assert scores["absent_classes"] == ["a", "b"]
    assert scores["per_class"]["a"]["support"] == 0
    assert classification_scores([], [], ["a", "b"])["rows"] == 0


def test_a_row_of_weight_zero_changes_nothing():
    y_true, probabilities, _ = random_rows(50)
    y_true[:] = np.where(y_true == 3, 2, y_true)
    weights = np.ones(51)
    weights[-1] = 0
    more = classification_scores(
        np.append(y_true, 3), np.vstack([probabilities, np.eye(4)[0]]), LABELS, weights
    )
    less = classification_scores(y_true, probabilities, LABELS, weights[:-1])
    assert {**more, "rows": 50} == less


def test_is_plain_json():
    y_true, probabilities, weights = random_rows(classes=2)
    for each in (None, weights):
        scores = classification_scores(y_true, probabilities, ["no", "yes"], each)
        assert json.loads(json.dumps(scores, allow_nan=False)) == scores


def test_given_predictions_replace_the_largest_probability():
    y_true, probabilities, _ = random_rows(classes=2)
    predicted = (probabilities[:, 1] > 0.2).astype(int)
    scores = classification_scores(y_true, probabilities, ["no", "yes"], predicted=predicted)
    assert scores["accuracy"] == sk.accuracy_score(y_true, predicted)
    unsure = classification_scores([1], [[0.7, 0.3]], ["no", "yes"], predicted=[1])
    assert unsure["expected_calibration_error"] == pytest.approx(0.7)


def test_calibration_error_by_hand():
    bins = calibration_bins([1, 0, 1, 1], [0.55, 0.65, 0.95, 1.0], bins=2)
    assert bins["weight"].tolist() == [0, 4]
    assert bins["error"] == pytest.approx(abs(0.75 - 0.7875))
    bins = calibration_bins([1, 0, 1, 1], [0.55, 0.65, 0.95, 1.0], [1, 1, 0, 2], bins=10)
    assert bins["error"] == pytest.approx((0.45 + 0.65 + 2 * 0) / 4)
    assert calibration_bins([], [])["error"] is None


def test_unseen_rows_ignores_white_space():
    texts = ["新 闻", "体育", "体\t育", " 新闻", "law", "a b"]
    digests, met = ([digest(text_key(each)) for each in some] for some in (texts, ["新闻\n", "ab"]))
    assert unseen_rows(digests, met).tolist() == [False, True, False, False, True, False]
    assert unseen_rows([], met).tolist() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a", "a"]}, "labels, one that stands twice: got 'a'"),
        ({"labels": ["a"]}, "labels: got .* at least two class names"),
        ({"y_true": [0, 2]}, "y_true, one of its ids: got 2, expected 0 to 1"),
        ({"y_true": [0.5, 1.0]}, r"y_true, its shape and dtype: .* expected \(n,\) class ids"),
        ({"predicted": [0]}, r"predicted, its shape and dtype: .* expected \(2,\) class ids"),
        ({"probabilities": [[0.5, 0.5]]}, r"probabilities, their shape: got \(1, 2\)"),
        ({"probabilities": [[1, 0], [np.nan, 0]]}, "probabilities, row 1: .* from 0 to 1"),
        ({"probabilities": [[3.0, -2.0], [1, 0]]}, "probabilities, row 0: .* from 0 to 1"),
        ({"sample_weight": [1, -1]}, "sample_weight: got .* 2 finite numbers of at least 0"),
    ],
)
def test_bad_input_is_refused_in_one_line(change, message):
    arguments = {"y_true": [0, 1], "probabilities": [[0.9, 0.1], [0.2, 0.8]], "labels": ["a", "b"]}
    with pytest.raises(InputError, match=message):
        classification_scores(**(arguments | change))
