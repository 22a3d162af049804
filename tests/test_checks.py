import math

import numpy as np
import pytest

from imbalance import checks
from imbalance.checks import InputError


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (-1, {"low": 0}),
        (0, {"low": 0, "low_open": True}),
        (1, {"high": 1, "high_open": True}),
        (2, {"high": 1}),
        (math.nan, {}),
        (math.inf, {}),
        (True, {}),
        ("1", {}),
        (None, {}),
    ],
)
def test_number_refuses(value, bounds):
    with pytest.raises(InputError) as error:
        checks.number("gamma", value, **bounds)
    assert str(error.value).startswith(f"gamma: got {value!r}, expected a number")


def test_number_takes_numpy_and_integers():
    assert checks.number("gamma", np.float32(0.5)) == 0.5
    assert checks.number("gamma", 2, low=2, high=2) == 2.0


@pytest.mark.parametrize("value", [1.0, "1", True, None, 0, 9])
def test_integer_refuses(value):
    with pytest.raises(InputError, match="bins: got .* expected a whole number of at least 1"):
        checks.integer("bins", value, low=1, high=8)


@pytest.mark.parametrize("value", [[], "12", 3, [1, -1], [0, 0], [1, math.nan], [1, None]])
def test_weights_refuses(value):
    with pytest.raises(InputError, match="class_weight"):
        checks.weights("class_weight", value)


def test_weights_names_the_expected_length():
    with pytest.raises(InputError, match=r"alpha: got \[1, 2\], expected 3 numbers"):
        checks.weights("alpha", [1, 2], length=3)


def test_unknown_lists_all_when_none_is_near():
    assert str(checks.unknown("model", "zzz", ["text_cnn"])).endswith("one of text_cnn")


def test_messages_are_one_line():
    error = checks.wrong("text", "line one\nline two" * 100, "something short")
    assert "\n" not in str(error)
    assert len(str(error)) < 150
