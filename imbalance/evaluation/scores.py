"""All scores of a split, as one plain dictionary fit for JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import sklearn.metrics as sk

from imbalance import checks

OVERALL = (
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_f1",
    "geometric_mean",
    "mcc",
    "roc_auc",
    "pr_auc",
    "expected_calibration_error",
    "log_loss",
)
PER_CLASS = ("precision", "recall", "f1", "support", "roc_auc", "pr_auc")
CALIBRATION_BINS = 15


def classification_scores(
    y_true, probabilities, labels: Sequence[str], sample_weight=None, predicted=None
) -> dict[str, Any]:
    """Score the predictions of a split.

    x / 0 counts as 0 in precision, recall and F1, as with scikit-learn's ``zero_division=0``. A
    score that is not defined is ``None``: the ROC area of a class without rows or with all
    of them, the average precision of a class without rows, and every score of a split without
    rows (of weight above 0).

    Args:
        y_true: class ids, shape (n,).
        probabilities: shape (n, C), each in [0, 1]. Rows need not sum to 1, so one-vs-rest
            sigmoids do as well as a softmax.
        labels: the C class names, in the order of the ids.
        sample_weight: weights of at least 0, shape (n,). All scores and supports are then sums
            of weights; ``rows`` still counts rows.
        predicted: class ids, shape (n,); by default the class of the largest probability, a tie
            going to the lower id.

    Returns:
        ``rows``, then

        - ``accuracy``; ``weighted_f1``; ``mcc`` (Matthews' correlation, Gorodkin's R_K);
        - ``macro_precision``, ``macro_recall``, ``macro_f1``: means over all C classes, an
          absent class counting 0 (``absent_classes`` lists those without rows);
        - ``balanced_accuracy``, ``geometric_mean``: arithmetic and geometric mean of the
          recalls, over the classes with rows;
        - ``roc_auc``, ``pr_auc``: one-vs-rest area under the ROC curve and average precision,
          means over the classes for which they are defined (``roc_auc_classes`` and
          ``pr_auc_classes`` say how many);
        - ``expected_calibration_error``: Σ_b w_b·abs(accuracy_b − confidence_b) / Σ_b w_b over
          15 equal bins of confidence, the probability of the predicted class;
        - ``log_loss``: the mean of −log(p_y / Σ_c p_c), y being the true class, in nats; a p
          below 2^−126, the least of float32, counts as that;
        - with two classes also ``positive_label`` = ``labels[1]`` and its ``positive_precision``,
          ``positive_recall``, ``positive_f1``, ``positive_roc_auc``, ``positive_pr_auc``;
        - ``per_class``: for each label ``precision``, ``recall``, ``f1``, ``support``,
          ``roc_auc`` and ``pr_auc``.

    Raises:
        InputError: if shapes do not fit, an id is no class, a label stands twice, or a
            probability is not a number in [0, 1].

    Source:
        The calibration error: Guo et al. 2017, On Calibration of Modern Neural Networks,
        arXiv:1706.04599.

    Example:
        >>> scores = classification_scores(
        ...     [0, 0, 0, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]], ["good", "bad"]
        ... )
        >>> scores["accuracy"], round(scores["macro_f1"], 4), scores["per_class"]["bad"]["support"]
        (0.75, 0.7333, 1)
    """
    labels = _labels(labels)
    y_true, probabilities, predicted, weights = read_predictions(
        y_true, probabilities, len(labels), predicted, sample_weight
    )
    scores: dict[str, Any] = {"rows": len(y_true)}
    used = weights > 0
    y_true, probabilities, predicted = y_true[used], probabilities[used], predicted[used]
    weights = weights[used] if sample_weight is not None else None
    if not used.any():
        nothing = dict.fromkeys(PER_CLASS) | {"support": 0}
        per_class = {label: dict(nothing) for label in labels}
        scores |= dict.fromkeys(OVERALL)
    else:
        per_class = _per_class(y_true, probabilities, predicted, labels, weights)
        scores |= _overall(y_true, predicted, per_class, weights)
        confidence = probabilities[np.arange(len(predicted)), predicted]
        bins = calibration_bins(predicted == y_true, confidence, weights)
        scores["expected_calibration_error"] = bins["error"]
        scores["log_loss"] = _log_loss(y_true, probabilities, weights)
    scores["absent_classes"] = [name for name, each in per_class.items() if not each["support"]]
    for area in ("roc_auc", "pr_auc"):
        scores[f"{area}_classes"] = len(_defined(per_class, area))
    if len(labels) == 2:
        positive = per_class[labels[1]]
        scores["positive_label"] = labels[1]
        scores |= {f"positive_{key}": positive[key] for key in PER_CLASS if key != "support"}
    scores["per_class"] = per_class
    return scores


def calibration_bins(correct, confidence, sample_weight=None, bins: int = CALIBRATION_BINS) -> dict:
    """Compare confidence with accuracy in equal bins of confidence over [0, 1].

    Args:
        correct: whether the prediction was right, shape (n,).
        confidence: probability of the predicted class, shape (n,), in [0, 1].
        sample_weight: shape (n,).
        bins: how many; a value on an edge belongs to the bin below it.

    Returns:
        ``edges`` of shape (bins + 1,); ``weight``, ``accuracy`` and ``confidence`` of shape
        (bins,), the last two NaN in an empty bin; and ``error``, the expected calibration error
        as a float, ``None`` without rows.

    Example:
        >>> calibration_bins([True, False], [0.9, 0.9])["error"]
        0.4
    """
    edges = np.linspace(0, 1, bins + 1)
    weights = np.ones(len(correct)) if sample_weight is None else np.asarray(sample_weight)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)

    def total(values):
        return np.bincount(place, weights=values, minlength=bins).astype("float64")

    weight = total(weights)
    with np.errstate(invalid="ignore"):
        accuracy = total(weights * np.asarray(correct)) / weight
        mean_confidence = total(weights * np.asarray(confidence)) / weight
    error = None
    if weight.sum():
        gaps = np.nan_to_num(np.abs(accuracy - mean_confidence))
        error = float((gaps * weight).sum() / weight.sum())
    return {
        "edges": edges,
        "weight": weight,
        "accuracy": accuracy,
        "confidence": mean_confidence,
        "error": error,
    }


def unseen_rows(digests, met) -> np.ndarray:
    """Mark the rows whose text the network cannot have memorised, nor been scored on already.

    Args:
        digests: what stands for each text of the split that is scored, white space aside, as in
            :attr:`imbalance.data.Split.digests`; shape (n,).
        met: the same of the texts that the network was trained on.

    Returns:
        bool array of shape (n,): True where the text stands neither in the training texts nor in
        an earlier row.

    Example:
        >>> unseen_rows(["ab", "c", "ab", "d"], ["d"]).tolist()
        [True, True, False, False]
    """
    first = np.zeros(len(digests), dtype=bool)
    first[np.unique(digests, return_index=True)[1]] = True
    return first & ~np.isin(digests, met)


def read_predictions(y_true, probabilities, classes: int, predicted=None, sample_weight=None):
    """Return checked arrays: ids (n,), probabilities (n, C), predicted ids (n,), weights (n,).

    Arguments and errors are those of :func:`classification_scores`; missing weights are 1.
    """
    y_true = _ids("y_true", y_true, classes)
    probabilities = _probabilities(probabilities, len(y_true), classes)
    if predicted is None:
        predicted = probabilities.argmax(axis=1)
    predicted = _ids("predicted", predicted, classes, len(y_true))
    if sample_weight is None:
        return y_true, probabilities, predicted, np.ones(len(y_true))
    weights = np.asarray(sample_weight, dtype="float64")
    if weights.shape != y_true.shape or not (np.isfinite(weights) & (weights >= 0)).all():
        raise checks.wrong(
            "sample_weight", sample_weight, f"{len(y_true)} finite numbers of at least 0"
        )
    return y_true, probabilities, predicted, weights


def _per_class(y_true, probabilities, predicted, labels, weights) -> dict[str, dict]:
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        y_true, predicted, labels=range(len(labels)), sample_weight=weights, zero_division=0
    )
    per_class = {}
    for c, label in enumerate(labels):
        own = y_true == c
        score = probabilities[:, c]
        areas = {"roc_auc": None, "pr_auc": None}
        if own.any():
            areas["pr_auc"] = sk.average_precision_score(own, score, sample_weight=weights)
            if not own.all():
                areas["roc_auc"] = sk.roc_auc_score(own, score, sample_weight=weights)
        values = {"precision": precision[c], "recall": recall[c], "f1": f1[c], **areas}
        per_class[label] = {
            key: None if value is None else float(value) for key, value in values.items()
        }
        per_class[label]["support"] = support[c].item()
    return per_class


def _overall(y_true, predicted, per_class, weights) -> dict[str, float | None]:
    support = np.array([each["support"] for each in per_class.values()])
    recall = np.array([each["recall"] for each in per_class.values()])
    f1 = np.array([each["f1"] for each in per_class.values()])
    present = recall[support > 0]
    with np.errstate(divide="ignore"):
        geometric_mean = np.exp(np.log(present).mean())
    # One class predicted throughout and true throughout: no correlation, as scikit-learn's 0.
    one_class = len(np.union1d(y_true, predicted)) == 1
    mcc = 0 if one_class else sk.matthews_corrcoef(y_true, predicted, sample_weight=weights)
    scores = {
        "accuracy": sk.accuracy_score(y_true, predicted, sample_weight=weights),
        "balanced_accuracy": present.mean(),
        "macro_precision": np.mean([each["precision"] for each in per_class.values()]),
        "macro_recall": recall.mean(),
        "macro_f1": f1.mean(),
        "weighted_f1": np.average(f1, weights=support),
        "geometric_mean": geometric_mean,
        "mcc": mcc,
    }
    for area in ("roc_auc", "pr_auc"):
        values = _defined(per_class, area)
        scores[area] = np.mean(values) if values else None
    return {key: None if value is None else float(value) for key, value in scores.items()}


def _log_loss(y_true, probabilities, weights) -> float:
    probabilities = np.maximum(probabilities, np.finfo("float32").tiny)
    own = probabilities[np.arange(len(y_true)), y_true] / probabilities.sum(axis=1)
    return float(np.average(-np.log(own), weights=weights))


def _defined(per_class, key) -> list[float]:
    return [each[key] for each in per_class.values() if each[key] is not None]


def _labels(labels) -> list[str]:
    labels = list(labels)
    if len(labels) < 2 or not all(isinstance(label, str) for label in labels):
        raise checks.wrong("labels", labels, "at least two class names")
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise checks.wrong("labels, one that stands twice", twice, "every class name once")
    return labels


def _ids(name, ids, classes, rows=None) -> np.ndarray:
    ids = np.asarray(ids)
    if ids.size == 0:
        ids = ids.astype("int64")
    shape_fits = ids.ndim == 1 and (rows is None or len(ids) == rows)
    if not shape_fits or not np.issubdtype(ids.dtype, np.integer):
        rows = "n" if rows is None else rows
        raise checks.wrong(
            f"{name}, its shape and dtype", (ids.shape, str(ids.dtype)), f"({rows},) class ids"
        )
    outside = ids[(ids < 0) | (ids >= classes)]
    if outside.size:
        raise checks.wrong(f"{name}, one of its ids", outside[0].item(), f"0 to {classes - 1}")
    return ids


def _probabilities(probabilities, rows, classes) -> np.ndarray:
    probabilities = np.asarray(probabilities, dtype="float64")
    if rows == 0 and probabilities.size == 0:
        return probabilities.reshape(0, classes)
    if probabilities.shape != (rows, classes):
        raise checks.wrong(
            "probabilities, their shape",
            probabilities.shape,
            f"({rows}, {classes}), a row for each true id and a column for each class",
        )
    # Sums and half precision may round a probability to a little more than 1.
    wrong = ~(np.abs(probabilities - 0.5) < 0.501)
    if wrong.any():
        row = int(wrong.any(axis=1).argmax())
        raise checks.wrong(
            f"probabilities, row {row}", probabilities[row].tolist(), "numbers from 0 to 1"
        )
    return probabilities.clip(0, 1)
