import random

import numpy as np
import pytest
import tensorflow as tf

from imbalance.data.codes import coder
from imbalance.data.tokens import Tokenizer

ODD = (
    "\x1f\0\t\n\r \x85\xa0\xad\u200b\u2028\u3000\ufeff\ufffd\ufffe\uffff\U0010ffff😀一鿕鿖Azé\u0301"
)


def tokens_of(tokenizer, texts):
    codes = coder(tokenizer)
    found = []
    for block in codes.blocks(texts):
        tokens = map(codes.token, block.codes.tolist())
        found += [[next(tokens) for _ in range(length)] for length in block.lengths.tolist()]
    return found


def split(tokenizer, texts):
    rows = tokenizer.split(tf.constant(tokenizer.prepare(texts))).to_list()
    return [[token.decode() for token in row] for row in rows]


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("keep", ["all", "letters", "exact"])
@pytest.mark.parametrize(("characters", "length"), [(None, 400), (7, 5)])
def test_characters_are_those_of_the_tokenizer(keep, characters, length, pairs):
    tokenizer = Tokenizer("characters", keep, characters, length, pairs)
    draw = random.Random(1)
    texts = ["".join(draw.choices(ODD, k=draw.randrange(20))) for _ in range(6000)]
    assert tokens_of(tokenizer, texts) == split(tokenizer, texts)


@pytest.mark.parametrize("keep", ["all", "letters", "exact"])
def test_every_code_point_is_read_as_by_the_tokenizer(keep):
    tokenizer = Tokenizer("characters", keep, None, 4, pairs=keep == "exact")
    points = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    found = np.concatenate(
        [block.codes for block in coder(tokenizer).blocks(f"x{chr(point)}x" for point in points)]
    )
    ragged = tokenizer.split(tf.constant([f"x{chr(point)}x" for point in points]))
    expected = tf.strings.unicode_decode(ragged.flat_values, "UTF-8").flat_values
    assert np.array_equal(found, expected.numpy())


@pytest.mark.parametrize("pairs", [False, True])
def test_words_are_those_of_the_tokenizer(pairs):
    tokenizer = Tokenizer("words", "all", None, 6, pairs)
    texts = ["我来到北京清华大学, hello  world。杭研", "", " \t", "好 [UNK] 好\u2028a"] * 3
    texts += ["一二三\x1f好书 [SEP]", "\x1f好", "好\x1f", "a\x1fb\x1fc\x1f", "\x1f"]
    assert tokens_of(tokenizer, texts) == split(tokenizer, texts)


@pytest.mark.parametrize(
    ("tokenizer", "expected"),
    [
        (Tokenizer("characters", "all", None, 3, True), [*"a b\x1fc d"]),
        (Tokenizer("characters", "all", 4, 9, True), [*"a b\x1fc d"]),
        (Tokenizer("characters", "letters", None, 2, True), [*"ab\x1fcd"]),
        # Offsets in the whole must not change.
        (Tokenizer("characters", "exact", None, 10, True), [*"a  bbb \x1f c"]),
        (Tokenizer("words", "all", None, 2, True), ["a", "bbb", "\x1f", "c", "de"]),
    ],
)
def test_the_limits_are_of_either_side_of_a_pair(tokenizer, expected):
    [tokens] = tokens_of(tokenizer, ["a \tbbb\n\x1f c de\x1ff"])
    assert tokens == expected


def test_exact_tokens_are_at_the_offsets_of_their_characters():
    tokenizer = Tokenizer("characters", "exact", None, 1000)
    draw = random.Random(1)
    for text in ("".join(draw.choices(ODD, k=50)) for _ in range(20)):
        [tokens] = tokens_of(tokenizer, [text])
        assert len(tokens) == len(text)
        assert all(token in (" ", of_text) for token, of_text in zip(tokens, text, strict=True))


@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_no_text(tokens):
    tokenizer = Tokenizer(tokens, "all", None, 6)
    assert tokens_of(tokenizer, []) == []
    assert tokens_of(tokenizer, ["", "  "]) == [[], []]
