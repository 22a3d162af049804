"""Models: Keras layers and networks that return float32 logits."""

from imbalance.models.loss_state import LossStateModel

__all__ = ["LossStateModel"]
