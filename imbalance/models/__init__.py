"""Models: Keras layers and networks that return float32 logits."""

from imbalance.models.heads import output_units, probabilities
from imbalance.models.loss_state import LossStateModel
from imbalance.models.text_cnn import ConvMaxOverTime, text_cnn

__all__ = ["ConvMaxOverTime", "LossStateModel", "output_units", "probabilities", "text_cnn"]
