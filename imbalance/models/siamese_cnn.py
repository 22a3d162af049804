"""A siamese TextCNN: one encoder reads both texts of a pair, and what differs decides."""

import keras
from keras import ops

from imbalance import checks
from imbalance.models.loss_state import LossStateModel
from imbalance.models.text_cnn import check_sizes
from imbalance.models.token_convolutions import TokenConvolutions
from imbalance.models.word_dropout import WordDropout

# Ids as data/vocabulary.py gives them.
_UNKNOWN, _SEPARATOR = 1, 2
# Of the n-grams that texts may have in common.
_LONGEST = 3


def siamese_cnn(
    vocabulary_size: int,
    units: int,
    *,
    embedding_dim=128,
    filters=128,
    kernel_sizes=(1, 2, 3),
    hidden=64,
    dropout=0.5,
    l2=0.0,
    overlap=True,
    implementation="auto",
    word_dropout=0.0,
    dtype=None,
) -> LossStateModel:
    """Build a siamese TextCNN for pairs of texts.

    Both texts go through one embedding and one set of convolutions with maximum over time, which
    give u and v. From |u − v|, u · v (by element), u and v, and from the share of n-grams that the
    texts have in common, a dense layer and one more make the logits; the shares, standardised over
    the batches of training, also reach the latter by themselves. Since u and v are told apart, so
    is the order of the two texts.

    Args:
        vocabulary_size: number of token ids; id 0 is padding, id 2 the separator.
        units: number of logits.
        embedding_dim: size of a token's vector.
        filters: filters of each width.
        kernel_sizes: widths of the windows, in tokens.
        hidden: units of the dense layer.
        dropout: share of features dropped in training, before either layer, in [0, 1).
        l2: weight of the squared convolution kernels in the loss.
        overlap: whether shares of common n-grams are features too, see :class:`NgramOverlap`.
        implementation: how the convolutions are computed, see :class:`TokenConvolutions`.
        word_dropout: share of tokens that are made unknown in training, in [0, 1); the shares of
            common n-grams are those of the whole texts.
        dtype: policy of the layers, such as ``"mixed_float16"``; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, first text, separator, second text, to logits
        (batch, units), float32.

    Raises:
        InputError: if an argument is out of range.

    Source:
        Bromley et al. 1993, Signature Verification using a "Siamese" Time Delay Neural Network;
        the convolutions of Kim 2014, arXiv:1408.5882; u, v, |u − v| and u · v as in Conneau et al.
        2017, arXiv:1705.02364.

    Example:
        >>> model = siamese_cnn(100, 2, embedding_dim=8, filters=4)
        >>> model(ops.array([[5, 7, 2, 5, 9, 9]])).shape[1]
        2
    """
    check_sizes(embedding_dim, filters, kernel_sizes, dropout, l2)
    checks.integer("hidden", hidden, low=1)
    checks.boolean("overlap", overlap)
    checks.number("word_dropout", word_dropout, low=0, high=1, high_open=True)

    ids = keras.Input((None,), dtype="int32", name="ids")
    encode = TokenConvolutions(
        vocabulary_size,
        embedding_dim,
        filters,
        kernel_sizes,
        kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
        implementation=implementation,
        dtype=dtype,
        name="encoder",
    )
    sides = PairSides(name="sides")(ids)
    if word_dropout:
        drop = WordDropout(word_dropout, name="word_dropout")
        u, v = (encode(drop(side)) for side in sides)
    else:
        u, v = map(encode, sides)
    features = [ops.abs(u - v), u * v, u, v]
    joined = keras.layers.Concatenate(dtype=dtype, name="features")(features)
    joined = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(joined)
    dense_inputs, logit_inputs = [joined], []
    if overlap:
        # Numbers between 0 and 1 that differ by little: as they are, Adam hardly learns by them.
        standardised = keras.layers.BatchNormalization(dtype="float32", name="standardised")
        shares = standardised(NgramOverlap(weighted=True, name="overlap")(sides))
        dense_inputs, logit_inputs = [joined, shares], [shares]
    joined = _joined(dense_inputs, dtype)
    dense = keras.layers.Dense(hidden, activation="relu", dtype=dtype, name="hidden")(joined)
    kept = keras.layers.Dropout(dropout, dtype=dtype, name="hidden_dropout")(dense)
    kept = _joined([kept, *logit_inputs], dtype)
    # Half-precision logits would have lost the rare classes before the loss sees them.
    logits = keras.layers.Dense(units, dtype="float32", name="logits")(kept)
    return LossStateModel(ids, logits, name="siamese_cnn")


