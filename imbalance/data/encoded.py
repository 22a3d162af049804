"""The encoded corpus: token ids on disk, in parts that are each a random sample of the rows.

A cache entry holds, for the training and the validation split, Parquet files of ``row`` (a
position in the split) and ``codes`` (:mod:`imbalance.data.codes`). Each row is in one part,
drawn at random, and a part is small enough for memory: whoever goes through the parts in any
order, and through the rows of each in any order, has shuffled the corpus, whatever order its
file had. Codes become ids when a part is read, so that a vocabulary of another size needs
nothing anew.
"""

import json
import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow
import tensorflow as tf
from pyarrow import parquet

from imbalance.config import DataConfig
from imbalance.data import cache, codes
from imbalance.data.codes import Block
from imbalance.data.corpus import Corpus, Split
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import SEPARATOR_ID, UNKNOWN_ID, TextEncoder, ranked, special

# 32 MB of ids as int32. Two parts are in memory, the one in use and the next.
_TOKENS_A_PART = 2**23
# Of a group of rows in a part: what is held in memory for each part while all are written.
_ROWS_A_GROUP, _TOKENS_A_GROUP = 8192, 2**20
_TELL_EVERY_SECONDS = 10
_SPLITS = ("train", "validation")
_SCHEMA = pyarrow.schema([("row", pyarrow.int64()), ("codes", pyarrow.large_list(pyarrow.int32()))])

_log = logging.getLogger(__name__)


class Part(NamedTuple):
    """Some rows of a split.

    Attributes:
        rows: positions in the split, int64, shape (n,).
        starts: where each row starts in ``ids``, and the end of the last, shape (n + 1,).
        ids: token ids of all rows, one after the other, int32.
    """

    rows: np.ndarray
    starts: np.ndarray
    ids: np.ndarray


class EncodedRows:
    """Token ids of a split, read from disk part by part.

    Args:
        paths: the files of the parts, as :func:`write_rows` wrote them.
        lengths: tokens of each row, shape (rows,).
        ids: the id of each code, int32.
    """

    def __init__(self, paths: Iterable[Path], lengths: np.ndarray, ids: np.ndarray):
        self._paths = list(paths)
        self.lengths = lengths
        self._ids = ids
        # The only part of a small corpus stays in memory.
        self._kept = lru_cache(maxsize=1)(self._read) if len(self._paths) == 1 else self._read

    def __len__(self) -> int:
        return len(self.lengths)

    def parts(self, random: np.random.Generator) -> Iterator[Part]:
        """Yield every part once, in an order that ``random`` draws, reading ahead by one."""
        order = random.permutation(len(self._paths)).tolist()
        with ThreadPoolExecutor(1) as ahead:
            following = ahead.submit(self._kept, order[0])
            for index in [*order[1:], None]:
                part = following.result()
                if index is not None:
                    following = ahead.submit(self._kept, index)
                yield part

    def _read(self, index: int) -> Part:
        rows, lengths, ids = [], [], []
        with parquet.ParquetFile(self._paths[index]) as file:
            for group in range(file.metadata.num_row_groups):
                table = file.read_row_group(group).combine_chunks()
                rows.append(table.column("row").chunk(0).to_numpy())
                lists = table.column("codes").chunk(0)
                lengths.append(np.diff(lists.offsets.to_numpy()))
                ids.append(self._ids[lists.flatten().to_numpy()])
        starts = np.append(0, np.cumsum(np.concatenate(lengths)))
        return Part(np.concatenate(rows), starts, np.concatenate(ids))


@dataclass(frozen=True)
class EncodedCorpus:
    """What training needs of a corpus.

    Attributes:
        encoder: with the vocabulary of the training split.
        rows: ``train``, and ``validation`` if it has rows.
    """

    encoder: TextEncoder
    rows: dict[str, EncodedRows]


def encode(corpus: Corpus, config: DataConfig, tokenizer: Tokenizer | None = None) -> EncodedCorpus:
    """Return the token ids of the training and validation split, from the cache where it can.

    Args:
        corpus: what :func:`imbalance.data.load` returned.
        config: ``tokens``, ``keep``, ``max_characters``, ``max_length``, ``vocabulary_size`` and
            ``oov_buckets`` are used.
        tokenizer: by default that of ``config``.

    Example:
        >>> from imbalance.data import load
        >>> config = DataConfig(imbalance_ratio=1000, cache=None)
        >>> encoded = encode(load(config), config)
        >>> encoded.encoder.vocabulary[:4], len(encoded.rows["train"])
        (('[PAD]', '[UNK]', '，', '的'), 6328)
    """
    tokenizer = tokenizer or Tokenizer.from_config(config)
    key = {
        "corpus": corpus.key,
        "tokenizer": vars(tokenizer),
        "tensorflow": tf.__version__,
        "segmenter": metadata.version("rjieba") if tokenizer.tokens == "words" else None,
        "code": cache.code(),
    }
    folder = corpus.cache.entry("encoded", key, lambda new: _write(new, corpus, tokenizer))
    rest = json.loads((folder / "encoded.json").read_text(encoding="utf-8"))
    first = len(special(tokenizer))
    tokens = parquet.read_table(folder / "tokens.parquet").slice(0, config.vocabulary_size - first)
    known = tokens.column("token").to_pylist()
    encoder = TextEncoder.of(tokenizer, known, config.oov_buckets)
    ids = np.full(rest["codes"], UNKNOWN_ID, np.int32)
    if config.oov_buckets:
        words = parquet.read_table(folder / "words.parquet").column("word").to_pylist()
        ids[: len(words)] = encoder.ids(words)
    ids[tokens.column("code").to_numpy()] = np.arange(first, first + len(known))
    if tokenizer.pairs:
        ids[rest["separator"]] = SEPARATOR_ID
    rows = {
        split: EncodedRows(
            [folder / _part_name(split, each) for each in range(parts)],
            np.load(folder / f"{split}-lengths.npy", allow_pickle=False),
            ids,
        )
        for split, parts in rest["parts"].items()
    }
    return EncodedCorpus(encoder, rows)


