"""What a corpus holds before anything is trained on it: classes, lengths, repeats, leaks.

The audit looks at the splits as given, so that its counts and class weights are those of the
published files, and at the splits as used, after rows were skipped and missing splits cut.
"""

from collections import defaultdict
from itertools import combinations
from typing import TextIO

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from imbalance import checks
from imbalance.config import DataConfig
from imbalance.data import corpus, cutting
from imbalance.data.cutting import SPLITS
from imbalance.data.report import ReadReport
from imbalance.data.rows import Rows
from imbalance.weights import balanced_weights, effective_number_weights


def audit(config: DataConfig) -> tuple[dict, ReadReport]:
    """Read a corpus and describe it.

    Args:
        config: what to read, as for :func:`imbalance.data.load`.

    Returns:
        Plain mappings that JSON can hold, and the report that they hold as a mapping, for its
        lines. The keys are ``name``, ``source``, ``cut`` (fractions and seed of the splits
        that the source lacks), ``labels``, ``class_weights`` (``balanced`` and ``effective``,
        label to weight, of the training rows as given), ``given`` and ``used`` (each with
        ``splits``, split to its description, and ``overlaps``) and ``report``.

    Raises:
        InputError: as :func:`imbalance.data.load`.

    Example:
        >>> found, _ = audit(DataConfig(imbalance_ratio=100))
        >>> found["given"]["splits"]["train"]["counts"]
        {'negative': 9031, 'positive': 90}
        >>> round(found["class_weights"]["balanced"]["positive"], 2)
        50.67
    """
    given = corpus.read(config)
    used = cutting.divide(given, config)
    labels = sorted({label for rows in given.splits.values() for label in rows.counts()})
    counts = given.splits["train"].counts()
    trained = [label for label in labels if label in counts]
    numbers = [counts[label] for label in trained]
    weights = {
        "balanced": balanced_weights(numbers),
        "effective": effective_number_weights(numbers),
    }
    fractions = {
        "validation": 1 / config.folds if config.folds else config.validation_fraction,
        "test": config.test_fraction,
    }
    found = {
        "name": given.name,
        "source": config.source,
        "cut": {
            "fractions": {
                name: f for name, f in fractions.items() if f and name not in given.splits
            },
            "split_seed": config.split_seed,
        },
        "labels": labels,
        "class_weights": {
            name: dict(zip(trained, each.tolist(), strict=True)) for name, each in weights.items()
        },
        "given": _describe_all(given.splits),
        "used": _describe_all(used),
        "report": given.report.to_mapping(),
    }
    return found, given.report


def render(found: dict, report: ReadReport, file: TextIO) -> None:
    """Print what :func:`audit` found as tables, then the lines of its report."""
    page = console(file)
    page.print(f"{found['name']} ({found['source']})")
    cut = found["cut"]
    if cut["fractions"]:
        shares = " and ".join(f"{name} ({f:.0%})" for name, f in cut["fractions"].items())
        page.print(f"Not given and therefore cut from train: {shares}, seed {cut['split_seed']}")
    page.print(_class_table(found))
    page.print(_split_table(found))
    page.print(_overlap_table(found))
    page.print("Rows")
    for line in report.lines():
        page.print(f"  {line}")


def console(file: TextIO) -> Console:
    """Return a page to print tables on."""
    # A label or a path is no markup, and a pipe has no width to crop a table to.
    width = None if file.isatty() else 1000
    return Console(
        file=file, width=width, markup=False, emoji=False, highlight=False, soft_wrap=True
    )


def _describe_all(splits: dict[str, Rows]) -> dict:
    ordered = {name: splits[name] for name in SPLITS if len(splits.get(name, ()))}
    return {
        "splits": {name: _describe(rows) for name, rows in ordered.items()},
        "overlaps": [_overlap(ordered, *pair) for pair in combinations(ordered, 2)],
    }


def _describe(rows: Rows) -> dict:
    counts, lengths = rows.counts(), rows.lengths
    return {
        "rows": len(rows),
        "classes": len(counts),
        "counts": dict(sorted(counts.items())),
        "imbalance_ratio": max(counts.values()) / min(counts.values()),
        "characters": {
            "min": int(lengths.min()),
            "median": float(np.median(lengths)),
            "p95": float(np.percentile(lengths, 95)),
            "max": int(lengths.max()),
        },
        "repeated_texts": len(rows) - len(set(rows.digests)),
        "conflicting_rows": len(rows.conflicting()),
    }


def _overlap(splits: dict[str, Rows], first: str, second: str) -> dict:
    known = defaultdict(set)
    for digest, label in zip(splits[first].digests, splits[first].labels, strict=True):
        known[digest].add(label)
    pairs = zip(splits[second].digests, splits[second].labels, strict=True)
    shared = [(digest, label) for digest, label in pairs if digest in known]
    return {
        "of": second,
        "in": first,
        "rows": len(shared),
        "share": len(shared) / len(splits[second]),
        "other_label_rows": sum(label not in known[digest] for digest, label in shared),
    }


def _class_table(found: dict) -> Table:
    given, used = found["given"]["splits"], found["used"]["splits"]
    train = given["train"]
    table = empty_table("Classes", "class")
    for name in given:
        table.add_column(f"{name}\nas given", justify="right")
    for heading in ("share of\ntrain", "balanced\nweight", "effective\nweight"):
        table.add_column(heading, justify="right")
    for name in used:
        table.add_column(f"{name}\nas used", justify="right")
    for label in sorted(found["labels"], key=lambda each: -train["counts"].get(each, 0)):
        table.add_row(
            checks.printable(label),
            *(f"{each['counts'].get(label, 0):,}" for each in given.values()),
            f"{train['counts'].get(label, 0) / train['rows']:.2%}",
            *(_weight(each.get(label)) for each in found["class_weights"].values()),
            *(f"{each['counts'].get(label, 0):,}" for each in used.values()),
        )
    return table


def _split_table(found: dict) -> Table:
    table = empty_table("Splits (lengths in characters)", "split")
    for heading in (
        "rows",
        "classes",
        "largest :\nsmallest",
        "shortest",
        "median",
        "95 %",
        "longest",
        "repeated\ntexts",
        "conflicting\nrows",
    ):
        table.add_column(heading, justify="right")
    for stage in ("given", "used"):
        for name, each in found[stage]["splits"].items():
            length = each["characters"]
            table.add_row(
                f"{name} as {stage}",
                f"{each['rows']:,}",
                f"{each['classes']:,}",
                f"{each['imbalance_ratio']:,.1f}",
                *(f"{length[key]:,.0f}" for key in ("min", "median", "p95", "max")),
                f"{each['repeated_texts']:,}",
                f"{each['conflicting_rows']:,}",
            )
    return table


def _overlap_table(found: dict) -> Table:
    table = empty_table("Texts that stand in two splits", "rows of … whose text stands in …")
    for heading in ("rows", "share", "only under\nanother label"):
        table.add_column(heading, justify="right")
    for stage in ("given", "used"):
        for each in found[stage]["overlaps"]:
            table.add_row(
                f"{each['of']} in {each['in']}, as {stage}",
                f"{each['rows']:,}",
                f"{each['share']:.1%}",
                f"{each['other_label_rows']:,}",
            )
    return table


def empty_table(title: str, first: str) -> Table:
    """Return a table with its first column."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column(first)
    return table


def _weight(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
