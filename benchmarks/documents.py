"""Texts and token ids that the benchmarks share."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from imbalance.config import DataConfig
from imbalance.data import load
from imbalance.data.corpus import Split
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import UNKNOWN_ID, TextEncoder

# Beyond these no document gets more tokens of those that are kept; segmenting them costs time.
_CHARACTERS_READ = 2000


def fudan_split(folder: Path, split: str = "train") -> tuple[Split, tuple[str, ...]]:
    """Return a split of the Fudan corpus, and its labels."""
    corpus = load(DataConfig(source=str(folder)))
    return corpus.splits[split], corpus.labels


def long_reviews(characters: int, count: int, seed: int = 1) -> list[str]:
    """Return documents of so many characters, each of reviews of the embedded corpus."""
    reviews = list(load(DataConfig(imbalance_ratio=None)).splits["train"].texts)
    generator = np.random.default_rng(seed)
    documents = []
    for _ in range(count):
        document = ""
        while len(document) < characters:
            document += reviews[generator.integers(len(reviews))] + " "
        documents.append(document[:characters])
    return documents


def full_rows(
    texts: list[str], tokens: str, *, rows: int, length: int, vocabulary_size: int, seed: int = 1
) -> np.ndarray:
    """Return ids of random texts that have ``length`` tokens or more, cut to that length.

    Without padding, both sides of a comparison have the same work on every row.

    Returns:
        int32 of shape (rows, length), ids by frequency as training gives them.
    """
    tokenizer = Tokenizer(tokens, "all", max_characters=_CHARACTERS_READ, max_length=length)
    long_enough = [text for text in texts if len(text) > length]
    order = np.random.default_rng(seed).permutation(len(long_enough))
    # Twice as many, since blanks and words make fewer tokens than characters.
    prepared = tokenizer.prepare([long_enough[i] for i in order[: 2 * rows]])
    encoder = TextEncoder.fit(prepared, tokenizer, vocabulary_size)
    ids = encoder.ragged(tf.constant(prepared))
    full = ids.to_tensor(shape=[None, length]).numpy()[ids.row_lengths().numpy() == length]
    if len(full) < rows:
        raise ValueError(f"rows: got {rows}, expected at most {len(full)} texts of that length")
    return full[:rows]


def random_rows(*, rows: int, length: int, vocabulary_size: int, seed: int = 1) -> np.ndarray:
    """Return ids drawn alike from the whole vocabulary, shape (rows, length), int32."""
    generator = np.random.default_rng(seed)
    return generator.integers(UNKNOWN_ID, vocabulary_size, size=(rows, length), dtype=np.int32)
