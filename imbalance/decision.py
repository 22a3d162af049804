"""The decision layer: from logits to calibrated probabilities and one label.

A network says how probable it finds each class; which label to give is another question. Macro-F1
asks for rare classes more often than the largest probability gives them, and probabilities that
are too sure can be calibrated without another label being given.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imbalance import checks

# Far beyond what is of use, and the weights of the classes remain float32.
MOST_PRIOR_CORRECTION = 3.0
_TEMPERATURES = (1e-3, 1e3)
_MOST_OFFSET = 30.0


@dataclass(frozen=True)
class Decision:
    """``p = softmax(z / T)``, and the label is ``argmax_c p_c · π_c^(−τ) · exp(b_c)``.

    One-vs-rest networks have sigmoids in place of the softmax. The prior correction and the
    offsets move the label alone: ``p`` remains the estimate for data like those of training.

    Args:
        priors: π, the share of each class among the training rows, above 0; shape (classes,).
        offsets: b, added to each class's log-probability, in nats; shape (classes,); by default 0.
        temperature: T above 0; above 1 makes the probabilities less sure.
        prior_correction: τ; 0 leaves the priors as the network learned them, 1 removes them (the
            label of the balanced error), below 0 adds to them.

    Raises:
        InputError: if a number is out of range or the lengths differ.

    Source:
        Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599 (T); Menon et
        al. 2021, Long-tail learning via logit adjustment, arXiv:2007.07314 (τ).

    Example:
        >>> rule = Decision(priors=(0.9, 0.1), prior_correction=1.0)
        >>> rule.decide([[0.8, 0.2], [0.95, 0.05]]).tolist()
        [1, 0]
        >>> round(rule.threshold, 3)
        0.1
    """

    priors: tuple[float, ...]
    offsets: tuple[float, ...] | None = None
    temperature: float = 1.0
    prior_correction: float = 0.0

    def __post_init__(self):
        priors = checks.weights("priors", self.priors)
        for prior in priors:
            checks.number("priors, one of them", prior, low=0, low_open=True)
        offsets = (0.0,) * len(priors) if self.offsets is None else tuple(self.offsets)
        if len(offsets) != len(priors):
            raise checks.wrong("offsets", offsets, f"{len(priors)} numbers, one a class")
        for each in offsets:
            checks.number("offsets, one of them", each, low=-_MOST_OFFSET, high=_MOST_OFFSET)
        low, high = _TEMPERATURES
        checks.number("temperature", self.temperature, low=low, high=high)
        limit = MOST_PRIOR_CORRECTION
        checks.number("prior_correction", self.prior_correction, low=-limit, high=limit)
        object.__setattr__(self, "priors", priors)
        object.__setattr__(self, "offsets", offsets)

    @classmethod
    def from_counts(cls, counts, **settings) -> "Decision":
        """Build with the priors of class counts; a class without a row counts one.

        Args:
            counts: rows of each class that an epoch draws, shape (classes,).
            settings: the other arguments.
        """
        counts = np.maximum(checks.weights("counts", counts), 1)
        return cls(priors=tuple((counts / counts.sum()).tolist()), **settings)

    @property
    def bias(self) -> np.ndarray:
        """What is added to the log-probabilities, ``b − τ·log π``, float64 (classes,)."""
        return np.asarray(self.offsets) - self.prior_correction * np.log(self.priors)

    @property
    def weights(self) -> np.ndarray:
        """What the probabilities are multiplied by: ``exp(bias)`` over its maximum, float32."""
        return np.exp(self.bias - self.bias.max()).astype("float32")

    @property
    def threshold(self) -> float | None:
        """Of two classes whose probabilities sum to 1, the second is given above this one."""
        if len(self.priors) != 2:
            return None
        return float(1 / (1 + np.exp(self.bias[1] - self.bias[0])))

    def decide(self, probabilities) -> np.ndarray:
        """Return the label's id for calibrated probabilities; a tie goes to the lower id.

        Args:
            probabilities: ``p`` above, shape (n, classes).

        Returns:
            int64 of shape (n,).
        """
        return (np.asarray(probabilities) * self.weights).argmax(axis=-1)

    def apply(self, logits, activation: str) -> tuple[np.ndarray, np.ndarray]:
        """Return log-probabilities, float64 (n, classes), and the ids of the labels, (n,).

        Args:
            logits: shape (n, units); a single unit is the log-odds of the second of two classes.
            activation: ``"softmax"`` or ``"sigmoid"``.

        Example:
            >>> logs, ids = Decision((0.5, 0.5), temperature=2.0).apply([[4.0]], "sigmoid")
            >>> np.exp(logs).round(3).tolist(), ids.tolist()
            ([[0.119, 0.881]], [1])
        """
        logs = log_probabilities(np.asarray(logits) / self.temperature, activation)
        return logs, (logs + self.bias).argmax(axis=-1)

    def to_json(self, labels: Sequence[str]) -> str:
        """Return JSON text that :meth:`from_json` reads back; ``labels`` in the order of ids."""
        classes = {
            label: {"prior": prior, "offset": offset}
            for label, prior, offset in zip(labels, self.priors, self.offsets, strict=True)
        }
        values = {
            "temperature": self.temperature,
            "prior_correction": self.prior_correction,
            "classes": classes,
        }
        return json.dumps(values, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, name: str, text: str, labels: Sequence[str]) -> "Decision":
        """Read what :meth:`to_json` wrote.

        Args:
            name: where the text comes from, for the message.
            text: JSON.
            labels: class names in the order of ids.

        Raises:
            InputError: if it is something else, or of other classes.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            raise checks.InputError(f"{name}: is no JSON, expected what train.py wrote") from None
        keys = {"temperature", "prior_correction", "classes"}
        if not isinstance(values, dict) or set(values) != keys:
            raise checks.wrong(name, values, f"the keys {', '.join(sorted(keys))}")
        classes = values.pop("classes")
        if not isinstance(classes, dict) or set(classes) != set(labels):
            raise checks.wrong(f"{name}, its classes", classes, f"those of the run: {labels}")
        for label, each in classes.items():
            if not isinstance(each, dict) or set(each) != {"prior", "offset"}:
                raise checks.wrong(f"{name}, class {label}", each, "prior and offset")
        try:
            return cls(
                priors=tuple(classes[label]["prior"] for label in labels),
                offsets=tuple(classes[label]["offset"] for label in labels),
                **values,
            )
        except checks.InputError as error:
            raise checks.InputError(f"{name}, {error}") from None


