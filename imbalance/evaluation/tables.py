"""Tables of scores: pandas frames, shown in a terminal or written as Markdown or CSV.

A run is a mapping from a subset's name (``all``, ``unseen``) to what
:func:`~imbalance.evaluation.scores.classification_scores` returns. Published results stand
beside runs as ``references``, of the same form with whatever is not known left out::

    {"published CNN": {"all": {"accuracy": 0.94, "macro_f1": 0.75}}}

What is not known or not defined is NaN in a frame, empty in CSV, and a dash elsewhere.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from imbalance import checks
from imbalance.bias import AREAS
from imbalance.evaluation.scores import OVERALL, PER_CLASS

Scores = Mapping[str, Any]
Runs = Mapping[str, Mapping[str, Scores]]

# The order of the published comparisons, then the rest.
_FIRST = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
_SUMMARY = (*_FIRST, *(name for name in OVERALL if name not in _FIRST))
_PARTS = {"per_class": PER_CLASS}
_CLASS_COLUMNS = ("support", *(name for name in PER_CLASS if name != "support"))
_HEADINGS = {
    "macro_precision": "precision",
    "macro_recall": "recall",
    "macro_f1": "macro-F1",
    "f1": "F1",
    "balanced_accuracy": "balanced acc.",
    "weighted_f1": "weighted F1",
    "geometric_mean": "geom. mean",
    "mcc": "MCC",
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "expected_calibration_error": "calib. error",
    "log_loss": "log loss",
    "bias_auc": "bias AUC",
    "overall_auc": "overall AUC",
    "subgroup_auc": "subgroup AUC",
    "bpsn_auc": "BPSN AUC",
    "bnsp_auc": "BNSP AUC",
    "span_precision": "span precision",
    "span_recall": "span recall",
    "span_f1": "span F1",
    "span_macro_f1": "types' macro-F1",
    "mention_macro_f1": "mentions' macro-F1",
    "token_accuracy": "token accuracy",  # nosec B105 # no password
    "tag_macro_f1": "tags' macro-F1",
    "outside_share": "share of O",
    "exact_match": "exact match",
    "answer_f1": "answer F1",
}
_COUNTS = ("rows", "support", "predicted", "positives")
_LOWER_IS_BETTER = ("expected_calibration_error", "log_loss")
_LABEL_WIDTH = 40


def check_references(
    name: str,
    references: Runs,
    scores: Sequence[str] = OVERALL,
    parts: Mapping[str, Sequence[str]] = _PARTS,
) -> None:
    """Refuse references that are not ``{name: {subset: {score: number, per_class: …}}}``.

    Args:
        name: where they come from, for the message.
        references: published results, see the module.
        scores: the known ones; ``rows`` besides.
        parts: ``per_class`` or the like, with the scores of each class.

    Raises:
        InputError: if they have another form or an unknown score.
    """
    for run, subsets in references.items():
        for subset, published in _mapping(f"{name}: {run}", subsets).items():
            place = f"{name}: {run}.{subset}"
            published = dict(_mapping(place, published))
            for part, known in parts.items():
                classes = _mapping(f"{place}.{part}", published.pop(part, {}))
                for label, values in classes.items():
                    _check_numbers(f"{place}.{part}.{label}", values, known)
            _check_numbers(place, published, ("rows", *scores))


def _check_numbers(place: str, values, known: Sequence[str]) -> None:
    checks.keys(place, _mapping(place, values), known)
    for key, value in values.items():
        checks.number(f"{place}.{key}", value)


def _mapping(place: str, value) -> Mapping:
    if not isinstance(value, Mapping):
        raise checks.wrong(place, value, "a mapping")
    return value


def per_class_frame(scores: Scores) -> pd.DataFrame:
    """Return one row a class: ``class``, ``support``, then its scores.

    Example:
        >>> from imbalance.evaluation.scores import classification_scores
        >>> scores = classification_scores([0, 1], [[0.9, 0.1], [0.6, 0.4]], ["good", "bad"])
        >>> per_class_frame(scores)[["class", "support", "recall"]].values.tolist()
        [['good', 1, 1.0], ['bad', 1, 0.0]]
    """
    return pd.DataFrame(
        [
            {"class": label, **{key: each.get(key) for key in _CLASS_COLUMNS}}
            for label, each in scores.get("per_class", {}).items()
        ],
        columns=["class", *_CLASS_COLUMNS],
    ).pipe(_numeric, texts=1)


def summary_frame(
    runs: Runs,
    references: Runs | None = None,
    subset: str = "all",
    names: Sequence[str] = _SUMMARY,
) -> pd.DataFrame:
    """Return one row a run: ``run``, ``rows``, accuracy, macro precision, recall, F1, the rest.

    Args:
        runs: see the module.
        references: published results, put below the runs.
        subset: which of each run's subsets is shown.
        names: the scores that are shown.

    Raises:
        InputError: if a run has no such subset, or a name stands in both mappings. A
            reference without the subset is left out: published tables seldom have both.

    Example:
        >>> runs = {"dice": {"all": {"rows": 8, "accuracy": 0.75}}}
        >>> summary_frame(runs)[["run", "rows", "accuracy"]].values.tolist()
        [['dice', 8, 0.75]]
    """
    columns = ["run", "rows", *names]
    rows = [
        {"run": name, **{key: scores.get(key) for key in columns[1:]}}
        for name, scores in _of_subset(runs, references, subset).items()
    ]
    return pd.DataFrame(rows, columns=columns).pipe(_numeric, texts=1)


def score_frame(subsets: Mapping[str, Scores], names: Sequence[str] = _SUMMARY) -> pd.DataFrame:
    """Return one row a score of ``names``: ``score``, then its value in each subset of one run.

    Example:
        >>> frame = score_frame({"all": {"rows": 8, "accuracy": 0.75}})
        >>> frame.columns.tolist(), frame.values.tolist()[0]
        (['score', 'all, 8 rows'], ['accuracy', 0.75])
    """
    values = {
        f"{subset}, {scores['rows']} rows" if "rows" in scores else subset: [
            scores.get(name) for name in names
        ]
        for subset, scores in subsets.items()
    }
    headings = [_HEADINGS.get(name, name) for name in names]
    return pd.DataFrame({"score": headings, **values}).pipe(_numeric, texts=1)


def class_frame(
    runs: Runs, references: Runs | None = None, subset: str = "all", score: str = "f1"
) -> pd.DataFrame:
    """Return one row a class: ``class``, ``support``, then ``score`` of each run.

    The classes and supports are those of the first run, in its order; a class that only a
    later run knows follows with that run's support.

    Args and errors: as for :func:`summary_frame`; ``score`` is one of a class's scores.

    Example:
        >>> runs = {"dice": {"all": {"per_class": {"law": {"support": 8, "f1": 0.75}}}}}
        >>> class_frame(runs).values.tolist()
        [['law', 8, 0.75]]
    """
    checks.choice("score", score, _CLASS_COLUMNS[1:])
    by_run = {
        name: scores.get("per_class", {})
        for name, scores in _of_subset(runs, references, subset).items()
    }
    support: dict[str, Any] = {}
    for classes in by_run.values():
        for label, each in classes.items():
            support.setdefault(label, each.get("support"))
    rows = [
        [label, count, *(classes.get(label, {}).get(score) for classes in by_run.values())]
        for label, count in support.items()
    ]
    return pd.DataFrame(rows, columns=["class", "support", *by_run]).pipe(_numeric, texts=1)


def bias_frame(runs: Runs, subset: str = "all") -> pd.DataFrame:
    """Return one row a run and subgroup with the areas of :func:`imbalance.bias.bias_auc`.

    The first row of a run is that of all its rows, with ``bias_auc`` and the means. A run whose
    data has no subgroups has no row.

    Example:
        >>> from imbalance.bias import bias_auc
        >>> bias = bias_auc([0, 1], [0.2, 0.6], {"book": [True, True]})
        >>> frame = bias_frame({"dice": {"all": {"rows": 2, "bias": bias}}})
        >>> frame[["run", "subgroup", "rows", "bias_auc"]].values.tolist()
        [['dice', 'all rows', 2, 1.0], ['dice', 'book', 2, nan]]
    """
    columns = ["run", "subgroup", "rows", "positives", "bias_auc", "overall_auc", *AREAS]
    rows = []
    for name, subsets in runs.items():
        if bias := subsets[subset].get("bias"):
            whole = {**bias, "rows": subsets[subset]["rows"], "subgroup": "all rows"}
            own = ({**each, "subgroup": group} for group, each in bias["subgroups"].items())
            rows += [
                {"run": name, **{c: each.get(c) for c in columns[1:]}} for each in (whole, *own)
            ]
    return pd.DataFrame(rows, columns=columns).pipe(_numeric, texts=2)


def tidy_frame(runs: Runs) -> pd.DataFrame:
    """Return one row for each run, subset and class, with that class's scores as columns.

    The form for ``groupby``, ``pivot`` and plotting: ``run``, ``subset``, then the columns of
    :func:`per_class_frame`.

    Example:
        >>> runs = {"dice": {"all": {"per_class": {"law": {"support": 8, "f1": 0.75}}}}}
        >>> tidy_frame(runs)[["run", "subset", "class", "f1"]].values.tolist()
        [['dice', 'all', 'law', 0.75]]
    """
    columns = ["run", "subset", "class", *_CLASS_COLUMNS]
    rows = [
        {"run": name, "subset": subset, "class": label}
        | {key: each.get(key) for key in _CLASS_COLUMNS}
        for name, subsets in runs.items()
        for subset, scores in subsets.items()
        for label, each in scores.get("per_class", {}).items()
    ]
    return pd.DataFrame(rows, columns=columns).pipe(_numeric, texts=3)


def to_csv(frame: pd.DataFrame) -> str:
    """Return CSV that ``pandas.read_csv`` reads back: full precision, one header line."""
    return frame.to_csv(index=False, lineterminator="\n")


def to_markdown(frame: pd.DataFrame, bold: str | None = None) -> str:
    """Return a GitHub-style Markdown table, scores to four decimals.

    Args:
        frame: from one of the functions above.
        bold: ``rows`` puts the best score of each row in bold (of :func:`class_frame`, where
            columns are runs), ``columns`` that of each column (of :func:`summary_frame`);
            ties are all in bold, and nothing is where fewer than two scores compete.

    Example:
        >>> runs = {"dice": {"all": {"per_class": {"law": {"support": 8, "f1": 0.75}}}},
        ...         "focal": {"all": {"per_class": {"law": {"support": 8, "f1": 0.5}}}}}
        >>> print(to_markdown(class_frame(runs), bold="rows"), end="")
        | class | support | dice | focal |
        |:-|-:|-:|-:|
        | law | 8 | **0.7500** | 0.5000 |
    """
    if bold is not None:
        checks.choice("bold", bold, ("rows", "columns"))
    cells = _cells(frame)
    best = _best(frame, bold)
    lines = [
        _markdown_line(_escape(name) for name in _headings(frame)),
        "|" + "|".join("-:" if _is_number(frame, c) else ":-" for c in _positions(frame)) + "|",
    ]
    for row, texts in enumerate(cells):
        lines.append(
            _markdown_line(
                f"**{text}**" if (row, column) in best else _escape(text)
                for column, text in enumerate(texts)
            )
        )
    return "\n".join(lines) + "\n"


def comparison_markdown(runs: Runs, references: Runs | None = None) -> str:
    """Return a Markdown report: for each subset, runs by score and F1 by class, best in bold.

    Args and errors: as for :func:`summary_frame`; the subsets are those of the runs.

    Example:
        >>> runs = {"dice": {"all": {"per_class": {"law": {"support": 8, "f1": 0.75}}}}}
        >>> [line for line in comparison_markdown(runs).splitlines() if line.startswith("#")]
        ['## Scores (all)', '## F1 of each class (all)']
    """
    parts = []
    for subset in dict.fromkeys(name for subsets in runs.values() for name in subsets):
        summary = to_markdown(summary_frame(runs, references, subset), bold="columns")
        classes = to_markdown(class_frame(runs, references, subset), bold="rows")
        parts += [f"## Scores ({subset})\n\n{summary}"]
        parts += [f"## F1 of each class ({subset})\n\n{classes}"]
        bias = bias_frame(runs, subset)
        if len(bias):
            parts += [f"## Bias AUC ({subset})\n\n{to_markdown(bias)}"]
    return "\n".join(parts)


def print_table(frame: pd.DataFrame, title: str = "", file: IO[str] | None = None) -> None:
    """Print a frame; plain text where the output is no terminal.

    Nothing is cut off: a long name is folded over several lines, and a table wider than the
    terminal is printed in full width. Wide (CJK) characters are aligned.

    Args:
        frame: from one of the functions above.
        title: a line above the table.
        file: by default the standard output.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column, heading in zip(_positions(frame), _headings(frame), strict=True):
        if _is_number(frame, column):
            table.add_column(Text(heading), justify="right", no_wrap=True)
        else:
            table.add_column(Text(heading), overflow="fold", max_width=_LABEL_WIDTH)
    for texts in _cells(frame):
        # A label may be a stranger's, and tell the terminal what to do.
        table.add_row(*(Text(checks.printable(" ".join(text.split()))) for text in texts))

    console = Console(file=file or sys.stdout, highlight=False)
    wanted = Measurement.get(console, console.options.update(width=10_000), table).maximum
    console.width = max(console.width, wanted)
    if title:
        console.print(Text(title), style="bold", soft_wrap=True)
    console.print(table)


