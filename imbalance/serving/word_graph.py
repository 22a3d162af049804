"""Chinese text to words in TensorFlow operations: what a SavedModel of a run with words does.

The words are those of :mod:`imbalance.data.segmentation`, by which the run was trained, but for
ties: jieba compares sums of logarithms in double precision, SentencePiece in single. Where two
cuts are equally likely, or almost so, rounding decides, and the two may differ. How often is
what ``python -m benchmarks.equality RUN`` prints.
"""

import dataclasses
import functools
import string
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from imbalance import checks
from imbalance.data import dictionary
from imbalance.data.character_ids import CharacterIds
from imbalance.data.tokens import Tokenizer
from imbalance.data.user_dict import can_be_found
from imbalance.serving import unigram

# What a character is to jieba: a sign that stands alone, a blank, part of words, or a Latin letter
# or digit, which is part of words as well.
_ALONE, _BLANK, _OF_WORDS, _ALPHANUMERIC = 1, 2, 3, 4
_EVERYTHING = 2**31 - 8


class Words(NamedTuple):
    """The words of a batch of texts, ragged, of shape (batch, words).

    Attributes:
        words: strings.
        starts, ends: where they stand in the texts, in code points, the end exclusive, int32.
    """

    words: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor


class WordGraph(tf.Module):
    """Raw texts to the words of a tokenizer.

    Args:
        tokenizer: of words.

    Raises:
        InputError: if tensorflow-text is not installed.

    Example:
        >>> graph = WordGraph(Tokenizer("words", "all", max_characters=None, max_length=3))
        >>> found = graph(tf.constant(["来到  北京清华大学"]))
        >>> [word.decode() for word in found.words[0].numpy()], found.starts.to_list()
        (['来到', '北京', '清华大学'], [[0, 4, 6]])
    """

    def __init__(self, tokenizer: Tokenizer):
        super().__init__(name="words")
        model, lengths, kinds = _dictionary(tokenizer.user_words)
        self._sentencepiece = text_operations().SentencepieceTokenizer(model, out_type=tf.int32)
        self._length_of_piece = tf.constant(lengths)
        characters = dataclasses.replace(
            tokenizer, tokens="characters", pairs=False, max_length=_EVERYTHING
        )
        self._characters = CharacterIds(characters, {**kinds, " ": _BLANK}, _ALONE)
        self._max_length = tokenizer.max_length

    def __call__(self, texts: tf.Tensor) -> Words:
        """Return the words of raw texts; of a pair, of one side.

        Args:
            texts: strings of shape (batch,), UTF-8; broken bytes are read as U+FFFD.
        """
        kinds, codes, places, splits = self._characters.placed(texts)
        rows = tf.ragged.row_splits_to_segment_ids(splits)
        of_words = kinds >= _OF_WORDS
        # jieba searches between the signs that are in no word.
        goes_on = of_words[1:] & of_words[:-1] & (rows[1:] == rows[:-1])
        begins = tf.concat([tf.ones_like(of_words[:1]), ~goes_on], axis=0)
        lengths = self._merged(self._lengths(codes, begins), begins, kinds)
        firsts = tf.cumsum(lengths, exclusive=True)
        words = tf.squeeze(tf.where(tf.gather(kinds, firsts) != _BLANK), axis=1)
        of_text = tf.RaggedTensor.from_value_rowids(
            words, tf.gather(tf.gather(rows, firsts), words), tf.size(splits, tf.int64) - 1
        )[:, : self._max_length]
        firsts, lengths = (tf.gather(each, of_text.flat_values) for each in (firsts, lengths))
        letters = tf.ragged.range(firsts, firsts + lengths)
        letters = letters.with_flat_values(tf.gather(codes, letters.flat_values))
        return Words(
            of_text.with_flat_values(tf.strings.unicode_encode(letters, "UTF-8")),
            of_text.with_flat_values(tf.gather(places, firsts)),
            of_text.with_flat_values(tf.gather(places, firsts + lengths - 1) + 1),
        )

    def _lengths(self, codes: tf.Tensor, begins: tf.Tensor) -> tf.Tensor:
        """Return the length of each word of the dictionary, int32, in the order of the texts."""
        starts = tf.squeeze(tf.where(tf.concat([begins, [True]], axis=0)), axis=1)
        blocks = tf.RaggedTensor.from_row_lengths(
            tf.reverse(codes, [0]), tf.reverse(starts[1:] - starts[:-1], [0]), validate=False
        )
        pieces = self._sentencepiece.tokenize(tf.strings.unicode_encode(blocks, "UTF-8"))
        return tf.gather(self._length_of_piece, tf.reverse(pieces.flat_values, [0]))

    @staticmethod
    def _merged(lengths: tf.Tensor, begins: tf.Tensor, kinds: tf.Tensor) -> tf.Tensor:
        """Join neighbours that are a Latin letter or a digit each."""
        firsts = tf.cumsum(lengths, exclusive=True)
        single = (lengths == 1) & (tf.gather(kinds, firsts) == _ALPHANUMERIC)
        joined = single[1:] & single[:-1] & ~tf.gather(begins, firsts)[1:]
        joined = tf.concat([tf.zeros_like(single[:1]), joined], axis=0)
        return tf.math.segment_sum(lengths, tf.cumsum(tf.cast(~joined, tf.int32)) - 1)


@functools.lru_cache(maxsize=2)
def _dictionary(user_words: tuple) -> tuple[bytes, np.ndarray, dict[str, int]]:
    """Return the model, the length of each of its pieces, and what the characters are to it."""
    counts = dictionary.frequencies(user_words)
    words = {word: count for word, count in counts.items() if can_be_found(word)}
    kinds = dict.fromkeys((character for word in words for character in word), _OF_WORDS)
    kinds |= dict.fromkeys(string.ascii_letters + string.digits, _ALPHANUMERIC)
    model, pieces = unigram.model(words, kinds)
    # A sign that is in no word stands alone before SentencePiece meets it.
    return model, np.array([1, *map(len, pieces[1:])], np.int32), kinds


def text_operations():
    """Return the module tensorflow-text, whose import registers its operations.

    Raises:
        InputError: if it is not installed.
    """
    try:
        import tensorflow_text
    except ImportError:
        raise absent() from None
    return tensorflow_text


def absent() -> checks.InputError:
    """Return the error for tensorflow-text that is not installed."""
    return checks.InputError(
        "data.tokens: the SavedModel of words needs tensorflow-text, which is absent "
        "(pip install -r requirements-words.txt)"
    )
