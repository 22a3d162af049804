"""Batches of raw texts for prediction: of like length together, and back in their order."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from imbalance.data.vocabulary import TextEncoder, padded


class Batches:
    """Ids of texts, batch by batch; a batch is as wide as its longest text.

    Args:
        encoder: of the texts.
        texts: raw texts.
        size: texts a batch; it does not change a result.

    Example:
        >>> from imbalance.data.tokens import Tokenizer
        >>> tokenizer = Tokenizer("characters", "all", max_characters=None, max_length=9)
        >>> encoder = TextEncoder.of(tokenizer, ["a", "b"])
        >>> batches = Batches(encoder, ["aba", "b", "ab"], size=2)
        >>> [ids.tolist() for ids in batches]
        [[[3, 0], [2, 3]], [[2, 3, 2]]]
        >>> [each.tolist() for each in batches.of_texts(list(batches))]
        [[2, 3, 2], [3], [2, 3]]
    """

    def __init__(self, encoder: TextEncoder, texts: Sequence[str], size: int = 256):
        self._ids = encoder.encode(texts)
        self._lengths = self._ids.row_lengths().numpy()
        order = np.argsort(self._lengths, kind="stable")
        self.rows = [order[start : start + size] for start in range(0, len(order), size)]

    def __iter__(self) -> Iterator[np.ndarray]:
        for rows in self.rows:
            yield padded(tf.gather(self._ids, rows)).numpy()

    def of_texts(self, outputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return what outputs say of each token, without the padding, in the order of the texts.

        Args:
            outputs: of each batch, shape (texts of the batch, its width, ...).
        """
        found = [np.empty(0)] * len(self._lengths)
        for rows, output in zip(self.rows, outputs, strict=True):
            for row, values in zip(rows.tolist(), output, strict=True):
                found[row] = values[: self._lengths[row]]
        return found