def _of_subset(runs: Runs, references: Runs | None, subset: str) -> dict[str, Scores]:
    references = references or {}
    for name in references:
        if name in runs:
            raise checks.wrong("references", name, "a name that no run has")
    for name, subsets in runs.items():
        checks.choice(f"subset of {name}", subset, subsets)
    return {
        name: subsets[subset]
        for name, subsets in {**runs, **references}.items()
        if subset in subsets
    }


def _numeric(frame: pd.DataFrame, texts: int) -> pd.DataFrame:
    """Make the columns after the first ``texts`` floats, ``None`` becoming NaN, or integers."""
    for place in _positions(frame)[texts:]:
        if frame.dtypes.iloc[place].kind != "i":
            frame.isetitem(place, frame.iloc[:, place].astype("float64"))
    return frame


def _positions(frame: pd.DataFrame) -> range:
    return range(frame.shape[1])


def _headings(frame: pd.DataFrame) -> list[str]:
    return [_HEADINGS.get(name, str(name)) for name in frame.columns]


def _is_number(frame: pd.DataFrame, column: int) -> bool:
    return frame.dtypes.iloc[column].kind in "if"


def _cells(frame: pd.DataFrame) -> list[list[str]]:
    columns = [_column_cells(frame.iloc[:, column]) for column in _positions(frame)]
    return [list(row) for row in zip(*columns, strict=True)]


