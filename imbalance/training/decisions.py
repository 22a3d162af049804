"""Fitting the decision layer on validation rows.

What few rows can teach is little: of two to five rows of a class, one row more or less is most of
its F1. Therefore

- the **temperature** is one number for all classes, by maximum likelihood;
- the **prior correction** is one number too: its macro-F1 over a grid, smoothed over five
  neighbours, since the curve has steps;
- the **offsets**, one a class, maximise macro-F1 less ``0.1 · Σ_c b_c² / (C · √n_c)`` by
  coordinate ascent: the rarer a class is in the validation rows, the more evidence a shift takes;
- prior correction and offsets are the **mean of ten fits**, each without a fifth of the rows, and
  are kept only if the fits gain macro-F1 on the fifths they had not seen, and the mean loses none
  on all rows.

What to expect: a network whose posteriors are tilted towards frequent or rare classes gains by
both; one that decides well already gains by neither, and may lose a little
(``tests/training/test_decisions.py`` simulates the two). Where classes have a handful of
validation rows, offsets follow chance as well as the classes: prefer the prior correction there,
which is learned from all rows. Scores on the rows that were fitted on are too good: of those in
``metrics.json``, ``held_out`` is the one to believe.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import minimize_scalar
from sklearn.model_selection import RepeatedStratifiedKFold

from imbalance import checks, run_folder
from imbalance.config import DecisionConfig, RunConfig
from imbalance.data.corpus import Split
from imbalance.decision import Decision, log_loss, log_probabilities
from imbalance.training.prediction import forward

_FOLDS, _REPEATS = 5, 2
_TEMPERATURES = (0.05, 20.0)
_CORRECTIONS = np.linspace(-1, 2, 31)
_NEIGHBOURS = 5
_OFFSETS = np.linspace(-4, 4, 81)
_PENALTY = 0.1
_ROUNDS = 10


@dataclass(frozen=True)
class Fitted:
    """A decision and what it was worth.

    Attributes:
        decision: the rule.
        before, after: macro-F1 on the validation rows of the largest probability, and of the
            decision; ``None`` without rows.
        held_out: macro-F1 of the fits on the rows that each had not seen, a mean over repeats;
            ``None`` where neither prior correction nor offsets were fitted.
    """

    decision: Decision
    before: float | None
    after: float | None
    held_out: float | None

    def summary(self, labels: Sequence[str]) -> Mapping:
        """Return it for ``metrics.json``, the offsets by label."""
        return {
            "temperature": self.decision.temperature,
            "prior_correction": self.decision.prior_correction,
            "offsets": dict(zip(labels, self.decision.offsets, strict=True)),
            "threshold": self.decision.threshold,
            "validation_macro_f1": {
                "before": self.before,
                "after": self.after,
                "held_out": self.held_out,
            },
        }


def check(config: RunConfig) -> None:
    """Refuse a decision that is to be fitted without validation rows, before the data is read."""
    if config.decision.fitted and not config.data.validation_fraction and not config.data.folds:
        raise checks.wrong(
            "data.validation_fraction",
            config.data.validation_fraction,
            "a number above 0: the decision is fitted on validation rows",
        )


def check_rows(config: DecisionConfig, validation: Split) -> None:
    """Refuse a decision that these rows are too few to be fitted on, before training.

    Raises:
        InputError: if there is no row of weight above 0; for prior correction or thresholds also
            if no class has five.
    """
    if not config.fitted:
        return
    labels = np.asarray(validation.labels)
    if validation.weights is not None:
        labels = labels[np.asarray(validation.weights) > 0]
    least = _FOLDS if _bias_fitted(config) else 1
    most = int(np.bincount(labels).max()) if len(labels) else 0
    if most < least:
        raise checks.wrong(
            "validation rows of the largest class", most, f"at least {least} to fit the decision on"
        )


def write(
    config: DecisionConfig,
    model: keras.Model,
    activation: str,
    batches: tf.data.Dataset | None,
    counts,
    labels: Sequence[str],
    folder: Path,
) -> Mapping | None:
    """Fit the decision of a trained network and write ``decision.json`` into ``folder``.

    Args:
        config: what to fit.
        model: the network.
        activation: of its logits.
        batches: the validation rows ``(ids, label, weight)``, always in the same order.
        counts: rows of each class that an epoch draws.
        labels: class names in the order of ids.
        folder: of the run.

    Returns:
        The summary for ``metrics.json``, or ``None``, with nothing written, if the decision is
        the largest probability.
    """
    if config.identity:
        return None
    if batches is None:
        fitted = fit(config, counts)
    else:
        logits_of = forward(model)
        rows = [(logits_of(ids), *rest) for ids, *rest in batches.as_numpy_iterator()]
        logits, y_true, weights = (np.concatenate(each) for each in zip(*rows, strict=True))
        fitted = fit(config, counts, logits, y_true, activation, weights)
    text = fitted.decision.to_json(labels)
    (folder / run_folder.DECISION).write_text(text, encoding="utf-8")
    return fitted.summary(labels)


def fit(
    config: DecisionConfig, counts, logits=None, y_true=None, activation="softmax", weights=None
) -> Fitted:
    """Fit what the configuration asks for.

    Args:
        config: what to fit.
        counts: rows of each class that an epoch draws, shape (classes,).
        logits: of the validation rows, shape (n, units); without them nothing can be fitted.
        y_true: their class ids, shape (n,).
        activation: ``"softmax"`` or ``"sigmoid"``.
        weights: of these rows, shape (n,); by default 1.

    Rows for which :func:`check_rows` raises nothing can be fitted on.

    Example:
        >>> logits = np.array([[1.0, 0.0], [0.2, 0.0], [0.0, 1.0]] * 5)
        >>> fitted = fit(DecisionConfig(thresholds=True), [9, 1], logits, [0, 1, 1] * 5)
        >>> round(fitted.before, 3), fitted.after, round(fitted.decision.threshold, 2)
        (0.667, 1.0, 0.45)
    """
    given = 0.0 if config.prior_correction == "auto" else config.prior_correction
    rule = Decision.from_counts(counts, prior_correction=given)
    if logits is None:
        return Fitted(rule, None, None, None)
    y_true = np.asarray(y_true)
    weights = np.ones(len(y_true)) if weights is None else np.asarray(weights, "float64")
    if config.temperature:
        rule = replace(rule, temperature=_temperature(logits, y_true, weights, activation))
    logs = log_probabilities(np.asarray(logits) / rule.temperature, activation)
    rows = _Rows(logs, y_true, weights)
    before, held_out = rows.macro_f1(0.0), None
    if _bias_fitted(config):
        rule, held_out = _fit_bias(config, rule, rows)
    return Fitted(rule, before, rows.macro_f1(rule.bias), held_out)


class _Rows:
    """Log-probabilities (n, classes), class ids (n,) and weights (n,) of rows."""

    def __init__(self, logs, y_true, weights):
        self.logs, self.y_true, self.weights = logs, y_true, weights
        self.classes = logs.shape[1]
        self.support = self.total(y_true)
        self.number = np.bincount(y_true, minlength=self.classes)

    def __getitem__(self, rows) -> "_Rows":
        return _Rows(self.logs[rows], self.y_true[rows], self.weights[rows])

    def total(self, ids, rows=slice(None), size: int = 0) -> np.ndarray:
        # Of no rows NumPy counts in integers, whatever the weights.
        return np.bincount(ids[rows], self.weights[rows], size or self.classes).astype(float)

    def macro_f1(self, bias) -> float:
        return self.macro_f1_of((self.logs + bias).argmax(axis=1))

    def macro_f1_of(self, predicted) -> float:
        hits = self.total(predicted, predicted == self.y_true)
        return float(_f1(hits, self.total(predicted) + self.support).mean())

    def macro_f1_by_offset(self, bias, c: int) -> np.ndarray:
        """Return the macro-F1 with each of ``_OFFSETS`` added to the bias of class ``c``.

        A row is of class ``c`` from the offset on that lifts it over the best of the others.
        """
        values = self.logs + bias
        values[:, c] = -np.inf
        other = values.argmax(axis=1)
        lead = values[np.arange(len(other)), other] - (self.logs[:, c] + bias[c])
        place = np.searchsorted(_OFFSETS, lead, side="right")
        steps = len(_OFFSETS) + 1

        def leaving(rows):
            """Return by class and offset the weight of rows that have gone over to ``c``."""
            cells = self.total(other * steps + place, rows, self.classes * steps)
            return cells.reshape(self.classes, steps)[:, :-1].cumsum(axis=1)

        hit, own = other == self.y_true, self.y_true == c
        gone = leaving(slice(None))
        predicted = self.total(other)[:, None] - gone
        hits = self.total(other, hit)[:, None] - leaving(hit)
        predicted[c] = gone.sum(axis=0)
        hits[c] = self.total(place, own, steps)[:-1].cumsum()
        return _f1(hits, predicted + self.support[:, None]).mean(axis=0)


def _f1(hits, predicted_and_true):
    """Return ``2 TP / (2 TP + FP + FN)``; 0 for a class that is neither predicted nor true."""
    return np.divide(
        2 * hits, predicted_and_true, out=np.zeros_like(hits), where=predicted_and_true > 0
    )


def _temperature(logits, y_true, weights, activation) -> float:
    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(
        lambda log: log_loss(logits / np.exp(log), y_true, weights, activation),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def _fit_bias(config: DecisionConfig, rule: Decision, rows: _Rows) -> tuple[Decision, float]:
    """Return the rule, with prior correction and offsets where they help, and its score.

    The score is the macro-F1 of rows that a fit had not seen, a mean over repeats.
    """
    folds = RepeatedStratifiedKFold(n_splits=_FOLDS, n_repeats=_REPEATS, random_state=0)
    with warnings.catch_warnings():
        # Of a class with fewer rows than folds some folds have none: known, and meant.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = list(folds.split(rows.logs, rows.y_true))
    fits = [_candidates(config, rule, rows[seen]) for seen, _ in folds]
    best, best_score = rule, -1.0
    for candidate in zip(*fits, strict=True):
        predicted = np.empty((_REPEATS, len(rows.y_true)), int)
        for place, ((_, unseen), each) in enumerate(zip(folds, candidate, strict=True)):
            predicted[place // _FOLDS, unseen] = (rows.logs[unseen] + each.bias).argmax(axis=1)
        score = float(np.mean([rows.macro_f1_of(each) for each in predicted]))
        mean = replace(
            rule,
            prior_correction=float(np.mean([each.prior_correction for each in candidate])),
            offsets=tuple(np.mean([each.offsets for each in candidate], axis=0).tolist()),
        )
        not_lower = rows.macro_f1(mean.bias) >= rows.macro_f1(rule.bias)
        if score > best_score and not_lower:
            best, best_score = mean, score
    return best, best_score


def _bias_fitted(config: DecisionConfig) -> bool:
    return config.prior_correction == "auto" or config.thresholds


def _candidates(config: DecisionConfig, rule: Decision, rows: _Rows) -> list[Decision]:
    """Return the rule as it is, and with each further thing that is asked for, on these rows."""
    found = [rule]
    if config.prior_correction == "auto":
        found.append(replace(rule, prior_correction=_correction(rows, np.log(rule.priors))))
    if config.thresholds:
        offsets = _offsets(rows, found[-1].bias)
        found.append(replace(found[-1], offsets=tuple(offsets.tolist())))
    return found


def _correction(rows: _Rows, log_priors) -> float:
    scores = np.array([rows.macro_f1(-each * log_priors) for each in _CORRECTIONS])
    edges = np.pad(scores, _NEIGHBOURS // 2, mode="edge")
    smooth = np.convolve(edges, np.ones(_NEIGHBOURS) / _NEIGHBOURS, "valid")
    ties = _CORRECTIONS[smooth > smooth.max() - 1e-9]
    return float(ties[np.abs(ties).argmin()])


def _offsets(rows: _Rows, bias) -> np.ndarray:
    """Return the offsets that coordinate ascent finds on top of ``bias``, rarest class first.

    A class without rows keeps 0; of two classes only the second is shifted, the other being its
    mirror.
    """
    penalty = _PENALTY / (rows.classes * np.sqrt(np.maximum(rows.number, 1)))
    shifted = [c for c in np.argsort(rows.number, kind="stable") if rows.number[c]]
    if rows.classes == 2:
        shifted = [1]
    places = np.full(rows.classes, len(_OFFSETS) // 2)
    for _ in range(_ROUNDS):
        before = places.copy()
        for c in shifted:
            others = bias + _OFFSETS[places]
            others[c] = bias[c]
            scores = rows.macro_f1_by_offset(others, c) - penalty[c] * _OFFSETS**2
            best = int(scores.argmax())
            if scores[best] > scores[places[c]] + 1e-9:
                places[c] = best
        if (places == before).all():
            break
    return _OFFSETS[places]