def _write(folder: Path, corpus: Corpus, tokenizer: Tokenizer) -> None:
    coder = codes.coder(tokenizer)
    counts = np.zeros(0, np.int64)
    parts = {}

    def counted(blocks):
        nonlocal counts
        for block in blocks:
            found = np.bincount(block.codes, minlength=len(counts))
            found[: len(counts)] += counts
            counts = found
            yield block

    for name in _SPLITS:
        split = corpus.splits[name]
        if not len(split):
            continue  # no validation rows were asked for
        blocks = _told(name, coder.blocks(split.texts), len(split))
        # The vocabulary is that of the training split alone.
        blocks = counted(blocks) if name == "train" else blocks
        parts[name] = part_count(split, tokenizer)
        lengths = write_rows(
            [folder / _part_name(name, each) for each in range(parts[name])], blocks
        )
        np.save(folder / f"{name}-lengths.npy", lengths)
    tokens = {coder.token(code): code for code in np.flatnonzero(counts).tolist()}
    order = ranked({token: counts[code] for token, code in tokens.items()})
    table = pyarrow.table(
        {
            "token": pyarrow.array(order, pyarrow.string()),
            "code": pyarrow.array([tokens[token] for token in order], pyarrow.int64()),
            "count": pyarrow.array([counts[tokens[token]] for token in order], pyarrow.int64()),
        }
    )
    parquet.write_table(table, folder / "tokens.parquet")
    if tokenizer.tokens == "words":
        # By code: also those that stand in the validation split alone.
        words = [coder.token(code) for code in range(coder.size)]
        words = pyarrow.table({"word": pyarrow.array(words, pyarrow.string())})
        parquet.write_table(words, folder / "words.parquet")
    rest = json.dumps({"codes": coder.size, "separator": coder.separator, "parts": parts})
    (folder / "encoded.json").write_text(rest, encoding="utf-8")


def part_count(split: Split, tokenizer: Tokenizer) -> int:
    """Return into how many parts a split goes: as many as keep one small enough for memory."""
    # A token is a character or more.
    longest = (2 * tokenizer.max_length + 1) if tokenizer.sides else tokenizer.max_length
    tokens = int(np.minimum(split.lengths, longest).sum(dtype=np.int64))
    return max(1, -(-tokens // _TOKENS_A_PART))


def write_rows(paths: list[Path], blocks: Iterable[Block], seed: int = 0) -> np.ndarray:
    """Deal rows at random to the parts at ``paths`` and return the length of each row, int32.

    Args:
        paths: a file for each part.
        blocks: the codes of all rows, in their order.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    writers = [_PartWriter(path) for path in paths]
    lengths = [np.zeros(0, np.int32)]
    row = 0
    try:
        for block in blocks:
            part = random.integers(len(writers), size=len(block.lengths), dtype=np.uint16)
            # Both in the order of the parts; a stable sort of such numbers takes linear time.
            order = np.argsort(part, kind="stable")
            tokens = block.codes[np.argsort(np.repeat(part, block.lengths), kind="stable")]
            ends = np.cumsum(np.bincount(part, minlength=len(writers)))
            shares = np.split(order, ends[:-1])
            sizes = [block.lengths[share].sum() for share in shares]
            token_shares = np.split(tokens, np.cumsum(sizes)[:-1])
            for writer, share, its_tokens in zip(writers, shares, token_shares, strict=True):
                writer.add(row + share, block.lengths[share], its_tokens)
            lengths.append(block.lengths.astype(np.int32))
            row += len(block.lengths)
    finally:
        for writer in writers:
            writer.close()
    return np.concatenate(lengths)


class _PartWriter:
    """Rows to one file, some thousand at a time."""

    def __init__(self, path: Path):
        self._writer = parquet.ParquetWriter(path, _SCHEMA, compression="zstd")
        self._waiting, self._rows, self._tokens = [], 0, 0

    def add(self, rows, lengths, tokens):
        self._waiting.append((rows, lengths, tokens))
        self._rows += len(rows)
        self._tokens += len(tokens)
        if self._rows >= _ROWS_A_GROUP or self._tokens >= _TOKENS_A_GROUP:
            self._flush()

    def close(self):
        self._flush()
        self._writer.close()

    def _flush(self):
        if self._rows:
            rows, lengths, tokens = map(np.concatenate, zip(*self._waiting, strict=True))
            lists = pyarrow.LargeListArray.from_arrays(np.append(0, np.cumsum(lengths)), tokens)
            columns = [pyarrow.array(rows), lists]
            self._writer.write_table(pyarrow.table(columns, schema=_SCHEMA))
        self._waiting, self._rows, self._tokens = [], 0, 0


def _told(name: str, blocks: Iterable[Block], rows: int) -> Iterator[Block]:
    """Pass blocks on and say now and then how far it is."""
    told, done = time.monotonic(), 0
    for block in blocks:
        yield block
        done += len(block.lengths)
        if time.monotonic() - told > _TELL_EVERY_SECONDS:
            told = time.monotonic()
            _log.info("encoding %s: %s of %s rows", name, f"{done:,}", f"{rows:,}")


def _part_name(split: str, index: int) -> str:
    return f"{split}-{index:05d}.parquet"
