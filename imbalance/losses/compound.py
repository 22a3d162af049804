"""Several losses as one: their weighted sum."""

from collections.abc import Sequence

import keras

from imbalance import checks
from imbalance.losses.base import ImbalanceLoss, LossSum


@keras.saving.register_keras_serializable(package="imbalance")
class CompoundLoss(LossSum):
    """A weighted sum of losses, ``Σ_k w_k L_k``.

    Each part uses sample weights and mask and reduces as it does alone: those that sum over the
    batch inside their sums, the others row by row. :func:`imbalance.losses.get` builds one from
    a name such as ``cross_entropy+dice_loss``.

    Args:
        losses: the parts, with one output activation, one reduction and one ``from_logits``.
        weights: one number of at least 0 a part, not all 0; by default 1 each.
        name: name of the loss in logs.

    Raises:
        InputError: if the parts do not go together, or the weights are not theirs.

    Example:
        >>> from imbalance.losses import CrossEntropy, DiceLoss
        >>> loss = CompoundLoss([CrossEntropy(), DiceLoss(smooth=0.0)], weights=[0.7, 0.3])
        >>> round(float(loss([0, 1], [[2.0, 0.0], [0.0, 0.0]])), 4)
        0.3834
    """

    def __init__(self, losses, weights=None, *, name="compound_loss"):
        if not isinstance(losses, Sequence) or not losses:
            raise checks.wrong("losses", losses, "a list of losses")
        for loss in losses:
            if not isinstance(loss, ImbalanceLoss):
                raise checks.wrong("losses, one of its items", loss, "a loss of this library")
        first = losses[0]
        for setting in ("activation", "from_logits", "reduction", "dtype"):
            values = [getattr(loss, setting) for loss in losses]
            if len(set(values)) > 1:
                found = ", ".join(
                    f"{loss.name} has {value}" for loss, value in zip(losses, values, strict=True)
                )
                raise checks.InputError(
                    f"losses: {found}, expected one {setting} of all parts (some losses take it "
                    "as an argument)"
                )
        super().__init__(
            from_logits=first.from_logits, reduction=first.reduction, dtype=first.dtype, name=name
        )
        self.activation = first.activation
        self.losses = list(losses)
        weights = [1.0] * len(losses) if weights is None else weights
        self.weights = checks.weights("weights", weights)
        if len(self.weights) != len(losses):
            raise checks.wrong("weights", weights, f"{len(losses)} numbers, one a part")
        self._terms = tuple(zip(self.weights, self.losses, strict=True))

    def create_state(self):
        """Return the state of the part that has one, for the model to keep; None without."""
        states = [part.create_state() for part in self.losses if hasattr(part, "create_state")]
        states = [state for state in states if state is not None]
        if len(states) > 1:
            raise checks.wrong("losses", self.losses, "at most one part with a moving average")
        return states[0] if states else None

    def get_config(self):
        losses = [keras.losses.serialize(loss) for loss in self.losses]
        return {"name": self.name, "losses": losses, "weights": self.weights}

    @classmethod
    def from_config(cls, config):
        losses = [keras.losses.deserialize(loss) for loss in config["losses"]]
        return cls(**{**config, "losses": losses})
