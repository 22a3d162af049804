"""Models: Keras layers and networks that return float32 logits."""

from imbalance.models.bert_encoder import bert_classifier, bert_tagger, use_vocabulary
from imbalance.models.bigru_tagger import bigru_tagger
from imbalance.models.conv_max import ConvMaxOverTime
from imbalance.models.dilated_cnn import dilated_cnn
from imbalance.models.heads import output_units, probabilities
from imbalance.models.loss_state import LossStateModel
from imbalance.models.ngram_logits import NgramLogits
from imbalance.models.residual_convolution import ResidualConvolution
from imbalance.models.text_cnn import text_cnn
from imbalance.models.token_convolutions import TokenConvolutions
from imbalance.models.token_vectors import NgramVectors, TokenVectors
from imbalance.models.wide_text_cnn import wide_text_cnn
from imbalance.models.word_dropout import WordDropout

__all__ = [
    "ConvMaxOverTime",
    "LossStateModel",
    "NgramLogits",
    "NgramVectors",
    "ResidualConvolution",
    "TokenConvolutions",
    "TokenVectors",
    "WordDropout",
    "bert_classifier",
    "bert_tagger",
    "bigru_tagger",
    "dilated_cnn",
    "output_units",
    "probabilities",
    "text_cnn",
    "use_vocabulary",
    "wide_text_cnn",
]
