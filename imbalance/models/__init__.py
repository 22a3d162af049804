"""Models: Keras layers and networks that return float32 logits."""

from imbalance.models.archive import load
from imbalance.models.bert_encoder import bert_classifier, bert_tagger, use_vocabulary
from imbalance.models.bigru import bigru
from imbalance.models.bigru_tagger import bigru_tagger
from imbalance.models.conv_max import ConvMaxOverTime
from imbalance.models.dilated_cnn import dilated_cnn
from imbalance.models.heads import output_units, probabilities, vocabulary_size
from imbalance.models.loss_state import LossStateModel
from imbalance.models.mean_max_over_time import MeanMaxOverTime
from imbalance.models.members import MemberMean
from imbalance.models.ngram_logits import NgramLogits
from imbalance.models.reader_cnn import InQuestion, QuestionMaximum, reader_cnn
from imbalance.models.residual_convolution import ResidualConvolution
from imbalance.models.siamese_cnn import NgramOverlap, PairSides, siamese_cnn
from imbalance.models.span_heads import AnswerLogits, PointerLogits
from imbalance.models.text_cnn import text_cnn
from imbalance.models.token_convolutions import TokenConvolutions
from imbalance.models.token_vectors import NgramVectors, TokenVectors
from imbalance.models.wide_text_cnn import wide_text_cnn
from imbalance.models.word_dropout import WordDropout
from imbalance.models.word_matches import WordMatches

__all__ = [
    "AnswerLogits",
    "ConvMaxOverTime",
    "InQuestion",
    "LossStateModel",
    "MeanMaxOverTime",
    "MemberMean",
    "NgramLogits",
    "NgramOverlap",
    "NgramVectors",
    "PointerLogits",
    "PairSides",
    "QuestionMaximum",
    "ResidualConvolution",
    "TokenConvolutions",
    "TokenVectors",
    "WordDropout",
    "WordMatches",
    "bigru",
    "bert_classifier",
    "bert_tagger",
    "bigru_tagger",
    "dilated_cnn",
    "load",
    "output_units",
    "probabilities",
    "reader_cnn",
    "siamese_cnn",
    "text_cnn",
    "use_vocabulary",
    "vocabulary_size",
    "wide_text_cnn",
]
