"""Which scores a study's report shows and compares, and its words for them, by the study's task."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from imbalance import checks

# Scores that are the better, the lower they are.
FALLING = ("ece", "log_loss")
_SIZES = {
    "tail_macro_f1": "F1, {classes} < 100",
    "middle_macro_f1": "F1, {classes} 100–999",
    "head_macro_f1": "F1, {classes} ≥ 1,000",
}


@dataclass(frozen=True)
class Measures:
    """What a report shows.

    Attributes:
        headings: score to what it is called; scores of a class, ``f1:<label>``, need none.
        compared: the scores whose differences are shown, where there are any.
        won: those of them for which the best row is named.
        summary: the columns of the tables of scores.
        main: the score that speaks for all where one has to.
        rows: what is scored, such as documents.
        classes, one_class: what has an F1 each.
        parts: what a row may hold several of.
        sizes, drawing: Markdown on the classes and on the bootstrap, for the end of the report.
    """

    headings: Mapping[str, str]
    compared: tuple[str, ...]
    won: tuple[str, ...]
    summary: tuple[str, ...]
    main: str
    rows: str
    classes: str = "classes"
    one_class: str = "class"
    parts: str = "spans"
    sizes: str = ""
    drawing: str = ""

    def heading(self, metric: str) -> str:
        """Return what a score is called; a label in it is as it stands."""
        return self.headings.get(metric) or metric.replace("f1:", "F1 of ")

    def chosen(self, metrics: tuple[str, ...]) -> "Measures":
        """Return the same with the scores that a study file names, if it names any.

        Raises:
            InputError: if one is unknown.
        """
        for metric in metrics:
            if metric not in self.headings and not metric.startswith("f1:"):
                raise checks.unknown("report.metrics", metric, self.headings)
        if not metrics:
            return self
        compared = (*self.compared, *(each for each in metrics if each.startswith("f1:")))
        main = next((each for each in metrics if each in compared), self.main)
        return dataclasses.replace(self, compared=compared, won=metrics, summary=metrics, main=main)


def _headings(classes: str, names: Mapping[str, str]) -> Mapping[str, str]:
    sizes = {name: text.format(classes=classes) for name, text in _SIZES.items()}
    return MappingProxyType({**names, **sizes})


_CLASSIFICATION = Measures(
    _headings(
        "classes",
        {
            "accuracy": "accuracy",
            "macro_f1": "macro-F1",
            "roc_auc": "ROC-AUC",
            "pr_auc": "PR-AUC",
            "overall_auc": "overall AUC",
            "bias_auc": "bias AUC",
            "ece": "calibration error",
            "log_loss": "log loss",
        },
    ),
    compared=("accuracy", "macro_f1", *_SIZES),
    won=("macro_f1", *_SIZES),
    summary=("accuracy", "macro_f1", "tail_macro_f1"),
    main="macro_f1",
    rows="documents",
    sizes="""\
- **Classes** are sorted by their rows in training and validation: under 100, 100 to 999, and
  1,000 or more. Macro-F1 is the mean over all classes.""",
    drawing="""\
  test documents are drawn with replacement class by class, and pairs of seeds as well, the same
  for both systems, so that an interval speaks of other documents and of other seeds. Three seeds
  say little of others: an interval knows no spread beyond theirs.""",
)
_OF_SENTENCES = """\
  test {rows} are drawn with replacement, and pairs of seeds as well, the same for both systems, so
  that an interval speaks of other {rows} and of other seeds. Three seeds say little of others: an
  interval knows no spread beyond theirs."""
_SPANS = Measures(
    _headings(
        "types",
        {
            "span_f1": "F1",
            "span_macro_f1": "macro-F1",
            "span_precision": "precision",
            "span_recall": "recall",
            "token_accuracy": "token accuracy",  # nosec B105 # no password
        },
    ),
    compared=("span_f1", "span_macro_f1", *_SIZES),
    won=("span_f1", "span_macro_f1", *_SIZES),
    summary=("span_f1", "span_macro_f1", "span_precision", "span_recall", "tail_macro_f1"),
    main="span_f1",
    rows="sentences",
    classes="types",
    one_class="type",
    sizes="""\
- **F1** is that of all spans together; a span is right if its start, end and type are. Macro-F1 is
  the mean over all types. Types are sorted by their spans in training and validation: under 100,
  100 to 999, and 1,000 or more.""",
    drawing=_OF_SENTENCES.format(rows="sentences")
    + " A type that a resample\n  lacks counts 0 for both systems.",
)
_WORDS = dataclasses.replace(
    _SPANS,
    headings=_headings(
        "tags",
        {
            "token_accuracy": "accuracy of words",  # nosec B105 # no password
            "span_macro_f1": "macro-F1",
        },
    ),
    compared=("token_accuracy", "span_macro_f1", *_SIZES),
    won=("token_accuracy", "span_macro_f1", *_SIZES),
    summary=("token_accuracy", "span_macro_f1", "tail_macro_f1"),
    main="token_accuracy",
    classes="tags",
    one_class="tag",
    parts="words",
    sizes="""\
- **Accuracy** is the share of words, whose ends are given, with the right tag. Macro-F1 is the mean
  over all tags. Tags are sorted by their words in training and validation: under 100, 100 to 999,
  and 1,000 or more.""",
    drawing=_SPANS.drawing.replace("A type", "A tag"),
)
_READING = Measures(
    MappingProxyType({"exact_match": "exact match", "answer_f1": "F1"}),
    compared=("exact_match", "answer_f1"),
    won=("exact_match", "answer_f1"),
    summary=("exact_match", "answer_f1"),
    main="answer_f1",
    rows="questions",
    sizes="""\
- **Exact match** and **F1** are those of SQuAD; a Chinese character is a token.""",
    drawing=_OF_SENTENCES.format(rows="questions"),
)


def of_task(task: str, scheme: str) -> Measures:
    """Return what a report of a task shows.

    Args:
        task: one of :data:`imbalance.config.TASKS`.
        scheme: ``data.scheme``; with ``words`` the spans of ``tagging`` are given.

    Example:
        >>> of_task("span", "bio").main, of_task("tagging", "words").heading("f1:NN")
        ('span_f1', 'F1 of NN')
    """
    if task == "tagging" and scheme == "words":
        return _WORDS
    return {"classification": _CLASSIFICATION, "reading": _READING}.get(task, _SPANS)
