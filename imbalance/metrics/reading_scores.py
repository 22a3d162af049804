"""Exact match and F1 of answers that were read out of a text, as SQuAD defines them."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from imbalance import checks

READING_SCORES = ("exact_match", "answer_f1")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_TOKEN = re.compile(rf"[{_HAN}]|[^\s{_HAN}]+")


def answer_tokens(text: str) -> list[str]:
    """Return what of an answer is compared: Chinese characters, and words of all other script.

    The text is put in lower case; punctuation, then the English articles a, an, the are taken
    out; a Han character is a token, as is whatever stands between them and white space.

    Punctuation is that of ASCII, as in SQuAD's script, and whatever Unicode calls so, as in
    that of MLQA. English gives the tokens of both scripts, Chinese those of MLQA's, which keeps
    the words a, an, the in Chinese answers.

    Source:
        Rajpurkar et al. 2016, SQuAD, arXiv:1606.05250; Lewis et al. 2020, MLQA,
        arXiv:1910.07475 (mixed segmentation).

    Example:
        >>> answer_tokens("The 《Red-Chamber》 dream, 红楼梦 18世纪。")
        ['redchamber', 'dream', '红', '楼', '梦', '18', '世', '纪']
    """
    kept = "".join(character for character in text.lower() if not _is_punctuation(character))
    return _TOKEN.findall(_ARTICLES.sub(" ", kept))


def answer_row_scores(predicted: Sequence[str], answers: Sequence[Sequence[str]]) -> np.ndarray:
    """Score each answer against those that are accepted; the best of them counts.

    Exact match is 1 if the tokens are the same in the same order. F1 is that of the tokens as a
    multiset: ``2 · common / (predicted tokens + accepted tokens)``.

    The script published with CMRC 2018 takes another F1: ``common`` is the length of the longest
    run of tokens that both have, punctuation is a list of its own, English is split by NLTK and
    articles stay. Its F1 is never above this one where the tokens are the same.

    Args:
        predicted: an answer for each row, (rows,); empty where there is none.
        answers: those accepted in each row. Of none at all, or where all tokens are gone, the
            right answer is one without tokens, as in SQuAD 2.0.

    Returns:
        float64 of shape (rows, 2): exact match and F1, in [0, 1].

    Raises:
        InputError: if there are not as many rows in both, or ``answers`` holds a plain string.

    Source:
        Rajpurkar et al. 2016, SQuAD, arXiv:1606.05250; Rajpurkar et al. 2018, Know What You
        Don't Know, arXiv:1806.03822 (no answer); Cui et al. 2019, A Span-Extraction Dataset for
        Chinese Machine Reading Comprehension, arXiv:1810.07366 (CMRC 2018).

    Example:
        >>> answer_row_scores(["1998年1月", "Paris"], [["1998年", "98年"], ["the Paris!"]]).round(3)
        array([[0.   , 0.667],
               [1.   , 1.   ]])
    """
    if len(predicted) != len(answers):
        raise checks.wrong("predicted, how many rows", len(predicted), str(len(answers)))
    scores = np.zeros((len(predicted), 2))
    for row, (found, accepted) in enumerate(zip(predicted, answers, strict=True)):
        if isinstance(accepted, str):
            raise checks.wrong(f"answers of row {row}", accepted, "a list of answers")
        tokens = answer_tokens(found)
        scores[row] = np.max([_compare(tokens, answer_tokens(a)) for a in accepted or [""]], axis=0)
    return scores


def reading_scores(row_scores) -> dict[str, int | float | None]:
    """Return the means over the rows.

    Args:
        row_scores: of :func:`answer_row_scores`, shape (rows, 2).

    Returns:
        ``rows``, ``exact_match`` and ``answer_f1``, in [0, 1]; without rows, scores are ``None``.

    Example:
        >>> reading_scores([[0.0, 0.5], [1.0, 1.0]])
        {'rows': 2, 'exact_match': 0.5, 'answer_f1': 0.75}
    """
    row_scores = np.asarray(row_scores, "float64").reshape(-1, 2)
    means = row_scores.mean(axis=0).tolist() if len(row_scores) else [None, None]
    return {"rows": len(row_scores)} | dict(zip(READING_SCORES, means, strict=True))


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def _compare(found: list[str], accepted: list[str]) -> tuple[float, float]:
    exact = float(found == accepted)
    if not found or not accepted:
        return exact, exact
    common = (Counter(found) & Counter(accepted)).total()
    return exact, 2 * common / (len(found) + len(accepted))
