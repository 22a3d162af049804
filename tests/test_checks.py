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


@pytest.mark.parametrize("value", [10**400, -(10**400)], ids=["above", "below"])
def test_a_number_beyond_the_floats_is_refused(value):
    with pytest.raises(InputError, match="gamma: got -?10.*, expected a number"):
        checks.number("gamma", value)


def test_sizes_are_of_int32():
    assert checks.integer("bins", 2**31 - 1, low=1) == 2**31 - 1
    with pytest.raises(InputError, match="of at least 1 and of at most 2147483647"):
        checks.integer("bins", 2**31, low=1)


@pytest.mark.parametrize("value", [16**9000, [16**9000]], ids=["number", "list"])
def test_what_has_no_representation_is_shown_all_the_same(value):
    with pytest.raises(InputError, match="bins: got a (int|list) that is too large to show"):
        checks.integer("bins", value)


def test_a_message_has_nothing_that_moves_the_cursor():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    for error in (
        InputError("\x1b[2Ja\r\nb\u2028\ud800.csv: is empty"),
        checks.wrong("text", nested, "a string"),
    ):
        assert str(error).isprintable()
    assert str(InputError("a\nb")) == r"a\nb"


def test_a_key_of_a_stranger_is_shown_short():
    with pytest.raises(InputError) as caught:
        checks.keys("data", {"k" * 5000: 1, "b": 2}, ["b"])
    assert len(str(caught.value)) < 150
    with pytest.raises(InputError, match="unknown key"):
        checks.keys("", {(1, "\n"): 1}, ["b"])


def test_a_message_has_an_end():
    assert len(str(InputError("a" * 10**6))) == 2000
