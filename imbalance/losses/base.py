"""What every loss shares: the class roster, label forms, stable logarithms, weights in sums.

The formulas of all families are written on one form of their input, made here:

- labels ``y`` of shape (..., C): one-hot, soft or multi-hot;
- log-probabilities ``log p`` and their complements ``log(1 - p)`` of the same shape, computed
  from logits without ever forming a probability that rounds to 0 or 1; for sigmoids, where the
  labels are 0 or 1, the log-odds of the label, which both follow from.

``...`` is (batch,) for documents and (batch, time) for tokens.
"""

import math
from collections.abc import Callable

import keras
from keras import ops

# Keras attaches a mask to the tensor it belongs to and has no public spelling to read it.
from keras.src.backend import get_keras_mask

from imbalance import checks

ACTIVATIONS = ("softmax", "sigmoid")

# Added to probabilities before the logarithm when a model gives no logits. Its reciprocal is the
# largest gradient there, and leaves room in float32 for large weights. Nothing is clipped.
TINY = 1e-30
_LOG_HALF = math.log(0.5)


class ImbalanceLoss(keras.losses.Loss):
    """Base class: a Keras ``Loss`` whose ``call`` also sees sample weights and mask.

    Keras multiplies the values that ``call`` returns by the weights afterwards. A loss that
    sums over the batch before it divides (dice, Tversky, GHM, rescaled focal) must use them
    inside its sums, so ``call`` receives them here.

    Args:
        from_logits: whether ``y_pred`` holds logits (the default) or probabilities.
        reduction: as in Keras; ``"sum_over_batch_size"`` is the mean over rows.
        name: name of the loss in logs.
        dtype: of the computation; by default ``keras.config.floatx()``. Half-precision
            predictions are computed in float32.
    """

    def __init__(self, *, from_logits=True, reduction="sum_over_batch_size", name=None, dtype=None):
        self.from_logits = checks.boolean("from_logits", from_logits)
        checks.choice(
            "reduction",
            reduction,
            ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None),
        )
        if name is not None:
            checks.text("name", name)
        if isinstance(dtype, str):
            checks.choice("dtype", dtype, ("float32", "float64", "float16", "bfloat16"))
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    activation = "softmax"

    # What a subclass states: the pure function of its formula; the arguments that constructor,
    # function and config share, each an attribute; whether the function sums over the batch;
    # whether a class has a number of its own, a share of each label, or a place in a mean.
    _function: Callable
    _arguments: tuple[str, ...] = ()
    _weighs_inside = False
    _of_classes = False

    @property
    def of_positions(self) -> bool:
        """Whether the classes may be the positions of an answer in its text.

        A softmax then chooses one of them, (batch, 2, time). Their number differs from batch to
        batch, and position 7 of one text is nothing to that of another, so that no loss can weigh
        them, soften labels over them or take a mean over them. Sigmoids ask each position by
        itself, (batch, time, 2): their classes are start and end.
        """
        return self.activation == "sigmoid" or not self._of_classes

    @property
    def over_batch(self) -> bool:
        """Whether it divides sums over the batch class by class, so that a batch without a class
        teaches next to nothing of it.
        """
        return False

    def call(self, y_true, y_pred, sample_weight=None):
        """Return the loss of each label, shape (batch,), or (batch, time) for tokens."""
        inside = {"sample_weight": sample_weight} if self._weighs_inside else {}
        return self._function(
            y_true, y_pred, **self._own_arguments(), **inside, from_logits=self.from_logits
        )

    def __call__(self, y_true, y_pred, sample_weight=None):
        weight = merge_weights(sample_weight, get_keras_mask(y_pred), self.dtype)
        bound = _BoundLoss(self, weight)
        return bound(y_true, y_pred, self._weight_outside_sums(sample_weight))

    def _weight_outside_sums(self, sample_weight):
        return sample_weight

    def get_config(self):
        common = {"from_logits": self.from_logits, "dtype": self.dtype}
        return {**super().get_config(), **common, **self._own_arguments()}

    def _own_arguments(self):
        return {name: getattr(self, name) for name in self._arguments}


class BatchLoss(ImbalanceLoss):
    """A loss with one value for the whole batch, given to each of its rows.

    The weights are inside that value already. Multiplying the copies by them again would
    scale the mean by the mean weight, so they are left out there; under the reductions that
    add up or divide by weights they count as numbers of rows.
    """

    _weighs_inside = True

    @property
    def over_batch(self) -> bool:
        return True

    def _weight_outside_sums(self, sample_weight):
        return None if self.reduction in ("sum_over_batch_size", "mean") else sample_weight


