"""Tensors of gRPC to arrays."""

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from imbalance.serving.server.arrays import Spec, check_names, check_shape
from imbalance.serving.server.errors import wrong

# A tensor may hold one value for many cells; a few bytes must not become gigabytes.
_MOST_REPEATED = 1024


def to_arrays(tensors: Mapping, inputs: Mapping[str, Spec]) -> dict[str, np.ndarray]:
    """Return the arrays of a ``PredictRequest``'s inputs.

    Args:
        tensors: name to ``TensorProto``.
        inputs: what the signature takes.

    Raises:
        RequestError: names, types, shapes or sizes are not the signature's.

    Example:
        >>> text = {"text": Spec(np.dtype(object), (None,))}
        >>> to_arrays({"text": tf.make_tensor_proto(["a", "b"])}, text)
        {'text': array([b'a', b'b'], dtype=object)}
    """
    check_names(tensors, inputs, "inputs")
    return {name: _array(name, tensors[name], spec) for name, spec in inputs.items()}


def _array(name: str, tensor, spec: Spec) -> np.ndarray:
    try:
        dtype = tf.as_dtype(tensor.dtype)
    except TypeError:
        raise wrong(name, f"the type {tensor.dtype}", str(spec.dtype)) from None
    if dtype.as_numpy_dtype != spec.dtype:
        wanted = "string" if spec.is_string else spec.dtype.name
        raise wrong(name, f"the type {dtype.name}", wanted)
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    if tensor.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise wrong(name, "a tensor without a shape", "its shape")
    check_shape(name, shape, spec)
    size = math.prod(shape)
    if tensor.tensor_content:
        # Its bytes are its cells; of strings they would have no limits.
        held = len(tensor.tensor_content) / np.dtype(spec.dtype).itemsize
        fits = held == size and not spec.is_string
    else:
        held = sum(
            len(value) for field, value in tensor.ListFields() if field.name.endswith("_val")
        )
        fits = held == size or 0 < held < size <= _MOST_REPEATED
    if not fits:
        raise wrong(name, f"{held:g} values", f"{size}, as its shape says")
    return np.asarray(tf.make_ndarray(tensor))
