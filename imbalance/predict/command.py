"""``python -m imbalance.predict``: answer each row of a file or pipe.

Nothing is held in memory but some rows at a time. As many rows are written as were read, in their
order; what could not be answered is counted and named on stderr.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from imbalance import checks
from imbalance.checks import InputError, Parser
from imbalance.predict import files
from imbalance.predict.model import Model
from imbalance.predict.rows import Sink, Source, taken
from imbalance.serving import folders

_EPILOG = """\
MODEL answers texts with label and score; pairs of texts likewise; texts with marked spans in a
column of JSON, spans; questions with answer, start, end and score.
Exit status: 0 done, 2 wrong input.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer the rows that the arguments name; return the exit status."""
    # TensorFlow's start-up notes are of no use to the user; its errors are.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return run(parser().parse_args(arguments))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of our output, `head` for one, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"error: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: no file was written", file=sys.stderr)
        return 130


def run(options) -> int:
    """Do what :func:`parser` parsed."""
    # What is wrong is refused before TensorFlow, which takes seconds, is loaded.
    version = folders.find(options.model).newest
    given = files.input_format(options.rows, options.format)
    out = None if options.out is None else Path(options.out)
    format = files.output_format(out, given)
    whole = nullcontext(sys.stdout.buffer) if out is None else files.whole(out, options.overwrite)
    with whole as file:
        model = Model(version, options.probabilities)
        names = _text_columns(options.text_column, model.inputs)
        source = files.open_source(
            options.rows, sys.stdin.buffer, names, given, options.encoding, options.quotes
        )
        new = {options.prefix + name: type_ for name, type_ in model.columns.items()}
        for name in new:
            if name in (source.columns or ()):
                raise taken(source.name, name)
        predict(model, source, files.SINKS[format](file, new, source.columns, source.plain_tabs))
    print("\n".join(source.account.lines(source.name)), file=sys.stderr)
    return 0


def predict(model, source: Source, sink: Sink) -> None:
    """Write each row of a source with the model's answer into a sink.

    Args:
        model: a :class:`~imbalance.predict.model.Model`.
        source: the rows.
        sink: whose new columns are those of the model.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal) as bar:
        task = bar.add_task(source.name, total=source.total)
        for batch in source.batches():
            known = [texts for texts in batch.texts if texts is not None]
            found = iter(model.answers(known) if known else ())
            sink.write(batch, [None if texts is None else next(found) for texts in batch.texts])
            rows = f"{source.name}: {source.account.read:,} rows"
            bar.update(task, description=rows, completed=source.done)
        sink.close()


def _text_columns(given: Sequence[str], inputs: Sequence[str]) -> tuple[str, ...]:
    if given and len(given) != len(inputs):
        expected = f"{len(inputs)}, for the model's {' and '.join(inputs)}"
        raise checks.wrong("--text-column, how many", len(given), expected)
    return tuple(given or inputs)


def parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="python -m imbalance.predict",
        description="Answer each row of a file or pipe by a SavedModel, in constant memory. The "
        "output has the rows and columns of the input in their order, and the answers behind them.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a run folder, its serving folder, or one version in it"
    )
    parser.add_argument(
        "rows",
        metavar="IN",
        help=f"a file ({', '.join(files.READ)}; of text also .gz, .xz, .bz2; a line of .txt is a "
        "text), or - for standard input",
    )
    parser.add_argument(
        "-o",
        dest="out",
        metavar="OUT",
        help=f"a file ({', '.join(files.WRITTEN)}), written whole or not at all; by default "
        "standard output, CSV and TSV as they came, else JSON lines",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    parser.add_argument(
        "--format",
        choices=tuple(dict.fromkeys(files.READ.values())),
        help="of IN, where its name does not tell it; lines: each is a text",
    )
    parser.add_argument(
        "--text-column",
        metavar="NAME",
        action="append",
        default=[],
        help="column of the texts (default: text; text_a and text_b; question and context); of two "
        "texts a row given twice",
    )
    parser.add_argument("--probabilities", action="store_true", help="also a column for each class")
    parser.add_argument(
        "--prefix",
        metavar="P",
        default="",
        help="put before the names of the new columns, where the input has such already",
    )
    parser.add_argument("--encoding", metavar="NAME", default="auto", help="default: UTF-8")
    parser.add_argument(
        "--quotes",
        action=argparse.BooleanOptionalAction,
        help="whether quotes enclose fields (default: of CSV they do, of TSV they do not)",
    )
    return parser
