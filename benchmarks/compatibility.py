"""``python -m benchmarks.compatibility [NAME…]``: part of the tests, by Python and TensorFlow.

Each combination gets a virtual environment of its own in a temporary folder, about 2 GB, one after
the other: `newest` with what the requirements files pin, `oldest` with TensorFlow, Keras and what
goes with them at the lower bounds of pyproject.toml. A row is written as soon as it is known, and
replaces the one that had its name.
"""

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "results" / "staying" / "compatibility.csv"
PYTHONS = ("3.11", "3.12", "3.13")
NAMES = tuple(f"{python}-{age}" for python in PYTHONS for age in ("newest", "oldest"))
# Their versions go together.
OF_TENSORFLOW = (
    *("tensorflow", "keras", "tensorboard"),
    *("tensorflow-text", "tensorflow-serving-api"),
)
COLUMNS = ("python", *OF_TENSORFLOW, "numpy", "passed", "failed", "skipped")

# Of every loss values, gradients and files; one by XLA. Then a small corpus: train, evaluate,
# export, read back in new processes, and serve by REST and gRPC.
TESTS = (
    *("tests/losses/test_contract.py", "tests/losses/test_ghm_state.py"),
    *("tests/commands/test_end_to_end.py", "tests/serving/server/test_server_protocols.py"),
)
CHOSEN = (
    "values_equal_the_formula",
    "gradients_equal_finite_differences",
    "graph_and_xla_equal_eager and dsc_loss",
    "config_round_trip",
    "model_files_load_in_a_new_process",
    "average_is_saved_and_restored",
    "run_folder_holds_what_it_says",
    "training_learns_the_rare_class",
    "evaluating_again_gives_the_same_scores",
    "read_back_by_a_new_process",
    "savedmodel_needs_tensorflow_alone",
    "both_forms_and_grpc_answer_equally",
    "answers_are_those_of_the_network",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Test the combinations named, all by default, and write their rows.

    Returns:
        0; 1 if a test failed or an environment could not be made; 2 for a wrong argument.
    """
    names = _parser().parse_args(arguments).names or NAMES
    for name in names:
        if name not in NAMES:
            return _refuse(f"NAME: got {name!r}, expected one of {', '.join(NAMES)}")
        if _python(name) is None:
            wanted = f"python{name.split('-')[0]}"
            return _refuse(f"{name}: got no {wanted} on the PATH, expected one")
    bad = 0
    for name in dict.fromkeys(names):
        try:
            row = measure(name)
        except subprocess.CalledProcessError as error:
            print(f"failed: {name}: {error}", file=sys.stderr)
            bad += 1
            continue
        write(name, row)
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        bad += int(row["failed"]) > 0
    return 1 if bad else 0


def measure(name: str) -> dict[str, str]:
    """Make the environment of a combination, run the tests in it and remove it.

    Returns:
        The row: versions as installed, and counts of tests.

    Raises:
        subprocess.CalledProcessError: if the environment cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix="imbalance-compatibility-") as folder:
        requirements, report = Path(folder, "requirements.txt"), Path(folder, "report.xml")
        oldest = lower_bounds(ROOT / "pyproject.toml") if name.endswith("oldest") else {}
        lines = replaced(pinned(ROOT / "requirements-dev.txt"), oldest)
        requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
        subprocess.run([_python(name), "-m", "venv", f"{folder}/venv"], check=True)
        python = f"{folder}/venv/bin/python"
        install = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
        subprocess.run([*install, "-r", requirements], check=True)
        tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        # What fails is counted; that nothing was run is an error.
        done = subprocess.run([*tests, *TESTS, "-k", " or ".join(CHOSEN)], cwd=ROOT, check=False)
        if done.returncode not in (0, 1):
            done.check_returncode()
        return {**_versions(python), **counts(report)}


def pinned(path: Path) -> list[str]:
    """Return the pins of a requirements file and of those that it includes."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            lines += pinned(path.parent / line.removeprefix("-r ").strip())
        elif line and not line.startswith("#"):
            lines.append(line)
    return list(dict.fromkeys(lines))


def lower_bounds(pyproject: Path) -> dict[str, str]:
    """Return the oldest supported versions of TensorFlow and what goes with it."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["words"]]
    found = (re.match(r"([\w-]+)>=([\d.]+)", each) for each in asked)
    bounds = {each[1]: each[2] for each in found if each}
    return {name: bounds[name] for name in OF_TENSORFLOW}


def replaced(pins: Sequence[str], versions: Mapping[str, str]) -> list[str]:
    """Return the pins with other versions of some packages."""
    return [
        f"{name}=={versions.get(name, version)}"
        for name, version in (pin.split("==") for pin in pins)
    ]


def counts(report: Path) -> dict[str, str]:
    """Return how many tests passed, failed and were skipped, from pytest's JUnit XML."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    return {
        "passed": str(total - failed - skipped),
        "failed": str(failed),
        "skipped": str(skipped),
    }


def write(name: str, row: Mapping[str, str], table: Path = TABLE) -> None:
    """Put a row into the table, and the table into the document beside it."""
    rows = {}
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as file:
            rows = {each.pop("name"): each for each in csv.DictReader(file)}
    rows[name] = dict(row)
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("name", *COLUMNS), lineterminator="\n")
        writer.writeheader()
        writer.writerows({"name": each, **rows[each]} for each in NAMES if each in rows)
    lines = [f"| {' | '.join(('', *COLUMNS))} |", "|-" * (len(COLUMNS) + 1) + "|"]
    lines += [
        f"| {each} | {' | '.join(rows[each][column] for column in COLUMNS)} |"
        for each in NAMES
        if each in rows
    ]
    text = _DOCUMENT.format(table="\n".join(lines), tests=_listed(TESTS), chosen=_listed(CHOSEN))
    table.with_suffix(".md").write_text(text, encoding="utf-8")


_DOCUMENT = """\
# Which versions work together

Made by `python -m benchmarks.compatibility`. `newest` is what the requirements files pin, `oldest`
the lower bounds of `pyproject.toml` for TensorFlow, Keras and what goes with them; all else is as
pinned. In each environment: `python -m pytest` on the files

{tests}

with `-k` and these expressions, joined by `or`:

{chosen}

{table}
"""


def _listed(names: Sequence[str]) -> str:
    return "\n".join(f"- `{each}`" for each in names)


def _versions(python: str) -> dict[str, str]:
    names = ("numpy", *OF_TENSORFLOW)
    program = (
        "import json, platform, sys; from importlib.metadata import version; "
        "found = {each: version(each) for each in sys.argv[1:]}; "
        "print(json.dumps({'python': platform.python_version(), **found}))"
    )
    done = subprocess.run([python, "-c", program, *names], check=True, capture_output=True)
    return json.loads(done.stdout)


def _python(name: str) -> str | None:
    return shutil.which(f"python{name.split('-')[0]}", path=os.environ.get("PATH"))


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compatibility",
        description="Run part of the tests in a new environment for each supported Python, with "
        "the newest and the oldest supported TensorFlow and Keras; write results/staying/.",
    )
    help_of_names = f"all by default: {', '.join(NAMES)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=help_of_names)
    return parser


if __name__ == "__main__":
    sys.exit(main())
