"""The graph's spans are those of :mod:`imbalance.spans`, text by text."""

import numpy as np
import pytest
import tensorflow as tf

from imbalance import spans
from imbalance.serving import span_graph
from imbalance.spans import Span

ROWS, TIME, TYPES = 60, 9, 3


def random_batch(seed, *classes):
    random = np.random.default_rng(seed)
    # Sharp: many likeliest classes that are not O.
    logits = 4 * random.normal(size=(ROWS, TIME, *classes))
    probabilities = (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).astype("float32")
    lengths = random.integers(0, TIME + 1, size=ROWS)
    return probabilities, lengths, np.arange(TIME) < lengths[:, None]


def of_rows(found):
    rows = [[] for _ in range(ROWS)]
    for row, start, end, type_, score in zip(
        *(each.numpy().tolist() for each in found), strict=True
    ):
        rows[row].append((Span(start, end, type_), pytest.approx(score, rel=1e-6)))
    return rows


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
def test_tags(scheme):
    classes = len(spans.tag_names("abc", scheme))
    probabilities, lengths, inside = random_batch(1, classes)
    found = of_rows(span_graph.from_tags(tf.constant(probabilities), tf.constant(inside), scheme))
    assert sum(map(len, found)) > ROWS
    for row, length, own in zip(probabilities, lengths, found, strict=True):
        tags = spans.best_tags(row[:length], scheme)
        wanted = spans.from_tags(tags, scheme, TYPES)
        scores = spans.tag_span_scores(wanted, row[np.arange(length), tags], scheme)
        assert list(zip(wanted, scores.tolist(), strict=True)) == own


def test_tags_of_words():
    probabilities, lengths, inside = random_batch(2, TYPES)
    random = np.random.default_rng(2)
    letters = inside & (random.random(inside.shape) < 0.7)
    found = of_rows(span_graph.from_word_tags(tf.constant(probabilities), tf.constant(letters)))
    for row, letter, own in zip(probabilities, letters, found, strict=True):
        text = "".join("x" if each else " " for each in letter)
        words, start = [], 0
        for word in text.split(" "):
            words += [(start, start + len(word))] if word else []
            start += len(word) + 1
        wanted = spans.from_word_tags(row.argmax(-1), words)
        scores = spans.tag_span_scores(wanted, row.max(-1), "words")
        assert list(zip(wanted, scores.tolist(), strict=True)) == own


def test_pointers():
    probabilities, lengths, inside = random_batch(3, 2, 1 + TYPES)
    found = of_rows(span_graph.from_pointers(tf.constant(probabilities), tf.constant(inside)))
    assert sum(map(len, found)) > ROWS
    for row, length, own in zip(probabilities, lengths, found, strict=True):
        wanted = spans.from_pointers(*row[:length].argmax(-1).T)
        scores = spans.pointer_span_scores(wanted, *row[:length].max(-1).T)
        assert list(zip(wanted, scores.tolist(), strict=True)) == own


@pytest.mark.parametrize("longest", [1, 3, 20])
def test_answers(longest):
    probabilities, lengths, inside = random_batch(4, 2)
    inside[:, :2] = False
    starts, ends = np.moveaxis(np.round(2 * np.log(probabilities)) / 2, -1, 0)
    found = span_graph.best_answer(
        tf.constant(starts), tf.constant(ends), tf.constant(inside), longest
    )
    for row, length in enumerate(lengths):
        start, end, score = spans.best_answer(starts[row], ends[row], 2, max(length, 2), longest)
        if score == -np.inf:
            start = end = 0
        own = [each[row].numpy() for each in found]
        assert own[:2] == [start, end]
        np.testing.assert_allclose(own[2], score, rtol=1e-5)


def test_what_a_server_answers():
    found = span_graph.Found(
        tf.constant([0, 0, 2], tf.int64),
        tf.constant([0, 3, 1]),
        tf.constant([1, 5, 2]),
        tf.constant([1, 0, 1]),
        tf.constant([0.5, 0.25, 1.0]),
    )
    answer = span_graph.padded(found, 4, tf.constant(["a", "b"]))
    assert answer["count"].numpy().tolist() == [2, 0, 1, 0]
    assert answer["start"].numpy().tolist() == [[0, 3], [-1, -1], [1, -1], [-1, -1]]
    assert answer["end"].numpy().tolist() == [[1, 5], [-1, -1], [2, -1], [-1, -1]]
    assert answer["type"].numpy().tolist() == [[b"b", b"a"], [b"", b""], [b"b", b""], [b"", b""]]
    assert answer["score"].numpy().tolist() == [[0.5, 0.25], [0, 0], [1, 0], [0, 0]]
    nothing = span_graph.Found(*(each[:0] for each in found))
    assert span_graph.padded(nothing, 2, tf.constant(["a"]))["start"].shape == (2, 0)
