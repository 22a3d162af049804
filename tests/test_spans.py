"""Spans, tags and pointers against brute force and against seqeval."""

import itertools

import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities

from imbalance import config
from imbalance.checks import InputError
from imbalance.spans import (
    Span,
    best_answer,
    best_tags,
    from_pointers,
    from_tags,
    from_word_tags,
    tag_names,
    to_pointers,
    to_tags,
    without_overlaps,
)

TYPES = ("address", "a-b", "名")


def random_spans(rng, length, overlapping=False):
    """Return spans of a text; without ``overlapping`` they may touch and share no character."""
    if overlapping:
        starts = rng.integers(0, length, 4)
        ends = [int(rng.integers(start + 1, length + 1)) for start in starts]
        bounds = list(zip(starts.tolist(), ends, strict=True))
    else:
        cuts = sorted({0, length, *rng.integers(0, length + 1, 6).tolist()})
        bounds = [pair for pair in itertools.pairwise(cuts) if rng.random() < 0.6]
    return [Span(start, end, int(rng.integers(len(TYPES)))) for start, end in bounds]


def texts(n=300, **settings):
    rng = np.random.default_rng(0)
    for _ in range(n):
        length = int(rng.integers(1, 16))
        yield rng, length, random_spans(rng, length, **settings)


@pytest.mark.parametrize("scheme", config.SCHEMES)
def test_tags_and_back(scheme):
    for _, length, spans in texts():
        tags, counted = to_tags(spans, length, scheme, len(TYPES))
        assert tags.dtype == "int32"
        if scheme == "words":
            assert from_word_tags(tags, spans) == spans
            assert np.flatnonzero(counted).tolist() == [span.end - 1 for span in spans]
        else:
            assert from_tags(tags, scheme, len(TYPES)) == spans
            assert counted.all()


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
def test_tags_have_the_letters_that_their_place_asks_for(scheme):
    names = tag_names(TYPES, scheme)
    for _, length, spans in texts(50):
        expected = ["O"] * length
        for start, end, type_ in spans:
            for place in range(start, end):
                first, last = place == start, place == end - 1
                letter = "B" if first else "I"
                if scheme == "bioes" and last:
                    letter = "S" if first else "E"
                expected[place] = f"{letter}-{TYPES[type_]}"
        tags, _ = to_tags(spans, length, scheme, len(TYPES))
        assert [names[tag] for tag in tags] == expected


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
def test_any_tags_are_read_as_seqeval_reads_them(scheme):
    names = tag_names(TYPES, scheme)
    rng = np.random.default_rng(1)
    for length in range(400):
        tags = rng.integers(0, len(names), length % 20)
        expected = [
            Span(start, last + 1, TYPES.index(type_))
            for type_, start, last in get_entities([names[tag] for tag in tags])
        ]
        assert from_tags(tags, scheme, len(TYPES)) == expected


def test_what_is_made_of_the_beginning_is_the_beginning_of_what_is_made():
    for rng, length, spans in texts(100, overlapping=True):
        cut = int(rng.integers(0, length))
        for scheme in config.SCHEMES:
            whole = to_tags(spans, length, scheme, len(TYPES))
            for part, all_ in zip(to_tags(spans, cut, scheme, len(TYPES)), whole, strict=True):
                assert part.tolist() == all_[:cut].tolist()
        assert to_pointers(spans, cut).tolist() == to_pointers(spans, length)[:cut].tolist()


def test_of_overlapping_spans_the_first_and_longest_is_kept():
    for _, length, spans in texts(overlapping=True):
        free, expected = [True] * length, []
        for start, end, type_ in sorted(spans, key=lambda span: (span.start, -span.end)):
            if all(free[start:end]):
                expected.append((start, end, type_))
                free[start:end] = [False] * (end - start)
        assert without_overlaps(spans) == expected
        assert from_tags(to_tags(spans, length, "bio", 3)[0], "bio", 3) == expected
        assert from_pointers(*to_pointers(spans, length).T) == expected


def test_pointers_pair_a_start_with_the_nearest_end_of_its_type():
    rng = np.random.default_rng(2)
    for _ in range(300):
        starts, ends = rng.integers(0, 3, (2, int(rng.integers(0, 12))))
        expected = []
        for start, type_ in enumerate(starts):
            later = [last for last in range(start, len(ends)) if ends[last] == type_]
            if type_ and later:
                expected.append((start, later[0] + 1, type_ - 1))
        assert from_pointers(starts, ends) == expected


def test_the_best_answer_is_the_best_of_all_pairs():
    rng = np.random.default_rng(3)
    for _ in range(200):
        length = int(rng.integers(1, 12))
        starts, ends = rng.normal(size=(2, length))
        first, last = sorted(rng.integers(0, length + 1, 2).tolist())
        longest = int(rng.integers(1, 14))
        pairs = [
            (starts[s] + ends[e - 1], s, e)
            for s in range(first, last)
            for e in range(s + 1, last + 1)
            if e - s <= longest
        ]
        score, start, end = max(pairs, default=(-np.inf, first, first))
        assert best_answer(starts, ends, first, last, longest) == (start, end, score)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tag_names(TYPES, "bieos"), "scheme: got 'bieos', .* mean 'bioes'"),
        (lambda: from_tags([0], "words", 1), "scheme: got 'words', expected bio or bioes"),
        (lambda: from_tags([0, 3], "bio", 1), "tags, one of the ids: got 3, expected 0 to 2"),
        (lambda: to_tags([(0, 1, 2)], 1, "bio", 2), "type of a span: got 2, expected 0 to 1"),
        (lambda: to_tags([(2, 2, 0)], 4, "bio", 2), r"span: got \(2, 2, 0\), expected 0 <="),
        (lambda: to_pointers([(-1, 2, 0)], 4), r"span: got \(-1, 2, 0\)"),
    ],
)
def test_what_is_no_span_or_tag_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
def test_best_tags_are_the_likeliest_of_all_that_stand_for_whole_spans(scheme):
    types, length = 2, 3
    tags = len(tag_names("ab", scheme))
    every = np.array(list(itertools.product(range(tags), repeat=length)))
    whole = [
        np.array_equal(to_tags(from_tags(each, scheme, types), length, scheme, types)[0], each)
        for each in every
    ]
    whole = every[whole]
    random = np.random.default_rng(3)
    for _ in range(50):
        probabilities = random.dirichlet(np.full(tags, 0.5), size=length)
        products = probabilities[np.arange(length), whole].prod(axis=-1)
        found = best_tags(probabilities, scheme)
        np.testing.assert_array_equal(found, whole[products.argmax()])
    assert best_tags(np.zeros((0, tags)), scheme).tolist() == []
    # Certain of what cannot be: still whole spans.
    assert best_tags(np.eye(tags)[[2, 2, 2]], scheme).tolist() in whole.tolist()
