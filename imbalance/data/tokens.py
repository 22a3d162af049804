"""Text to tokens, by TensorFlow operations, so that training and serving cannot differ.

The same :class:`Tokenizer` runs in the input pipeline and inside the exported SavedModel. Only
cutting Chinese into words happens in Python, before it; its result is the words joined by
blanks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import tensorflow as tf

from imbalance.config import DataConfig
from imbalance.data import segmentation

# White space, other separators and control characters: one blank for each run of them.
_BLANKS = r"[\s\p{Z}\p{C}]+"
# Chinese and Latin letters; everything else is dropped, as the published Fudan system does.
_NOT_LETTERS = r"[^\x{4E00}-\x{9FD5}a-zA-Z]+"

# Texts cleaned at a time on the way to words.
_BATCH = 256


@dataclass(frozen=True)
class Tokenizer:
    """How a text becomes tokens; see :class:`imbalance.config.DataConfig` for the fields.

    Example:
        >>> tokenizer = Tokenizer("characters", "all", max_characters=None, max_length=4)
        >>> tokens = tokenizer.split(tf.constant(["不 好", "excellent"]))
        >>> [[token.decode() for token in row] for row in tokens.to_list()]
        [['不', ' ', '好'], ['e', 'x', 'c', 'e']]
    """

    tokens: str
    keep: str
    max_characters: int | None
    max_length: int

    @classmethod
    def from_config(cls, config: DataConfig) -> "Tokenizer":
        return cls(config.tokens, config.keep, config.max_characters, config.max_length)

    def prepare(self, texts: Iterable[str]) -> list[str]:
        """Return what :meth:`split` takes: the texts, or for words their words, blank-joined."""
        return list(self.prepare_each(texts))

    def prepare_each(self, texts: Iterable[str]) -> Iterator[str]:
        """Yield what :meth:`prepare` returns, holding a few texts at a time.

        Words are cut by further processes when there are many texts, so hand over all of them
        at once and not batch by batch.
        """
        if self.tokens == "characters":
            return iter(texts)
        # Without the hidden Markov model this is a search in a dictionary, which a graph can
        # repeat.
        return segmentation.words(self._cleaned(texts))

    def _cleaned(self, texts: Iterable[str]) -> Iterator[str]:
        texts = iter(texts)
        while batch := [text[: self.max_characters] for text in islice(texts, _BATCH)]:
            for text in self._clean(tf.constant(batch, tf.string)).numpy():
                yield text.decode()

    def split(self, prepared: tf.Tensor) -> tf.RaggedTensor:
        """Return the tokens of each prepared text.

        Args:
            prepared: strings of shape (batch,), UTF-8; broken bytes are replaced by U+FFFD.

        Returns:
            Ragged strings of shape (batch, tokens), at most ``max_length`` tokens a row.
        """
        if self.tokens == "words":
            split = tf.strings.split(prepared)
        else:
            split = tf.strings.unicode_split(self._clean(prepared), "UTF-8")
        return split[:, : self.max_length]

    def _clean(self, texts: tf.Tensor) -> tf.Tensor:
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        if self.max_characters is not None:
            texts = tf.strings.substr(texts, 0, self.max_characters, unit="UTF8_CHAR")
        texts = self.replaced(texts)
        return texts if self.keep == "letters" else tf.strings.strip(texts)

    def replaced(self, texts: tf.Tensor) -> tf.Tensor:
        """Return texts without what is dropped, and with a blank for each run of blanks."""
        if self.keep == "letters":
            return tf.strings.regex_replace(texts, _NOT_LETTERS, "")
        return tf.strings.regex_replace(texts, _BLANKS, " ")
