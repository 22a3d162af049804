"""Argument, shape and data errors, in one voice: ``what: got this, expected that``.

Everything a user can get wrong is raised as :class:`InputError`, a ``ValueError``. The
scripts print its single line and exit with status 2; any other exception is a defect of ours.
"""

import argparse
import difflib
import math
import numbers
import os
from collections.abc import Callable, Iterable, Sequence

_LONGEST_VALUE = 80
_LONGEST_MESSAGE = 2000
# What systems take for a path.
_LONGEST_NAME, _LONGEST_PATH = 255, 4000
# Of whole numbers: sizes, counts and positions are int32 in the end.
LARGEST = 2**31 - 1


class InputError(ValueError):
    """The user's argument, configuration or data is wrong; the message is one clear line.

    Names of files, columns and keys may be a stranger's: what no terminal should print, such as an
    escape sequence, is shown as Python writes it.

    Example:
        >>> print(InputError("a\x1b[2J.csv: is empty"))
        a\\x1b[2J.csv: is empty
    """

    def __init__(self, message: str):
        message = printable(message)
        short = len(message) <= _LONGEST_MESSAGE
        super().__init__(message if short else message[: _LONGEST_MESSAGE - 1] + "…")


class Interrupted(InputError):
    """Something from outside ended a run, such as the loss of a machine: it can be gone on with.

    Its exit status is that of a temporary failure (``EX_TEMPFAIL``), not that of wrong input.
    """


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return what reads an argument of a command, for ``argparse``.

    Example:
        >>> whole(1, 9)("7")
        7
    """

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(
                f"got {text!r}, expected a whole number from {low} to {high}"
            )
        return int(text)

    return parse


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line, as everything else does."""

    def error(self, message):
        raise InputError(f"{message}; see {self.prog} --help")


def show(value) -> str:
    """Return ``repr(value)`` on one line, shortened to something a terminal line can hold.

    A path is shown as its text is, and keeps its end, which tells it from others.

    Example:
        >>> show("a" * 100)[-5:]
        'aaaa…'
        >>> from pathlib import Path
        >>> show(Path("a" * 100, "file.csv"))[-13:]
        "aaa/file.csv'"
    """
    path = isinstance(value, os.PathLike)
    try:
        text = " ".join(repr(os.fspath(value) if path else value).split())
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of levels
        text = f"a {type(value).__name__} that is too large to show"
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"'…{text[2 - _LONGEST_VALUE :]}" if path else text[: _LONGEST_VALUE - 1] + "…"


def printable(text: str) -> str:
    """Return text with what no terminal should print, such as an escape sequence, as Python writes
    it.

    Example:
        >>> printable("很好\x1b[2J")
        '很好\\\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def wrong(name: str, value, expected: str) -> InputError:
    """Build (not raise) the error ``name: got value, expected expected``.

    Example:
        >>> wrong("gamma", -1, "a number of at least 0")
        InputError('gamma: got -1, expected a number of at least 0')
    """
    return InputError(f"{name}: got {show(value)}, expected {expected}")


def number(
    name: str,
    value,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
) -> float:
    """Return ``value`` as a float if it is a finite number within the bounds.

    Example:
        >>> number("alpha", 0.25, low=0, high=1)
        0.25
        >>> number("gamma", -1, low=0)
        Traceback (most recent call last):
        ...
        imbalance.checks.InputError: gamma: got -1, expected a number of at least 0
    """
    fits = (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and _finite(value)
        and (value > low if low_open else value >= low)
        and (value < high if high_open else value <= high)
    )
    if not fits:
        raise wrong(name, value, "a number" + _bounds(low, high, low_open, high_open))
    return float(value)


def integer(name: str, value, *, low: int | None = None, high: int | None = None) -> int:
    """Return ``value`` as an int if it is a whole number within the bounds, and one of int32."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if high is None and whole and value > LARGEST:
        high = LARGEST
    fits = whole and (low is None or value >= low) and (high is None or value <= high)
    if not fits:
        bounds = _bounds(-math.inf if low is None else low, math.inf if high is None else high)
        raise wrong(name, value, "a whole number" + bounds)
    return int(value)


def boolean(name: str, value) -> bool:
    """Return ``value`` if it is True or False."""
    if not isinstance(value, bool):
        raise wrong(name, value, "true or false")
    return value


