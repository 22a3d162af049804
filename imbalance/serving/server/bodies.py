"""Bodies of HTTP requests and answers: JSON to arrays and back, in row and column form."""

import base64
import json
from collections.abc import Mapping

import numpy as np

from imbalance import checks
from imbalance.checks import InputError
from imbalance.serving.server.arrays import Spec, check_names
from imbalance.serving.server.cells import is_base64, kind, to_array
from imbalance.serving.server.errors import RequestError, wrong

# Of a body; TensorFlow Serving passes over others, and a signature misspelt so would not be asked.
_KEYS = ("signature_name", "instances", "inputs")
# The name that ends so holds bytes that are no text.
_BYTES = "_bytes"


def parse(body: bytes) -> dict:
    """Return the object that a body is, as strict JSON: no NaN, no key twice, broken UTF-8 refused.

    Example:
        >>> parse(b'{"instances": ["a"]}')
        {'instances': ['a']}
        >>> parse(b'{"a": 1, "a": 2}')
        Traceback (most recent call last):
        ...
        imbalance.serving.server.errors.RequestError: body: got the key 'a' twice, expected it once
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong(
            "body",
            f"a byte that is no UTF-8 at {error.start}",
            'UTF-8; such a text can be sent as {"b64": "..."}',
        ) from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise wrong("body", "JSON nested too deeply", "a few levels") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise RequestError("INVALID_ARGUMENT", f"body: no JSON at {place}: {error.msg}") from None
    except ValueError:
        raise wrong("body", "a whole number of thousands of digits", "shorter ones") from None
    if not isinstance(value, dict):
        raise wrong("body", kind(value), "an object")
    return value


def signature_name(body: Mapping) -> str:
    """Return the name of the signature that a body asks for; empty if it names none."""
    name = body.get("signature_name", "")
    if not isinstance(name, str):
        raise wrong("signature_name", kind(name), "a string")
    return name


def to_arrays(body: Mapping, inputs: Mapping[str, Spec]) -> tuple[dict[str, np.ndarray], bool]:
    """Return the arrays of a request and whether it came in row form.

    Args:
        body: with ``instances``, a list of rows, or with ``inputs``, the columns; and, if wanted,
            ``signature_name``.
        inputs: what the signature takes.

    Raises:
        RequestError: the body is not of that form, or has other keys.

    Example:
        >>> text = {"text": Spec(np.dtype(object), (None,))}
        >>> to_arrays({"instances": ["a", {"b64": "/w=="}]}, text)
        ({'text': array([b'a', b'\\xff'], dtype=object)}, True)
        >>> to_arrays({"inputs": {"text": ["a"]}}, text)
        ({'text': array([b'a'], dtype=object)}, False)
    """
    try:
        checks.keys("body", body, _KEYS)
    except InputError as error:
        raise RequestError("INVALID_ARGUMENT", str(error)) from None
    if ("instances" in body) == ("inputs" in body):
        count = "both" if "inputs" in body else "neither"
        raise wrong("body", f"{count} of 'instances' and 'inputs'", "one of them")
    in_rows = "instances" in body
    columns = (_of_rows if in_rows else _of_columns)(body, inputs)
    return {name: to_array(name, columns[name], spec) for name, spec in inputs.items()}, in_rows


def _of_rows(body, inputs) -> dict:
    found = body["instances"]
    if not isinstance(found, list) or not found:
        raise wrong("instances", kind(found), "a list with at least one row")
    single = next((name for name, spec in inputs.items() if spec.shape == ()), None)
    if single is not None:
        raise RequestError(
            "INVALID_ARGUMENT",
            f"instances: {single} is one value for all rows, expected the column form, 'inputs'",
        )
    if not _is_object(found[0]):
        if len(inputs) > 1:
            wanted = "an object with " + ", ".join(sorted(inputs))
            raise wrong("instances[0]", kind(found[0]), wanted)
        return {next(iter(inputs)): found}
    for index, row in enumerate(found):
        if not _is_object(row):
            raise wrong(f"instances[{index}]", kind(row), "an object as the first row")
        check_names(row, inputs, f"instances[{index}]")
    return {name: [row[name] for row in found] for name in inputs}


def _of_columns(body, inputs) -> Mapping:
    found = body["inputs"]
    if _is_object(found):
        check_names(found, inputs, "inputs")
        return found
    if len(inputs) > 1:
        raise wrong("inputs", kind(found), "an object with " + ", ".join(sorted(inputs)))
    return {next(iter(inputs)): found}


def to_body(outputs: Mapping[str, np.ndarray], in_rows: bool) -> dict:
    """Return the object that answers a request, in the request's form.

    A single output stands without its name.

    Example:
        >>> to_body({"a": np.array([1, 2]), "b": np.array([b"x", b"y"], object)}, True)
        {'predictions': [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}]}
        >>> to_body({"a": np.array([1, 2])}, False)
        {'outputs': [1, 2]}
    """
    columns = {name: _values(name, array) for name, array in outputs.items()}
    single = next(iter(columns)) if len(columns) == 1 else None
    if not in_rows:
        return {"outputs": columns[single] if single else columns}
    if single:
        return {"predictions": columns[single]}
    names = list(columns)
    each_row = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(names, row, strict=True)) for row in each_row]}


def _values(name: str, array: np.ndarray):
    if array.dtype == object:
        convert = _to_base64 if name.endswith(_BYTES) else _to_text
        flat = np.empty(array.size, object)
        flat[:] = [convert(each) for each in array.ravel()]
        return flat.reshape(array.shape).tolist()
    if array.dtype == np.float32:
        # The shortest digits that read back as the same float32, as TensorFlow Serving writes.
        return array.astype(str).astype(np.float64).tolist()
    return array.tolist()


def _to_text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


def _to_base64(value: bytes) -> dict:
    return {"b64": base64.b64encode(value).decode("ascii")}


def _unique(pairs) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise wrong("body", f"the key {twice[:40]!r} twice", "it once")
    return found


def _no_constant(name):
    raise wrong("body", name, "JSON, which has no such number")


def _is_object(value) -> bool:
    return isinstance(value, dict) and not is_base64(value)
