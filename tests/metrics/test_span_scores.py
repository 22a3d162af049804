"""Scores of spans and tags against seqeval, scikit-learn and the definition of CLUENER's script."""

import json
import warnings

import numpy as np
import pytest
import sklearn.metrics as sk
from seqeval.metrics import sequence_labeling as seqeval

from imbalance.checks import InputError
from imbalance.metrics.span_scores import (
    OF_EACH,
    precision_recall_f1,
    row_counts,
    span_scores,
    tag_counts,
    tag_scores,
)
from imbalance.spans import Span, from_tags, tag_names

TYPES = ["name", "place", "book"]
TAGS = tag_names(TYPES, "bio")


def random_tags(rows=60, seed=0, rare=0.02):
    """Return true and predicted tags of each row, the last type rare, some tags mistaken."""
    rng = np.random.default_rng(seed)
    chances = np.array([0.5, 0.14, 0.14, 0.1, 0.12 - 2 * rare, rare, rare])
    for _ in range(rows):
        true = rng.choice(len(TAGS), int(rng.integers(1, 20)), p=chances)
        mistaken = rng.random(len(true)) < 0.2
        yield true, np.where(mistaken, rng.permutation(true), true)


def spans_of(rows):
    return [from_tags(tags, "bio", len(TYPES)) for tags in rows]


@pytest.mark.parametrize("seed", [0, 1])
def test_spans_are_scored_as_seqeval_does(seed):
    true, predicted = zip(*random_tags(seed=seed), strict=True)
    scores = span_scores(row_counts(spans_of(true), spans_of(predicted), 3), TYPES)
    named = [[[TAGS[tag] for tag in row] for row in rows] for rows in (true, predicted)]
    every = seqeval.precision_recall_fscore_support(*named, average=None, zero_division=0)
    for index, name in enumerate(sorted(TYPES)):
        expected = [values[index] for values in every]
        each = scores["per_type"][name]
        got = [each[key] for key in ("precision", "recall", "f1", "support")]
        assert got == pytest.approx(expected)
    micro = seqeval.precision_recall_fscore_support(*named, average="micro")
    assert [scores[f"span_{key}"] for key in ("precision", "recall", "f1")] == pytest.approx(
        micro[:3]
    )
    assert scores["spans"] == micro[3]
    assert scores["span_macro_f1"] == pytest.approx(seqeval.f1_score(*named, average="macro"))
    json.dumps(scores, allow_nan=False)


def test_mentions_are_scored_as_the_script_of_cluener_defines_it():
    rng = np.random.default_rng(0)
    # Of two characters, so that mentions repeat within a row.
    texts = ["".join(rng.choice(["京", "海"], 12)) for _ in range(40)]
    gold, predicted = (
        [
            [Span(s, s + int(rng.integers(1, 4)), int(rng.integers(3))) for s in range(0, 12, 3)]
            for _ in texts
        ]
        for _ in range(2)
    )
    f1 = []
    for type_ in range(3):
        right = wrong = missed = 0
        for text, true, found in zip(texts, gold, predicted, strict=True):
            true = {text[s.start : s.end] for s in true if s.type == type_}
            found = {text[s.start : s.end] for s in found if s.type == type_}
            right += sum(mention in true for mention in found)
            wrong += sum(mention not in true for mention in found)
            missed += sum(mention not in found for mention in true)
        precision, recall = right / (right + wrong), right / (right + missed)
        f1.append(2 * precision * recall / (precision + recall))
    scores = span_scores(row_counts(gold, predicted, 3, texts), TYPES)
    assert [each["f1"] for each in scores["per_type"].values()] == pytest.approx(f1)
    assert scores["span_macro_f1"] == pytest.approx(np.mean(f1))
    strict = span_scores(row_counts(gold, predicted, 3), TYPES)
    assert strict["spans"] > scores["spans"]
    assert strict["span_macro_f1"] < scores["span_macro_f1"]


@pytest.mark.shared_data
def test_cluener_has_as_many_mentions_and_spans_as_its_file_lists(shared_data):
    lines = (shared_data / "cluener" / "dev.json").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    types = sorted({name for row in rows for name in row["label"]})
    labels = [
        [
            (types.index(name), places)
            for name, found in row["label"].items()
            for places in found.values()
        ]
        for row in rows
    ]
    gold = [[Span(s, e + 1, t) for t, places in row for s, e in places] for row in labels]
    mentions = row_counts(gold, gold, len(types), [row["text"] for row in rows])
    assert mentions.sum(axis=(0, 1)).tolist() == [sum(map(len, labels))] * 3
    spans = row_counts(gold, gold, len(types))
    assert spans.sum(axis=(0, 1)).tolist() == [sum(map(len, gold))] * 3


