"""The parts of a study's report. Each returns Markdown, nothing where it has nothing to say."""

import math
from collections.abc import Sequence

from imbalance.study import tuning
from imbalance.study.config import Study
from imbalance.study.markdown import (
    NONE,
    bold_best,
    code,
    escape,
    interval,
    number,
    p_value,
    spread,
    table,
)
from imbalance.study.measures import FALLING
from imbalance.study.numbers import Compared, Numbers, Score
from imbalance.study.paired import reference_of
from imbalance.study.rows import Row
from imbalance.study.scoring import SUBSETS

GROUP_TITLES = {
    "losses": "Losses",
    "ablation": "Ablation",
    "learning": "Learning curve",
    "tags": "Tags",
}
_CAPTIONS = {
    "differences.svg": "Differences with their intervals on all test {rows}; blue where they "
    "hold after the correction.",
    "sweep.svg": "Means over seeds on all test {rows}; the bars are one standard deviation.",
}


def notes(numbers: Numbers) -> str:
    """What a reader must know to judge the numbers."""
    lines = list(numbers.study.report.notes)
    if len(numbers.classes):
        lines.append(_test_split(numbers))
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _test_split(numbers: Numbers) -> str:
    """How large the test split is; of spans also how much of it is in none."""
    measures, classes = numbers.measures, numbers.classes
    total = {name: int(classes[name].sum()) for name in ("test_rows", "unseen_rows")}
    rows = {subset: numbers.constant("rows", subset) for subset in SUBSETS}
    if math.isnan(rows["all"]):
        return (
            f"Test split: {total['test_rows']:,} {measures.rows} of {len(classes)} "
            f"{measures.classes}, {total['unseen_rows']:,} of them unseen."
        )
    unseen = 0 if math.isnan(rows["unseen"]) else rows["unseen"]
    told = f"Test split: {rows['all']:,.0f} {measures.rows}, {unseen:,.0f} of them unseen"
    if numbers.kind.MACRO is None:
        return f"{told}."
    told += f", with {total['test_rows']:,} {measures.parts} of {len(classes)} {measures.classes}"
    outside = numbers.constant("outside_share", "all")
    if math.isnan(outside):
        return f"{told}."
    return f"{told}. Of its characters {100 * outside:.1f} % are in no span: the tag `O`."


def unfinished(numbers: Numbers) -> str:
    """What is missing or left out, by name."""
    lines = []
    if missing := numbers.missing():
        names = ", ".join(code(name) for name in missing)
        lines.append(f"**Not finished: {len(missing)} of {len(numbers.study.cells())}:** {names}.")
    if numbers.outdated:
        names = ", ".join(f"{code(one)} against {code(two)}" for one, two in numbers.outdated)
        lines.append(f"**Left out, since results have changed since:** comparisons of {names}.")
    return "\n\n".join(lines)


def picture(numbers: Numbers, name: str) -> str:
    """A figure by the name of its file, with its caption."""
    caption = _CAPTIONS[name.rpartition("-")[2]].format(rows=numbers.measures.rows)
    return f"![{name.removesuffix('.svg')}]({name})\n\n{caption}"


def targets(numbers: Numbers) -> str:
    """Each target, reached or missed, how many of them a single row reaches, what was tried."""
    settings, rows = numbers.study.report, numbers.rows("losses")
    if not settings.targets or not rows:
        return ""
    reached = {
        row.name: sum(
            numbers.score(row.name, each.metric, each.subset).mean >= each.value
            for each in settings.targets
        )
        for row in rows
    }
    main = numbers.measures.main
    most = max(reached, key=lambda name: (reached[name], numbers.score(name, main).mean))
    parts = ["## Targets", target_table(numbers)]
    if reached[most]:
        parts.append(
            f"The best loss may differ from line to line; of single losses, {code(most)} reaches "
            f"the most: {reached[most]} of {len(settings.targets)}."
        )
    if settings.missed and "missed by" in parts[1]:
        parts.append(settings.missed)
    return "\n\n".join(parts)


def target_table(numbers: Numbers) -> str:
    """Each target, reached or missed by how much, and beside the rival."""
    settings, rows = numbers.study.report, numbers.rows("losses")
    if not settings.targets or not rows:
        return ""
    lines = []
    for target in settings.targets:
        scores = {row.name: numbers.score(row.name, target.metric, target.subset) for row in rows}
        name = _highest(scores)
        lacking = target.value - scores[name].mean
        cells = [
            _measure(numbers, target.metric, target.subset),
            number(math.nan if target.before is None else target.before),
            number(target.value),
            code(name),
            spread(*scores[name][:2]),
            "reached" if lacking <= 0 else f"missed by {_lacking(lacking)}",
        ]
        if settings.rival:
            cells += _beside_rival(numbers, rows, name, target)
        lines.append(cells)
    headings = ["measure", "before", "to reach", "best loss", "mean ± sd", "result"]
    if settings.rival:
        headings += [code(settings.rival), "best loss minus it"]
    return table(headings, lines)


