"""The numbers of a results file, from predictions."""

import numpy as np

from imbalance.bias import bias_auc
from imbalance.evaluation.scores import classification_scores
from imbalance.study.cells import Outcome

# Name, and the training rows of its classes: at least, and fewer than.
GROUPS = (("tail", 0, 100), ("middle", 100, 1000), ("head", 1000, np.inf))
SUBSETS = ("all", "unseen")


def scores(outcome: Outcome) -> dict[str, dict[str, float]]:
    """Score an outcome's predictions, whole and on the unseen rows.

    Where a name is that of :func:`~imbalance.evaluation.scores.classification_scores`, so is the
    number.

    Returns:
        ``{subset: {metric: value}}`` with the metrics

        - ``accuracy``; ``f1:<label>`` of each class and ``macro_f1``, their mean;
        - ``tail_macro_f1``, ``middle_macro_f1``, ``head_macro_f1``: means over the classes with
          fewer than 100, 100 to 999, and at least 1,000 training rows, where there are any;
        - with probabilities ``ece``, the expected calibration error in 15 equal bins, and
          ``log_loss``, in nats;
        - with two classes and probabilities ``pr_auc`` and ``roc_auc`` of ``labels[1]``, where
          rows of both are there, and where the data has subgroups ``bias_auc`` and
          ``overall_auc``, see :mod:`imbalance.bias`;
        - of ``all``, ``seconds`` that the training took.

        A subset without rows has no metrics.

    Example:
        >>> from imbalance.study.cells import Predictions
        >>> y_true, y_pred = np.array([0, 0, 1]), np.array([0, 1, 1])
        >>> predictions = Predictions(y_true, y_pred, unseen=np.array([True, True, False]))
        >>> found = scores(Outcome(predictions, ("good", "bad"), np.array([500, 20]), 1.5))
        >>> round(found["all"]["macro_f1"], 3), found["unseen"]["f1:bad"]
        (0.667, 0.0)
    """
    unseen = outcome.predictions.unseen
    whole = _scores(outcome, np.ones_like(unseen)) | {"seconds": round(outcome.seconds, 1)}
    return {"all": whole, "unseen": _scores(outcome, unseen) if unseen.any() else {}}


def _scores(outcome: Outcome, rows: np.ndarray) -> dict[str, float]:
    predictions, labels, counts = outcome.predictions, outcome.labels, outcome.training_rows
    y_pred, probabilities = predictions.y_pred[rows], predictions.probabilities
    known = probabilities is not None
    probabilities = probabilities[rows] if known else np.eye(len(labels))[y_pred]
    scored = classification_scores(predictions.y_true[rows], probabilities, labels, None, y_pred)
    f1 = np.array([scored["per_class"][label]["f1"] for label in labels])
    found = {"accuracy": scored["accuracy"], "macro_f1": scored["macro_f1"]}
    for name, low, high in GROUPS:
        group = (low <= counts) & (counts < high)
        if group.any():
            found[f"{name}_macro_f1"] = float(f1[group].mean())
    found |= {f"f1:{label}": float(value) for label, value in zip(labels, f1, strict=True)}
    if known:
        found["ece"] = scored["expected_calibration_error"]
        found["log_loss"] = scored["log_loss"]
        for area in ("pr_auc", "roc_auc") if len(labels) == 2 else ():
            found[area] = scored[f"positive_{area}"]
        if outcome.subgroups and len(labels) == 2:
            own = {name: members[rows] for name, members in outcome.subgroups.items()}
            bias = bias_auc(predictions.y_true[rows], probabilities[:, 1], own)
            found |= {name: bias[name] for name in ("bias_auc", "overall_auc")}
    return {name: value for name, value in found.items() if value is not None}
