"""Fitting the decision layer: what is recovered, what is never lost, and whole runs with it."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from imbalance import models, run_folder
from imbalance.checks import InputError
from imbalance.commands import results
from imbalance.config import DecisionConfig, RunConfig, ServingConfig
from imbalance.data import load
from imbalance.run_folder import Run
from imbalance.serving.export import export
from imbalance.training.decisions import fit, write
from imbalance.training.fit import fit as train
from imbalance.training.settings import check

COUNTS = np.array([600, 400, 200, 100, 40, 20])
PRIORS = COUNTS / COUNTS.sum()


def simulated(tilt, rows, seed):
    """Return ids and logits of a true posterior whose priors are raised to the power ``tilt``."""
    random = np.random.default_rng(seed)
    classes = len(COUNTS)
    means = np.random.default_rng(0).normal(size=(classes, 8))
    y_true = random.choice(classes, rows, p=PRIORS)
    features = means[y_true] + random.normal(size=(rows, 8))
    likelihood = features @ means.T - (means**2).sum(axis=1) / 2
    return y_true, likelihood + tilt * np.log(PRIORS)


def macro_f1(y_true, predicted):
    return f1_score(y_true, predicted, labels=range(len(COUNTS)), average="macro", zero_division=0)


@pytest.mark.parametrize("sharpness", [0.4, 2.5])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_known_temperature_is_recovered(sharpness, activation):
    y_true, logits = simulated(1.0, 6000, seed=1)
    if activation == "sigmoid":  # two classes, one unit
        logits = logits[:, 1:2]
        y_true = (np.random.default_rng(0).uniform(size=6000) < 1 / (1 + np.exp(-logits[:, 0]))) * 1
    counts = COUNTS if activation == "softmax" else [1, 1]
    fitted = fit(DecisionConfig(temperature=True), counts, logits * sharpness, y_true, activation)
    assert fitted.decision.temperature == pytest.approx(sharpness, rel=0.06)
    assert fitted.after == fitted.before
    assert fitted.held_out is None


@pytest.mark.parametrize("tilt", [-0.5, 0.0, 1.0, 2.5])
@pytest.mark.parametrize(
    "config",
    [DecisionConfig("auto"), DecisionConfig(thresholds=True), DecisionConfig("auto", True, True)],
    ids=["prior", "thresholds", "all"],
)
@pytest.mark.parametrize("rows", [40, 400])
def test_what_is_fitted_never_lowers_the_validation_macro_f1(config, tilt, rows):
    y_true, logits = simulated(tilt, rows, seed=2)
    fitted = fit(config, COUNTS, logits, y_true)
    predicted = fitted.decision.apply(logits, "softmax")[1]
    assert fitted.after == pytest.approx(macro_f1(y_true, predicted))
    assert fitted.before == pytest.approx(macro_f1(y_true, logits.argmax(axis=1)))
    assert fitted.after >= fitted.before


@pytest.mark.parametrize("tilt", [0.0, 2.5])
def test_tilted_priors_are_corrected_for_rows_not_seen(tilt):
    y_true, logits = simulated(tilt, 600, seed=3)
    fresh, fresh_logits = simulated(tilt, 20_000, seed=4)
    before = macro_f1(fresh, fresh_logits.argmax(axis=1))
    gains = {}
    for name, config in (
        ("prior", DecisionConfig("auto")),
        ("offsets", DecisionConfig(thresholds=True)),
        ("both", DecisionConfig("auto", thresholds=True)),
    ):
        rule = fit(config, COUNTS, logits, y_true).decision
        gains[name] = macro_f1(fresh, rule.apply(fresh_logits, "softmax")[1]) - before
    assert min(gains.values()) > 0.02, gains


def test_a_network_that_decides_well_loses_little():
    y_true, logits = simulated(0.8, 600, seed=5)
    fresh, fresh_logits = simulated(0.8, 20_000, seed=6)
    rule = fit(DecisionConfig("auto", True, True), COUNTS, logits, y_true).decision
    lost = macro_f1(fresh, fresh_logits.argmax(axis=1)) - macro_f1(
        fresh, rule.apply(fresh_logits, "softmax")[1]
    )
    assert lost < 0.02


def test_one_row_of_a_class_does_not_move_its_offset_far():
    # Class 2 has one row, far on the side of class 0: to catch it would cost nothing in F1.
    logits = np.log([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01]] * 50 + [[0.7, 0.01, 0.29]])
    y_true = [0, 1] * 50 + [2]
    rule = fit(DecisionConfig(thresholds=True), [50, 50, 1], logits, y_true).decision
    # Without the penalty and the folds it would be log(.70 / .29) = .88 at least.
    assert abs(rule.offsets[2]) < 0.88


def test_a_network_that_is_always_wrong_is_no_failure():
    """For some corrections not a single row is right."""
    y_true = np.arange(60) % 6
    logits = np.eye(6)[(y_true + 1) % 6] * 50
    fitted = fit(DecisionConfig("auto", True, True), COUNTS, logits, y_true, "softmax")
    assert fitted.after >= fitted.before == 0


def test_weights_of_rows_count():
    logits = np.array([[1.0, 0.0], [0.3, 0.0]] * 30)
    y_true, nothing = np.array([0, 1] * 30), np.zeros(60)
    found = [
        fit(DecisionConfig(thresholds=True), [1, 1], logits, y_true, weights=nothing + own).decision
        for own in (1.0, np.array([1.0, 0.0] * 30))
    ]
    assert found[0].threshold < 0.5
    assert found[1].threshold == 0.5


def configured(corpus, **changes):
    return RunConfig.from_mapping(
        {
            "data": {"source": str(corpus), "validation_fraction": 0.3, "max_length": 20},
            "model": {"args": {"embedding_dim": 8, "filters": 8, "kernel_sizes": [1, 2]}},
            "training": {"epochs": 2, "batch_size": 16, "learning_rate": 0.003},
            **changes,
        }
    )


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory):
    path = tmp_path_factory.mktemp("two") / "train.csv"
    rows = [f"好{'的' * row}{'坏' * (row % 3 == 0)},good" for row in range(60)]
    rows += [f"坏{'的' * row}{'好' * (row % 2)},bad" for row in range(20)]
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=["softmax", "one sigmoid"])
def decided(request, tmp_path_factory):
    """A corpus, the run on it that decides by more than the largest probability, its summary."""
    data, loss, settings = {
        "softmax": ("small_corpus", "cross_entropy", {"prior_correction": 1.5}),
        "one sigmoid": ("two_classes", "binary_focal_loss", {"thresholds": True}),
    }[request.param]
    config = configured(
        request.getfixturevalue(data), loss=loss, decision={**settings, "temperature": True}
    )
    corpus = load(config.data)
    folder = tmp_path_factory.mktemp("decided") / "run"
    folder.mkdir()
    summary = train(config, corpus, folder).summary["decision"]
    return corpus, Run(folder), summary


def test_run_evaluation_and_savedmodel_decide_alike(decided, tmp_path):
    corpus, run, summary = decided
    validation = corpus.splits["validation"]
    rows = np.arange(len(validation))
    found = run.probabilities(validation.texts)
    ids = run.decision.decide(found)
    assert (ids != found.argmax(axis=1)).any(), "a case that could not fail"
    scores = results.evaluate(run, corpus, ["validation"], "run")["validation"]["all"]
    assert scores["macro_f1"] == pytest.approx(summary["validation_macro_f1"]["after"])
    own = found[rows, validation.labels] / found.sum(axis=1)
    assert scores["log_loss"] == pytest.approx(-np.log(own).mean())

    # Once more from the network's logits, by NumPy alone.
    logits = run.model(run.encoder.encode(validation.texts).to_tensor()).numpy()
    logs, expected = run.decision.apply(logits, run.activation)
    np.testing.assert_allclose(found, np.exp(logs), atol=1e-5)
    assert ids.tolist() == expected.tolist()

    exported = export(run, tmp_path, ServingConfig(tables="none"))
    serve = tf.saved_model.load(exported.path).signatures["serving_default"]
    answer = serve(text=tf.constant(list(validation.texts)))
    np.testing.assert_allclose(answer["probabilities"], found, atol=1e-5)
    np.testing.assert_allclose(answer["score"], found[rows, ids], atol=1e-5)
    labels = [each.decode() for each in answer["label"].numpy()]
    assert labels == [run.labels[each] for each in ids]


def test_all_off_writes_nothing(tmp_path):
    assert write(DecisionConfig(), None, "softmax", None, COUNTS, "abcdef", tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_before_the_decision_layer_decides_as_before(decided, tmp_path):
    corpus, run, _ = decided
    texts = corpus.splits["validation"].texts
    shutil.copytree(run.path, tmp_path / "old")
    (tmp_path / "old" / run_folder.DECISION).unlink()
    with pytest.raises(InputError, match="lacks decision.json"):
        Run(tmp_path / "old").probabilities(texts)
    old = {key: value for key, value in run.config.to_mapping().items() if key != "decision"}
    (tmp_path / "old" / run_folder.CONFIG).write_text(json.dumps(old), encoding="utf-8")
    run = Run(tmp_path / "old")
    found = run.probabilities(texts)
    logits = run.model(run.encoder.encode(texts).to_tensor())
    np.testing.assert_allclose(found, models.probabilities(logits, run.activation), atol=1e-6)
    assert run.decision.decide(found).tolist() == found.argmax(axis=1).tolist()


def test_fitting_without_validation_rows_is_refused_before_data_are_read(small_corpus):
    config = configured("no/such/place", decision={"thresholds": True})
    mapping = config.to_mapping()
    mapping["data"]["validation_fraction"] = 0
    with pytest.raises(InputError, match="data.validation_fraction: got 0, expected a number ab"):
        check(RunConfig.from_mapping(mapping))
    mapping["decision"] = {"prior_correction": 1}
    check(RunConfig.from_mapping(mapping))


def test_too_few_validation_rows_are_refused_before_training(small_corpus, tmp_path):
    config = configured(small_corpus, decision={"thresholds": True})
    mapping = config.to_mapping()
    mapping["data"]["validation_fraction"] = 0.05
    config = RunConfig.from_mapping(mapping)
    with pytest.raises(InputError, match="validation rows of the largest class: got 2, expected"):
        train(config, load(config.data), tmp_path)
    assert list(tmp_path.iterdir()) == []