class LossSum(ImbalanceLoss):
    """A weighted sum of losses, each of which uses weights and reduces in its own way."""

    _terms: tuple[tuple[float, ImbalanceLoss], ...] = ()

    @property
    def of_positions(self) -> bool:
        """Whether all parts are, see :attr:`ImbalanceLoss.of_positions`."""
        return all(loss.of_positions for _, loss in self._terms)

    @property
    def over_batch(self) -> bool:
        """Whether a part is, see :attr:`ImbalanceLoss.over_batch`."""
        return any(loss.over_batch for _, loss in self._terms)

    def call(self, y_true, y_pred, sample_weight=None):
        """Return the sum of what each loss says of each label, shape (batch,) or (batch, time)."""
        return sum(
            factor * loss.call(y_true, y_pred, sample_weight) for factor, loss in self._terms
        )

    def __call__(self, y_true, y_pred, sample_weight=None):
        return sum(factor * loss(y_true, y_pred, sample_weight) for factor, loss in self._terms)


class _BoundLoss(keras.losses.Loss):
    """``owner`` with this call's weights, so that Keras does conversion, mask and reduction."""

    def __init__(self, owner: ImbalanceLoss, weight):
        super().__init__(name=owner.name, reduction=owner.reduction, dtype=owner.dtype)
        self._owner = owner
        self._weight = weight

    def call(self, y_true, y_pred):
        return self._owner.call(y_true, y_pred, self._weight)