def _beside_rival(numbers: Numbers, rows: Sequence[Row], name: str, target) -> list[str]:
    rival = numbers.study.report.rival
    compared = numbers.compared(rows, target.metric, target.subset, rival)
    own = next((each for each in compared if each.name == name), None)
    score = numbers.score(rival, target.metric, target.subset)
    return [spread(*score[:2]), NONE if own is None else difference(own)]


def scores(numbers: Numbers, group: str) -> str:
    """Mean and standard deviation of each row, published scores beside them, and baselines."""
    rows = numbers.rows(group)
    names = [row.name for row in rows]
    if group == "losses":
        names += numbers.baselines()
    else:
        references = dict.fromkeys(reference_of(numbers.study, row) for row in rows)
        shown = [row.name for row in numbers.rows() if row.name in references]
        names = [name for name in shown if name not in names] + names
    published = {row.name: row.published for row in rows}
    networks = {row.name for row in numbers.rows()}
    columns = [[code(name) if name in networks else f"*{escape(name)}*" for name in names]]
    headings = ["loss" if group == "losses" else ""]
    of_others = [metric for of_row in published.values() for metric in of_row]
    for subset in numbers.subsets:
        for metric in dict.fromkeys([*numbers.measures.summary, *of_others]):
            found = [numbers.score(name, metric, subset) for name in names]
            if not any(score.seeds for score in found):
                continue
            columns.append(best_in_bold(metric, found))
            headings.append(_measure(numbers, metric, subset))
            theirs = [published.get(name, {}).get(metric, math.nan) for name in names]
            if subset == "all" and not all(map(math.isnan, theirs)):
                columns.append(published_scores(theirs))
                headings.append("published")
    counted = [numbers.score(name, numbers.measures.main) for name in names]
    columns.append([str(score.seeds) for score in counted])
    columns.append([_seconds(numbers.score(name, "seconds")) for name in names])
    headings += ["seeds", "training, s"]
    return table(headings, zip(*columns, strict=True))


def winners(numbers: Numbers, rows: Sequence[Row]) -> str:
    """Which loss wins where: for classes of each size, with intervals."""
    lines = []
    for subset in numbers.subsets:
        for metric in numbers.measures.won:
            found = {row.name: numbers.score(row.name, metric, subset) for row in rows}
            found = {name: score for name, score in found.items() if score.seeds}
            compared = numbers.compared(rows, metric, subset)
            if not compared:
                continue
            best = _highest(found)
            own = next((each for each in compared if each.name == best), None)
            lines.append(
                [
                    _measure(numbers, metric, subset),
                    f"{code(best)} {spread(*found[best][:2])}",
                    "is the reference" if own is None else difference(own),
                    listed(compared, 1),
                    listed(compared, -1),
                ]
            )
    if not lines:
        return ""
    reference = code(numbers.study.report.reference("losses"))
    headings = ["measure", "highest mean", f"minus {reference}", "better", "worse"]
    return "\n\n".join(
        [
            "### Which loss wins where",
            f"Better or worse than {reference} only where the interval excludes 0 and holds after "
            "the correction, the largest difference first; their order is not tested.",
            table(headings, lines, texts=5),
        ]
    )


def differences(numbers: Numbers, rows: Sequence[Row], rival: str | None = None) -> str:
    """Every row against its reference, or against the rival: intervals and McNemar's test."""
    parts = []
    for subset in numbers.subsets:
        by_metric = {
            metric: {each.name: each for each in numbers.compared(rows, metric, subset, rival)}
            for metric in numbers.measures.compared
        }
        by_metric = {metric: found for metric, found in by_metric.items() if found}
        if not by_metric:
            continue
        names = [row.name for row in rows if any(row.name in of for of in by_metric.values())]
        headings, columns = [""], [[code(name) for name in names]]
        for metric, of in by_metric.items():
            headings.append(_measure(numbers, metric, "all"))
            columns.append([difference(of[name]) if name in of else NONE for name in names])
            if metric == "accuracy":
                headings.append("McNemar's p")
                p_values = [of[name].mcnemar if name in of else math.nan for name in names]
                columns.append(list(map(p_value, p_values)))
        parts.append(f"On {_rows_of(numbers, subset)}:")
        parts.append(table(headings, zip(*columns, strict=True)))
    if not parts:
        return ""
    other = rival or ", ".join(dict.fromkeys(reference_of(numbers.study, row) for row in rows))
    return "\n\n".join([f"### Differences from {code(other)}", *parts])


