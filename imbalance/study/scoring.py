"""The numbers of a results file, from predictions."""

from imbalance.study.cells import Outcome
from imbalance.study.predictions import Predictions

SUBSETS = ("all", "unseen")


def scores(outcome: Outcome) -> dict[str, dict[str, float]]:
    """Score an outcome's predictions, whole and on the unseen rows.

    Returns:
        ``{subset: {metric: value}}``. Of labels of texts the metrics are, with the numbers that
        :func:`~imbalance.evaluation.scores.classification_scores` gives,

        - ``accuracy``; ``f1:<label>`` of each class and ``macro_f1``, their mean;
        - ``tail_macro_f1``, ``middle_macro_f1``, ``head_macro_f1``: means over the classes with
          fewer than 100, 100 to 999, and at least 1,000 training rows, where there are any;
        - with probabilities ``ece``, the expected calibration error in 15 equal bins, and
          ``log_loss``, in nats;
        - with two classes and probabilities ``pr_auc`` and ``roc_auc`` of ``labels[1]``, where
          rows of both are there, and where the data has subgroups ``bias_auc`` and
          ``overall_auc``, see :mod:`imbalance.bias`.

        Of spans they are

        - ``rows``; ``span_precision``, ``span_recall``, ``span_f1`` and ``span_macro_f1``, see
          :func:`~imbalance.metrics.span_scores.span_scores`; ``f1:<type>`` of each type;
        - ``tail_macro_f1``, ``middle_macro_f1``, ``head_macro_f1``, by training spans;
        - ``token_accuracy``, and ``outside_share``, the share of the tag ``O``, see
          :class:`~imbalance.study.token_predictions.SpanPredictions`.

        Of answers they are ``rows``, ``exact_match`` and ``answer_f1``. ``all`` has ``seconds``
        that the training took besides. A subset without rows has no metrics, and a score that is
        not defined is left out.

    Example:
        >>> import numpy as np
        >>> from imbalance.study.predictions import LabelPredictions
        >>> y_true, y_pred = np.array([0, 0, 1]), np.array([0, 1, 1])
        >>> predictions = LabelPredictions(y_true, y_pred, unseen=np.array([True, True, False]))
        >>> found = scores(Outcome(predictions, ("good", "bad"), np.array([500, 20]), 1.5))
        >>> round(found["all"]["macro_f1"], 3), found["unseen"]["f1:bad"]
        (0.667, 0.0)
    """
    predictions = outcome.predictions
    unseen = predictions.at(predictions.unseen)
    whole = _scores(predictions, outcome) | {"seconds": round(outcome.seconds, 1)}
    return {"all": whole, "unseen": _scores(unseen, outcome) if unseen.unseen.any() else {}}


def _scores(predictions: Predictions, outcome: Outcome) -> dict[str, float]:
    found = predictions.scores(outcome.labels, outcome.training_rows)
    return {name: value for name, value in found.items() if value is not None}
