"""Texts to ids of characters by their code points: what a SavedModel runs for each request.

The result is that of :meth:`Tokenizer.split` and a look-up of its strings. One number stands for
a character instead of one string, a few operations do it instead of a hundred, and of a long text
only the beginning is read.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from imbalance.config import PAIR_SEPARATOR
from imbalance.data.tokens import Tokenizer, sides

_CODE_POINTS = 0x110000
# The table of ids is kept as pages, most of which are the same.
_PAGE_BITS = 8

# Bytes of the widest character. A text cut anywhere may end in as many tokens that are not its own:
# a blank, and what the first bytes of a character read as.
_WIDEST = 4
_MOST_BYTES = 2**31 - 1


class Placed(NamedTuple):
    """The characters of a batch of texts, those of all texts one after the other.

    Attributes:
        ids: as of :class:`CharacterIds`, int32, shape (characters,).
        codes: code points of the texts as they came in, int32, shape (characters,).
        places: of each in its text, in code points, int32, shape (characters,). Of a run of
            blanks, the last.
        splits: where each text starts, and the end of the last, int64, shape (batch + 1,).
    """

    ids: tf.Tensor
    codes: tf.Tensor
    places: tf.Tensor
    splits: tf.Tensor


class CharacterIds:
    """Texts to ids of their characters, in TensorFlow operations.

    Args:
        tokenizer: of characters.
        ids: of the characters that have one, above 0.
        unknown: the id of all others, above 0.
        separator: the id of what stands between the texts of a pair.

    Example:
        >>> tokenizer = Tokenizer("characters", "all", max_characters=None, max_length=3)
        >>> ids = CharacterIds(tokenizer, {"好": 2, " ": 3}, unknown=1)
        >>> ids(tf.constant([" 好 \\n 书好", ""])).numpy().tolist()
        [[2, 3, 1], [0, 0, 0]]
    """

    def __init__(
        self, tokenizer: Tokenizer, ids: Mapping[str, int], unknown: int, separator: int = 0
    ):
        self._max_characters = tokenizer.max_characters
        self._max_length = tokenizer.max_length
        self._blanks = tokenizer.keep == "all"
        self._separator = separator if tokenizer.sides else None
        table = np.full(_CODE_POINTS, unknown, np.int32)
        for character, number in ids.items():
            table[ord(character)] = number
        # Below 0: a blank that may be one of a run, by its own id, or a character that is dropped.
        becomes = {"all": -table[ord(" ")], "letters": -1, "exact": table[ord(" ")]}
        table[_no_letters(tokenizer.keep)] = becomes[tokenizer.keep]
        if tokenizer.pairs:
            table[ord(PAIR_SEPARATOR)] = separator
        pages, page = np.unique(table.reshape(-1, 1 << _PAGE_BITS), axis=0, return_inverse=True)
        self._cells = pages.ravel()
        # Added to a code point, the place in the cells.
        first = (page.ravel() - np.arange(len(page.ravel()))) << _PAGE_BITS
        self._to_cell = first.astype(np.int32)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Return ids of shape (batch, longest), int32, padded by 0 and at least one id wide.

        Args:
            texts: strings of shape (batch,), UTF-8; broken bytes are read as U+FFFD.
        """
        ids = self._of_texts(texts) if self._separator is None else self._of_pairs(texts)
        # A batch of empty texts would have no position to take a maximum over.
        return tf.pad(ids, [[0, 0], [0, tf.maximum(0, 1 - tf.shape(ids)[1])]])

    def placed(self, texts: tf.Tensor) -> Placed:
        """Return the characters that ``self(texts)`` has the ids of, and where they stand.

        Args:
            texts: as above; the two sides of a pair are not told apart.
        """
        found = self._placed(self._beginnings(texts))
        rows = tf.RaggedTensor.from_row_splits(tf.range(tf.size(found.ids)), found.splits)
        first = int(self._blanks)
        rows = rows[:, first : self._max_length + first]
        cut = Placed(*(tf.gather(each, rows.flat_values) for each in found[:3]), rows.row_splits)
        return cut._replace(places=cut.places - first)

    def _of_pairs(self, texts: tf.Tensor) -> tf.Tensor:
        first, second = (
            tf.RaggedTensor.from_tensor(self._of_texts(side), padding=0) for side in sides(texts)
        )
        separator = tf.fill([tf.shape(texts)[0], 1], tf.constant(self._separator, tf.int32))
        return tf.concat([first, separator, second], axis=1).to_tensor(default_value=0)

    def _of_texts(self, texts: tf.Tensor) -> tf.Tensor:
        texts = self._beginnings(texts)
        # As a rule these bytes hold enough characters, runs of blanks and what is dropped aside.
        wanted = self._max_length + _WIDEST
        size = min(_WIDEST * wanted, _MOST_BYTES)
        ids = self._ids(tf.strings.substr(texts, 0, size))
        enough = (tf.strings.length(texts) <= size) | (ids.row_lengths() >= wanted + self._blanks)
        ids = tf.cond(tf.reduce_all(enough), lambda: ids, lambda: self._ids(texts))
        ids = ids.to_tensor(default_value=0)
        return ids[:, int(self._blanks) : self._max_length + self._blanks]

    def _beginnings(self, texts: tf.Tensor) -> tf.Tensor:
        if self._max_characters is None:
            return texts
        size = min(_WIDEST * self._max_characters, _MOST_BYTES)
        texts = tf.strings.substr(texts, 0, size)
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        return tf.strings.substr(texts, 0, self._max_characters, unit="UTF8_CHAR")

    def _ids(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Return ids; where blanks are kept, each row that is not empty begins with one more."""
        found = self._placed(texts)
        return tf.RaggedTensor.from_row_splits(found.ids, found.splits, validate=False)

    def _placed(self, texts: tf.Tensor) -> Placed:
        if self._blanks:
            texts = tf.strings.join([" ", texts])
        decoded = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
        codes, splits = decoded.flat_values, decoded.row_splits
        place = codes + tf.gather(self._to_cell, tf.bitwise.right_shift(codes, _PAGE_BITS))
        ids = tf.gather(self._cells, place)
        keep = ids > 0
        if self._blanks:
            # The last blank before each character that is none: no run, and none at the end. The
            # next row begins with a blank, so what follows the last of a row is never a character.
            keep |= tf.concat([keep[1:], [False]], axis=0)[: tf.size(keep)]
        before = tf.concat([[0], tf.cumsum(tf.cast(keep, tf.int64))], axis=0)
        kept = tf.squeeze(tf.where(keep), axis=1)
        starts = tf.repeat(splits[:-1], decoded.row_lengths())
        return Placed(
            tf.abs(tf.gather(ids, kept)),
            tf.gather(codes, kept),
            tf.cast(kept - tf.gather(starts, kept), tf.int32),
            tf.gather(before, splits),
        )


@functools.cache
def _no_letters(keep: str) -> np.ndarray:
    """Return for each code point whether a tokenizer drops it or reads it as a blank."""
    tokenizer = Tokenizer("characters", keep, max_characters=None, max_length=1)
    with tf.init_scope():  # now, even while a function is traced
        everything = tf.range(_CODE_POINTS)[:, tf.newaxis]
        characters = tf.strings.unicode_encode(everything, "UTF-8", errors="replace")
        return np.isin(tokenizer.replaced(characters).numpy(), [b" ", b""])
