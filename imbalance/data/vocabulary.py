"""The vocabulary: token to id, counted on the training split alone."""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from imbalance import checks
from imbalance.config import PAIR_SEPARATOR
from imbalance.data import codes
from imbalance.data.character_ids import CharacterIds
from imbalance.data.tokens import Tokenizer

PADDING, UNKNOWN, SEPARATOR = "[PAD]", "[UNK]", "[SEP]"
PADDING_ID, UNKNOWN_ID, SEPARATOR_ID = 0, 1, 2

# Not counted as tokens of texts.
_NO_WORDS = (PADDING, UNKNOWN, SEPARATOR, PAIR_SEPARATOR)

_BUCKET = re.compile(r"\[OOV\d+\]")

_TEXTS_AT_ONCE = 1024


class TextEncoder(tf.Module):
    """Prepared texts to token ids: a tokenizer and a vocabulary, in TensorFlow operations.

    Args:
        tokenizer: how texts are split.
        vocabulary: tokens by id, ``[PAD]`` first, ``[UNK]`` second and, of pairs, ``[SEP]`` third;
            ``[OOV0]`` and so on at the end are buckets, see :meth:`of`.

    Example:
        >>> tokenizer = Tokenizer("characters", "all", max_characters=None, max_length=9)
        >>> encoder = TextEncoder.fit(["好书", "好"], tokenizer, vocabulary_size=10)
        >>> encoder.vocabulary
        ('[PAD]', '[UNK]', '好', '书')
        >>> encoder(tf.constant(["书不好", ""])).numpy().tolist()
        [[3, 1, 2], [0, 0, 0]]
    """

    def __init__(self, tokenizer: Tokenizer, vocabulary: Sequence[str]):
        super().__init__(name="text_encoder")
        self.tokenizer = tokenizer
        self.vocabulary = tuple(vocabulary)
        self._buckets = sum(1 for token in self.vocabulary if _BUCKET.fullmatch(token))
        id_of = self._id_of_all
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(list(id_of)), tf.constant(list(id_of.values()), tf.int32)
            ),
            # -1 tells other words from the names of special tokens, whose id is the unknown one's.
            default_value=-1 if self._buckets else UNKNOWN_ID,
        )

    @classmethod
    def fit(cls, texts: Sequence[str], tokenizer: Tokenizer, vocabulary_size: int) -> "TextEncoder":
        """Build the vocabulary from the most frequent tokens of prepared training texts.

        Args:
            texts: what ``tokenizer.prepare`` returned for the training split.
            tokenizer: how texts are split.
            vocabulary_size: ids at most, the two special ones included. Tokens of equal
                frequency are taken in the order of their code points.
        """
        counts: Counter[str] = Counter()
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            tokens = tokenizer.split(tf.constant(texts[start : start + _TEXTS_AT_ONCE]))
            counts.update(token.decode() for token in tokens.flat_values.numpy().tolist())
        return cls.of(tokenizer, ranked(counts)[: vocabulary_size - len(special(tokenizer))])

    @classmethod
    def of(cls, tokenizer: Tokenizer, tokens: Sequence[str], oov_buckets: int = 0) -> "TextEncoder":
        """Return the encoder of which ``tokens`` are the vocabulary, beside the special ones.

        Args:
            tokenizer: how texts are split.
            tokens: the most frequent first.
            oov_buckets: ids behind all others, one of which a word that is no token has by its
                hash; 0, such words are all ``[UNK]``.

        Example:
            >>> tokenizer = Tokenizer("words", "all", max_characters=None, max_length=9)
            >>> encoder = TextEncoder.of(tokenizer, ["a"], oov_buckets=1000)
            >>> a, new, other, again = encoder.ids(["a", "Cobbe", "Cobb", "Cobbe"]).tolist()
            >>> a, new == again, new == other, new > a
            (2, True, False, True)
        """
        buckets = [f"[OOV{index}]" for index in range(oov_buckets)]
        return cls(tokenizer, (*special(tokenizer), *tokens, *buckets))

    @property
    def id_of(self) -> dict[str, int]:
        """The id of each token that a text can have; that of pairs is ``PAIR_SEPARATOR``."""
        first, last = len(special(self.tokenizer)), len(self.vocabulary) - self._buckets
        ids = {token: id for id, token in enumerate(self.vocabulary[first:last], first)}
        return {**ids, PAIR_SEPARATOR: SEPARATOR_ID} if self.tokenizer.pairs else ids

    @functools.cached_property
    def _id_of_all(self) -> dict[str, int]:
        # The names of the special tokens are nothing in a text: they read as unknown.
        return {PADDING: UNKNOWN_ID, UNKNOWN: UNKNOWN_ID, **self.id_of}

    @classmethod
    def load(cls, path, tokenizer: Tokenizer) -> "TextEncoder":
        """Read a file that :meth:`save` wrote."""
        try:
            # Only \n ends a line: a token may itself be an unusual line separator.
            tokens = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError):
            raise checks.InputError(f"{path}: cannot be read, expected a vocabulary") from None
        first = special(tokenizer)
        if tuple(tokens[: len(first)]) != first:
            raise checks.wrong(f"{path}:1", tokens[: len(first)], " and ".join(first) + " first")
        if len(set(tokens)) < len(tokens):
            twice = next(token for token, count in Counter(tokens).items() if count > 1)
            raise checks.wrong(f"{path}, a token that stands twice", twice, "each token once")
        return cls(tokenizer, tokens)

    def save(self, path) -> None:
        """Write one token a line, the line number minus 1 being its id."""
        Path(path).write_text("\n".join(self.vocabulary) + "\n", encoding="utf-8", newline="\n")

    def __call__(self, prepared: tf.Tensor) -> tf.Tensor:
        """Return ids of shape (batch, longest), int32, padded by 0 and at least one id wide."""
        if self.tokenizer.tokens == "characters":
            return self.characters(prepared)
        return padded(self.ragged(prepared))

    @functools.cached_property
    def characters(self) -> CharacterIds:
        """What reads ids of characters, where those are the tokens."""
        ids = {token: index for index, token in enumerate(self.vocabulary) if len(token) == 1}
        return CharacterIds(self.tokenizer, ids, UNKNOWN_ID, SEPARATOR_ID)

    def ragged(self, prepared: tf.Tensor) -> tf.RaggedTensor:
        """Return ids of shape (batch, tokens), int32, without padding."""
        return tf.ragged.map_flat_values(self.lookup, self.tokenizer.split(prepared))

    def lookup(self, tokens: tf.Tensor) -> tf.Tensor:
        """Return the id of each token, int32, in the shape of ``tokens``."""
        ids = self.table.lookup(tokens)
        if not self._buckets:
            return ids
        bucket = tf.strings.to_hash_bucket_fast(tokens, self._buckets)
        return tf.where(
            ids < 0, len(self.vocabulary) - self._buckets + tf.cast(bucket, tf.int32), ids
        )

    def ids(self, tokens: Sequence[str]) -> np.ndarray:
        """Return the id of each token, int32, shape (tokens,)."""
        id_of = self._id_of_all
        ids = np.fromiter((id_of.get(token, -1) for token in tokens), np.int32, len(tokens))
        [others] = np.nonzero(ids < 0)
        if not self._buckets:
            ids[others] = UNKNOWN_ID
        elif len(others):
            ids[others] = self.lookup(tf.constant([tokens[place] for place in others])).numpy()
        return ids

    def encode(self, texts: Iterable[str]) -> tf.RaggedTensor:
        """Return the ids of many raw texts: ragged, shape (texts, tokens), int32.

        The same ids as those of :meth:`ragged`, of long texts much sooner.
        """
        coder = codes.coder(self.tokenizer)
        blocks = list(coder.blocks(texts))
        empty = codes.Block(np.zeros(0, np.int32), np.zeros(0, np.int64))
        found, lengths = map(np.concatenate, zip(empty, *blocks, strict=True))
        ids = np.full(coder.size, UNKNOWN_ID, np.int32)
        there = np.flatnonzero(np.bincount(found))
        ids[there] = self.ids([coder.token(code) for code in there.tolist()])
        return tf.RaggedTensor.from_row_lengths(ids[found], lengths)


