"""Raw texts to token ids, in TensorFlow operations: the way into a SavedModel."""

from typing import NamedTuple

import tensorflow as tf

from imbalance.config import PAIR_SEPARATOR
from imbalance.data.vocabulary import SEPARATOR_ID, TextEncoder, padded
from imbalance.serving.word_graph import WordGraph


class PlacedIds(NamedTuple):
    """Ids of the tokens of texts and where they stand, ragged, int32, shape (batch, tokens).

    Attributes:
        ids: of the vocabulary.
        starts, ends: in code points of the raw text, the end exclusive. Of a run of blanks, which
            is one token, the last.
    """

    ids: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor


class TextIds(tf.Module):
    """Raw texts to the ids that a run's network was trained on; words are cut inside the graph.

    Args:
        encoder: of the run.

    Raises:
        InputError: if it is one of words, and tensorflow-text is not installed.

    Example:
        >>> from imbalance.data.tokens import Tokenizer
        >>> tokenizer = Tokenizer("characters", "letters", max_characters=None, max_length=9)
        >>> text_ids = TextIds(TextEncoder.of(tokenizer, ["好", "书"]))
        >>> text_ids(tf.constant(["好，书"])).numpy().tolist()
        [[2, 3]]
        >>> text_ids.placed(tf.constant(["好，书"])).starts.to_list()
        [[0, 2]]
    """

    def __init__(self, encoder: TextEncoder):
        super().__init__(name="text_ids")
        self._encoder = encoder
        self._words = WordGraph(encoder.tokenizer) if encoder.tokenizer.tokens == "words" else None

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Return ids of shape (batch, longest), int32, padded by 0 and at least one id wide.

        Args:
            texts: strings of shape (batch,), UTF-8; broken bytes are read as U+FFFD.
        """
        return self._encoder(texts) if self._words is None else padded(self._of_words(texts))

    def of_pairs(self, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        """Return the same of pairs of texts.

        Args:
            first, second: strings of shape (batch,); what would separate them is a blank.
        """
        sides = [tf.strings.regex_replace(each, PAIR_SEPARATOR, " ") for each in (first, second)]
        if self._words is None:
            return self._encoder(tf.strings.join(sides, PAIR_SEPARATOR))
        return padded(self._joined(*map(self._of_words, sides)))

    def placed(self, texts: tf.Tensor) -> PlacedIds:
        """Return the ids of single texts, and where in the texts their tokens stand."""
        if self._words is not None:
            words, starts, ends = self._words(texts)
            return PlacedIds(self._looked_up(words), starts, ends)
        found = self._encoder.characters.placed(texts)
        ids, starts, ends = (
            tf.RaggedTensor.from_row_splits(each, found.splits, validate=False)
            for each in (found.ids, found.places, found.places + 1)
        )
        return PlacedIds(ids, starts, ends)

    def of_tokens(self, tokens: tf.Tensor) -> tf.Tensor:
        """Return the ids of texts that are segmented already.

        Args:
            tokens: strings of shape (batch, tokens); empty ones are padding, wherever they stand.
        """
        return padded(self._of_tokens(tokens))

    def of_pairs_of_tokens(self, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        """Return the same of pairs."""
        return padded(self._joined(self._of_tokens(first), self._of_tokens(second)))

    def _of_words(self, texts):
        return self._looked_up(self._words(texts).words)

    def _of_tokens(self, tokens):
        given = tf.ragged.boolean_mask(tokens, tokens != "")
        return self._looked_up(given[:, : self._encoder.tokenizer.max_length])

    def _looked_up(self, tokens):
        return tf.ragged.map_flat_values(self._encoder.lookup, tokens)

    def _joined(self, first, second):
        separator = tf.fill([first.nrows(), 1], SEPARATOR_ID)
        return tf.concat([first, separator, second], axis=1)
