"""The graph's words are those of training, and stand where it says."""

import random

import pytest
import tensorflow as tf

from imbalance.data import reviews
from imbalance.data.readers import Row
from imbalance.data.tokens import Tokenizer
from imbalance.serving.word_graph import WordGraph

USER_WORDS = (("性价比高", 1000), ("入住率", None), ("γ射线", 1000), ("书不错", 1))

ODD = [
    "",
    " ",
    "\n\r\n\t",
    "他来到了网易杭研大厦\n小明硕士毕业于中国科学院计算所",
    " hello  world, hello世界HELLO ",
    "it 's a café -lrb- don't -rrb- 3.5 stars",
    "C++和c#，T恤卡拉OK+3.14%的100.5kg a_b-c&d 007",
    "１２３ＡＢＣ，全角",
    "😀好👨‍👩‍👧书e\u0301é\u200b\ufeff\ufffe▁",
    "\x00不\x00好\x00",
    "\ufffd坏\ufffd𠀀𠮷野家的牛肉饭龦龥龻㐀々〇",
    "ひらがなカタカナ한국어，，。γ射线的性价比高。",
    "的" * 500 + "a" * 500,
]


@pytest.fixture(scope="module")
def graph():
    return WordGraph(Tokenizer("words", "all", None, 10_000, user_words=USER_WORDS))


def cut(graph, texts):
    return [[word.decode() for word in row] for row in graph(tf.constant(texts)).words.to_list()]


def trained(texts, **settings):
    settings = {"keep": "all", "max_characters": None, "max_length": 10_000} | settings
    tokenizer = Tokenizer("words", user_words=USER_WORDS, **settings)
    split = tokenizer.split(tf.constant(tokenizer.prepare(texts)))
    return [[word.decode() for word in row] for row in split.to_list()]


def test_odd_texts(graph):
    assert cut(graph, ODD) == trained(ODD)
    assert graph(tf.constant([], tf.string)).words.shape[0] == 0


def test_reviews(graph):
    rows = [row for _, file in reviews.read_reviews(None, seed=0) for row in file]
    texts = [row.text for row in rows if isinstance(row, Row)][::30]
    same = [a == b for a, b in zip(cut(graph, texts), trained(texts), strict=True)]
    assert len(same) > 500
    assert sum(same) >= len(same) - 1


def test_random_texts(graph):
    chosen = random.Random(2)
    letters = "".join(ODD[:11]) + "的一是在不了有和人这中大为上个国性价比高入住率" * 10 + "+#&._%-"
    texts = ["".join(chosen.choices(letters, k=chosen.randrange(40))) for _ in range(1000)]
    same = [a == b for a, b in zip(cut(graph, texts), trained(texts), strict=True)]
    assert sum(same) >= 0.99 * len(same)


def test_words_stand_where_it_says(graph):
    texts = [text.replace("\x00", " ").replace("\u200b", " ") for text in ODD[:-1]]
    words, starts, ends = (each.to_list() for each in graph(tf.constant(texts)))
    assert sum(map(len, words)) > 80
    for text, row, first, last in zip(texts, words, starts, ends, strict=True):
        assert [word.decode() for word in row] == [
            text[start:end] for start, end in zip(first, last, strict=True)
        ]


@pytest.mark.parametrize(
    "settings", [{"keep": "letters"}, {"max_characters": 7}, {"max_length": 3}], ids=str
)
def test_what_is_dropped_and_cut(settings):
    limits = {"keep": "all", "max_characters": None, "max_length": 10_000} | settings
    limited = WordGraph(Tokenizer("words", user_words=USER_WORDS, **limits))
    assert cut(limited, ODD) == trained(ODD, **settings)
    text = "书，不 错！很好"
    words, starts, ends = (each.to_list()[0] for each in limited(tf.constant([text])))
    for word, start, end in zip(words, starts, ends, strict=True):
        kept = text[start:end]
        if settings.get("keep") == "letters":
            kept = kept.translate(str.maketrans("", "", "，！ "))
        assert word.decode() == kept


def test_broken_bytes_are_one_sign_each(graph):
    found = graph(tf.constant([b"\xff\xe5\xa5\xbd\xe4\xb9", b"\x80"]))
    assert found.words.to_list() == [
        ["\ufffd".encode(), "好".encode(), "\ufffd".encode()],
        ["\ufffd".encode()],
    ]
    assert found.starts.to_list() == [[0, 1, 2], [0]]
