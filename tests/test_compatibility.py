"""What `python -m benchmarks.compatibility` installs and writes; no environment is made here."""

import csv
import re
from pathlib import Path

import pytest

from benchmarks import compatibility
from benchmarks.compatibility import COLUMNS, NAMES, OF_TENSORFLOW

ROOT = Path(__file__).parents[1]


def test_the_oldest_versions_replace_their_pins_alone():
    pins = compatibility.pinned(ROOT / "requirements-dev.txt")
    oldest = compatibility.lower_bounds(ROOT / "pyproject.toml")
    assert set(oldest) == set(OF_TENSORFLOW)
    lines = compatibility.replaced(pins, oldest)
    for pin, line in zip(pins, lines, strict=True):
        name = pin.split("==")[0]
        assert line == (f"{name}=={oldest[name]}" if name in oldest else pin)
    assert {line.split("==")[0] for line in lines} >= {*OF_TENSORFLOW, "pytest", "grpcio", "numpy"}


def test_errors_count_as_failures(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="9" failures="2" errors="1" skipped="3"/></testsuites>'
    )
    assert compatibility.counts(report) == {"passed": "3", "failed": "3", "skipped": "3"}


def test_a_row_replaces_the_one_of_its_name(tmp_path):
    table = tmp_path / "staying" / "compatibility.csv"
    row = dict.fromkeys(COLUMNS, "1")
    for name in (NAMES[2], NAMES[0]):
        compatibility.write(name, row, table)
    compatibility.write(NAMES[2], row | {"failed": "7"}, table)
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(each["name"], each["failed"]) for each in rows] == [(NAMES[0], "1"), (NAMES[2], "7")]
    lines = table.with_suffix(".md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[-2] for line in lines if line.startswith("| 3.")] == ["1", "7"]


def test_every_chosen_test_is_there():
    text = "".join((ROOT / path).read_text(encoding="utf-8") for path in compatibility.TESTS)
    for expression in compatibility.CHOSEN:
        name, *_ = expression.split(" and ")
        assert re.search(rf"^def test_\w*{name}\w*\(", text, re.MULTILINE), expression


@pytest.mark.parametrize(
    ("name", "said"),
    [("3.9-newest", "NAME: got '3.9-newest'"), (NAMES[0], f"{NAMES[0]}: got no python3.11 on the")],
)
def test_a_wrong_argument_is_one_line(name, said, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    assert compatibility.main([name]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