def classes(numbers: Numbers, rows: Sequence[Row]) -> str:
    """F1 of each class or type by row, the best in bold, the rarest class first."""
    known = numbers.classes.sort_values("training_rows", kind="stable")
    headings = [numbers.measures.one_class, "training", "test", *(code(row.name) for row in rows)]
    parts = []
    for subset in numbers.subsets:
        count = "test_rows" if subset == "all" else "unseen_rows"
        lines = []
        for each in known.itertuples():
            values = [numbers.score(row.name, f"f1:{each.label}", subset).mean for row in rows]
            texts = bold_best(values, [number(value) for value in values])
            counts = [f"{each.training_rows:,.0f}", f"{getattr(each, count):,.0f}"]
            lines.append([escape(each.label), *counts, *texts])
        if lines and numbers.has(f"f1:{known['label'].iloc[0]}", subset):
            parts += [f"On {_rows_of(numbers, subset)}:", table(headings, lines)]
    if not parts:
        return ""
    title = f"### F1 of each {numbers.measures.one_class}"
    return "\n\n".join([title, "Means over seeds; the highest in bold, which is no test.", *parts])


def tuning_budget(study: Study) -> str:
    """What choosing the values cost, and what was chosen."""
    if study.tuning is None:
        return ""
    budget, trials, chosen = study.tuning, tuning.read(study), tuning.chosen(study)
    lines = []
    for row in study.tuning.spaces:
        own = trials[trials["loss"] == row]
        values = ", ".join(f"{code(key)} {value}" for key, value in chosen.get(row, {}).items())
        score = own["macro_f1"].max() if row in chosen else math.nan
        hours = f"{own['seconds'].sum() / 3600:.2f}"
        lines.append([code(row), str(len(own)), values or "not chosen yet", number(score), hours])
    shuffles = "shuffle" if budget.repeats == 1 else "shuffles"
    return "\n\n".join(
        [
            "## Tuning",
            f"Every row with a space had the same budget: {budget.trials} trials, each trained for "
            f"{budget.epochs} epochs on {budget.folds} folds of {budget.repeats} {shuffles} of the "
            "training rows and judged by macro-F1 pooled over them. The test split was not looked "
            "at. Rows that are not named here were run as they are configured.",
            table(["", "trials", "chosen", "macro-F1, pooled", "hours"], lines),
        ]
    )


def _highest(scores: dict[str, Score]) -> str:
    return max(scores, key=lambda name: (scores[name].seeds > 0, scores[name].mean))


def _measure(numbers: Numbers, metric: str, subset: str) -> str:
    measures = numbers.measures
    name = measures.headings.get(metric) or escape(measures.heading(metric))
    return name if subset == "all" else f"{name}, {subset}"


def _rows_of(numbers: Numbers, subset: str) -> str:
    return f"{subset} test {numbers.measures.rows}"


def best_in_bold(metric: str, found: Sequence[Score]) -> list[str]:
    """Means and standard deviations, the best mean in bold."""
    sign = -1 if metric in FALLING else 1
    return bold_best([sign * each.mean for each in found], [spread(*each[:2]) for each in found])


def published_scores(values: Sequence[float]) -> list[str]:
    """Published scores of one column, with two to four digits, as many as one of them has."""
    known = [value for value in values if not math.isnan(value)]
    enough = (each for each in (2, 3) if all(round(value, each) == value for value in known))
    digits = next(enough, 4)
    return [number(value, digits) for value in values]


def _lacking(value: float) -> str:
    # A miss is not to be rounded away.
    return number(value) if value >= 0.0005 else number(value, 5)


def difference(each: Compared) -> str:
    """A difference with its interval, in bold where it holds."""
    text = interval(each.difference, each.low, each.high)
    return f"**{text}**" if each.differs else text


def listed(compared: Sequence[Compared], sign: int) -> str:
    """The rows that are better (``sign`` 1) or worse (-1) than the reference, or ``none``."""
    found = [each for each in compared if each.differs and sign * each.difference > 0]
    found.sort(key=lambda each: -sign * each.difference)
    return (
        ", ".join(
            f"{code(each.name)} {interval(each.difference, each.low, each.high)}" for each in found
        )
        or "none"
    )


def _seconds(score: Score) -> str:
    return NONE if math.isnan(score.mean) else f"{score.mean:,.0f}"
