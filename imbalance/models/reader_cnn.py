"""Convolutions that read a text with a question in mind, logits for each token."""

import keras
from keras import ops

from imbalance import checks
from imbalance.models.loss_state import LossStateModel
from imbalance.models.residual_convolution import ResidualConvolution
from imbalance.models.siamese_cnn import PairSides, pair_sides
from imbalance.models.token_vectors import token_logits, token_vectors
from imbalance.models.word_dropout import WordDropout

_UNKNOWN = 1


def reader_cnn(
    vocabulary_size: int,
    units: int,
    *,
    embedding_dim=128,
    filters=128,
    kernel_size=3,
    dilations=(1, 2, 4),
    dropout=0.3,
    word_dropout=0.0,
    dtype=None,
) -> LossStateModel:
    """Build a network that finds the answer to a question in a text.

    One stack of dilated convolutions reads question and text. Each token has features that say
    which n-grams around it stand in the question as well. The maximum over the question weighs
    the features of the text, then a second stack reads it again.

    Args:
        vocabulary_size: number of token ids; id 0 is padding, id 2 the separator.
        units: number of logits of a token.
        embedding_dim: size of a token's vector.
        filters: features of each layer.
        kernel_size: tokens in a window.
        dilations: of the layers of either stack.
        dropout: share of features dropped in training, in [0, 1).
        word_dropout: share of tokens that are made unknown in training, in [0, 1).
        dtype: policy of the layers, such as ``"mixed_float16"``; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, question, separator, text, to logits (batch, time,
        units), float32.

    Raises:
        InputError: if an argument is out of range.

    Source:
        The features of the question as the exact match of Chen et al. 2017, Reading Wikipedia to
        Answer Open-Domain Questions, arXiv:1704.00051; the convolutions as in
        :func:`imbalance.models.dilated_cnn`.

    Example:
        >>> model = reader_cnn(100, 2, embedding_dim=8, filters=4)
        >>> tuple(model(ops.array([[5, 7, 2, 5, 9, 9]])).shape)
        (1, 6, 2)
    """
    checks.integer("units", units, low=1)
    checks.integer("filters", filters, low=1)
    checks.number("dropout", dropout, low=0, high=1, high_open=True)
    if not isinstance(dilations, (list, tuple)) or not dilations:
        raise checks.wrong("dilations", dilations, "a list of distances, such as [1, 2, 4]")

    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = ops.not_equal(ids, 0)
    vectors = token_vectors(
        WordDropout(word_dropout, name="word_dropout")(ids) if word_dropout else ids,
        vocabulary_size,
        embedding_dim=embedding_dim,
        ngram_sizes=(),
        ngram_buckets=1,
        ngram_dim=1,
        dropout=dropout,
        dtype=dtype,
    )
    shared = InQuestion(name="in_question")(ids)
    joined = keras.layers.Concatenate(dtype=dtype, name="with_question")([vectors, shared])
    features = keras.layers.Dense(filters, dtype=dtype, name="projection")(joined)

    def stack(features, name):
        for index, dilation in enumerate(dilations):
            block = ResidualConvolution(
                kernel_size, dilation, dropout, dtype=dtype, name=f"{name}_{index}"
            )
            features = block(features, mask=mask)
        return keras.layers.LayerNormalization(dtype=dtype, name=f"{name}_normalization")(features)

    features = stack(features, "first")
    question, _ = PairSides(name="sides")(ids)
    asked = QuestionMaximum(dtype=dtype, name="asked")([features, question])
    gate = keras.layers.Dense(filters, dtype=dtype, name="gate")(asked)
    features = features + features * gate[:, None, :]
    features = stack(features, "second")
    features = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(features)
    return LossStateModel(ids, token_logits(features, units), name="reader_cnn")


@keras.saving.register_keras_serializable(package="imbalance")
class InQuestion(keras.layers.Layer):
    """Which tokens of a pair stand in its question, alone and with a neighbour.

    Of each token: whether the question has it; whether it has it with the token before, and with
    the token after. An unknown token is like no other. It compares each token with each, so it
    takes batch × time² comparisons.

    Input and output: ids (batch, time), int32, question, separator, text; (batch, time, 3).

    Example:
        >>> found = InQuestion()(ops.array([[5, 6, 2, 5, 6, 7, 6]]))
        >>> ops.convert_to_numpy(found)[0, 3:].astype(int).tolist()
        [[1, 0, 1], [1, 1, 0], [0, 0, 0], [1, 0, 0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, ids):
        question, _ = pair_sides(ids)
        equal = (ids[:, :, None] == question[:, None, :]) & (ids[:, :, None] > _UNKNOWN)
        pairs = ops.any(equal[:, :-1, :-1] & equal[:, 1:, 1:], axis=2)
        before = ops.pad(pairs, [[0, 0], [1, 0]])
        after = ops.pad(pairs, [[0, 0], [0, 1]])
        found = ops.stack([ops.any(equal, axis=2), before, after], axis=2)
        return ops.cast(found, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape, 3)


@keras.saving.register_keras_serializable(package="imbalance")
class QuestionMaximum(keras.layers.Layer):
    """The maximum over the question's tokens of each feature.

    Input and output: features (batch, time, n) and the question's ids (batch, time), 0 elsewhere;
    (batch, n). Of a question without tokens it is 0.

    Example:
        >>> features = ops.array([[[1.0], [3.0], [9.0]]])
        >>> float(QuestionMaximum()([features, ops.array([[5, 6, 0]])])[0, 0])
        3.0
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs):
        features, question = inputs
        inside = ops.cast(question > 0, features.dtype)[:, :, None]
        # Half precision ends at 65,504.
        highest = ops.max(features * inside - 3e4 * (1 - inside), axis=1)
        return highest * ops.max(inside, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[0][2])
