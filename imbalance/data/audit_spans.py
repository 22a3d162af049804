"""What a corpus of texts with spans holds: types, spans, the share outside them, lengths, leaks."""

from itertools import combinations
from typing import TextIO

import numpy as np

from imbalance import checks
from imbalance.config import DataConfig
from imbalance.data import annotated
from imbalance.data.annotated import AnnotatedCorpus, AnnotatedSplit
from imbalance.data.audit import console, empty_table
from imbalance.data.report import ReadReport


def audit(config: DataConfig, task: str) -> tuple[dict, ReadReport]:
    """Read texts with spans and describe the splits as they are used.

    Args:
        config: what to read, as for :func:`imbalance.data.annotated.load`.
        task: ``tagging``, ``span`` or ``reading``.

    Returns:
        Plain mappings that JSON can hold, and the report that they hold as a mapping, for its
        lines. The keys are ``name``, ``source``, ``task``, ``types``, ``splits`` (split to its
        description), ``overlaps`` and ``report``.

    Raises:
        InputError: as :func:`imbalance.data.annotated.load`.

    Example:
        >>> import tempfile
        >>> rows = [f"他\\tO\\n在\\tO\\n{each}\\tB-place\\n\\n" for each in "京沪渝"]
        >>> with tempfile.NamedTemporaryFile("w", suffix=".conll", encoding="utf-8") as file:
        ...     _ = file.write("".join(rows))
        ...     file.flush()
        ...     found, _ = audit(DataConfig(source=file.name, cache=None), "tagging")
        >>> found["splits"]["train"]["counts"], round(found["splits"]["train"]["outside"], 3)
        ({'place': 1}, 0.667)
    """
    corpus = annotated.load(config, task)
    splits = {name: split for name, split in corpus.splits.items() if len(split)}
    found = {
        "name": corpus.name,
        "source": config.source,
        "task": task,
        "types": list(corpus.types),
        "splits": {name: _describe(split, corpus) for name, split in splits.items()},
        "overlaps": [_overlap(splits, *pair) for pair in combinations(splits, 2)],
        "report": corpus.report.to_mapping(),
    }
    return found, corpus.report


def render(found: dict, report: ReadReport, file: TextIO) -> None:
    """Print what :func:`audit` found as tables, then the lines of its report."""
    page = console(file)
    page.print(f"{found['name']} ({found['source']}), {found['task']}")
    page.print(_type_table(found))
    page.print(_split_table(found))
    page.print(_overlap_table(found))
    page.print("Rows")
    for line in report.lines():
        page.print(f"  {line}")


def _describe(split: AnnotatedSplit, corpus: AnnotatedCorpus) -> dict:
    counts = split.counts(len(corpus.types)).tolist()
    widths = [span.end - span.start for spans in split.spans for span in spans]
    return {
        "rows": len(split),
        "rows_without_spans": sum(not spans for spans in split.spans),
        "spans": len(widths),
        "counts": dict(zip(corpus.types, counts, strict=True)),
        "outside": split.outside_share,
        "characters": _quantiles(split.lengths),
        "span_characters": _quantiles(widths),
        "repeated_texts": len(split) - len(np.unique(split.digests)),
    }


def _quantiles(values) -> dict:
    values = np.asarray(values if len(values) else [0])
    return {
        "min": int(values.min()),
        "median": float(np.median(values)),
        "p95": float(np.percentile(values, 95)),
        "max": int(values.max()),
    }


def _overlap(splits: dict[str, AnnotatedSplit], first: str, second: str) -> dict:
    rows = int(np.isin(splits[second].digests, splits[first].digests).sum())
    return {"of": second, "in": first, "rows": rows, "share": rows / len(splits[second])}


def _type_table(found: dict):
    splits = found["splits"]
    result = empty_table("Spans", "type")
    for name in splits:
        result.add_column(name, justify="right")
    result.add_column("share of\ntrain", justify="right")
    train = splits["train"]
    for kind in sorted(found["types"], key=lambda each: -train["counts"][each]):
        result.add_row(
            checks.printable(kind),
            *(f"{each['counts'][kind]:,}" for each in splits.values()),
            f"{train['counts'][kind] / train['spans']:.2%}",
        )
    return result


def _split_table(found: dict):
    result = empty_table("Splits (lengths in characters)", "split")
    for heading in ("rows", "without\na span", "spans", "characters\noutside", "repeated\ntexts"):
        result.add_column(heading, justify="right")
    for what in ("text", "span"):
        for heading in ("shortest", "median", "95 %", "longest"):
            result.add_column(f"{heading}\n{what}", justify="right")
    for name, each in found["splits"].items():
        result.add_row(
            name,
            *(f"{each[key]:,}" for key in ("rows", "rows_without_spans", "spans")),
            f"{each['outside']:.2%}",
            f"{each['repeated_texts']:,}",
            *(f"{value:,.0f}" for value in each["characters"].values()),
            *(f"{value:,.0f}" for value in each["span_characters"].values()),
        )
    return result


def _overlap_table(found: dict):
    result = empty_table("Texts that stand in two splits", "rows of … whose text stands in …")
    for heading in ("rows", "share"):
        result.add_column(heading, justify="right")
    for each in found["overlaps"]:
        result.add_row(f"{each['of']} in {each['in']}", f"{each['rows']:,}", f"{each['share']:.1%}")
    return result
