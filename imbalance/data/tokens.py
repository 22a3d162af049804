"""Text to tokens, by TensorFlow operations, so that training and serving cannot differ.

The same :class:`Tokenizer` runs in the input pipeline and inside the exported SavedModel. Only
cutting Chinese into words happens in Python, before it; its result is the words joined by
blanks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import tensorflow as tf

from imbalance.config import DataConfig

# White space, other separators and control characters: one blank for each run of them.
_BLANKS = r"[\s\p{Z}\p{C}]+"
# Chinese and Latin letters; everything else is dropped, as the published Fudan system does.
_NOT_LETTERS = r"[^\x{4E00}-\x{9FD5}a-zA-Z]+"


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
        texts = list(texts)
        if self.tokens == "characters":
            return texts
        import jieba

        jieba.setLogLevel("WARNING")
        cleaned = self._clean(tf.constant(texts, tf.string)).numpy() if texts else []
        return [
            # Without the hidden Markov model this is a search in a dictionary, which a graph
            # can repeat.
            " ".join(word for word in jieba.cut(text.decode(), HMM=False) if word != " ")
            for text in cleaned
        ]

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
        if self.keep == "letters":
            return tf.strings.regex_replace(texts, _NOT_LETTERS, "")
        return tf.strings.strip(tf.strings.regex_replace(texts, _BLANKS, " "))
