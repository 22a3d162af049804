"""The job files of docs/cluster.md give each process a ``TF_CONFIG`` that it can start with."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from imbalance.commands import train
from imbalance.config import Cluster

PAGE = (Path(__file__).parents[1] / "docs" / "cluster.md").read_text(encoding="utf-8")

# What the cluster would bring. `python` tells what it was started with.
FAKES = {
    "scontrol": 'printf "%s\\n" node-7 node-8 gpu-12 gpu-13',
    "srun": """
        while [[ $1 == --* ]]; do shift; done
        for SLURM_PROCID in 0 1 2 3; do export SLURM_PROCID; "$@" || exit; done
    """,
    "python": 'printf "%s\\t" "$TF_CONFIG" "$@"; echo',
}


def example(heading: str) -> str:
    section = PAGE[PAGE.index(f"## {heading}") :]
    return re.search(r"```\w*\n(.*?)```", section, re.DOTALL)[1]


@pytest.fixture
def started(tmp_path):
    """Run a script of bash where a cluster's commands are; return what ``python`` told."""
    for name, script in FAKES.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / name).chmod(0o755)

    def run(script: str, **environment: str) -> list[list[str]]:
        places = f"{tmp_path}:{Path(shutil.which('sed')).parent}:/usr/bin:/bin"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env={"PATH": places, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.rstrip("\t").split("\t") for line in done.stdout.splitlines()]

    return run


def clusters(told: list[list[str]]) -> list[Cluster]:
    return [Cluster.from_environment({"TF_CONFIG": variable}) for variable, *_ in told]


def test_slurm(started):
    told = started(example("SLURM"), SLURM_JOB_NODELIST="node-[7-8],gpu-[12-13]", SLURM_JOB_ID="9")
    assert clusters(told) == [Cluster(4, index == 0) for index in range(4)]
    workers = json.loads(told[2][0])["cluster"]["worker"]
    assert workers == ["node-7:12345", "node-8:12345", "gpu-12:12345", "gpu-13:12345"]
    for _, script, *arguments in told:
        assert script == "train.py"
        options = train._parser().parse_args(arguments)
        assert options.name == "job-9"


def test_kubernetes(started):
    service, job = yaml.safe_load_all(example("Kubernetes"))
    job_name, spec = job["metadata"]["name"], job["spec"]
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"]
    pod = spec["template"]["spec"]
    # These make the names of pods known, also before they are ready.
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job_name}
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"]
    [container] = pod["containers"]
    assert container["command"] == ["bash", "-c"]
    told = []
    for index in range(spec["completions"]):
        told += started(*container["args"], JOB_COMPLETION_INDEX=str(index))
    assert clusters(told) == [Cluster(2, True), Cluster(2, False)]
    pods = [f"{job_name}-{index}.{pod['subdomain']}:12345" for index in range(2)]
    assert all(json.loads(each[0])["cluster"]["worker"] == pods for each in told)
    volumes = {each["name"] for each in pod["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == volumes
    options = train._parser().parse_args(told[0][2:])
    assert (options.name, options.output_dir) == ("run", "/shared")
