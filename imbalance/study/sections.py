"""The parts of a study's report. Each returns Markdown, nothing where it has nothing to say."""

import math
from collections.abc import Sequence

from imbalance.study import tuning
from imbalance.study.config import Row, Study
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
from imbalance.study.numbers import Compared, Numbers, Score
from imbalance.study.paired import reference_of
from imbalance.study.scoring import SUBSETS
from imbalance.study.statistics import RESAMPLES

GROUP_TITLES = {"losses": "Losses", "ablation": "Ablation", "learning": "Learning curve"}
PAIRED_METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "tail_macro_f1": "F1, classes < 100",
    "middle_macro_f1": "F1, classes 100–999",
    "head_macro_f1": "F1, classes ≥ 1,000",
}
_NAMES = {
    **PAIRED_METRICS,
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "bias_auc": "bias AUC",
    "overall_auc": "overall AUC",
}
_CAPTIONS = {
    "differences.svg": "Differences with their intervals on all test documents; blue where they "
    "hold after the correction.",
    "sweep.svg": "Means over seeds on all test documents; the bars are one standard deviation.",
}
_ROWS_OF = {"all": "all test documents", "unseen": "unseen test documents"}

METHOD = f"""## How to read this

- **±** is the standard deviation over seeds (n − 1), of trainings on the same documents.
- **Classes** are sorted by their rows in training and validation: under 100, 100 to 999, and
  1,000 or more. Macro-F1 is the mean over all classes.
- **unseen** leaves out test documents whose text, white space aside, stands in the training data
  or earlier in the test split. On all test documents a text that repeats counts as often as it
  stands there; the intervals take its copies for independent and are a little too narrow. Trust
  those on the unseen documents.
- **Intervals** are 95 % percentile intervals of the paired bootstrap, {RESAMPLES:,} resamples:
  test documents are drawn with replacement class by class, and pairs of seeds as well, the same
  for both systems, so that an interval speaks of other documents and of other seeds. Three seeds
  say little of others: an interval knows no spread beyond theirs.
- **p** of the bootstrap is two-sided. McNemar's test is the exact one, on each pair of seeds; the
  seeds' p-values make one by Rüger's rule (K/k times the k-th smallest of K, k being the smallest
  majority), which holds for tests that depend on each other. Both are corrected after Holm for
  the number of rows in a column.
- A difference is in **bold** where its interval is without 0 and its corrected bootstrap p is
  below .05. No other is called better or worse.
- The best mean of many rows is flattered by having been picked on the test split.
"""


def notes(numbers: Numbers) -> str:
    """What a reader must know to judge the numbers."""
    lines = list(numbers.study.report.notes)
    if len(numbers.classes):
        total = {name: int(numbers.classes[name].sum()) for name in ("test_rows", "unseen_rows")}
        lines.append(
            f"Test split: {total['test_rows']:,} documents of {len(numbers.classes)} classes, "
            f"{total['unseen_rows']:,} of them unseen."
        )
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


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


def picture(name: str) -> str:
    """A figure by the name of its file, with its caption."""
    return f"![{name.removesuffix('.svg')}]({name})\n\n{_CAPTIONS[name.rpartition('-')[2]]}"


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
    most = max(reached, key=lambda name: (reached[name], numbers.score(name, "macro_f1").mean))
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
            _measure(target.metric, target.subset),
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
    for subset in SUBSETS:
        for metric in numbers.study.report.metrics:
            found = [numbers.score(name, metric, subset) for name in names]
            if not any(score.seeds for score in found):
                continue
            columns.append(
                bold_best([s.mean for s in found], [spread(*score[:2]) for score in found])
            )
            headings.append(_measure(metric, subset))
            theirs = [published.get(name, {}).get(metric, math.nan) for name in names]
            if subset == "all" and not all(map(math.isnan, theirs)):
                columns.append([number(value, 2) for value in theirs])
                headings.append("published")
    accuracies = [numbers.score(name, "accuracy") for name in names]
    columns.append([str(score.seeds) for score in accuracies])
    columns.append([_seconds(numbers.score(name, "seconds")) for name in names])
    headings += ["seeds", "training, s"]
    return table(headings, zip(*columns, strict=True))


def winners(numbers: Numbers, rows: Sequence[Row]) -> str:
    """Which loss wins where: for classes of each size, with intervals."""
    lines = []
    for subset in SUBSETS:
        for metric in list(PAIRED_METRICS)[1:]:
            found = {row.name: numbers.score(row.name, metric, subset) for row in rows}
            found = {name: score for name, score in found.items() if score.seeds}
            compared = numbers.compared(rows, metric, subset)
            if not compared:
                continue
            best = _highest(found)
            own = next((each for each in compared if each.name == best), None)
            lines.append(
                [
                    _measure(metric, subset),
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
    for subset in SUBSETS:
        by_metric = {
            metric: {each.name: each for each in numbers.compared(rows, metric, subset, rival)}
            for metric in PAIRED_METRICS
        }
        by_metric = {metric: found for metric, found in by_metric.items() if found}
        if "accuracy" not in by_metric:
            continue
        lines = []
        for name, accuracy in by_metric["accuracy"].items():
            cells = [
                difference(found[name]) if name in found else NONE for found in by_metric.values()
            ]
            lines.append([code(name), cells[0], p_value(accuracy.mcnemar), *cells[1:]])
        headings = [PAIRED_METRICS[metric] for metric in by_metric]
        parts.append(f"On {_ROWS_OF[subset]}:")
        parts.append(table(["", headings[0], "McNemar's p", *headings[1:]], lines))
    if not parts:
        return ""
    other = rival or ", ".join(dict.fromkeys(reference_of(numbers.study, row) for row in rows))
    return "\n\n".join([f"### Differences from {code(other)}", *parts])


def classes(numbers: Numbers, rows: Sequence[Row]) -> str:
    """F1 of each class by row, the best in bold, the rarest class first."""
    known = numbers.classes.sort_values("training_rows", kind="stable")
    parts = []
    for subset, count in zip(SUBSETS, ("test_rows", "unseen_rows"), strict=True):
        lines = []
        for each in known.itertuples():
            values = [numbers.score(row.name, f"f1:{each.label}", subset).mean for row in rows]
            texts = bold_best(values, [number(value) for value in values])
            counts = [f"{each.training_rows:,.0f}", f"{getattr(each, count):,.0f}"]
            lines.append([escape(each.label), *counts, *texts])
        if lines and numbers.has(f"f1:{known['label'].iloc[0]}", subset):
            headings = ["class", "training", "test", *(code(row.name) for row in rows)]
            parts += [f"On {_ROWS_OF[subset]}:", table(headings, lines)]
    if not parts:
        return ""
    return "\n\n".join(
        ["### F1 of each class", "Means over seeds; the highest in bold, which is no test.", *parts]
    )


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


def _measure(metric: str, subset: str) -> str:
    name = _NAMES.get(metric) or escape(metric.replace("f1:", "F1 of "))
    return name if subset == "all" else f"{name}, {subset}"


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
