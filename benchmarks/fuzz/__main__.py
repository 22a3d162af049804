"""``python -m benchmarks.fuzz [TARGET…] [--minutes N]``: fuzz what strangers may hand over.

It needs ``requirements-fuzz.txt``. Each target has its share of the time in a process of its own,
and the inputs found so far come along into the next round.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fuzz.targets import ACCEPTED, REFUSED, TARGETS

_ROUNDS = 4
# To start, and what a last input may take.
_GRACE_SECONDS = 900
_OUT_OF_TIME = 124


@dataclass
class Sum:
    """What became of the inputs of one target, over all rounds."""

    outcomes: Counter = field(default_factory=Counter)
    defects: Counter = field(default_factory=Counter)
    last: Counter = field(default_factory=Counter)
    slowest: float = 0.0
    seconds: int = 0
    edges: int = 0

    def add(self, counts: dict, seconds: int, log: str) -> None:
        self.outcomes.update(counts["outcomes"])
        self.last = Counter(counts["defects"])
        self.defects.update(self.last)
        self.slowest = max(self.slowest, counts["slowest_seconds"])
        self.seconds += seconds
        self.edges = max([self.edges, *map(int, re.findall(r"cov: (\d+)", log))])


def main() -> int:
    """Fuzz and print the table.

    Returns:
        0; 1 if there was a defect.
    """
    options = _parser().parse_args()
    names = options.names or list(TARGETS)
    sums = {name: Sum() for name in names}
    seconds = max(1, round(60 * options.minutes / len(names) / _ROUNDS))
    folder = options.folder or Path(tempfile.mkdtemp(prefix="imbalance-fuzz-"))
    print(f"inputs and defects: {folder}", flush=True)
    for number in range(_ROUNDS):
        for name in names:
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            (place / "counts.json").unlink(missing_ok=True)
            status, log = _fuzz(name, seconds, place)
            sums[name].add(_counts(place, status), seconds, log)
            print(f"round {number + 1}", *_lines({name: sums[name]})[2:], flush=True)
            if options.markdown:
                options.markdown.write_text("\n".join(_lines(sums)) + "\n", encoding="utf-8")
    print(*_lines(sums), sep="\n")
    return 1 if any(each.defects for each in sums.values()) else 0


def _fuzz(name: str, seconds: int, folder: Path) -> tuple[int, str]:
    """Return the exit status of a target's process and what it said."""
    command = [sys.executable, "-m", "benchmarks.fuzz.child", name, str(seconds), str(folder)]
    with open(folder / "log.txt", "w") as log:
        limit = seconds + _GRACE_SECONDS
        try:
            status = subprocess.run(command, stdout=log, stderr=log, timeout=limit).returncode
        except subprocess.TimeoutExpired:  # of a busy machine, or a hang that no signal ends
            status = _OUT_OF_TIME
    return status, (folder / "log.txt").read_text(errors="replace")


def _counts(folder: Path, status: int) -> dict:
    path = folder / "counts.json"
    counts = {"outcomes": {}, "defects": {}, "slowest_seconds": 0.0}
    counts |= json.loads(path.read_text()) if path.exists() else {}
    if status:
        counts["defects"][f"ended with status {status}"] = 1
    return counts


def _lines(sums: dict[str, Sum]) -> list[str]:
    lines = [
        "| target | seconds | inputs | accepted | refused in one line | defects "
        "| of the last round | slowest input, s | edges |",
        "|-|-|-|-|-|-|-|-|-|",
    ]
    for name, each in sums.items():
        found = ", ".join(f"{count:,} {kind}" for kind, count in each.defects.items())
        lines.append(
            f"| {name} | {each.seconds} | {each.outcomes.total():,} | "
            f"{each.outcomes[ACCEPTED]:,} | {each.outcomes[REFUSED]:,} | {found or 0} | "
            f"{each.last.total()} | {each.slowest:.2f} | {each.edges} |"
        )
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TARGET", choices=[*TARGETS, []])
    parser.add_argument("--minutes", type=float, default=60, help="for all targets (default: 60)")
    parser.add_argument("--folder", type=Path, help="keeps inputs and defects")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
