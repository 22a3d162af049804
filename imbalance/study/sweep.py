"""The report of a study with variants, such as ratios of imbalance: scores by variant and row."""

import math
from collections.abc import Sequence

from imbalance.study import figures
from imbalance.study.config import Study
from imbalance.study.markdown import NONE, code, escape, table
from imbalance.study.numbers import Numbers
from imbalance.study.predictions import LabelPredictions
from imbalance.study.rows import VARIANT, Row
from imbalance.study.sections import best_in_bold, difference, picture, published_scores


def variants(study: Study) -> list[str]:
    """Return the names of a study's variants, none of a study without."""
    names = [row.name.partition(VARIANT)[2] for row in study.rows]
    return list(dict.fromkeys(name for name in names if name))


def sections(numbers: Numbers, pictures: Sequence[str]) -> list[str]:
    """Return the parts of the report, as Markdown."""
    if not numbers.rows():
        return []
    parts = ["## By variant", *(picture(numbers, name) for name in pictures)]
    parts.append(
        f"Mean ± standard deviation over seeds on all test {numbers.measures.rows}; the best of "
        "each column in bold, which is no test."
    )
    for metric, heading in metrics(numbers).items():
        parts += [f"### {heading}", scores(numbers, metric)]
    for metric, heading in list(metrics(numbers).items()):
        for subset in numbers.subsets:
            if found := _differences(numbers, metric, subset):
                reference = code(numbers.study.report.reference("losses"))
                where = "" if subset == "all" else f", {subset} test {numbers.measures.rows}"
                parts += [f"### {heading}: differences from {reference}{where}", found]
    return parts


def draw(numbers: Numbers) -> dict[str, str]:
    """Return the figure, file name to SVG; none without results."""
    if not numbers.rows():
        return {}
    names = variants(numbers.study)
    panels = {
        heading: {
            row: [numbers.score(_name(row, variant), metric)[:2] for variant in names]
            for row in rows(numbers)
        }
        for metric, heading in metrics(numbers).items()
    }
    name = f"{numbers.study.results.stem}-sweep.svg"
    return {name: figures.sweep_figure(panels, names)}


def metrics(numbers: Numbers) -> dict[str, str]:
    """Return which scores are shown, with their headings."""
    measures = numbers.measures
    if numbers.study.report.metrics or numbers.kind is not LabelPredictions:
        return {name: measures.heading(name) for name in measures.summary if numbers.has(name)}
    positive = numbers.classes["label"].iloc[1] if len(numbers.classes) == 2 else "?"
    wanted = {
        f"f1:{positive}": f"F1 of {positive}",
        "macro_f1": "macro-F1",
        "pr_auc": f"PR-AUC of {positive}",
        "ece": "calibration error",
    }
    return {metric: heading for metric, heading in wanted.items() if numbers.has(metric)}


def rows(numbers: Numbers) -> list[str]:
    """Return the rows' names without their variants, those that have results."""
    return list(dict.fromkeys(row.name.partition(VARIANT)[0] for row in numbers.rows()))


def scores(numbers: Numbers, metric: str) -> str:
    """One score: a line for each row, a column for each variant."""
    names = rows(numbers)
    published = {row.name: row.published.get(metric, math.nan) for row in numbers.rows()}
    headings, columns = [""], [[code(name) for name in names]]
    for variant in variants(numbers.study):
        headings.append(escape(variant))
        own = [_name(name, variant) for name in names]
        columns.append(best_in_bold(metric, [numbers.score(name, metric) for name in own]))
        theirs = [published.get(name, math.nan) for name in own]
        if not all(map(math.isnan, theirs)):
            headings.append("published")
            columns.append(published_scores(theirs))
    return table(headings, zip(*columns, strict=True))


def _differences(numbers: Numbers, metric: str, subset: str) -> str:
    by_variant = {}
    for variant in variants(numbers.study):
        own: list[Row] = [
            row for row in numbers.rows() if row.name.partition(VARIANT)[2] == variant
        ]
        found = numbers.compared(own, metric, subset)
        by_variant[variant] = {each.name.partition(VARIANT)[0]: each for each in found}
    if not any(by_variant.values()):
        return ""
    lines = [
        [code(name), *(difference(of[name]) if name in of else NONE for of in by_variant.values())]
        for name in rows(numbers)
        if any(name in of for of in by_variant.values())
    ]
    return table(["", *map(escape, by_variant)], lines)


def _name(row: str, variant: str) -> str:
    return f"{row}{VARIANT}{variant}"
