"""Exact match and F1 of answers against the definition, written out for each language."""

import string
from difflib import SequenceMatcher

import numpy as np
import pytest

from imbalance.checks import InputError
from imbalance.metrics.reading_scores import (
    answer_row_scores,
    answer_tokens,
    reading_scores,
)

ENGLISH = ["The ", "a", " an ", "U.S.", " red-chamber", "\t dream, ", "theatre ", " 42% ", "  "]
CHINESE = list("红楼梦一二，。《》 ") + ["BERT", "The", " a "]


def random_texts(pieces, rng):
    return "".join(rng.choice(pieces, int(rng.integers(0, 7))))


def plain_tokens(text, chinese):
    removed = string.punctuation + "，。《》"
    text = "".join(c for c in text.lower() if c not in removed)
    if chinese:
        text = "".join(f" {c} " if "\u4e00" <= c <= "\u9fff" else c for c in text)
    return [token for token in text.split() if token not in ("a", "an", "the")]


def plain_f1(found, accepted):
    left, common = list(accepted), 0
    for token in found:
        if token in left:
            left.remove(token)
            common += 1
    if not common:
        return float(found == accepted)
    precision, recall = common / len(found), common / len(accepted)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("chinese", [False, True], ids=["english", "chinese"])
def test_the_best_of_the_accepted_answers_counts(chinese):
    rng = np.random.default_rng(0)
    pieces = CHINESE if chinese else ENGLISH
    # An article that touches a Chinese character is no word of its own.
    pieces = [piece for piece in pieces if not (chinese and piece == "The")]
    rows = [[random_texts(pieces, rng) for _ in range(4)] for _ in range(300)]
    predicted, answers = [row[0] for row in rows], [row[1:] for row in rows]
    expected = []
    for found, accepted in zip(predicted, answers, strict=True):
        found = plain_tokens(found, chinese)
        accepted = [plain_tokens(each, chinese) for each in accepted]
        exact = float(any(found == each for each in accepted))
        expected.append([exact, max(plain_f1(found, each) for each in accepted)])
    scores = answer_row_scores(predicted, answers)
    np.testing.assert_allclose(scores, expected)
    assert 0 < scores[:, 0].mean() < scores[:, 1].mean() < 1
    means = reading_scores(scores)
    assert means["exact_match"] == pytest.approx(np.mean(expected, axis=0)[0])
    assert means["answer_f1"] == pytest.approx(np.mean(expected, axis=0)[1])


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("北京 大学", ["北", "京", "大", "学"]),
        ("1998年1月", ["1998", "年", "1", "月"]),
        ("the theatre of a café", ["theatre", "of", "café"]),
        ("“Ünïversity”—‘B’", ["ünïversityb"]),
        ("𠮷野家 BERT模型", ["𠮷", "野", "家", "bert", "模", "型"]),
        ("The, 。", []),
    ],
)
def test_tokens(text, tokens):
    assert answer_tokens(text) == tokens


def test_f1_is_never_below_that_of_the_longest_common_run():
    rng = np.random.default_rng(1)
    for _ in range(200):
        found, accepted = (random_texts(CHINESE, rng) for _ in range(2))
        a, b = answer_tokens(found), answer_tokens(accepted)
        run = SequenceMatcher(a=a, b=b, autojunk=False).find_longest_match().size
        f1 = 2 * run / max(len(a) + len(b), 1)
        assert answer_row_scores([found], [[accepted]])[0, 1] >= f1


def test_no_answer_is_right_where_none_is_accepted():
    scores = answer_row_scores(["", "the", "x", ""], [[], ["。"], [], ["x"]])
    assert scores.tolist() == [[1, 1], [1, 1], [0, 0], [0, 0]]


def test_without_rows_no_score_is_defined():
    scores = answer_row_scores([], [])
    assert scores.shape == (0, 2)
    assert reading_scores(scores) == {"rows": 0, "exact_match": None, "answer_f1": None}


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="predicted, how many rows: got 1, expected 0"):
        answer_row_scores(["a"], [])
    with pytest.raises(InputError, match="answers of row 1: got 'abc', expected a list of answers"):
        answer_row_scores(["a", "b"], [["a"], "abc"])
