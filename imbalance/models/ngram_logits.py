"""A linear model of a text's n-grams as a layer over token ids."""

import keras
import numpy as np
from keras import ops

from imbalance import checks

# Token ids make up the code of a pair, which must be an int32.
_LARGEST_VOCABULARY = 46_340
# Stands for no n-gram, behind all codes of real ones.
_NO_CODE = np.iinfo(np.int32).max


@keras.saving.register_keras_serializable(package="imbalance")
class NgramLogits(keras.layers.Layer):
    """Logits of single tokens and pairs of neighbours, weighted by TF-IDF and by position.

    An n-gram g that stands at the positions t of a text counts for

        x_g = idf_g · log(1 + Σ_t exp(−t / decay)),

    which is divided by the norm of the text's x: what stands at the head of a text says most
    about its class. The logits are x·W + b. The layer is not trained by gradients: a solver of
    convex problems fits it better and sooner; see ``imbalance/training/wide.py``. Until it is
    fitted, it returns zeros.

    Args:
        vocabulary_size: number of token ids, at most 46,340; id 0 is padding.
        units: number of logits.
        features: at most this many n-grams.
        decay: tokens after which an n-gram counts 1/e of one at the start; ``None``, all
            positions count the same.

    Input and output: ids (batch, time), int32; (batch, units), float32.

    Raises:
        InputError: if an argument is out of range.

    Source:
        The wide half of Cheng et al. 2016, Wide & Deep Learning for Recommender Systems,
        arXiv:1606.07792; the weighting by position is ours.

    Example:
        >>> layer = NgramLogits(100, units=2, features=3)
        >>> layer.fit_to([5, 7, 507], [1.0, 1.0, 1.0], [[1, 0], [0, 1], [0, 2]], [0, 0])
        >>> [round(float(logit), 2) for logit in layer(ops.array([[5, 7, 0, 0]]))[0]]
        [0.58, 1.73]
    """

    def __init__(self, vocabulary_size, units, features, decay=100.0, **kwargs):
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        checks.integer("data.vocabulary_size", vocabulary_size, low=1, high=_LARGEST_VOCABULARY)
        checks.integer("units", units, low=1)
        checks.integer("wide_features", features, low=1)
        if decay is not None:
            checks.number("wide_decay", decay, low=0, low_open=True)
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.features = features
        self.decay = decay
        shapes = {"idf": (features,), "kernel": (features, units), "bias": (units,)}
        self.codes = self.add_weight(
            name="codes",
            shape=(features,),
            dtype="int32",
            initializer=lambda shape, dtype: ops.full(shape, _NO_CODE, dtype),
        )
        for name, shape in shapes.items():
            setattr(self, name, self.add_weight(name=name, shape=shape, initializer="zeros"))
        self.built = True

    def fit_to(self, codes, idf, kernel, bias) -> None:
        """Take over a fitted linear model.

        Args:
            codes: of the n-grams, rising, a token's own id, and first × vocabulary_size +
                second of a pair; shape (n,).
            idf: of the n-grams, (n,).
            kernel: (n, units).
            bias: (units,).
        """
        missing = self.features - len(codes)
        self.codes.assign(
            np.pad(np.asarray(codes, np.int32), (0, missing), constant_values=_NO_CODE)
        )
        self.idf.assign(np.pad(np.asarray(idf, np.float32), (0, missing)))
        self.kernel.assign(np.pad(np.asarray(kernel, np.float32), ((0, missing), (0, 0))))
        self.bias.assign(np.asarray(bias, np.float32))

    def call(self, ids):
        # One column more: an empty text has a position as well.
        ids = ops.pad(ops.cast(ids, "int32"), [[0, 0], [0, 1]])
        head, following = ids[:, :-1], ids[:, 1:]
        pairs = ops.where((head > 0) & (following > 0), head * self.vocabulary_size + following, 0)
        codes = ops.concatenate([ids, pairs], axis=1)
        place = ops.searchsorted(self.codes, ops.reshape(codes, (-1,)))
        place = ops.minimum(ops.reshape(place, ops.shape(codes)), self.features - 1)
        # An unknown n-gram finds the place of the next known one.
        known = ops.cast((ops.take(self.codes, place) == codes) & (codes > 0), "float32")
        of_position = position_weights(ops.arange(ops.shape(ids)[1], dtype="float32"), self.decay)
        pairs_too = ops.concatenate([of_position, of_position[:-1]], axis=0)
        weights = known * pairs_too

        # Sorted, the occurrences of an n-gram are neighbours: a run, whose weights are summed.
        order = ops.argsort(place, axis=1)
        place = ops.take_along_axis(place, order, axis=1)
        weights = ops.take_along_axis(weights, order, axis=1)
        starts = ops.cast(place[:, 1:] != place[:, :-1], "int32")
        run = ops.pad(ops.cumsum(starts, axis=1), [[0, 0], [1, 0]])
        texts, size = ops.shape(place)
        run = ops.reshape(run + ops.arange(texts)[:, None] * size, (-1,))
        counts = ops.segment_sum(ops.reshape(weights, (-1,)), run, texts * size)
        place = ops.segment_max(ops.reshape(place, (-1,)), run, texts * size)
        counts = ops.reshape(counts, (texts, size))
        # A text has fewer runs than positions; the rest count nothing, wherever they are looked up.
        place = ops.reshape(ops.clip(place, 0, self.features - 1), (texts, size))

        values = ops.log1p(counts) * ops.take(self.idf, place)
        norm = ops.sqrt(ops.sum(ops.square(values), axis=1, keepdims=True))
        logits = ops.einsum("bt,btu->bu", values, ops.take(self.kernel, place, axis=0))
        return logits / ops.maximum(norm, 1e-12) + self.bias

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "units": self.units,
            "features": self.features,
            "decay": self.decay,
        }


def position_weights(positions, decay):
    """Return what n-grams count that start at ``positions``: exp(−position / decay), or 1.

    Example:
        >>> [round(float(weight), 2) for weight in position_weights(ops.array([0.0, 50.0]), 50)]
        [1.0, 0.37]
    """
    return ops.exp(-positions / decay) if decay is not None else ops.ones_like(positions)
