import pytest
import tensorflow as tf

from imbalance.checks import InputError, Interrupted
from imbalance.config import Cluster, TrainingConfig
from imbalance.training import devices


def test_more_devices_than_there_are_are_refused():
    with pytest.raises(InputError, match="training.devices: got 99, expected at most"):
        devices.strategy(TrainingConfig(devices=99, batch_size=128))


def test_a_lost_process_is_one_line():
    said = "Graph execution error:\n\nDetected at node X:\n  File y\nSocket closed\n"
    error = tf.errors.UnavailableError(None, None, said + "Additional GRPC error information")
    with (
        pytest.raises(Interrupted, match="process is gone .*'Socket closed'.*, expected all 3"),
        devices.lost_processes(Cluster(3, chief=True)),
    ):
        raise error
    said = "{{function_node X}} Collective ops is aborted by: Socket closed\nmore"
    with (
        pytest.raises(Interrupted, match="gone .*'Socket closed'"),
        devices.lost_processes(Cluster(3, chief=True)),
    ):
        raise tf.errors.AbortedError(None, None, said)
    with pytest.raises(tf.errors.UnavailableError), devices.lost_processes(None):
        raise error
