"""Models: Keras layers and networks that return float32 logits."""

from imbalance.models.conv_max import ConvMaxOverTime
from imbalance.models.heads import output_units, probabilities
from imbalance.models.loss_state import LossStateModel
from imbalance.models.text_cnn import text_cnn
from imbalance.models.token_convolutions import TokenConvolutions

__all__ = [
    "ConvMaxOverTime",
    "LossStateModel",
    "TokenConvolutions",
    "output_units",
    "probabilities",
    "text_cnn",
]
