"""Tables and a picture of the scores of spans, tags and answers.

A run is a mapping from a subset's name to scores, as in :mod:`imbalance.evaluation.tables`, which
also prints the frames and writes them as Markdown or CSV. The scores are those of
:func:`~imbalance.metrics.span_scores.span_scores`,
:func:`~imbalance.metrics.span_scores.tag_scores` and
:func:`~imbalance.metrics.reading_scores.reading_scores`, several of them in one dictionary or
one alone; a table shows those that some run has. References are published results of that form.
"""

from collections.abc import Mapping

from matplotlib.figure import Figure
from pandas import DataFrame

from imbalance import checks
from imbalance.evaluation import pictures, tables
from imbalance.evaluation.tables import Runs, Scores
from imbalance.metrics.reading_scores import READING_SCORES
from imbalance.metrics.span_scores import OF_EACH, SPAN_SCORES, TAG_SCORES

_SCORES = (*SPAN_SCORES, "mention_macro_f1", *TAG_SCORES, *READING_SCORES)
_KINDS = ("type", "tag")


def check_references(name: str, references: Runs) -> None:
    """Refuse references with an unknown score, or of another form than the module says.

    Args:
        name: where they come from, for the message.
        references: published results.

    Raises:
        InputError: in one line with the place of what is wrong.

    Example:
        >>> check_references("file.json", {"published": {"all": {"span_f1": 0.7}}})
    """
    parts = {f"per_{kind}": OF_EACH for kind in _KINDS}
    tables.check_references(name, references, _SCORES, parts)


def of_each_frame(scores: Scores, kind: str = "type") -> DataFrame:
    """Return one row a type, or tag: its name, ``support``, ``predicted``, then its scores.

    Args:
        scores: of one subset.
        kind: ``type`` or ``tag``.

    Example:
        >>> from imbalance.metrics.span_scores import span_scores
        >>> frame = of_each_frame(span_scores([[[1, 2, 1]]], ["place"]))
        >>> frame.columns.tolist()[:4], frame.values.tolist()[0][:4]
        (['type', 'support', 'predicted', 'precision'], ['place', 2, 1, 1.0])
    """
    values = {
        name: [each.get(key) for key in OF_EACH] for name, each in _of_each(scores, kind).items()
    }
    frame = DataFrame.from_dict(values, orient="index", columns=OF_EACH, dtype="float64")
    for count in ("support", "predicted"):
        if frame[count].notna().all():
            frame[count] = frame[count].astype("int64")
    frame.insert(0, kind, list(values))
    return frame.reset_index(drop=True)


def score_frame(subsets: Mapping[str, Scores]) -> DataFrame:
    """Return one row a score: ``score``, then its value in each subset of one run.

    Example:
        >>> frame = score_frame({"all": {"rows": 8, "span_f1": 0.5, "outside_share": 0.75}})
        >>> frame.values.tolist()
        [['span F1', 0.5], ['share of O', 0.75]]
    """
    return tables.score_frame(subsets, _known(subsets.values()))


def summary_frame(runs: Runs, references: Runs | None = None, subset: str = "all") -> DataFrame:
    """Return one row a run: ``run``, ``rows``, then its scores; the share of O is the data's.

    Args and errors: as for :func:`imbalance.evaluation.tables.summary_frame`.

    Example:
        >>> summary_frame({"dice": {"all": {"rows": 8, "span_f1": 0.5}}}).values.tolist()
        [['dice', 8, 0.5]]
    """
    everything = {**(references or {}), **runs}.values()
    known = _known(scores for subsets in everything for scores in subsets.values())
    names = [name for name in known if name != "outside_share"]
    return tables.summary_frame(runs, references, subset, names)


def by_run_frame(
    runs: Runs,
    references: Runs | None = None,
    subset: str = "all",
    score: str = "f1",
    kind: str = "type",
) -> DataFrame:
    """Return one row a type, or tag: its name, ``support``, then ``score`` of each run.

    Args and errors: as for :func:`imbalance.evaluation.tables.class_frame`; ``kind`` is ``type``
    or ``tag``.

    Example:
        >>> runs = {"dice": {"all": {"per_type": {"place": {"support": 8, "f1": 0.75}}}}}
        >>> by_run_frame(runs).values.tolist()
        [['place', 8, 0.75]]
    """

    def as_classes(runs: Runs) -> Runs:
        return {
            run: {name: {"per_class": _of_each(scores, kind)} for name, scores in subsets.items()}
            for run, subsets in runs.items()
        }

    frame = tables.class_frame(as_classes(runs), as_classes(references or {}), subset, score)
    return frame.rename(columns={"class": kind})


def tidy_frame(runs: Runs) -> DataFrame:
    """Return one row for each run, subset and type, with that type's scores as columns.

    Example:
        >>> runs = {"dice": {"all": {"per_type": {"place": {"support": 8, "f1": 0.75}}}}}
        >>> tidy_frame(runs)[["run", "subset", "type", "f1"]].values.tolist()
        [['dice', 'all', 'place', 0.75]]
    """
    rows = [
        {"run": name, "subset": subset, "type": type_} | {key: each.get(key) for key in OF_EACH}
        for name, subsets in runs.items()
        for subset, scores in subsets.items()
        for type_, each in _of_each(scores, "type").items()
    ]
    return DataFrame(rows, columns=["run", "subset", "type", *OF_EACH])


def comparison_markdown(runs: Runs, references: Runs | None = None) -> str:
    """Return a Markdown report: for each subset, runs by score and F1 by type and tag.

    A table of which no run knows anything is left out.

    Example:
        >>> runs = {"dice": {"all": {"rows": 8, "span_f1": 0.5, "per_type": {"a": {"f1": 0.5}}}}}
        >>> [line for line in comparison_markdown(runs).splitlines() if line.startswith("#")]
        ['## Scores (all)', '## F1 of each type (all)']
    """
    parts = []
    for subset in dict.fromkeys(name for subsets in runs.values() for name in subsets):
        summary = tables.to_markdown(summary_frame(runs, references, subset), bold="columns")
        parts.append(f"## Scores ({subset})\n\n{summary}")
        for kind in _KINDS:
            frame = by_run_frame(runs, references, subset, kind=kind)
            if len(frame):
                table = tables.to_markdown(frame, bold="rows")
                parts.append(f"## F1 of each {kind} ({subset})\n\n{table}")
    return "\n".join(parts)


def f1_picture(scores: Scores, kind: str = "type") -> Figure:
    """Draw the F1 of each type, or tag, the most frequent first, beside its support.

    Args:
        scores: of one subset; an F1 that is not defined is drawn as 0.
        kind: ``type`` or ``tag``.

    Returns:
        A figure; save it with ``figure.savefig(path)``.

    Raises:
        InputError: if the scores have no type, or tag.

    Example:
        >>> type(f1_picture({"per_type": {"place": {"support": 8, "f1": 0.75}}})).__name__
        'Figure'
    """
    of_each = _of_each(scores, kind)
    if not of_each:
        raise checks.wrong(f"per_{kind}", of_each, "at least one to draw")
    f1 = [each["f1"] or 0.0 for each in of_each.values()]
    support = [each["support"] for each in of_each.values()]
    return pictures.f1_bars_picture(f1, support, list(of_each))


def _of_each(scores: Scores, kind: str) -> Scores:
    return scores.get(f"per_{checks.choice('kind', kind, _KINDS)}", {})


def _known(subsets) -> list[str]:
    subsets = list(subsets)
    return [name for name in _SCORES if any(name in scores for scores in subsets)]
