"""Cutting Chinese into words: ``Tokenizer.prepare`` beside ``jieba.cut`` in one process."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import jieba
import tensorflow as tf

from benchmarks.measure import NO_FUDAN, Note, Row, compare, fudan
from imbalance.data import readers, reviews
from imbalance.data.tokens import Tokenizer

# What is kept of a document, as in training.
_CHARACTERS = 400
# So few that no further process is started.
_MOST_IN_ONE_PROCESS = 2_000


def run(quick: bool) -> Iterator[Row | Note]:
    folder = fudan()
    name = "reviews" if folder is None else "Fudan"
    if folder is None:
        yield Note(f"words: of the embedded reviews, since {NO_FUDAN}")
    documents = _clean(_reviews() if folder is None else _fudan(folder))
    jieba.setLogLevel("WARNING")
    jieba.initialize()
    in_one = documents[:: -(-len(documents) // _MOST_IN_ONE_PROCESS)]
    yield _compare(f"words of {name}, one process", in_one[:500] if quick else in_one)
    if not quick:
        yield _compare(f"words of {name}, all cores", documents)


def _compare(name: str, documents: Sequence[str]) -> Row:
    tokenizer = Tokenizer("words", "all", max_characters=None, max_length=_CHARACTERS)
    if tokenizer.prepare(documents) != _by_jieba(documents):
        raise AssertionError(f"{name}: ours are not those of jieba")
    return compare(
        f"{name} ({len(documents):,} texts)",
        lambda: tokenizer.prepare(documents),
        lambda: _by_jieba(documents),
        unit="characters/s",
        amount=sum(map(len, documents)),
        repeats=5,
        warmup=0,
    )


def _by_jieba(documents: Sequence[str]) -> list[str]:
    return [
        " ".join(word for word in jieba.cut(text, HMM=False) if word != " ") for text in documents
    ]


def _clean(texts: Sequence[str]) -> list[str]:
    """Return the texts as a tokenizer cleans them, so that both sides cut the same."""
    tokenizer = Tokenizer("characters", "all", _CHARACTERS, _CHARACTERS)
    batches = (
        tokenizer.split(tf.constant(texts[i : i + 1000])) for i in range(0, len(texts), 1000)
    )
    rows = chain.from_iterable(batch.to_list() for batch in batches)
    return [b"".join(row).decode() for row in rows]


def _fudan(folder: Path) -> list[str]:
    rows = chain.from_iterable(
        readers.read_file(path, "lines", readers.Columns())
        for split in ("train", "test")
        for path in folder.glob(f"{split}.txt*")
    )
    return [row.text for row in rows if isinstance(row, readers.Row)]


def _reviews() -> list[str]:
    files = reviews.read_reviews(None, seed=0)
    return [row.text for _, rows in files for row in rows if isinstance(row, readers.Row)]
