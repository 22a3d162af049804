"""Which words of a dictionary stand around each token."""

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from imbalance import checks

# Both remainders of a word's code are below this, and products of them below 2**31.
_PRIME = 46_337
_FACTORS = (29_573, 37_549)
# Stands for no word, behind all codes of real ones.
_NO_CODE = np.iinfo(np.int32).max
_SHORTEST, _LONGEST = 2, 8
# Words of two, three, and more characters are told apart: those of two have no inside.
_LONGEST_CLASS = 4
_FEATURES = 8


@keras.saving.register_keras_serializable(package="imbalance")
class WordMatches(keras.layers.Layer):
    """Marks the tokens that begin, end or stand inside a word of a dictionary.

    Every word of two to eight characters that stands in the text counts, however they overlap:
    which of them are words here is left to the network. Words have kinds, such as parts of
    speech. A token has a feature for each length (2, 3, more), part (begins, inside, ends) and
    kind: 1 if it is that part of such a word, else 0.

    Words are found by a code of 31 bits, so that now and then, once in some 6,000 n-grams with a
    dictionary of 350,000 words, an n-gram is taken for a word that it is not.

    Args:
        kinds: number of kinds.
        words: at most this many words.

    Input and output: ids (batch, time), int32, 0 = padding; (batch, time, 8 · kinds).

    Source:
        Ma et al. 2020, Simplify the Usage of Lexicon in Chinese NER, arXiv:1908.05969, without
        the vectors of the words.

    Example:
        >>> layer = WordMatches(kinds=1, words=2)
        >>> layer.fit_to({"北京": 0}, ["", "?", "京", "北"])
        1
        >>> layer(ops.array([[3, 3, 2, 0]]))[0, :, :2].numpy().tolist()
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """

    def __init__(self, kinds, words, **kwargs):
        super().__init__(**{"trainable": False, **kwargs})
        checks.integer("kinds", kinds, low=1)
        checks.integer("words", words, low=1)
        self.kinds = kinds
        self.words = words
        self.codes = self.add_weight(
            name="codes",
            shape=(words,),
            dtype="int32",
            initializer=lambda shape, dtype: ops.full(shape, _NO_CODE, dtype),
        )
        self.kind_of = self.add_weight(
            name="kinds", shape=(words,), dtype="int32", initializer="zeros"
        )
        self.built = True

    def fit_to(self, kind_of: Mapping[str, int], vocabulary) -> int:
        """Take over a dictionary.

        Args:
            kind_of: words and the number of their kind, from 0.
            vocabulary: tokens, single characters, by id; 0 is padding and 1 the unknown token.

        Returns:
            How many words can be found; those with a character that is no token, and those
            that are too short or too long, cannot.

        Raises:
            InputError: if there are more than the layer has room for.
        """
        id_of = {token: id for id, token in enumerate(vocabulary) if id > 1}
        by_length = {length: ([], []) for length in range(_SHORTEST, _LONGEST + 1)}
        for word, kind in kind_of.items():
            if len(word) in by_length and all(character in id_of for character in word):
                ids, kinds = by_length[len(word)]
                ids.append([id_of[character] for character in word])
                kinds.append(kind)
        codes = [
            _codes(np.array(ids, np.int32).T, length, np.zeros(len(ids), np.int32))
            for length, (ids, _) in by_length.items()
            if ids
        ]
        codes = np.concatenate([np.zeros(0, np.int32), *codes])
        kinds = np.concatenate([np.zeros(0, np.int32), *(kinds for _, kinds in by_length.values())])
        if len(codes) > self.words:
            raise checks.wrong("words", self.words, f"{len(codes)}, as many as were found")
        order = np.argsort(codes, kind="stable")
        missing = (0, self.words - len(codes))
        self.codes.assign(np.pad(codes[order], missing, constant_values=_NO_CODE))
        self.kind_of.assign(np.pad(kinds[order].astype(np.int32), missing))
        return len(codes)

    def call(self, ids):
        batch, time = ops.shape(ids)
        # Room for words that begin before the text's end.
        ids = ops.pad(ids, [[0, 0], [0, _LONGEST]])
        found = {}
        for length in range(_SHORTEST, _LONGEST + 1):
            parts = [ids[:, first : first + time] for first in range(length)]
            codes = ops.reshape(_codes(parts, length, ops.zeros_like(parts[0])), (-1,))
            place = ops.minimum(ops.searchsorted(self.codes, codes), self.words - 1)
            known = ops.take(self.codes, place) == codes
            kind = ops.where(known, ops.take(self.kind_of, place), -1)
            # No word is kind -1, of which one_hot makes zeros; padding belongs to none.
            kind = ops.where(parts[-1] > 0, ops.reshape(kind, (batch, time)), -1)
            begins = ops.one_hot(kind, self.kinds, dtype=self.compute_dtype)
            for offset in range(length):
                part = "inside" if 0 < offset < length - 1 else "ends" if offset else "begins"
                key = (min(length, _LONGEST_CLASS), part)
                later = ops.pad(begins, [[0, 0], [offset, 0], [0, 0]])[:, :time]
                found[key] = ops.maximum(found[key], later) if key in found else later
        return ops.concatenate(list(found.values()), axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape, _FEATURES * self.kinds)

    def get_config(self):
        return {**super().get_config(), "kinds": self.kinds, "words": self.words}


def _codes(parts, length, nothing):
    """Return int32 codes of n-grams from the ids at their places, by NumPy or ``keras.ops``."""
    remainders = []
    for factor in _FACTORS:
        remainder = nothing + length
        for part in parts:
            # Below 2**31, as each factor and each remainder is below 46,337.
            remainder = (remainder * factor % _PRIME + part) % _PRIME
        remainders.append(remainder)
    return remainders[0] * _PRIME + remainders[1]
