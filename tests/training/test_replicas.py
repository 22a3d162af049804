import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_losses_over_the_batch_train_on_devices_and_processes_as_on_one():
    """Without ``--loss`` the same command takes all losses."""
    command = [sys.executable, "-m", "benchmarks.replicas"]
    command += ["--loss", "unified_focal_loss", "--loss", "cross_entropy+dice_loss"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| `")]
    # Documents and tokens.
    assert len(rows) == 4
    assert all(row.endswith("| yes |") for row in rows)
