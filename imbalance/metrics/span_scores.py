"""Scores of spans and of tags, as plain dictionaries fit for JSON.

Both are made of counts: how many are right, how many there are, how many were predicted, of each
row and type. Counts of rows add up, so a study that draws rows again adds instead of scoring.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from imbalance import checks
from imbalance.spans import Span

SPAN_SCORES = ("span_precision", "span_recall", "span_f1", "span_macro_f1")
TAG_SCORES = ("token_accuracy", "tag_macro_f1", "outside_share")
OF_EACH = ("support", "predicted", "precision", "recall", "f1")


def row_counts(
    gold: Sequence[Iterable[Span]],
    predicted: Sequence[Iterable[Span]],
    n_types: int,
    texts: Sequence[str] | None = None,
) -> np.ndarray:
    """Count the right spans, the spans there are and the predicted spans of each row and type.

    A predicted span is right if start, end and type are those of a true one. Of equal spans in a
    row one counts. This is what seqeval counts (in its default mode, for tags), and the metrics
    of the baselines published with CLUENER for spans without repetition.

    The script ``score.py`` published with CLUENER compares mentions, not places: for each row
    and type the set of the spans' texts. A mention that stands twice in a row then counts once,
    and one that was found at the wrong place is right. ``texts`` gives the counts of this
    definition; that script's score is ``span_macro_f1``.

    Args:
        gold, predicted: the spans of each row, (rows,).
        n_types: how many types there are.
        texts: the rows' texts, to count mentions; by default spans are counted.

    Returns:
        int32 of shape (rows, types, 3); the last axis is right, gold, predicted.

    Raises:
        InputError: if there are not as many rows in each, or a type is none of ``n_types``.

    Source:
        Xu et al. 2020, CLUENER2020, arXiv:2001.04351.

    Example:
        >>> gold, predicted = [[Span(0, 2, 0), Span(4, 6, 0)]], [[Span(0, 2, 0), Span(5, 6, 1)]]
        >>> row_counts(gold, predicted, 2).tolist()
        [[[1, 2, 1], [0, 0, 1]]]
        >>> row_counts(gold, predicted, 2, texts=["北京, 北京"]).sum(0).tolist()
        [[1, 1, 1], [0, 0, 1]]
    """
    for name, values in (("predicted", predicted), ("texts", texts)):
        if values is not None and len(values) != len(gold):
            raise checks.wrong(f"{name}, how many rows", len(values), str(len(gold)))
    counts = np.zeros((len(gold), n_types, 3), "int32")
    for row, (true, found) in enumerate(zip(gold, predicted, strict=True)):
        text = None if texts is None else texts[row]
        true, found = _distinct(true, text), _distinct(found, text)
        for place, keys in enumerate((true & found, true, found)):
            for *_, type_ in keys:
                if not 0 <= type_ < n_types:
                    raise checks.wrong("type of a span", type_, f"0 to {n_types - 1}")
                counts[row, type_, place] += 1
    return counts


def precision_recall_f1(counts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``right / predicted``, ``right / gold`` and ``2 · right / (gold + predicted)``.

    x / 0 counts as 0, as with seqeval's ``zero_division=0``.

    Args:
        counts: right, gold, predicted along the last axis, shape (..., 3).

    Returns:
        Three float64 arrays of shape (...).

    Example:
        >>> [value.tolist() for value in precision_recall_f1([[1, 2, 1], [0, 0, 1]])]
        [[1.0, 0.0], [0.5, 0.0], [0.6666666666666666, 0.0]]
    """
    right, gold, predicted = np.moveaxis(np.asarray(counts, "float64"), -1, 0)
    return _ratio(right, predicted), _ratio(right, gold), _ratio(2 * right, gold + predicted)


def span_scores(counts, types: Sequence[str]) -> dict[str, Any]:
    """Score the spans of a split, strictly: see :func:`row_counts`.

    Args:
        counts: of :func:`row_counts`, shape (rows, types, 3).
        types: names of the types, in the order of ids.

    Returns:
        ``rows``; ``spans`` and ``predicted_spans``, how many; then

        - ``span_precision``, ``span_recall``, ``span_f1``: of all spans together (micro);
        - ``span_macro_f1``: the mean over all types, one without spans counting 0
          (``absent_types`` lists them); seqeval leaves out those neither true nor predicted;
        - ``per_type``: for each name ``support``, ``predicted``, ``precision``, ``recall``, ``f1``.

        x / 0 counts as 0; without rows, scores are ``None``.

    Raises:
        InputError: if the counts have another shape.

    Example:
        >>> scores = span_scores([[[1, 2, 1], [0, 0, 1]]], ["place", "name"])
        >>> scores["span_precision"], scores["span_f1"], scores["absent_types"]
        (0.5, 0.5, ['name'])
    """
    counts = np.asarray(counts)
    if counts.ndim != 3 or counts.shape[1:] != (len(types), 3):
        raise checks.wrong("counts, their shape", counts.shape, f"(rows, {len(types)}, 3)")
    rows, total = len(counts), counts.sum(axis=0, dtype="int64")
    scores: dict[str, Any] = {
        "rows": rows,
        "spans": int(total[:, 1].sum()),
        "predicted_spans": int(total[:, 2].sum()),
    }
    f1 = precision_recall_f1(total)[2]
    micro = precision_recall_f1(total.sum(axis=0))
    values = [*micro, f1.mean() if len(types) else None]
    scores |= _named(SPAN_SCORES, values if rows else [None] * len(values))
    scores["absent_types"] = [name for name, each in zip(types, total, strict=True) if not each[1]]
    return scores | {"per_type": _of_each(total, types, defined=rows > 0)}


