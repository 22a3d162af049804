import json

import pytest

from imbalance.checks import InputError
from imbalance.config import Cluster, RunConfig

WORKER = {"type": "worker", "index": 0}


def environment(cluster, task=WORKER):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


@pytest.mark.parametrize(
    ("cluster", "task", "expected"),
    [
        ({"worker": ["a:1"]}, WORKER, Cluster(1, True)),
        ({"worker": ["a:1", "b:1", "c:1"]}, {"type": "worker", "index": 2}, Cluster(3, False)),
        ({"chief": ["a:1"], "worker": ["b:1"]}, WORKER, Cluster(2, False)),
        (
            {"chief": ["a:1"], "worker": ["[::1]:1"]},
            {"type": "chief", "index": 0},
            Cluster(2, True),
        ),
    ],
)
def test_a_process_knows_its_place(cluster, task, expected):
    assert Cluster.from_environment(environment(cluster, task)) == expected


@pytest.mark.parametrize("text", [None, "", "  "])
def test_without_the_variable_there_is_no_cluster(text):
    assert Cluster.from_environment({} if text is None else {"TF_CONFIG": text}) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"TF_CONFIG": "{"}, "TF_CONFIG: got '{', expected JSON"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG: got .*, expected {"),
        (environment({}), "TF_CONFIG.cluster: got {}"),
        (environment({"ps": ["a:1"], "worker": ["a:1"]}), "TF_CONFIG.cluster.ps: unknown key"),
        (environment({"worker": "a:1"}), "TF_CONFIG.cluster.worker: got 'a:1', expected a list"),
        (
            environment({"worker": ["a"]}),
            "cluster.worker, one of them: got 'a', expected HOST:PORT",
        ),
        (environment({"worker": ["a:1", "a:1"]}), "got 'a:1', expected each address once"),
        (environment({"worker": ["a:99999"]}), "got 'a:99999', expected a port from 1 to 65535"),
        (environment({"worker": ["a:1"]}, {"type": "chief"}), "TF_CONFIG.task.type: got 'chief'"),
        (environment({"worker": ["a:1"]}, {**WORKER, "index": 1}), "TF_CONFIG.task.index: got 1"),
        (environment({"worker": ["a:1"]}, 0), "TF_CONFIG.task: got 0"),
    ],
)
def test_a_broken_variable_is_one_line(given, message):
    with pytest.raises(InputError, match=message):
        Cluster.from_environment(given)


@pytest.mark.parametrize("devices", [0, 1.5, "two", True, None])
def test_a_number_of_devices_is_checked(devices):
    with pytest.raises(InputError, match="training.devices"):
        RunConfig.from_mapping({"training": {"devices": devices}})
