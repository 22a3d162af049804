"""Where training runs: on one device, on several of this machine, or on several processes."""

import contextlib
import re
import signal

import tensorflow as tf

from imbalance import checks
from imbalance.config import Cluster, TrainingConfig

# How TensorFlow's lines begin that say where in the graph an error arose.
_WHERE = (" ", "Graph execution error", "Detected at node", "<stack traces")


def strategy(settings: TrainingConfig, cluster: Cluster | None = None) -> tf.distribute.Strategy:
    """Return the strategy that a network is built and trained under.

    One device needs none, and gets TensorFlow's default. With a cluster this waits until all
    processes are there, and must come before TensorFlow has done anything else.

    Args:
        settings: ``devices`` and ``batch_size`` are used.
        cluster: this process among others that ``TF_CONFIG`` names.

    Raises:
        InputError: if there are not as many devices, or more of them than rows in a batch.

    Example:
        >>> strategy(TrainingConfig(devices=1)).num_replicas_in_sync
        1
    """
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if cluster is not None:
        _limit_to(settings, kind)
        chosen = _of_processes()
    else:
        names = [device.name for device in tf.config.list_logical_devices(kind)]
        # On a CPU, more devices are a matter of tests.
        number = settings.devices
        if number == "auto":
            number = len(names) if kind == "GPU" else 1
        if number > len(names):
            raise _too_many(settings, len(names), kind)
        if number > 1:
            chosen = tf.distribute.MirroredStrategy(names[:number])
        elif kind == "GPU" and len(names) > 1:
            chosen = tf.distribute.OneDeviceStrategy(names[0])
        else:
            chosen = tf.distribute.get_strategy()
    replicas = chosen.num_replicas_in_sync
    if settings.batch_size < replicas:
        raise checks.wrong(
            "training.batch_size", settings.batch_size, f"at least {replicas}, one row a device"
        )
    return chosen


def _of_processes() -> tf.distribute.Strategy:
    """Return the strategy of several processes, when all are there."""
    # Python's own handler runs only when the wait is over.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_DFL)
    end = signal.getsignal(signal.SIGTERM)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    finally:
        signal.signal(signal.SIGINT, interrupt)
        # TensorFlow takes it for a notice that nothing here waits for, and would go on.
        signal.signal(signal.SIGTERM, end or signal.SIG_DFL)


def _limit_to(settings, kind: str) -> None:
    """Let this process see as many devices as asked for."""
    devices = tf.config.list_physical_devices(kind)
    if settings.devices == "auto":
        return
    if settings.devices > len(devices):
        raise _too_many(settings, len(devices), kind)
    if kind == "GPU":
        tf.config.set_visible_devices(devices[: settings.devices], kind)


def _too_many(settings, number: int, kind: str) -> checks.InputError:
    return checks.wrong("training.devices", settings.devices, f"at most {number} {kind}, or auto")


@contextlib.contextmanager
def lost_processes(cluster: Cluster | None):
    """Say in one line that another process of the cluster is gone, on which this one waited.

    Raises:
        Interrupted: in the place of TensorFlow's error.
    """
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.InternalError,
        tf.errors.UnknownError,
    ) as error:
        if cluster is None:
            raise
        if "Could not start gRPC server" in error.message:
            raise checks.Interrupted(
                "TF_CONFIG: the port of this process cannot be listened on, expected one that is "
                "free; does a process of an earlier start still run?"
            ) from None
        raise checks.Interrupted(
            f"TF_CONFIG: another process is gone or cannot be reached ({_cause(error)}), "
            f"expected all {cluster.processes}; start them again, unless it says what was wrong"
        ) from None


def _cause(error: tf.errors.OpError) -> str:
    """Return the line that says what happened, among those that say where in the graph."""
    told = (line for line in error.message.splitlines() if not line.startswith(_WHERE))
    lines = (
        re.sub(r"\{\{.*?\}\}|Collective ops is aborted by:", "", line).strip() for line in told
    )
    return checks.show(next(filter(None, lines), type(error).__name__))
