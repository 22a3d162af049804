"""``train.py`` in several processes, by ``TF_CONFIG``."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_where_one_process_is_killed_the_same_command_goes_on():
    """Without ``--only`` the command kills either process, in all phases."""
    command = [sys.executable, "-m", "benchmarks.kills.processes", "--only", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith("| second |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert (cells[1], cells[3], cells[5]) == ("epoch", "75", "yes")
    assert "the same command in all processes goes on with it" in done.stdout
    assert "checkpoint: going on after epoch" in done.stdout
