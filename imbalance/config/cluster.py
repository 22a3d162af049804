"""The processes that train together, as the environment variable ``TF_CONFIG`` names them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from imbalance import checks

VARIABLE = "TF_CONFIG"
_ADDRESS = re.compile(r"[^\s:]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}")
_LARGEST_PORT = 65535
_FORM = '{"cluster": {"worker": ["HOST:PORT", …]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Cluster:
    """This process among those that train one network.

    Attributes:
        processes: how many there are.
        chief: whether this is the one that writes the run folder: the first worker, or the task
            ``chief`` where there is one.
    """

    processes: int
    chief: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Cluster | None":
        """Return the cluster that ``TF_CONFIG`` names; None where it is not set.

        Raises:
            InputError: if it is not of TensorFlow's form, or this process is not in it.

        Example:
            >>> text = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", '
            >>> Cluster.from_environment({"TF_CONFIG": text + '"index": 1}}'})
            Cluster(processes=2, chief=False)
            >>> Cluster.from_environment({}) is None
            True
        """
        text = environment.get(VARIABLE, "")
        if not text.strip():
            return None
        try:
            given = json.loads(text)
        except ValueError as error:
            raise checks.wrong(VARIABLE, text, f"JSON such as {_FORM} ({error})") from None
        if not isinstance(given, Mapping) or not {"cluster", "task"} <= given.keys():
            raise checks.wrong(VARIABLE, text, _FORM)
        addresses = _addresses(given["cluster"])
        return cls(sum(map(len, addresses.values())), _is_chief(given["task"], addresses))


def _addresses(cluster) -> dict[str, list[str]]:
    name = f"{VARIABLE}.cluster"
    if not isinstance(cluster, Mapping) or not cluster:
        raise checks.wrong(name, cluster, _FORM)
    checks.keys(name, cluster, ("chief", "worker"))
    for kind, listed in cluster.items():
        if not isinstance(listed, list) or not listed:
            raise checks.wrong(f"{name}.{kind}", listed, "a list of HOST:PORT")
        for address in listed:
            if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
                raise checks.wrong(f"{name}.{kind}, one of them", address, "HOST:PORT")
            if not 0 < int(address.rpartition(":")[2]) <= _LARGEST_PORT:
                expected = f"a port from 1 to {_LARGEST_PORT}"
                raise checks.wrong(f"{name}.{kind}, one of them", address, expected)
    if len(cluster.get("chief", ())) > 1:
        raise checks.wrong(f"{name}.chief", cluster["chief"], "one address")
    every = [address for listed in cluster.values() for address in listed]
    if twice := [address for address in every if every.count(address) > 1]:
        raise checks.wrong(name, twice[0], "each address once")
    return dict(cluster)


def _is_chief(task, addresses) -> bool:
    name = f"{VARIABLE}.task"
    if not isinstance(task, Mapping):
        raise checks.wrong(name, task, '{"type": "worker", "index": 0}')
    checks.choice(f"{name}.type", task.get("type"), addresses)
    of_kind = len(addresses[task["type"]])
    index = checks.integer(f"{name}.index", task.get("index"), low=0, high=of_kind - 1)
    return task["type"] == "chief" or ("chief" not in addresses and index == 0)
