"""What is printed, and left behind, where a run has no room or no right to write, or is damaged."""

import contextlib
import os
import subprocess
from pathlib import Path

from benchmarks.kills import data
from benchmarks.kills.runs import NAME, contents, forked, kill_in, status_of, where
from imbalance.unfinished import Unfinished


def of_storage(folder: Path) -> list[str]:
    """Return lines on a full disk, a folder that is read-only, and damaged checkpoints."""
    arguments = data.arguments("text_cnn", folder, NAME)
    whole = folder / "whole"
    expected, lines = contents(whole / NAME), []
    disk = folder / "disk"
    with mounted(disk, "600k") as there:
        if there:
            log = folder / "disk-log"
            status = status_of(
                forked([*arguments, "--output-dir", str(disk)], log, folder / "cache")
            )
            left = where(Unfinished(disk / NAME))
            lines += _said("a disk of 600 KiB", status, log, left)
            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
            status = status_of(
                forked(["--resume", str(disk / NAME)], folder / "disk-again", folder / "cache")
            )
            equal = not status and contents(disk / NAME) == expected
            lines += [f"With more room `--resume` ends equal: {'yes' if equal else '**no**'}.", ""]
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            log = folder / "ro-log"
            status = status_of(
                forked([*arguments, "--output-dir", str(disk / "new")], log, folder / "cache")
            )
            lines += _said("a disk mounted read-only", status, log, "nothing")
        else:
            lines += ["Not root: no disk could be mounted.", ""]
    for what, damaged in (("the newest", 1), ("each", 2)):
        place = folder / f"damaged-{damaged}"
        place.mkdir()
        run, log = Unfinished(place / NAME), place / "log"
        pid = forked([*arguments, "--output-dir", str(place)], log, place / "cache")
        kill_in(pid, run, "epoch", 2, 0.0)
        left = where(run)
        for path in sorted(run.checkpoints.glob("0*.npz"))[-damaged:]:
            os.truncate(path, path.stat().st_size // 2)
        log = place / "again"
        status = status_of(forked(["--resume", str(run.final)], log, place / "cache"))
        lines += _said(f"{what} checkpoint cut to half", status, log, left)
        equal = not status and contents(run.final) == expected
        lines += [f"The end is equal: {'yes' if equal else '**no**'}.", ""]
    # Names of folders are of no interest.
    return [line.replace(str(folder), "…") for line in lines]


def _said(what: str, status: int, log: Path, left: str) -> list[str]:
    text = log.read_text(encoding="utf-8")
    told = [
        line for line in text.splitlines() if line.startswith("error:") or "checkpoint:" in line
    ]
    return [f"{what}: exit status {status}, left behind: {left}", "", "```", *told, "```", ""]


@contextlib.contextmanager
def mounted(folder: Path, size: str):
    """Mount a disk of a size, if this process may, and say whether it is there."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    there = not subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode
    try:
        yield there
    finally:
        if there:
            subprocess.run(["umount", folder], check=True)
