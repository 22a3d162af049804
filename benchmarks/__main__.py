"""``python -m benchmarks [NAME…] [--quick] [--json FILE]``: one table of ratios."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.child import Failed, results
from benchmarks.measure import FUDAN_VARIABLE, Note, Row, Skipped

# Name: module with `run(quick) -> Iterable[Row | Skipped | Note]`, imported in a child process.
BENCHMARKS = {
    "training": "benchmarks.training",
    "inference": "benchmarks.inference",
    "losses": "benchmarks.losses",
    "words": "benchmarks.words",
    "pipeline": "benchmarks.pipeline",
    "systems": "benchmarks.systems",
    "peaks": "benchmarks.peaks",
}

_NAME_WIDTH, _NUMBER_WIDTH, _UNIT_WIDTH = 76, 11, 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks named, all by default; print the table and write the JSON.

    Returns:
        0; 1 if a benchmark failed; 2 for a wrong argument.
    """
    options = _parser().parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        return _refuse(f"NAME: got {unknown[0]!r}, expected one of {', '.join(BENCHMARKS)}")
    # Before the hours, not after them.
    path = options.json and options.json.absolute()
    if path and (path.is_dir() or not path.parent.is_dir()):
        return _refuse(f"--json: got {str(options.json)!r}, expected a file in an existing folder")
    if options.fudan:
        if not options.fudan.is_dir():
            return _refuse(f"--fudan: got {str(options.fudan)!r}, expected a folder")
        os.environ[FUDAN_VARIABLE] = str(options.fudan)

    rows, notes, skipped, failed = [], [], [], []
    _print_line("name", "ours", "theirs", "unit", "ratio")
    for name in dict.fromkeys(options.names or BENCHMARKS):
        for result in results(BENCHMARKS[name], options.quick):
            if isinstance(result, Row):
                if options.quick:  # so that nobody takes it for the real number
                    result = dataclasses.replace(result, name=f"{result.name} (quick)")
                rows.append(result)
                _print_row(result)
            elif isinstance(result, Note):
                notes.append(result)
            elif isinstance(result, Skipped):
                skipped.append(result)
                print(f"skipped: {result.name}: {result.reason}", file=sys.stderr)
            elif isinstance(result, Failed):
                failed.append(name)
                print(f"failed: {name}: {result.reason}", file=sys.stderr)
    for note in notes:
        print(f"\n{note.text}")
    if skipped or failed:
        print()
    if skipped:
        print("skipped: " + "; ".join(each.name for each in skipped))
    if failed:
        print("failed: " + ", ".join(failed))
    if options.json:
        _write(options.json, rows)
    return 1 if failed else 0


def _print_row(row: Row) -> None:
    _print_line(row.name, _number(row.ours), _number(row.theirs), row.unit, f"{row.ratio:.3g}")


def _print_line(name, ours, theirs, unit, ratio) -> None:
    numbers = f"{ours:>{_NUMBER_WIDTH}} {theirs:>{_NUMBER_WIDTH}}"
    print(f"{name:{_NAME_WIDTH}} {numbers} {unit:{_UNIT_WIDTH}} {ratio:>7}", flush=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _write(path: Path, rows: Sequence[Row]) -> None:
    text = json.dumps([dataclasses.asdict(row) for row in rows], ensure_ascii=False, indent=2)
    temporary = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure this library beside others, in turns, and print the ratios ours / "
        "theirs: above 1 is better in units a second, below 1 in time and memory.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"all by default: {', '.join(BENCHMARKS)}"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, rough numbers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    parser.add_argument(
        "--fudan",
        type=Path,
        metavar="PATH",
        help=f"folder of the Fudan corpus (also by the variable {FUDAN_VARIABLE}; otherwise "
        "../shared/data/fudan beside the checkout)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