def log_probabilities(logits, activation: str) -> np.ndarray:
    """Return the logarithm of each class's probability, float64 (n, classes).

    Args:
        logits: shape (n, units); a single unit is the log-odds of the second of two classes.
        activation: ``"softmax"``; or ``"sigmoid"``, one-vs-rest where there are several units.

    Example:
        >>> np.exp(log_probabilities([[0.0, np.log(3)]], "softmax")).round(3).tolist()
        [[0.25, 0.75]]
    """
    logits = np.asarray(logits, "float64")
    if activation == "sigmoid":
        if logits.shape[-1] == 1:
            logits = np.concatenate([-logits, logits], axis=-1)
        return -np.logaddexp(0, -logits)
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def log_loss(logits, y_true, weights, activation: str) -> float:
    """Return the mean negative log-likelihood of the true labels, in nats a row.

    Softmax and a single sigmoid: ``−log p_y``; one-vs-rest sigmoids: ``−log p_y − Σ_{c≠y}
    log(1 − p_c)``.

    Args:
        logits: see :func:`log_probabilities`.
        y_true: class ids, shape (n,).
        weights: of the rows, shape (n,), not all 0.
        activation: see :func:`log_probabilities`.

    Example:
        >>> round(log_loss([[0.0]], [1], [1.0], "sigmoid"), 4)
        0.6931
    """
    logits = np.asarray(logits, "float64")
    rows = np.arange(len(logits))
    losses = -log_probabilities(logits, activation)[rows, y_true]
    if activation == "sigmoid" and logits.shape[-1] > 1:
        others = np.logaddexp(0, logits)
        others[rows, y_true] = 0
        losses = losses + others.sum(axis=-1)
    return float(np.average(losses, weights=weights))
