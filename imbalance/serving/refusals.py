"""What a graph refuses, in one clear line."""

import tensorflow as tf


def require(condition: tf.Tensor, message: str, *values: tf.Tensor) -> tf.Operation:
    """Return an operation that fails unless ``condition`` holds, for control dependencies.

    Args:
        condition: bool, a scalar.
        message: with ``{}`` for each of the values.
        values: tensors.

    Example:
        >>> require(tf.constant(0) > 0, "k: got {}, expected at least 1", tf.constant(0))
        Traceback (most recent call last):
        ...
        tensorflow.python.framework.errors_impl.InvalidArgumentError: ...
    """
    line = tf.strings.format(message, values) if values else tf.constant(message)
    return tf.debugging.Assert(condition, [line], summarize=1)


def require_pairs(**sides: tf.Tensor) -> tf.Operation:
    """Return such an operation: there are as many of the one as of the other.

    Args:
        sides: names of two inputs and their values, whose first dimension is the batch.
    """
    (first, one), (second, other) = sides.items()
    one, other = tf.shape(one)[0], tf.shape(other)[0]
    message = f"{first}, {second}: got {{}} and {{}}, expected as many of the one as of the other"
    return require(tf.equal(one, other), message, one, other)
