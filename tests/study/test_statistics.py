import numpy as np
import pytest
from sklearn.metrics import f1_score

from imbalance import checks
from imbalance.study.predictions import LabelPredictions
from imbalance.study.statistics import combined_p, holm, mcnemar, mean_and_sd, paired_bootstrap


def noisy(truth, right, generator, classes=3):
    """Predictions that are right with probability `right`, and otherwise anything."""
    guess = generator.integers(classes, size=len(truth))
    return np.where(generator.random(len(truth)) < right, truth, guess)


def differences(truth, ours, theirs, classes, groups, **options):
    """The bootstrap of labels, of shape (n,) and (seeds, n)."""
    score = LabelPredictions.scorer(classes, groups)
    ours, theirs = (np.asarray(each)[..., None] for each in (ours, theirs))
    return paired_bootstrap(truth, ours, theirs, score, **options)


def test_the_difference_is_that_of_the_mean_over_seeds():
    generator = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [300, 60, 12])
    ours = [noisy(truth, 0.9, generator) for _ in range(3)]
    theirs = [noisy(truth, 0.8, generator) for _ in range(3)]
    found = differences(truth, ours, theirs, 3, {"macro_f1": [0, 1, 2], "tail": [2]}, resamples=300)

    def mean(average, labels=None):
        scores = [
            [f1_score(truth, each, average=average, labels=labels) for each in side]
            for side in (ours, theirs)
        ]
        return np.mean(scores[0]) - np.mean(scores[1])

    assert found["macro_f1"].difference == pytest.approx(mean("macro"))
    assert found["tail"].difference == pytest.approx(mean("macro", [2]))
    assert found["accuracy"].difference == pytest.approx(mean("micro"))
    for each in found.values():
        assert each.low < each.difference < each.high


def test_one_seed_gives_the_interval_of_the_normal_approximation():
    # 1,000 documents of one class; one system alone is right on 100, the other alone on 60.
    truth = np.zeros(1000, int)
    ours, theirs = np.ones((2, 1, 1000), int)
    ours[0, :100] = 0
    theirs[0, 100:160] = 0
    found = differences(truth, ours, theirs, 2, {})["accuracy"]
    error = np.sqrt((0.16 - 0.04**2) / 1000)
    assert found.difference == 0.04
    assert found.low == pytest.approx(0.04 - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(0.04 + 1.96 * error, abs=0.1 * error)
    assert 0.0005 < found.p < 0.005


def test_equal_systems_are_seldom_told_apart_and_unequal_ones_are():
    generator = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2], [200, 50, 20])

    def rejected(better):
        seeds = [[noisy(truth, right, generator) for _ in range(3)] for right in (better, 0.7)]
        found = differences(truth, *seeds, 3, {"macro_f1": range(3)}, resamples=200)
        return found["macro_f1"].low > 0 or found["macro_f1"].high < 0

    assert np.mean([rejected(0.7) for _ in range(150)]) <= 0.08
    assert np.mean([rejected(0.85) for _ in range(20)]) >= 0.8


def test_a_seed_that_contradicts_the_others_keeps_zero_inside():
    truth = np.zeros(2000, int)
    theirs = np.tile(np.arange(2000) % 4 == 0, (3, 1)).astype(int)
    ours = np.zeros_like(theirs)
    assert differences(truth, ours, theirs, 2, {})["accuracy"].low > 0
    ours[2] = np.arange(2000) % 2
    assert differences(truth, ours, theirs, 2, {})["accuracy"].low < 0


def test_equal_predictions_differ_by_nothing():
    truth = np.array([0, 1, 1])
    found = differences(truth, [truth], [truth], 2, {"macro_f1": [0, 1]})
    assert set(found.values()) == {(0.0, 0.0, 0.0, 1.0)}


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(checks.InputError, match="their shapes"):
        differences([0, 1], [[0, 1]], [[0, 1], [0, 1]], 2, {})


def test_mcnemar_on_a_known_table():
    # Agresti 1990, page 350: 794 and 570 agree, 86 and 150 do not.
    ours = np.repeat([True, True, False, False], [794, 150, 86, 570])
    theirs = np.repeat([True, False, True, False], [794, 150, 86, 570])
    assert mcnemar(ours, theirs) == pytest.approx(3.716e-05, rel=1e-3)
    assert mcnemar(ours, theirs) == mcnemar(theirs, ours)
    assert mcnemar(ours, ours) == 1


def test_corrections_for_many_tests():
    assert holm([0.04, 0.01, 0.05, 0.03, 0.02]) == pytest.approx([0.09, 0.05, 0.09, 0.09, 0.08])
    assert holm([]) == []
    assert combined_p([0.2]) == 0.2
    assert combined_p([0.3, 0.2]) == 0.3
    assert combined_p([0.9, 0.8, 0.7]) == 1


def test_one_value_has_no_deviation():
    assert mean_and_sd([0.5])[0] == 0.5
    assert np.isnan(mean_and_sd([0.5])[1])
