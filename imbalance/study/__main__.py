"""``python -m imbalance.study``: run a study, or what is missing of it, and write its report."""

import os
import sys
from collections.abc import Sequence

from imbalance.checks import InputError, Parser, whole
from imbalance.study import readme, report
from imbalance.study.config import Study
from imbalance.study.run import lines, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before anything imports TensorFlow
    try:
        options = _parser().parse_args(arguments)
        study = Study.from_yaml(options.study, data=options.data)
        if options.dry_run:
            print("\n".join(lines(study, options.only)))
            return 0
        if options.check:
            return _check(study, options.readme or "README.md")
        failures = {}
        if not (options.report_only or options.readme):
            failures = run(
                study, options.only, replace_stale=options.replace_stale, at_once=options.jobs
            )
        print(*report.write(study), sep="\n")
        if options.readme:
            readme.update(study, options.readme)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: what is trained stays, run it again to go on", file=sys.stderr)
        return 130
    if failures:
        listed = "\n".join(f"  {cell}: {reason}" for cell, reason in failures.items())
        print(f"{len(failures)} cells without a result:\n{listed}", file=sys.stderr)
    return 1 if failures else 0


def _check(study: Study, path: str) -> int:
    drifted = readme.drifted(study, path)
    if drifted:
        print(f"not what the results give: {', '.join(drifted)}", file=sys.stderr)
    return 1 if drifted else 0


def _parser() -> Parser:
    parser = Parser(
        prog="python -m imbalance.study",
        description="Train the cells of a study that are not finished, write each number into its "
        "results file as it comes, and write the report.",
        epilog="Exit status: 0 done, 1 some cells have no result or --check found something, "
        "2 wrong input.",
    )
    parser.add_argument("study", metavar="FILE", help="YAML, see configs/studies/")
    parser.add_argument("--data", metavar="DATA", help="instead of the study's data.source")
    parser.add_argument(
        "--only", metavar="PATTERN", default="*", help="of cells, such as 'dice*' or '*-seed1'"
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=whole(1, 256),
        default=1,
        help="cells to train at a time, sharing the cores: on two cores, two small networks of one "
        "thread each end sooner than one after the other; default 1",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check the study as a run does; list the cells, what is done and the time left",
    )
    parser.add_argument(
        "--report-only", action="store_true", help="train nothing, write the report"
    )
    parser.add_argument(
        "--readme",
        metavar="FILE",
        help="train nothing, write the report and its section of this README or other page",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 if README.md, or the --readme, or the report is not what "
        "the results give",
    )
    parser.add_argument(
        "--replace-stale",
        action="store_true",
        help="remove and train again what another configuration made",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
