import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_losses_over_the_batch_train_on_devices_and_processes_as_on_one():
    """Without ``--loss`` and ``--optimizer`` the same command takes all of them.

    Of a scaled loss, a step that overflows on one device alone is left out by all.
    """
    command = [sys.executable, "-m", "benchmarks.replicas"]
    command += ["--loss", "unified_focal_loss", "--loss", "cross_entropy+dice_loss"]
    command += ["--optimizer", "adam, scaled loss"]
    command += ["--optimizer", "adam, a loss after cross entropy"]
    # Processes that do not agree wait for each other without end.
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| `")]
    # Documents and tokens of two losses, and the optimizers.
    assert len(rows) == 6
    assert all(row.endswith("| yes |") for row in rows)
