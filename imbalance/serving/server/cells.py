"""Values of JSON to arrays, and what is said of a value that is not what an input takes."""

import base64
import binascii
import math

import numpy as np

from imbalance.serving.server.arrays import Spec, check_shape
from imbalance.serving.server.errors import wrong


def to_array(name: str, value, spec: Spec) -> np.ndarray:
    """Return the array that a value of an input means.

    Args:
        name: the input's, for the message.
        value: of JSON: cells in as many lists as the input has dimensions.
        spec: the input's.

    Raises:
        RequestError: it is no such value.

    Example:
        >>> to_array("text", ["a", {"b64": "/w=="}], Spec(np.dtype(object), (None,)))
        array([b'a', b'\\xff'], dtype=object)
        >>> to_array("text", None, Spec(np.dtype(object), (None,)))
        Traceback (most recent call last):
        ...
        imbalance.serving.server.errors.RequestError: text: got null, expected a list of strings
    """
    rank = _depth(value) if spec.shape is None else len(spec.shape)
    # Level by level and not by recursion: how deep it goes is the client's choice.
    cells, shape = [value], []
    for level in range(rank):
        size = len(cells[0]) if cells and isinstance(cells[0], list) else 0
        for index, each in enumerate(cells):
            if not isinstance(each, list):
                expected = (
                    "a list of " + "lists of " * (rank - level - 1) + _PLURALS[spec.dtype.kind]
                )
                raise wrong(_place(name, index, shape), kind(each), expected)
            if len(each) != size:
                got, expected = f"a list of {len(each)}", f"a list of {size} as its neighbours"
                raise wrong(_place(name, index, shape), got, expected)
        shape.append(size)
        cells = [cell for each in cells for cell in each]
    check_shape(name, shape, spec)
    convert = _CONVERSIONS[spec.dtype.kind]
    array = np.empty(len(cells), spec.dtype)
    for index, cell in enumerate(cells):
        try:
            array[index] = convert(cell, spec.dtype)
        except _CellError as error:
            raise wrong(_place(name, index, shape), *error.args) from None
    return array.reshape(shape)


def _depth(value) -> int:
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def _place(name: str, index: int, shape) -> str:
    """Name a cell, or a list, by its number among those of its level."""
    return name + "".join(f"[{each}]" for each in np.unravel_index(index, shape)) if shape else name


class _CellError(Exception):
    """What a cell is and what was expected."""


def _to_bytes(value, _) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise _CellError("half of a surrogate pair", "a whole character") from None
    if not is_base64(value):
        raise _CellError(kind(value), 'a string or {"b64": "..."}')
    try:
        text = value["b64"].rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _CellError("a 'b64' that is no base64", "base64") from None


def _to_whole(value, dtype) -> int:
    limits = np.iinfo(dtype)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _CellError(kind(value), "a whole number")
    if not limits.min <= value <= limits.max:
        raise _CellError("a number out of range", f"one from {limits.min} to {limits.max}")
    return value


def _to_real(value, dtype) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _CellError(kind(value), "a number")
    # Compared before it is converted: a whole number may be too long for a float.
    if not abs(value) <= float(np.finfo(dtype).max):
        raise _CellError("a number out of range", f"one that {dtype} holds")
    return float(value)


def _to_boolean(value, _) -> bool:
    if not isinstance(value, bool):
        raise _CellError(kind(value), "true or false")
    return value


_CONVERSIONS = {"O": _to_bytes, "i": _to_whole, "u": _to_whole, "f": _to_real, "b": _to_boolean}
_PLURALS = {
    "O": "strings",
    "i": "whole numbers",
    "u": "whole numbers",
    "f": "numbers",
    "b": "true or false",
}


def is_base64(value) -> bool:
    """Whether a value is ``{"b64": "..."}``, the form of bytes that are no text."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def kind(value) -> str:
    """Name what JSON calls the value; the value itself may be of megabytes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float) and not math.isfinite(value):
        return "a number out of range"
    names = {
        str: "a string",
        int: "a number",
        float: "a number",
        list: "a list" if value else "an empty list",
        dict: "an object",
    }
    return names[type(value)]
