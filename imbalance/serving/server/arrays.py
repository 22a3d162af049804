"""What a signature takes and gives: names, types and shapes, and the checks of a request."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from imbalance.serving.server.errors import RequestError, wrong


class Spec(NamedTuple):
    """Type and shape of an input or output.

    Attributes:
        dtype: NumPy's; ``object`` for strings, whose cells are ``bytes``.
        shape: one entry a dimension, ``None`` where any size goes; ``None`` for any shape.
    """

    dtype: np.dtype
    shape: tuple[int | None, ...] | None

    @property
    def is_string(self) -> bool:
        """Whether cells are byte strings."""
        return self.dtype == object

    def fits(self, shape) -> bool:
        """Whether a value of this shape may be given."""
        return self.shape is None or (
            len(shape) == len(self.shape)
            and all(own in (None, size) for own, size in zip(self.shape, shape, strict=True))
        )


def shown(shape) -> str:
    """Return a shape as text.

    Example:
        >>> shown((None, 3))
        '[any, 3]'
    """
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"


def check_names(given, inputs: Mapping[str, Spec], place: str) -> None:
    """Refuse a request whose inputs are not those of the signature."""
    if set(given) != set(inputs):
        listed = ", ".join(sorted(map(str, given))[:10]) or "none"
        raise wrong(place, f"the inputs {listed}", "exactly " + ", ".join(sorted(inputs)))


def check_shape(name: str, shape, spec: Spec) -> None:
    """Refuse a value of a wrong shape."""
    if not spec.fits(shape):
        raise wrong(name, f"the shape {shown(shape)}", f"{shown(spec.shape)}")


def rows(arrays: Mapping[str, np.ndarray]) -> int:
    """Return how many rows a request has: the first dimension of all that have one.

    Example:
        >>> rows({"text": np.array([b"a", b"b"], object), "k": np.array(3)})
        2
    """
    counts = {name: len(each) for name, each in arrays.items() if each.ndim}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise wrong("inputs", f"rows {listed}", "as many of each")
    count = next(iter(counts.values()), 1)
    if not count:
        raise RequestError("INVALID_ARGUMENT", "inputs: got no rows, expected at least one")
    return count
