"""Command line: ``python -m imbalance.data audit DATA``."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from imbalance import checks
from imbalance.checks import InputError, Parser
from imbalance.config import FORMATS, SPAN_FORMATS, TASKS, RunConfig, merge, read_yaml
from imbalance.data import audit, audit_spans

_EPILOG = """\
examples:
  python -m imbalance.data audit reviews
  python -m imbalance.data audit corpus/                      # train.csv, test.csv, …
  python -m imbalance.data audit rows.csv --text-column body --label-column topic
  python -m imbalance.data audit fudan/train/ --encoding gb18030 --json > audit.json
  python -m imbalance.data audit people_daily --task tagging
  python -m imbalance.data audit CMRC --task reading --files train=trial.json --files test=dev.json
  python -m imbalance.data audit --config saved_models/RUN/config.yaml

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
    main = Parser(
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
    command.add_argument(
        "source",
        metavar="DATA",
        nargs="?",
        help="what to read, see below; by default that of --config",
    )
    command.add_argument(
        "--config",
        metavar="RUN.yaml",
        help="a run's configuration, whose task and data settings hold where no flag replaces them",
    )
    command.add_argument(
        "--task",
        metavar="TASK",
        help=f"what the texts are for: {', '.join(TASKS)}; all but {TASKS[0]} need marked spans "
        f"(default: {TASKS[0]})",
    )
    command.add_argument(
        "--files",
        action="append",
        metavar="SPLIT=FILE",
        help="file of the folder DATA that holds a split, such as train=trial.json; may be "
        "repeated",
    )
    command.add_argument(
        "--text-column",
        action="append",
        metavar="NAME",
        help=f"column of the texts (default: {defaults.text_column}); given twice, those of a pair",
    )
    command.add_argument(
        "--label-column",
        metavar="NAME",
        help=f"column of the labels (default: {defaults.label_column})",
    )
    command.add_argument("--weight-column", metavar="NAME", help="column of the rows' weights")
    command.add_argument(
        "--quotes",
        action=argparse.BooleanOptionalAction,
        help="whether quotes enclose fields of a table in text (default: of csv they do)",
    )
    command.add_argument(
        "--format",
        metavar="FORMAT",
        help=f"how files are read (default: {defaults.format}, by their names): "
        + ", ".join((*FORMATS[1:], *SPAN_FORMATS[1:])),
    )
    command.add_argument(
        "--encoding",
        metavar="NAME",
        help=f"of text files (default: {defaults.encoding}, UTF-8; in a folder per class also "
        "GB18030)",
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return main


def configuration(options: dict) -> RunConfig:
    """Return the task and the data settings that the options give, over those of a file."""
    given = {key: value for key, value in options.items() if value is not None}
    task, path = given.pop("task", None), given.pop("config", None)
    columns = given.pop("text_column", None)
    if columns:
        given["text_column"] = columns[0] if len(columns) == 1 else columns
    if "files" in given:
        given["files"] = _files(given["files"])
    if path is None and "source" not in given:
        raise InputError("DATA: got nothing, expected a file, a folder, reviews, or --config")
    base = {} if path is None else read_yaml(path)
    if isinstance(base.get("data"), Mapping) and _others(given, base["data"].get("files")):
        base = {**base, "data": {key: base["data"][key] for key in base["data"] if key != "files"}}
    if task is not None and task != base.get("task", TASKS[0]):
        # Of the file only the data is of use: network, loss and monitor are of its own task.
        base = {"task": task, "data": base.get("data", {})}
    # The whole file is checked, that a slip in it is named; then only what is read is kept.
    plain = RunConfig.from_mapping(merge(base, {"data": given})).to_mapping()
    return RunConfig.from_mapping({name: plain[name] for name in ("task", "data")})


def _others(given: Mapping, files) -> bool:
    """Say whether the data that is given has other files than a configuration names."""
    if "files" in given:
        return True
    if "source" not in given or not isinstance(files, Mapping):
        return False
    return not all(Path(given["source"], str(file)).is_file() for file in files.values())


def _files(items: list[str]) -> dict[str, str]:
    pairs = [item.partition("=") for item in items]
    for item, (split, equals, file) in zip(items, pairs, strict=True):
        if not (split and equals and file):
            raise checks.wrong("--files", item, "SPLIT=FILE, such as train=trial.json")
    found = {split: file for split, _, file in pairs}
    if len(found) < len(pairs):
        raise checks.wrong("--files", " ".join(items), "each split once")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for wrong input."""
    try:
        options = vars(parser().parse_args(arguments))
        options.pop("command")
        as_json = options.pop("json")
        config = configuration(options)
        if config.task == "classification":
            (found, report), render = audit.audit(config.data), audit.render
        else:
            found, report = audit_spans.audit(config.data, config.task)
            render = audit_spans.render
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
