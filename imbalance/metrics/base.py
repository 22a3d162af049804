"""What every metric here shares: how labels, predictions and weights are read."""

import keras
from keras import ops

# Keras attaches a mask to the tensor it belongs to and has no public spelling to read it.
from keras.src.backend import get_keras_mask

from imbalance import checks

ACTIVATIONS = ("softmax", "sigmoid")


class ClassificationMetric(keras.metrics.Metric):
    """A metric of single-label classification over a fixed number of classes.

    ``update_state(y_true, y_pred, sample_weight=None)`` takes

    - ``y_true``: class ids, of shape (...) or (..., 1) and any numeric dtype; or one-hot rows,
      of shape (..., C), of which the largest entry counts;
    - ``y_pred``: of shape (..., C). With ``activation="sigmoid"`` and two classes also (batch,)
      or (batch, 1), the score of class 1. The predicted class is the one with the largest
      score; a tie goes to the lower id, so a two-class sigmoid needs p > ½ for class 1;
    - ``sample_weight``: broadcast over y_true's leading dimensions; weight 0 leaves a row out.
      Keras passes weights only to what is compiled as ``weighted_metrics``.

    Anything is computed and held in float32, whatever the dtype policy. A label outside
    0 … C − 1, a prediction that is NaN or +∞, or, with ``from_logits=False``, one that is no
    probability makes the result NaN (unless its weight is 0): a compiled graph cannot raise,
    and leaving the row out would go unnoticed.

    Args:
        num_classes: C, at least 2.
        activation: ``softmax``, or ``sigmoid`` for a two-class or one-vs-rest head.
        from_logits: whether predictions are taken before that activation or after it.
        name: the key in Keras's logs.

    Raises:
        InputError: if an argument is wrong or the shapes of labels and predictions do not fit.
    """

    def __init__(self, num_classes, activation="softmax", from_logits=True, name=None):
        super().__init__(name=name, dtype="float32")
        self.num_classes = checks.integer("num_classes", num_classes, low=2)
        self.activation = checks.choice("activation", activation, ACTIVATIONS)
        self.from_logits = checks.boolean("from_logits", from_logits)

    def get_config(self):
        """Return what ``from_config`` needs to build this metric again."""
        return {
            "num_classes": self.num_classes,
            "activation": self.activation,
            "from_logits": self.from_logits,
            "name": self.name,
        }

    def _read(self, y_true, y_pred, sample_weight):
        """Return flat ids (n,) int32, scores (n, C) or (n, 1) float32, weights (n,) float32."""
        mask = get_keras_mask(y_pred)
        y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        if len(y_pred.shape) == 1 and self.activation == "sigmoid":
            y_pred = ops.expand_dims(y_pred, -1)
        self._check_columns(y_pred)
        ids = self._ids(ops.convert_to_tensor(y_true), y_pred)
        weights = _broadcast_weights(sample_weight, ids)
        if mask is not None:
            weights = weights * ops.cast(mask, "float32")

        ids = ops.reshape(ids, (-1,))
        weights = ops.reshape(weights, (-1,))
        y_pred = ops.reshape(y_pred, (-1, y_pred.shape[-1]))
        usable = ops.logical_and(ids >= 0, ids < self.num_classes)
        usable = ops.logical_and(usable, ops.all(self._is_score(y_pred), axis=-1))
        weights = ops.where(
            ops.logical_or(usable, weights == 0), weights, ops.full_like(weights, float("nan"))
        )
        return ops.clip(ids, 0, self.num_classes - 1), y_pred, weights

    def _is_score(self, y_pred):
        if self.from_logits:
            return y_pred < float("inf")
        # Half precision rounds probabilities by up to 2⁻¹¹; anything further out is no rounding.
        return ops.abs(y_pred - 0.5) < 0.501

    def _check_columns(self, y_pred):
        columns = y_pred.shape[-1] if len(y_pred.shape) > 1 else None
        single = self.activation == "sigmoid" and self.num_classes == 2 and columns == 1
        if columns != self.num_classes and not single:
            raise checks.wrong(
                f"predictions of {self.name}",
                tuple(y_pred.shape),
                f"a shape whose last dimension is the number of classes, {self.num_classes}",
            )

    def _ids(self, y_true, y_pred):
        rank = len(y_pred.shape)
        if len(y_true.shape) == rank and y_true.shape[-1] == self.num_classes:
            return ops.cast(ops.argmax(y_true, axis=-1), "int32")
        if len(y_true.shape) == rank and y_true.shape[-1] == 1:
            y_true = ops.squeeze(y_true, axis=-1)
        if len(y_true.shape) != rank - 1:
            raise checks.wrong(
                f"labels of {self.name}",
                tuple(y_true.shape),
                f"ids or one-hot rows that fit predictions of shape {tuple(y_pred.shape)}",
            )
        return ops.cast(y_true, "int32")


def _broadcast_weights(sample_weight, ids):
    if sample_weight is None:
        return ops.ones_like(ids, dtype="float32")
    weights = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
    if len(weights.shape) == len(ids.shape) + 1:
        weights = ops.squeeze(weights, axis=-1)
    while len(weights.shape) < len(ids.shape):
        weights = ops.expand_dims(weights, -1)
    return ops.broadcast_to(weights, ops.shape(ids))
