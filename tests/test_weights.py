import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from imbalance import weights
from imbalance.checks import InputError

COUNTS = np.array([1600, 740, 25, 33])


def test_balanced_equals_scikit_learn():
    rows = np.repeat(np.arange(len(COUNTS)), COUNTS)
    expected = compute_class_weight("balanced", classes=np.arange(len(COUNTS)), y=rows)
    np.testing.assert_allclose(weights.balanced_weights(COUNTS), expected)


@pytest.mark.parametrize(
    "values",
    [
        weights.balanced_weights(COUNTS),
        weights.effective_number_weights(COUNTS),
        weights.scale_to_mean_one([1, 2, 3, 4], COUNTS),
    ],
)
def test_the_mean_weight_of_a_row_is_one(values):
    assert (values * COUNTS).sum() == pytest.approx(COUNTS.sum())


def test_effective_number_lies_between_none_and_balanced():
    np.testing.assert_allclose(weights.effective_number_weights(COUNTS, beta=0.0), 1.0)
    nearly = weights.effective_number_weights(COUNTS, beta=1 - 1e-9)
    np.testing.assert_allclose(nearly, weights.balanced_weights(COUNTS), rtol=1e-4)


def test_effective_number_is_the_papers_formula():
    beta = 0.99
    unscaled = (1 - beta) / (1 - beta ** COUNTS.astype(float))
    values = weights.effective_number_weights(COUNTS, beta)
    np.testing.assert_allclose(values / values[0], unscaled / unscaled[0])


@pytest.mark.parametrize("function", [weights.balanced_weights, weights.effective_number_weights])
def test_a_class_without_rows_weighs_nothing(function):
    values = function([5, 0, 10])
    assert values[1] == 0
    assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("sampling", "shares"),
    [
        ("instance", COUNTS),
        ("square_root", COUNTS**0.5),
        ("class_balanced", [1, 1, 1, 1]),
        ("effective_number", 1 - 0.999**COUNTS),
    ],
)
def test_an_epoch_draws_its_rows_in_these_shares(sampling, shares):
    draws = weights.expected_draws(COUNTS, sampling)
    np.testing.assert_allclose(draws, COUNTS.sum() * np.array(shares) / np.sum(shares))
    assert weights.expected_draws([5, 0], sampling) == pytest.approx([5, 0])


def test_an_unknown_sampling_is_refused():
    with pytest.raises(InputError, match="did you mean 'square_root'"):
        weights.expected_draws(COUNTS, "squareroot")


@pytest.mark.parametrize("counts", [[], [0, 0], [-1, 2]])
def test_bad_counts_are_refused(counts):
    with pytest.raises(InputError, match="counts"):
        weights.balanced_weights(counts)


def test_bad_beta_is_refused():
    with pytest.raises(InputError, match="beta: got 1, expected"):
        weights.effective_number_weights(COUNTS, beta=1)
