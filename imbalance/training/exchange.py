"""What the first of several processes tells the others, by the way that gradients take."""

import functools
import json
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from imbalance import checks

# Of 8 bytes, a message: 64 MiB.
_LARGEST = 2**23


def from_first(
    content: bytes | None, strategy: tf.distribute.Strategy | None = None
) -> bytes | None:
    """Return in every process what the first was called with; they wait for each other.

    Args:
        content: not empty, or None; looked at in the first process alone.
        strategy: that all processes have. With any but ``MultiWorkerMirroredStrategy`` there is
            one process, and nothing is sent.

    Example:
        >>> from_first(b"state")
        b'state'
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return content
    [size] = _sums(strategy, [len(content or b"")], first_only=True)
    if not size:
        return None
    # Sums of numbers of eight bytes with zeros are exact.
    own = np.zeros(-(-int(size) // 8), np.int64)
    if content and len(content) == size:
        own.view(np.uint8)[:size] = np.frombuffer(content, np.uint8)
    starts = range(0, len(own), _LARGEST)
    parts = [_sums(strategy, own[each : each + _LARGEST], first_only=True) for each in starts]
    return np.concatenate(parts).view(np.uint8)[:size].tobytes()


def check_same(given: Mapping, strategy: tf.distribute.Strategy | None = None) -> None:
    """Refuse, in every process, what is not the same in all of them.

    Args:
        given: what must be, by name, as plain values that JSON can hold; of mappings the names of
            their keys are told as well.
        strategy: see :func:`from_first`.

    Raises:
        InputError: if a process has another value than the first.

    Example:
        >>> check_same({"the data": "a hash"})
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    own = json.loads(json.dumps(given))
    first = json.loads(from_first(json.dumps(given).encode(), strategy))
    differ = list(differences(own, first))
    if _sums(strategy, [len(differ)]):
        what = ", ".join(differ) or "settings or data"
        raise checks.InputError(
            f"TF_CONFIG: {what} of another process and of this one differ, expected the same "
            "command, code and data in all"
        )


def differences(own, first, name: str = "") -> Iterator[str]:
    """Yield the places in which two trees of mappings differ.

    Example:
        >>> list(differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}, "d": 0}))
        ['a.b', 'd']
    """
    if not (isinstance(own, dict) and isinstance(first, dict)):
        if own != first:
            yield name
        return
    for key in own | first:
        yield from differences(own.get(key), first.get(key), f"{name}.{key}" if name else key)


def _sums(strategy, values, *, first_only: bool = False) -> np.ndarray:
    """Return the sums of whole numbers over all replicas, or what the first one gives."""
    summed = _summing(strategy)(tf.constant(values, tf.int64), tf.constant(first_only))
    return strategy.experimental_local_results(summed)[0].numpy()


@functools.cache  # traced once, not for each message
def _summing(strategy):
    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.bool)],
        autograph=False,
    )
    def sums(values, first_only):
        def of_replica(values, first_only):
            context = tf.distribute.get_replica_context()
            counts = ~first_only | tf.equal(context.replica_id_in_sync_group, 0)
            return context.all_reduce(
                tf.distribute.ReduceOp.SUM, tf.cast(counts, tf.int64) * values
            )

        return strategy.run(of_replica, args=(values, first_only))

    return sums
