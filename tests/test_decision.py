import json

import numpy as np
import pytest

from imbalance.checks import InputError
from imbalance.decision import Decision, log_loss, log_probabilities
from imbalance.models import probabilities

LABELS = ("体育", "law", "c")
RULE = Decision((0.7, 0.2, 0.1), (0.0, -0.25, 0.5), temperature=1.5, prior_correction=0.8)


def random_logits(units, rows=200):
    return np.random.default_rng(units).normal(size=(rows, units)) * 4


@pytest.mark.parametrize(
    ("activation", "units"), [("softmax", 4), ("softmax", 2), ("sigmoid", 1), ("sigmoid", 3)]
)
def test_log_probabilities_are_those_of_the_heads(activation, units):
    logits = random_logits(units)
    expected = probabilities(logits, activation)
    np.testing.assert_allclose(np.exp(log_probabilities(logits, activation)), expected, atol=1e-6)


def test_log_loss_of_one_vs_rest_is_that_of_each_sigmoid():
    logits, y_true = random_logits(3, 50), np.arange(50) % 3
    p, y = 1 / (1 + np.exp(-logits)), np.eye(3)[y_true]
    expected = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1)
    weights = np.linspace(0, 1, 50)
    found = log_loss(logits, y_true, weights, "sigmoid")
    assert found == pytest.approx(np.average(expected, weights=weights))


def test_without_settings_it_is_the_largest_probability():
    rows = np.exp(log_probabilities(random_logits(3), "softmax")).astype("float32")
    rows[0] = [0.4, 0.4, 0.2]
    rule = Decision.from_counts([90, 0, 9])
    assert rule.weights.tolist() == [1, 1, 1]
    assert rule.decide(rows).tolist() == rows.argmax(axis=1).tolist()
    assert rule.decide(rows)[0] == 0


def test_decision_follows_the_formula():
    logits = random_logits(3)
    p = np.exp(logits / 1.5)
    p /= p.sum(axis=1, keepdims=True)
    expected = (p * np.array([0.7, 0.2, 0.1]) ** -0.8 * np.exp([0.0, -0.25, 0.5])).argmax(axis=1)
    logs, ids = RULE.apply(logits, "softmax")
    np.testing.assert_allclose(np.exp(logs), p)
    assert ids.tolist() == RULE.decide(p.astype("float32")).tolist() == expected.tolist()
    assert (expected != p.argmax(axis=1)).any()


def test_a_full_prior_correction_gives_the_label_of_equal_priors():
    # p(y | x) ∝ π_y p(x | y): what is left without π is the likelihood.
    likelihoods = np.random.default_rng(0).uniform(size=(100, 3))
    posteriors = likelihoods * [0.7, 0.2, 0.1]
    posteriors /= posteriors.sum(axis=1, keepdims=True)
    rule = Decision((0.7, 0.2, 0.1), prior_correction=1.0)
    assert rule.decide(posteriors).tolist() == likelihoods.argmax(axis=1).tolist()


def test_two_classes_have_a_threshold():
    rule = Decision((0.9, 0.1), (0.0, 0.3), prior_correction=0.5)
    p = np.linspace(0, 1, 101)
    found = rule.decide(np.stack([1 - p, p], axis=1))
    assert found.tolist() == (p > rule.threshold).astype(int).tolist()
    assert RULE.threshold is None


def test_the_strongest_correction_still_gives_rare_classes_weight():
    rule = Decision.from_counts([10**6, 1], prior_correction=3.0)
    assert (rule.weights > 0).all()


def test_round_trip_through_json():
    assert Decision.from_json("x", RULE.to_json(LABELS), LABELS) == RULE


def changed(**changes):
    return json.dumps({**json.loads(RULE.to_json(LABELS)), **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("[" * 99999, "is no JSON"),
        ("[1]", "expected the keys"),
        ('{"temperature": 1}', "expected the keys"),
        (changed(temperature=0), "temperature: got 0"),
        (changed(temperature="1"), "temperature: got '1'"),
        (changed(temperature=float("nan")), "temperature: got nan"),
        (changed(prior_correction=9), "prior_correction: got 9"),
        (changed(classes={}), "its classes: got {}"),
        (changed(classes=dict.fromkeys(LABELS, 1)), "class 体育: got 1, expected prior and offset"),
        (RULE.to_json(("a", "b", "c")), "its classes"),
        (RULE.to_json(LABELS).replace("0.2,", "0,"), "priors, one of them: got 0"),
        (RULE.to_json(LABELS).replace("-0.25", "1e9"), "offsets, one of them: got 1000000000"),
    ],
)
def test_damaged_json_is_refused_in_one_line(text, message):
    with pytest.raises(InputError) as error:
        Decision.from_json("run/decision.json", text, LABELS)
    assert str(error.value).startswith("run/decision.json")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_offsets_of_another_length_are_refused():
    with pytest.raises(InputError, match="offsets: .*expected 2 numbers, one a class"):
        Decision((0.5, 0.5), (0.0,))