def tag_counts(y_true, y_pred, counted, n_tags: int) -> np.ndarray:
    """Count the right, true and predicted tags of each name, where tags count.

    Args:
        y_true, y_pred: tag ids, of one shape.
        counted: bool of that shape, as of :func:`imbalance.spans.to_tags`; False at padding.
        n_tags: how many tags there are.

    Returns:
        int64 of shape (tags, 3); the last axis is right, true, predicted. Those of rows add up.

    Raises:
        InputError: if the shapes differ, or an id that counts is no tag.

    Example:
        >>> tag_counts([0, 1, 1], [0, 0, 1], [True, True, False], 2).tolist()
        [[1, 1, 2], [0, 1, 0]]
    """
    y_true, y_pred, counted = np.asarray(y_true), np.asarray(y_pred), np.asarray(counted, bool)
    if not y_true.shape == y_pred.shape == counted.shape:
        shapes = (y_true.shape, y_pred.shape, counted.shape)
        raise checks.wrong("y_true, y_pred and counted, their shapes", shapes, "one shape")
    y_true, y_pred = y_true[counted].astype("int64"), y_pred[counted].astype("int64")
    for name, ids in (("y_true", y_true), ("y_pred", y_pred)):
        outside = ids[(ids < 0) | (ids >= n_tags)]
        if outside.size:
            raise checks.wrong(f"{name}, one of its ids", outside[0].item(), f"0 to {n_tags - 1}")
    of_each = (y_true[y_true == y_pred], y_true, y_pred)
    return np.stack([np.bincount(ids, minlength=n_tags) for ids in of_each], axis=-1)


def tag_scores(y_true, y_pred, counted, names: Sequence[str]) -> dict[str, Any]:
    """Score the tags of a split, token by token.

    Args:
        y_true, y_pred, counted: see :func:`tag_counts`.
        names: of the tags, in the order of ids: :func:`imbalance.spans.tag_names`.

    Returns:
        ``tokens``, how many count; then

        - ``token_accuracy``: the share of right ones;
        - ``tag_macro_f1``: the mean over all tags, ``O`` among them, an absent one counting 0
          (``absent_tags`` lists those without a token);
        - ``outside_share``: the share of the tag ``O`` among the true ones, ``None`` if no tag
          has this name;
        - ``per_tag``: for each name ``support``, ``predicted``, ``precision``, ``recall``, ``f1``.

        x / 0 counts as 0; without tokens, scores are ``None``.

    Raises:
        InputError: see :func:`tag_counts`.

    Example:
        >>> tags = ["O", "B-name", "I-name"]
        >>> scores = tag_scores([0, 0, 1, 0], [0, 0, 1, 1], [True] * 4, tags)
        >>> scores["token_accuracy"], scores["outside_share"], scores["absent_tags"]
        (0.75, 0.75, ['I-name'])
    """
    counts = tag_counts(y_true, y_pred, counted, len(names))
    right, tokens, _ = counts.sum(axis=0).tolist()
    scores: dict[str, Any] = {"tokens": tokens}
    if tokens:
        outside = counts[list(names).index("O"), 1] / tokens if "O" in names else None
        values = [right / tokens, precision_recall_f1(counts)[2].mean(), outside]
    else:
        values = [None] * len(TAG_SCORES)
    scores |= _named(TAG_SCORES, values)
    scores["absent_tags"] = [name for name, each in zip(names, counts, strict=True) if not each[1]]
    return scores | {"per_tag": _of_each(counts, names, defined=tokens > 0)}


def _distinct(spans, text) -> set[tuple]:
    if text is None:
        return {(start, end, type_) for start, end, type_ in spans}
    return {(text[start:end], type_) for start, end, type_ in spans}


def _ratio(part, whole) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _named(names, values) -> dict[str, float | None]:
    numbers = (None if value is None else float(value) for value in values)
    return dict(zip(names, numbers, strict=True))


def _of_each(counts, names, defined: bool) -> dict[str, dict]:
    of_each = {}
    for name, each in zip(names, counts, strict=True):
        values = [*each[1:].tolist(), *map(float, precision_recall_f1(each))]
        values[2:] = values[2:] if defined else [None] * 3
        of_each[name] = dict(zip(OF_EACH, values, strict=True))
    return of_each
