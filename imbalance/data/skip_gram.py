"""Token vectors learnt from the training texts alone, by skip-gram with negative sampling.

The classes of a corpus may be few and rare, its texts are many and long: what stands beside what
in them says, without any label, which tokens mean alike. More of a text is read for this than the
network reads of it.
"""

import dataclasses
import logging
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from imbalance import checks
from imbalance.data import cache, codes
from imbalance.data.corpus import Corpus, Split
from imbalance.data.encoded import EncodedRows, part_count, write_rows
from imbalance.data.vocabulary import TextEncoder

# gensim reads no further in a sentence.
_LONGEST_SENTENCE = 10_000
# Of the share of a token in the texts: where one that is more frequent begins to be skipped at
# times. Of single characters most are; at gensim's own 1e-3 learning takes twice as long.
_SAMPLE = 1e-4
_TELL_EVERY_SECONDS = 10
_FILE = "vectors.npz"
# Where a run's configuration has them.
_OPTIONS = "training.pretrain_args"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SkipGram:
    """How token vectors are learnt.

    Attributes:
        epochs: passes over the texts.
        window: tokens at most between a token and one that it is to tell, on either side.
        negative: tokens drawn at random beside each one that is to be told.
        characters: read from the start of each text, whatever ``data.max_characters`` and
            ``data.max_length`` leave to the network.
        min_count: times that a token must stand there to get a vector.

    Raises:
        InputError: if a value is out of range.

    Example:
        >>> SkipGram(window=10)
        SkipGram(epochs=2, window=10, negative=5, characters=3000, min_count=5)
    """

    epochs: int = 2
    window: int = 5
    negative: int = 5
    characters: int = 3000
    min_count: int = 5

    def __post_init__(self):
        for name in ("epochs", "window", "negative", "min_count"):
            checks.integer(f"{_OPTIONS}.{name}", getattr(self, name), low=1)
        checks.integer(f"{_OPTIONS}.characters", self.characters, low=1, high=_LONGEST_SENTENCE)


def token_vectors(
    corpus: Corpus, encoder: TextEncoder, options: SkipGram, *, dimension: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Learn vectors of tokens from the training texts, or take them from the cache.

    A vector v of a token and a vector u of a neighbour are learnt so that
    log σ(u·v) + Σ log σ(-u′·v) is large, u′ being of tokens drawn at random. The unknown token is
    a token like others; the padding has no vector. One thread learns, so that equal arguments
    give equal vectors.

    Args:
        corpus: of its splits, ``train`` alone is read.
        encoder: tokenizer and vocabulary of the run.
        options: how they are learnt.
        dimension: size of a vector.
        seed: of the first vectors, the draws and the order of the texts.

    Returns:
        The ids that have a vector, ascending, int32 of shape (n,), and their vectors, float32 of
        shape (n, dimension).

    Raises:
        InputError: if no token stands often enough.

    Source:
        Mikolov et al. 2013, Distributed Representations of Words and Phrases and their
        Compositionality, arXiv:1310.4546.

    Example:
        >>> from imbalance.config import DataConfig
        >>> from imbalance.data import load
        >>> from imbalance.data.encoded import encode
        >>> config = DataConfig(imbalance_ratio=1000, cache=None)
        >>> corpus = load(config)
        >>> encoder = encode(corpus, config).encoder
        >>> options = SkipGram(epochs=1, characters=20)
        >>> ids, vectors = token_vectors(corpus, encoder, options, dimension=8, seed=1)
        >>> ids[:3].tolist(), vectors.shape == (len(ids), 8)
        ([2, 3, 4], True)
    """
    key = {
        "corpus": corpus.key,
        "vocabulary": cache.fingerprint({"tokens": encoder.vocabulary}),
        "tokenizer": vars(encoder.tokenizer),
        "options": dataclasses.asdict(options),
        "dimension": dimension,
        "seed": seed,
        "versions": [metadata.version(name) for name in ("gensim", "numpy", "rjieba")],
        "code": cache.code(),
    }

    def build(folder):
        ids, vectors = _learnt(folder, corpus.splits["train"], encoder, options, dimension, seed)
        np.savez(folder / _FILE, ids=ids, vectors=vectors)

    with np.load(corpus.cache.entry("skip-gram", key, build) / _FILE, allow_pickle=False) as arrays:
        return arrays["ids"], arrays["vectors"]


def _learnt(folder: Path, split: Split, encoder, options: SkipGram, dimension, seed):
    # Imported here: it takes a second that only those who ask for such vectors need wait for.
    from gensim.models import Word2Vec

    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as scratch:
        rows = _encoded(Path(scratch), split, encoder, options.characters)
        random = np.random.default_rng(seed)
        counts = np.zeros(len(encoder.vocabulary), np.int64)
        for part in rows.parts(random):
            counts += np.bincount(part.ids, minlength=len(counts))
        learnt = np.flatnonzero(counts >= options.min_count)
        if not len(learnt):
            raise checks.wrong(
                f"{_OPTIONS}.min_count",
                options.min_count,
                f"{counts.max()} at most, as often as the most frequent token stands in the texts",
            )
        model = Word2Vec(
            vector_size=dimension,
            sg=1,
            window=options.window,
            negative=options.negative,
            min_count=options.min_count,
            seed=seed,
            sample=_SAMPLE,
            workers=1,
        )
        model.build_vocab_from_freq({str(id): counts[id] for id in learnt}, corpus_count=len(rows))
        texts = _Texts(rows, random, options.epochs, counts.sum())
        model.train(
            texts, total_examples=len(rows), total_words=counts.sum(), epochs=options.epochs
        )
    _log.info(
        "skip-gram: vectors for %s of %s tokens, the others stand fewer than %s times; "
        "%s tokens read %s times, %.0f s",
        f"{len(learnt):,}",
        f"{len(counts) - 1:,}",  # the padding is none
        options.min_count,
        f"{counts.sum():,}",
        options.epochs,
        time.monotonic() - began,
    )
    return learnt.astype(np.int32), model.wv[[str(id) for id in learnt]]


def _encoded(folder: Path, split: Split, encoder: TextEncoder, characters: int) -> EncodedRows:
    """Return the ids of whole texts, up to so many characters, on disk in ``folder``."""
    tokenizer = dataclasses.replace(
        encoder.tokenizer, max_characters=characters, max_length=characters
    )
    coder = codes.coder(tokenizer)
    paths = [folder / str(part) for part in range(part_count(split, tokenizer))]
    lengths = write_rows(paths, coder.blocks(split.texts))
    ids = encoder.ids([coder.token(code) for code in range(coder.size)])
    return EncodedRows(paths, lengths, ids)


class _Texts:
    """Texts as gensim takes them, in another order in each pass; says how far it is."""

    def __init__(self, rows: EncodedRows, random: np.random.Generator, epochs: int, tokens: int):
        self._rows, self._random = rows, random
        self._epochs, self._tokens = epochs, tokens
        self._epoch = 0

    def __iter__(self) -> Iterator[list[str]]:
        self._epoch += 1
        told, done = time.monotonic(), 0
        for part in self._rows.parts(self._random):
            for row in self._random.permutation(len(part.rows)).tolist():
                text = part.ids[part.starts[row] : part.starts[row + 1]].tolist()
                yield list(map(str, text))
                done += len(text)
                if time.monotonic() - told > _TELL_EVERY_SECONDS:
                    told = time.monotonic()
                    percent = 100 * done / self._tokens
                    _log.info("skip-gram: epoch %s/%s, %.0f%%", self._epoch, self._epochs, percent)