def test_equal_spans_of_a_row_count_once_and_all_of_a_span_must_be_right():
    gold = [[Span(0, 2, 0), Span(0, 2, 0), Span(4, 6, 1)], [Span(0, 2, 0)]]
    predicted = [[Span(4, 6, 1), Span(4, 6, 1), Span(0, 2, 1), Span(0, 1, 0)], []]
    counts = row_counts(gold, predicted, 2)
    assert counts.dtype == "int32"
    assert counts.tolist() == [[[0, 1, 1], [1, 1, 2]], [[0, 1, 0], [0, 0, 0]]]


def test_counts_of_rows_drawn_again_give_the_scores_of_those_rows():
    true, predicted = map(spans_of, zip(*random_tags(), strict=True))
    counts = row_counts(true, predicted, 3)
    drawn = np.random.default_rng(1).integers(0, len(true), (5, len(true)))
    f1 = precision_recall_f1(counts[drawn].sum(axis=(1, 2)))[2]
    for rows, value in zip(drawn, f1, strict=True):
        again = row_counts([true[r] for r in rows], [predicted[r] for r in rows], 3)
        assert span_scores(again, TYPES)["span_f1"] == value


def test_tags_are_scored_as_scikit_learn_does():
    true, predicted = map(np.concatenate, zip(*random_tags(), strict=True))
    counted = np.random.default_rng(2).random(len(true)) < 0.7
    scores = tag_scores(true, predicted, counted, TAGS)
    pair = true[counted], predicted[counted]
    assert scores["tokens"] == counted.sum()
    assert scores["token_accuracy"] == pytest.approx(sk.accuracy_score(*pair))
    ids = range(len(TAGS))
    assert scores["tag_macro_f1"] == pytest.approx(
        sk.f1_score(*pair, labels=ids, average="macro", zero_division=0)
    )
    assert scores["outside_share"] == pytest.approx(np.mean(pair[0] == 0))
    expected = sk.precision_recall_fscore_support(*pair, labels=ids, zero_division=0)
    for key, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        got = [each[key] for each in scores["per_tag"].values()]
        assert got == pytest.approx(values)
    json.dumps(scores, allow_nan=False)


def test_what_does_not_count_is_not_looked_at():
    true = np.array([[0, 1, -1], [2, 99, 99]])
    predicted = np.array([[0, 2, 99], [2, -1, -1]])
    counted = np.array([[True, True, False], [True, False, False]])
    counts = tag_counts(true, predicted, counted, 3)
    assert counts.tolist() == [[1, 1, 1], [0, 1, 0], [1, 1, 2]]
    rows = zip(true, predicted, counted, strict=True)
    assert counts.tolist() == sum(tag_counts(*row, 3) for row in rows).tolist()


@pytest.mark.parametrize("rows", [0, 2])
def test_without_rows_nothing_is_defined_and_without_spans_all_is_zero(rows):
    none = [[] for _ in range(rows)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = span_scores(row_counts(none, none, 3), TYPES)
        tags = np.zeros((rows, 4), int)
        tokens = tag_scores(tags, tags + 1, tags == 0, TAGS)
    expected = 0.0 if rows else None
    assert [scores[key] for key in ("span_f1", "span_macro_f1")] == [expected] * 2
    assert scores["absent_types"] == TYPES
    assert scores["per_type"]["book"] == dict(
        zip(OF_EACH, (0, 0, expected, expected, expected), strict=True)
    )
    assert [tokens[key] for key in ("token_accuracy", "tag_macro_f1")] == [expected] * 2
    assert tokens["outside_share"] == (1.0 if rows else None)
    assert tag_scores([], [], [], ["NOUN"])["outside_share"] is None


def test_tags_without_o_have_no_share_of_it():
    assert tag_scores([0, 1], [0, 0], [True, True], ["NOUN", "VERB"])["outside_share"] is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: row_counts([[]], [], 1), "predicted, how many rows: got 0, expected 1"),
        (lambda: row_counts([[]], [[]], 1, texts=[]), "texts, how many rows: got 0"),
        (lambda: row_counts([[]], [[Span(0, 1, 1)]], 1), "type of a span: got 1, expected 0 to 0"),
        (lambda: span_scores(np.zeros((2, 1, 3)), TYPES), r"counts, their shape: got \(2, 1, 3\)"),
        (lambda: tag_counts([0], [0, 0], [True], 1), "y_true, y_pred and counted, their shapes"),
        (lambda: tag_counts([0], [2], [True], 2), "y_pred, one of its ids: got 2, expected 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