def text(name: str, value) -> str:
    """Return ``value`` if it is a string with something in it."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(name, value, "a non-empty string")
    return value


def path(name: str, value) -> str:
    """Return ``value`` if it is a string that a file or folder can be called."""
    text(name, value)
    try:
        parts = os.fsencode(value).split(b"/")
    except UnicodeEncodeError:
        parts = [b"\0"]
    longest = max(map(len, parts))
    if (
        any(b"\0" in part for part in parts)
        or longest > _LONGEST_NAME
        or len(value) > _LONGEST_PATH
    ):
        raise wrong(name, value, f"a path of names of at most {_LONGEST_NAME} bytes")
    return value


def choice(name: str, value, choices: Iterable):
    """Return ``value`` if it is one of ``choices``; offer the nearest names otherwise."""
    choices = list(choices)
    if not isinstance(value, (str, type(None))) or value not in choices:
        raise wrong(name, value, "one of " + _listed(choices) + did_you_mean(value, choices))
    return value


def unknown(kind: str, name, known: Iterable[str]) -> InputError:
    """Build the error for a name that is in no table, offering the nearest known names.

    Example:
        >>> print(unknown("loss", "tversky", ["tversky_loss", "dice_loss"]))
        loss: got 'tversky', expected a known name; did you mean 'tversky_loss'?
    """
    known = sorted(known)
    hint = did_you_mean(name, known)
    expected = "a known name" + hint if hint else "one of " + _listed(known)
    return wrong(kind, name, expected)


def did_you_mean(name, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x' or 'y'?``, or nothing when no known name is near."""
    name = show(name) if not isinstance(name, str) else name
    if len(name) > _LONGEST_VALUE:  # a comparison takes as long as both are
        return ""
    near = difflib.get_close_matches(name, [str(each) for each in known], n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def keys(name: str, mapping, known: Iterable[str]) -> None:
    """Refuse a mapping with a key that is not in ``known``."""
    known = list(known)
    for key in mapping:
        if key not in known:
            place = key if isinstance(key, str) and len(key) <= _LONGEST_VALUE else show(key)
            place = f"{name}.{place}" if name else place
            raise InputError(
                f"{place}: unknown key, expected one of {_listed(known)}" + did_you_mean(key, known)
            )


def by_name(name: str, mapping) -> dict[str, object]:
    """Return a mapping whose keys are labels: numbers in YAML, they are text in the data.

    Raises:
        InputError: if two keys are one label.

    Example:
        >>> by_name("weights", {1: 0.5, "b": 2})
        {'1': 0.5, 'b': 2}
        >>> by_name("weights", {1: 0.5, "1": 2})
        Traceback (most recent call last):
        ...
        imbalance.checks.InputError: weights: got {1: 0.5, '1': 2}, expected each label once
    """
    named = {str(key): value for key, value in mapping.items()}
    if len(named) < len(mapping):
        raise wrong(name, mapping, "each label once")
    return named


def weights(name: str, values, *, length: int | None = None) -> tuple[float, ...]:
    """Return ``values`` as a tuple of finite numbers, none negative and not all zero.

    Args:
        name: the argument's name, for the message.
        values: a sequence of numbers, one a class.
        length: how many are expected; ``None`` accepts any number but zero.
    """
    if hasattr(values, "tolist"):
        values = values.tolist()
    expected = "a list of numbers of at least 0, one a class, not all 0"
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
        raise wrong(name, values, expected)
    for each in values:
        number(f"{name}, one of its numbers", each, low=0)
    if not any(values):
        raise wrong(name, values, expected)
    if length is not None and len(values) != length:
        raise wrong(name, values, f"{length} numbers, one a class (there are {len(values)})")
    return tuple(float(each) for each in values)


def _bounds(low, high, low_open=False, high_open=False) -> str:
    parts = []
    if low != -math.inf:
        parts.append(f"{'above' if low_open else 'of at least'} {low:.15g}")
    if high != math.inf:
        parts.append(f"{'below' if high_open else 'of at most'} {high:.15g}")
    return " " + " and ".join(parts) if parts else ""


def _finite(value) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond the floats
        return False


def _listed(names: Iterable) -> str:
    return ", ".join(map(str, names))
