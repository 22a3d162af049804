"""Text to tokens, by TensorFlow operations, so that training and serving cannot differ.

The same :class:`Tokenizer` runs in the input pipeline and inside the exported SavedModel. Only
cutting Chinese into words happens in Python, before it; its result is the words joined by
blanks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import tensorflow as tf

from imbalance.config import PAIR_SEPARATOR, DataConfig
from imbalance.data import segmentation, user_dict

# White space, other separators and control characters: one blank for each run of them.
_BLANKS = r"[\s\p{Z}\p{C}]+"
_BLANK = r"[\s\p{Z}\p{C}]"
# The same without the separator: of control characters, \p{C}, it is one.
_BLANK_BUT_SEPARATOR = r"[\s\p{Z}\x00-\x1e\x7f-\x9f\p{Cf}\p{Co}\p{Cs}]"
# Chinese and Latin letters; everything else is dropped, as the published Fudan system does.
_NOT_LETTERS = r"[^\x{4E00}-\x{9FD5}a-zA-Z]+"

# Texts cleaned at a time on the way to words.
_BATCH = 256


@dataclass(frozen=True)
class Tokenizer:
    """How a text becomes tokens; see :class:`imbalance.config.DataConfig` for the fields.

    Attributes:
        keep: one more than the configuration offers is ``exact``: token i is code point i of the
            text, a blank in place of white space and of control characters, so that the place of
            a token is an offset in the text.
        pairs: whether a text is two, with ``PAIR_SEPARATOR`` between them: it is a token then,
            and the limits are of either side. A second separator is a blank, and a text without
            one is a pair whose second text is empty. With ``exact``, where offsets must not
            change, every separator is a token, and the limits are of the whole.
        user_words: words beside jieba's, see :func:`imbalance.data.user_dict.read`.

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
    pairs: bool = False
    user_words: user_dict.Words = ()

    @classmethod
    def from_config(cls, config: DataConfig, task: str = "classification") -> "Tokenizer":
        """Return the tokenizer of a run: as configured; of tasks with offsets, exact characters.

        Raises:
            InputError: if ``user_dict`` is no dictionary.
        """
        tokens, keep, pairs = config.tokens, config.keep, config.pairs
        if task != "classification":
            tokens, keep, pairs = "characters", "exact", task == "reading"
        words = () if config.user_dict is None else user_dict.read(config.user_dict)
        return cls(tokens, keep, config.max_characters, config.max_length, pairs, words)

    @property
    def sides(self) -> bool:
        """Whether the two texts of a pair are read one by one."""
        return self.pairs and self.keep != "exact"

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
        if not self.pairs:
            return segmentation.words(self._cleaned(texts), user_words=self.user_words)
        sides = (each for text in texts for each in halves(text))
        words = segmentation.words(self._cleaned(sides), user_words=self.user_words)
        return map(PAIR_SEPARATOR.join, zip(words, words, strict=True))

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
            Ragged strings of shape (batch, tokens), at most ``max_length`` tokens a row, or a side
            of a pair; the separator is the token ``PAIR_SEPARATOR``.
        """
        if not self.sides:
            return self._split(prepared)
        first, second = sides(prepared)
        separator = tf.fill([tf.shape(prepared)[0], 1], PAIR_SEPARATOR)
        return tf.concat([self._split(first), separator, self._split(second)], axis=1)

    def _split(self, prepared: tf.Tensor) -> tf.RaggedTensor:
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
        return tf.strings.strip(texts) if self.keep == "all" else texts

    def replaced(self, texts: tf.Tensor) -> tf.Tensor:
        """Return texts without what is dropped, and with a blank for each run of blanks."""
        if self.keep == "exact":
            blank = _BLANK_BUT_SEPARATOR if self.pairs else _BLANK
            return tf.strings.regex_replace(texts, blank, " ")
        if self.keep == "letters":
            return tf.strings.regex_replace(texts, _NOT_LETTERS, "")
        return tf.strings.regex_replace(texts, _BLANKS, " ")


def halves(text: str) -> tuple[str, str]:
    """Return the two texts of a pair; a second separator is a blank.

    Example:
        >>> halves("a\\x1fb\\x1fc"), halves("a")
        (('a', 'b c'), ('a', ''))
    """
    first, _, second = text.partition(PAIR_SEPARATOR)
    return first, second.replace(PAIR_SEPARATOR, " ")


def sides(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Do what :func:`halves` does to strings of shape (batch,): return two such tensors.

    Example:
        >>> [side.numpy().tolist() for side in sides(tf.constant(["a\\x1fb\\x1fc", "a"]))]
        [[b'a', b'a'], [b'b c', b'']]
    """
    halves = tf.strings.split(texts, PAIR_SEPARATOR, maxsplit=1)
    halves = halves.to_tensor(default_value="", shape=[None, 2])
    return halves[:, 0], tf.strings.regex_replace(halves[:, 1], PAIR_SEPARATOR, " ")
