"""Many texts to numbers at once: what :meth:`Tokenizer.split` gives, each token by its code.

The code of a character is its code point; that of a word is its place in the order in which the
words were met. NumPy does to a block of texts what TensorFlow's operations do text by text, some
ten times faster. What becomes of a character the tokenizer itself says, once for each.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from imbalance.config import PAIR_SEPARATOR
from imbalance.data.tokens import Tokenizer, halves

# Of a block; the arrays on the way to it take some 30 bytes a character.
_TEXTS_AT_ONCE, _CHARACTERS_AT_ONCE = 4096, 1_000_000
_CODE_POINTS = 0x110000
_NOT_MET, _DROPPED, _BLANK = -2, -1, ord(" ")


class Block(NamedTuple):
    """Tokens of some texts.

    Attributes:
        codes: int32, shape (tokens,), of all texts one after the other.
        lengths: tokens of each text, shape (texts,).
    """

    codes: np.ndarray
    lengths: np.ndarray


def coder(tokenizer: Tokenizer) -> "CharacterCodes | WordCodes":
    """Return what turns texts into codes as ``tokenizer`` says.

    Example:
        >>> codes = coder(Tokenizer("characters", "all", max_characters=None, max_length=9))
        >>> [block] = codes.blocks(["好书", "好"])
        >>> [codes.token(code) for code in block.codes.tolist()], block.lengths.tolist()
        (['好', '书', '好'], [2, 1])
    """
    return (WordCodes if tokenizer.tokens == "words" else CharacterCodes)(tokenizer)


class CharacterCodes:
    """Code points; see :func:`coder`."""

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        # The code point that a character becomes: itself, a blank, or nothing.
        self._becomes = np.full(_CODE_POINTS, _NOT_MET, np.int32)

    @property
    def separator(self) -> int:
        """The code of what stands between the texts of a pair."""
        return ord(PAIR_SEPARATOR)

    @property
    def size(self) -> int:
        """Codes are below this."""
        return _CODE_POINTS

    def token(self, code: int) -> str:
        """Return the token with this code."""
        return chr(code)

    def blocks(self, texts: Iterable[str]) -> Iterator[Block]:
        """Yield the tokens of raw texts, some texts at a time."""
        yield from map(self.block, _some(texts))

    def block(self, texts: list[str]) -> Block:
        """Return the tokens of a few raw texts."""
        if self._tokenizer.sides:
            sides = self._block([side for text in texts for side in halves(text)])
            return _joined(sides, self.separator)
        return self._block(texts)

    def _block(self, texts: list[str]) -> Block:
        if self._tokenizer.max_characters is not None:
            texts = [text[: self._tokenizer.max_characters] for text in texts]
        codes = np.frombuffer("".join(texts).encode("utf-32-le"), "<i4")
        row = np.repeat(np.arange(len(texts), dtype=np.int32), [len(text) for text in texts])
        codes = self._cleaned(codes)
        codes, row = _where(codes != _DROPPED, codes, row)
        if self._tokenizer.keep == "all":
            codes, row = _folded(codes, row)
        lengths = np.bincount(row, minlength=len(texts))
        place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        [codes] = _where(place < self._tokenizer.max_length, codes)
        return Block(codes, np.minimum(lengths, self._tokenizer.max_length))

    def _cleaned(self, codes: np.ndarray) -> np.ndarray:
        cleaned = self._becomes[codes]
        if (cleaned == _NOT_MET).any():
            self._meet(np.unique(codes[cleaned == _NOT_MET]).tolist())
            cleaned = self._becomes[codes]
        return cleaned

    def _meet(self, codes: list[int]) -> None:
        # Between two letters, so that a blank is not at an end, where it would vanish.
        whole = dataclasses.replace(
            self._tokenizer,
            max_characters=None,
            max_length=3,
            pairs=self._tokenizer.pairs and not self._tokenizer.sides,
        )
        rows = whole.split(tf.constant([f"x{chr(code)}x" for code in codes])).to_list()
        for code, row in zip(codes, rows, strict=True):
            self._becomes[code] = ord(row[1].decode()) if len(row) == 3 else _DROPPED


class WordCodes:
    """Words by the order in which they were met; see :func:`coder`."""

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        self._codes: dict[str, int] = {PAIR_SEPARATOR: 0} if tokenizer.pairs else {}
        self._words: list[str] = []

    @property
    def separator(self) -> int:
        """The code of what stands between the texts of a pair."""
        return 0

    @property
    def size(self) -> int:
        """Codes are below this; it grows."""
        return len(self._codes)

    def token(self, code: int) -> str:
        """Return the token with this code."""
        if len(self._words) < len(self._codes):
            self._words = list(self._codes)
        return self._words[code]

    def blocks(self, texts: Iterable[str]) -> Iterator[Block]:
        """Yield the tokens of raw texts, some texts at a time."""
        yield from map(self.block, _some(self._tokenizer.prepare_each(texts)))

    def block(self, prepared: list[str]) -> Block:
        """Return the tokens of a few prepared texts."""
        if self._tokenizer.pairs:
            sides = self._block([side for text in prepared for side in halves(text)])
            return _joined(sides, self.separator)
        return self._block(prepared)

    def _block(self, prepared: list[str]) -> Block:
        rows = [text.split()[: self._tokenizer.max_length] for text in prepared]
        codes = self._codes
        flat = [codes.setdefault(word, len(codes)) for row in rows for word in row]
        return Block(np.array(flat, np.int32), np.array([len(row) for row in rows], np.int64))


def _folded(codes: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep a blank for a run of them, and none at either end of a text."""
    keep = codes != _BLANK
    keep[1:] |= keep[:-1] & (row[1:] == row[:-1])
    codes, row = _where(keep, codes, row)
    keep = codes != _BLANK
    keep[:-1] |= row[:-1] == row[1:]
    codes, row = _where(keep, codes, row)
    return codes, row


def _joined(sides: Block, separator: int) -> Block:
    """Return pairs from their sides: first, second, first, … with the separator between them."""
    ends_of_first = np.cumsum(sides.lengths)[::2]
    codes = np.insert(sides.codes, ends_of_first, separator)
    return Block(codes, sides.lengths[::2] + 1 + sides.lengths[1::2])


def _some(texts: Iterable[str]) -> Iterator[list[str]]:
    block, size = [], 0
    for text in texts:
        block.append(text)
        size += len(text)
        if len(block) == _TEXTS_AT_ONCE or size >= _CHARACTERS_AT_ONCE:
            yield block
            block, size = [], 0
    if block:
        yield block


def _where(mask: np.ndarray, *columns: np.ndarray) -> list[np.ndarray]:
    return [column[mask] for column in columns] if not mask.all() else list(columns)
