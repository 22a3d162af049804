"""Command line: ``python -m imbalance.data audit DATA``."""

import argparse
import json
import os
import sys

from imbalance.checks import InputError
from imbalance.config import FORMATS, SPAN_FORMATS, TASKS, RunConfig
from imbalance.data import audit, audit_spans

_EPILOG = """\
examples:
  python -m imbalance.data audit reviews
  python -m imbalance.data audit corpus/                      # train.csv, test.csv, …
  python -m imbalance.data audit rows.csv --text-column body --label-column topic
  python -m imbalance.data audit fudan/train/ --encoding gb18030 --json > audit.json
  python -m imbalance.data audit people_daily --task tagging

DATA is one of
  reviews     the embedded corpus of Chinese shopping reviews
  a file      .csv, .tsv, .jsonl, .parquet or .txt (label<TAB>text); text formats also
              compressed (.gz, .xz, .bz2)
  a folder    with a file per split (train.*, validation.*, test.*), with a folder of .txt files
              per class, or with train/ and test/ that hold a folder per class
With another --task than classification, DATA holds texts in which spans are marked:
  people_daily  the embedded words and parts of speech of a newspaper
  a file        CLUENER's JSON lines, CoNLL, CoNLL-U, word/tag, or the JSON of SQuAD
  a folder      with such a file per split
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    defaults = RunConfig().data
    main = argparse.ArgumentParser(
        prog="python -m imbalance.data",
        description="Look at labelled texts before training on them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command = main.add_subparsers(dest="command", required=True, metavar="audit").add_parser(
        "audit",
        help="count classes, class weights, lengths, duplicates, leaks and unusable rows",
        description="Count classes, class weights, lengths, duplicates, leaks and unusable rows.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("source", metavar="DATA", help="what to read, see below")
    command.add_argument(
        "--task",
        default="classification",
        choices=TASKS,
        help="what the texts are for; all but %(default)s need marked spans (default: %(default)s)",
    )
    command.add_argument(
        "--text-column",
        action="append",
        metavar="NAME",
        help=f"column of the texts (default: {defaults.text_column}); given twice, those of a pair",
    )
    command.add_argument(
        "--label-column",
        default=defaults.label_column,
        metavar="NAME",
        help="column of the labels (default: %(default)s)",
    )
    command.add_argument("--weight-column", metavar="NAME", help="column of the rows' weights")
    command.add_argument(
        "--format",
        default=defaults.format,
        choices=(*FORMATS, *SPAN_FORMATS[1:]),
        help="how files are read (default: %(default)s, by their names)",
    )
    command.add_argument(
        "--encoding",
        default=defaults.encoding,
        metavar="NAME",
        help="of text files (default: %(default)s, UTF-8; in a folder per class also GB18030)",
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return main


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for wrong input."""
    options = vars(parser().parse_args(arguments))
    options.pop("command")
    as_json, task = options.pop("json"), options.pop("task")
    columns = options.pop("text_column")
    if columns:
        options["text_column"] = columns[0] if len(columns) == 1 else columns
    try:
        # The whole configuration, since it knows which formats are of which task.
        config = RunConfig.from_mapping({"task": task, "data": options}).data
        if task == "classification":
            (found, report), render = audit.audit(config), audit.render
        else:
            (found, report), render = audit_spans.audit(config, task), audit_spans.render
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        if as_json:
            print(json.dumps(found, ensure_ascii=False, indent=2))
        else:
            render(found, report, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough; the interpreter's last flush must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