def special(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Return the tokens that stand first in a vocabulary, whatever the texts hold.

    Example:
        >>> special(Tokenizer("words", "all", max_characters=None, max_length=9, pairs=True))
        ('[PAD]', '[UNK]', '[SEP]')
    """
    return (PADDING, UNKNOWN, *([SEPARATOR] if tokenizer.pairs else []))


def ranked(counts: Mapping[str, int]) -> list[str]:
    """Return tokens by their counts, the most frequent first, ties in order of code points.

    The names of the special tokens and of buckets are left out.

    Example:
        >>> ranked({"b": 1, "a": 1, "c": 2, "[PAD]": 9, "[OOV0]": 9})
        ['c', 'a', 'b']
    """
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [token for token, _ in order if token not in _NO_WORDS and not _BUCKET.fullmatch(token)]


def padded(ids: tf.RaggedTensor) -> tf.Tensor:
    """Return ragged ids as (batch, longest), int32, padded by 0 and at least one id wide.

    Example:
        >>> padded(tf.ragged.constant([[5, 6], [7]])).numpy().tolist()
        [[5, 6], [7, 0]]
    """
    dense = ids.to_tensor(default_value=PADDING_ID)
    # A batch of empty texts would have no position to take a maximum over.
    return tf.pad(dense, [[0, 0], [0, tf.maximum(0, 1 - tf.shape(dense)[1])]])
