import pytest
import tensorflow as tf

from imbalance.config import DataConfig
from imbalance.data.tokens import Tokenizer


def tokens(texts, kind="characters", keep="all", max_characters=None, max_length=50):
    tokenizer = Tokenizer(kind, keep, max_characters, max_length)
    split = tokenizer.split(tf.constant(tokenizer.prepare(texts)))
    return [[token.decode() for token in row] for row in split.to_list()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("好书", ["好", "书"]),
        ("  a \t\n　b ", ["a", " ", "b"]),
        ("a\x00\u200bb", ["a", " ", "b"]),
        ("😀e\u0301", ["😀", "e", "\u0301"]),
        ("", []),
        (" \u3000\n", []),
    ],
)
def test_characters(text, expected):
    assert tokens([text]) == [expected]


def test_broken_bytes_become_the_replacement_character():
    split = Tokenizer("characters", "all", None, 9).split(tf.constant([b"a\xff\xe4\xbdb"]))
    assert b"".join(split.to_list()[0]).decode() in ("a\ufffd\ufffdb", "a\ufffd\ufffd\ufffdb")


def test_letters_alone_after_the_first_characters():
    assert tokens(["1好,a！书b"], keep="letters", max_characters=5) == [["好", "a"]]


def test_length_counts_tokens():
    assert tokens(["abcdef"], max_length=3) == [["a", "b", "c"]]


def test_words_are_those_of_jieba_without_its_markov_model():
    import jieba

    text = "我来到北京清华大学, hello  world。杭研"
    expected = [word for word in jieba.cut(text.replace("  ", " "), HMM=False) if word != " "]
    assert tokens([text, ""], kind="words") == [expected, []]


def test_from_config():
    config = DataConfig(tokens="words", keep="letters", max_characters=7, max_length=5)
    assert Tokenizer.from_config(config) == Tokenizer("words", "letters", 7, 5)