def _column_cells(column: pd.Series) -> list[str]:
    def cell(value) -> str:
        if isinstance(value, str):
            return value
        if pd.isna(value):
            return "–"
        if column.name in _COUNTS:
            return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
        return f"{value:.4f}"

    return [cell(value) for value in column]


def _best(frame: pd.DataFrame, bold: str | None) -> set[tuple[int, int]]:
    """Return the (row, column) places that hold the best score of their row or column."""
    if bold is None:
        return set()
    names = list(frame.columns)
    columns = [c for c in _positions(frame) if _is_number(frame, c) and names[c] not in _COUNTS]
    # What is printed decides a tie, not digits that nobody sees.
    shown = frame.iloc[:, columns].round(4)
    sign = [-1 if names[c] in _LOWER_IS_BETTER else 1 for c in columns]
    scores = shown.to_numpy(dtype="float64") * sign
    lines = scores if bold == "rows" else scores.T
    best = set()
    for line, values in enumerate(lines):
        known = [value for value in values if not pd.isna(value)]
        if len(known) < 2:
            continue
        for place, value in enumerate(values):
            if value == max(known):
                best.add((line, columns[place]) if bold == "rows" else (place, columns[line]))
    return best


def _markdown_line(cells) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(text: str) -> str:
    for character in "\\|*`[]<":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
