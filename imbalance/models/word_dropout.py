"""Tokens made unknown at random."""

import keras
from keras import ops

from imbalance import checks

_UNKNOWN = 1


@keras.saving.register_keras_serializable(package="imbalance")
class WordDropout(keras.layers.Layer):
    """Replaces, in training, a share of the token ids by that of the unknown token, 1.

    Args:
        rate: the share, in [0, 1). Padding stays padding.
        seed: of the draws.

    Input and output: ids (batch, time), int32.

    Source:
        Iyyer et al. 2015, Deep Unordered Composition Rivals Syntactic Methods for Text
        Classification.

    Example:
        >>> ids = ops.array([[7, 8, 0]])
        >>> [int(each) for each in WordDropout(0.5)(ids)[0]]  # not in training
        [7, 8, 0]
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        checks.number("word_dropout", rate, low=0, high=1, high_open=True)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, ids, training=None):
        if not training:
            return ids
        drawn = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) < self.rate
        return ops.where(drawn, ops.minimum(ids, _UNKNOWN), ids)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