def align(y_true, y_pred, activation: str):
    """Bring labels and predictions to one shape (..., C) and a dtype of at least float32.

    Args:
        y_true: ids of shape (...,) or (..., 1), or one-hot, soft or multi-hot labels of shape
            (..., C). With a single sigmoid output: 0 or 1, shape (batch,) or (batch, 1).
        y_pred: shape (..., C); with a single sigmoid output also (batch,).
        activation: ``"softmax"`` or ``"sigmoid"``.

    Returns:
        ``(y, y_pred)``, both of shape (..., C).

    Raises:
        InputError: if the shapes fit in none of these ways.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    if keras.backend.standardize_dtype(y_pred.dtype) not in ("float32", "float64"):
        y_pred = ops.cast(y_pred, "float32")
    y_true = ops.convert_to_tensor(y_true)
    given = f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}"

    if activation == "sigmoid" and len(y_pred.shape) == 1:
        y_pred = ops.expand_dims(y_pred, -1)
    classes = y_pred.shape[-1]
    if activation == "softmax" and classes == 1:
        raise checks.InputError(
            f"y_pred: got shape {tuple(y_pred.shape)}, expected at least 2 classes on the last "
            "axis with activation 'softmax'; a single output needs activation 'sigmoid'"
        )

    ids = holds_ids(y_true, y_pred)
    if ids and len(y_true.shape) == len(y_pred.shape):
        y_true = ops.squeeze(y_true, -1)
    target_shape = y_pred.shape[:-1] if ids else y_pred.shape
    if len(y_true.shape) != len(target_shape) or any(
        None not in (have, want) and have != want
        for have, want in zip(y_true.shape, target_shape, strict=True)
    ):
        raise checks.InputError(
            f"y_true and y_pred: got shapes {given}, expected ids of shape (...,) or labels of "
            "shape (..., C) beside predictions of shape (..., C)"
        )
    if not ids:
        return ops.cast(y_true, y_pred.dtype), y_pred
    if classes == 1:
        return ops.cast(ops.expand_dims(y_true, -1), y_pred.dtype), y_pred
    # Keras hands labels over as float32; an id must be a whole number to select a class.
    return ops.one_hot(ops.cast(y_true, "int32"), classes, dtype=y_pred.dtype), y_pred


def holds_ids(y_true, y_pred) -> bool:
    """Say whether labels are ids, (...,) or (..., 1), beside predictions of (..., C)."""
    labels, predictions = ops.convert_to_tensor(y_true).shape, y_pred.shape
    return len(labels) == len(predictions) - 1 or (
        len(labels) == len(predictions) and labels[-1] == 1 != predictions[-1]
    )


def known_classes(y_pred) -> int:
    """Return how many classes there are, C of (..., C); refuse a number that is not known."""
    classes = y_pred.shape[-1]
    if classes is None:
        raise checks.InputError(
            f"y_pred: got shape {tuple(y_pred.shape)}, expected a known number of classes on the "
            "last axis: the loss gives each a share of the label"
        )
    return classes


def probability(y_pred, activation: str, from_logits: bool):
    """Return p, shape of ``y_pred``."""
    if not from_logits:
        return y_pred
    return ops.softmax(y_pred, axis=-1) if activation == "softmax" else ops.sigmoid(y_pred)


def log_probability(y_pred, activation: str, from_logits: bool):
    """Return log p, shape of ``y_pred``."""
    if not from_logits:
        return ops.log(y_pred + TINY)
    return ops.log_softmax(y_pred, axis=-1) if activation == "softmax" else ops.log_sigmoid(y_pred)


def log_complement(y_pred, log_p, activation: str, from_logits: bool):
    """Return log(1 − p), shape of ``y_pred``, also where p rounds to 1; for a power of 1 − p.

    It is exact to a few roundings of the larger of 1 and log(1 − p), which leaves the power
    exact, but not log(1 − p) ≈ −p itself.

    For softmax, 1 − p of a class with p > ½ is the sum of the other probabilities.
    """
    if activation == "sigmoid":
        return log_p - y_pred if from_logits else ops.log(1.0 - y_pred + TINY)
    # Masks by multiplication: several times cheaper here than by `where`.
    sure = ops.cast(log_p > _LOG_HALF, log_p.dtype)
    others = log_p - 1e30 * sure
    largest = ops.stop_gradient(ops.max(others, axis=-1, keepdims=True))
    p_to_largest = ops.exp(others - largest)
    log_rest = largest + ops.log(ops.sum(p_to_largest, axis=-1, keepdims=True))
    return ops.log(1.0 - p_to_largest * ops.exp(largest)) + sure * log_rest


def log_odds(y_pred, from_logits: bool):
    """Return the logits of a sigmoid head: log p − log(1 − p), shape of ``y_pred``."""
    return y_pred if from_logits else ops.log(y_pred + TINY) - ops.log(1.0 - y_pred + TINY)


def label_log_odds(y, y_pred, from_logits: bool):
    """Return log p_t − log(1 − p_t) of a sigmoid head, p_t the probability of the label given.

    Args:
        y: labels of 0 or 1, shape (..., C).
        y_pred: logits or probabilities, shape (..., C).
    """
    return (2.0 * y - 1.0) * log_odds(y_pred, from_logits)


def merge_weights(sample_weight, mask, dtype):
    """Return sample weights times mask as one tensor, or None if there is neither."""
    if mask is not None:
        mask = ops.cast(mask, dtype)
    if sample_weight is None:
        return mask
    weight = ops.cast(sample_weight, dtype)
    if mask is None:
        return weight
    return _to_rank(weight, len(mask.shape)) * mask


def row_weights(sample_weight, y_pred):
    """Return weights of shape (..., 1) that multiply (..., C); None where there are none."""
    if sample_weight is None:
        return None
    weight = ops.cast(ops.convert_to_tensor(sample_weight), y_pred.dtype)
    weight = ops.expand_dims(_to_rank(weight, len(y_pred.shape) - 1), -1)
    return weight * ops.ones_like(y_pred[..., :1])


def _to_rank(weight, rank: int):
    if len(weight.shape) == rank + 1 and weight.shape[-1] == 1:
        weight = ops.squeeze(weight, -1)
    if len(weight.shape) > rank:
        raise checks.InputError(
            f"sample_weight: got shape {tuple(weight.shape)}, expected at most {rank} dimensions, "
            "those of the labels"
        )
    while len(weight.shape) < rank:
        weight = ops.expand_dims(weight, -1)
    return weight


def batch_sum(values, weight):
    """Sum over all axes but the last, (..., C) to (C,), by the weights if there are any."""
    if weight is not None:
        values = weight * values
    return ops.sum(values, axis=tuple(range(len(values.shape) - 1)))


def same_for_each_row(value, y_pred):
    """Give a scalar to each label: shape (...,) of a ``y_pred`` of shape (..., C)."""
    return ops.ones_like(y_pred[..., 0]) * value


def per_class(name: str, values, classes: int, dtype):
    """Return per-class numbers as a tensor of shape (C,); refuse another length."""
    return ops.convert_to_tensor(checks.weights(name, values, length=classes), dtype=dtype)
