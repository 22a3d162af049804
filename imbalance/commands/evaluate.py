"""``python evaluate.py``: score finished runs, one or side by side."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from imbalance import checks
from imbalance.checks import Parser
from imbalance.config import read_yaml


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate each run, write its report and metrics, and print the tables."""
    options = _parser().parse_args(arguments)
    from imbalance.commands import results
    from imbalance.run_folder import Run

    references = {} if options.reference is None else read_yaml(options.reference)
    runs = [Run(path) for path in options.runs]
    task = runs[0].config.task
    other = next((run for run in runs if run.config.task != task), None)
    if other is not None:
        raise checks.wrong("runs", other.config.task, f"runs of one task, as {task} is the first's")
    results.tables_of(task).check_references(options.reference, references)
    if options.output is not None:
        Path(options.output).mkdir(parents=True, exist_ok=True)
    names = [run.name for run in runs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise checks.wrong("runs", twice, "each run once")
    scores, scored_on, warned = {}, {}, set()
    for run in runs:
        own = _load(task, run.config.data)
        if options.data is None:
            rows = own.splits[options.split]
            for warning in own.report.warnings:
                if warning.startswith(f"{options.split}: ") and warning not in warned:
                    warned.add(warning)
                    print(f"warning: {warning}", file=sys.stderr)
            scored_on.setdefault(np.sort(rows.digests).tobytes(), []).append(run.name)
            found = results.evaluate(run, own, (options.split,), run.name)
            scores[run.name] = found[options.split]
        else:
            found = results.evaluate_elsewhere(run, own, options.data, options.split)
            scores[run.name], report = found
            print("\n".join(report.lines()), file=sys.stderr)
    if len(scored_on) > 1:
        groups = "; ".join(", ".join(group) for group in scored_on.values())
        print(
            f"warning: the {options.split} splits differ, so do not compare: {groups}",
            file=sys.stderr,
        )
    results.show(scores, options.split, task, references)
    if options.output is not None:
        _write(Path(options.output), scores, references, task)
    return 0


def _write(folder: Path, scores: Mapping, references: Mapping, task: str):
    from imbalance.commands import results
    from imbalance.evaluation.tables import to_csv

    tables = results.tables_of(task)
    markdown = tables.comparison_markdown(scores, references)
    (folder / "comparison.md").write_text(markdown, encoding="utf-8")
    csv = to_csv(tables.tidy_frame(scores))
    (folder / "comparison.csv").write_text(csv, encoding="utf-8")
    print(f"comparison:  {folder / 'comparison.md'}")


@cache
def _load(task: str, config):
    from imbalance import tasks

    return tasks.get(task).load(config)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="evaluate.py",
        description="Score finished runs on a split: the whole of it (all), and without the texts "
        "that stand in the training data or earlier in the split (unseen).",
        epilog="Exit status: 0 done, 2 wrong input.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run folder of train.py")
    parser.add_argument("--data", metavar="DATA", help="other data; one file is scored whole")
    parser.add_argument(
        "--split", default="test", choices=("train", "validation", "test"), help="default: test"
    )
    parser.add_argument(
        "--reference",
        metavar="FILE",
        help="YAML with published scores, {name: {all: {accuracy: ...}}}, shown beside the runs",
    )
    parser.add_argument(
        "--output", metavar="DIR", help="also write comparison.md and comparison.csv there"
    )
    return parser
