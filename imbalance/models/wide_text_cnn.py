"""A TextCNN beside a linear model of the text's n-grams."""

import keras

from imbalance import checks
from imbalance.models.loss_state import LossStateModel
from imbalance.models.ngram_logits import NgramLogits
from imbalance.models.text_cnn import text_cnn


def wide_text_cnn(
    vocabulary_size: int,
    units: int,
    *,
    embedding_dim=128,
    filters=512,
    kernel_sizes=(1, 2, 3),
    dropout=0.6,
    l2=0.0,
    implementation="auto",
    tokens=200,
    word_dropout=0.0,
    wide_features=150_000,
    wide_decay=100.0,
    wide_scale=4.0,
    dtype=None,
) -> LossStateModel:
    """Build a TextCNN whose logits have those of a linear model of n-grams added at inference.

    The two learn apart: the network by its loss; the linear model, before it, by a solver of
    support vector machines (``training/wide.py``). They make different mistakes, and rare
    classes, of which the network sees too little, are the linear model's strength. Trained
    together by gradients, the linear part learns the frequent classes first and leaves the
    network too little to learn from.

    Args:
        vocabulary_size: number of token ids; id 0 is padding.
        units: number of logits.
        embedding_dim, filters, kernel_sizes, dropout, l2, implementation, tokens, word_dropout:
            of the network, see :func:`text_cnn`. The linear model reads all tokens.
        wide_features: at most this many n-grams, see :class:`NgramLogits`.
        wide_decay: tokens after which an n-gram counts 1/e of one at the start; ``None``, all
            positions count the same.
        wide_scale: factor of the linear model's logits, which are margins around 1.
        dtype: policy of the network's layers; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, to logits (batch, units), float32.

    Raises:
        InputError: if an argument is out of range.

    Source:
        Cheng et al. 2016, Wide & Deep Learning for Recommender Systems, arXiv:1606.07792.

    Example:
        >>> model = wide_text_cnn(100, 3, filters=4, wide_features=10)
        >>> model(keras.ops.ones((2, 7), dtype="int32")).shape[1]
        3
    """
    deep = text_cnn(
        vocabulary_size,
        units,
        embedding_dim=embedding_dim,
        filters=filters,
        kernel_sizes=kernel_sizes,
        dropout=dropout,
        l2=l2,
        implementation=implementation,
        tokens=tokens,
        word_dropout=word_dropout,
        dtype=dtype,
    )
    wide = NgramLogits(vocabulary_size, units, wide_features, wide_decay, name="wide")
    logits = AtInference(wide_scale, name="sum")([deep.output, wide(deep.input)])
    return LossStateModel(deep.input, logits, name="wide_text_cnn")


@keras.saving.register_keras_serializable(package="imbalance")
class AtInference(keras.layers.Layer):
    """Adds ``scale`` times the second input to the first, but not in training.

    Args:
        scale: a number ≥ 0.

    Example:
        >>> layer = AtInference(2.0)
        >>> deep, wide = keras.ops.array([[1.0]]), keras.ops.array([[3.0]])
        >>> float(layer([deep, wide])[0, 0]), float(layer([deep, wide], training=True)[0, 0])
        (7.0, 1.0)
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        checks.number("wide_scale", scale, low=0)
        self.scale = scale

    def call(self, inputs, training=None):
        deep, wide = inputs
        return deep if training else deep + self.scale * wide

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