def _joined(tensors, dtype):
    return keras.layers.Concatenate(dtype=dtype)(tensors) if len(tensors) > 1 else tensors[0]


@keras.saving.register_keras_serializable(package="imbalance")
class PairSides(keras.layers.Layer):
    """Token ids of a pair to those of either text, padding in place of the other.

    Input and output: ids (batch, time), int32; two of the same shape.

    Example:
        >>> sides = PairSides()(ops.array([[5, 6, 2, 7, 0]]))
        >>> [ops.convert_to_numpy(side).tolist() for side in sides]
        [[[5, 6, 0, 0, 0]], [[0, 0, 0, 7, 0]]]
    """

    def call(self, ids):
        return pair_sides(ids)

    def compute_output_shape(self, input_shape):
        return input_shape, input_shape


def pair_sides(ids):
    """Do what :class:`PairSides` does.

    Example:
        >>> ops.convert_to_numpy(pair_sides(ops.array([[5, 6, 2, 7, 0]]))[1]).tolist()
        [[0, 0, 0, 7, 0]]
    """
    separators = ops.cast(ids == _SEPARATOR, "int32")
    after = ops.cumsum(separators, axis=1)
    first = ops.where(after == 0, ids, 0)
    second = ops.where((after > 0) & (separators == 0), ids, 0)
    return first, second


@keras.saving.register_keras_serializable(package="imbalance")
class NgramOverlap(keras.layers.Layer):
    """How much two texts have in common, and how much longer one is.

    For single tokens, pairs and triples of neighbours: the share of the first text's that stand in
    the second, and of the second's that stand in the first; then d = log((1 + n) / (1 + m)) of the
    numbers n and m of tokens, and |d|. An unknown token is like no other, and a text without
    n-grams has nothing in common. Each token is compared with each, batch × time² comparisons.

    Weighted, there are two more: the same shares of single tokens where a token counts the
    logarithm of its id. Ids are by frequency, the most frequent token first, so that this grows
    as inverse document frequency does: a name that one text lacks says more than an article.

    Args:
        weighted: whether there are the weighted shares.

    Input and output: two tensors of ids (batch, time), int32; (batch, 8), or (batch, 10) if
    weighted, float32.

    Example:
        >>> first, second = ops.array([[5, 6, 7, 0]]), ops.array([[0, 5, 6, 0]])
        >>> [round(float(share), 2) for share in NgramOverlap()([first, second])[0]]
        [0.67, 1.0, 0.5, 1.0, 0.0, 0.0, 0.29, 0.29]
    """

    def __init__(self, weighted=False, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.weighted = checks.boolean("weighted", weighted)

    def call(self, sides):
        # Two positions more: the shortest batch has a triple.
        first, second = (ops.pad(side, [[0, 0], [0, _LONGEST - 1]]) for side in sides)
        same = (first[:, :, None] == second[:, None, :]) & (first[:, :, None] > _UNKNOWN)
        lengths = [ops.cast(ops.sum(ops.cast(each > 0, "int32"), 1), "float32") for each in sides]
        features = []
        equal = same
        for size in range(1, _LONGEST + 1):
            for axis, length in zip((2, 1), lengths, strict=True):
                common = ops.sum(ops.cast(ops.any(equal, axis=axis), "float32"), axis=1)
                features.append(common / ops.maximum(length - (size - 1), 1))
            equal = equal[:, :-1, :-1] & same[:, size:, size:]
        difference = ops.subtract(*map(ops.log1p, lengths))
        features += [difference, ops.abs(difference)]
        if self.weighted:
            for axis, side in ((2, first), (1, second)):
                # Padding has none, log 1.
                weights = ops.log(ops.cast(ops.maximum(side, 1), "float32"))
                common = ops.sum(weights * ops.cast(ops.any(same, axis=axis), "float32"), axis=1)
                features.append(ops.divide_no_nan(common, ops.sum(weights, axis=1)))
        return ops.stack(features, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], 2 * _LONGEST + (4 if self.weighted else 2))

    def get_config(self):
        return {**super().get_config(), "weighted": self.weighted}
