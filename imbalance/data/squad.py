"""Questions on texts and their accepted answers, in the JSON of SQuAD 1.1.

Source:
    Rajpurkar et al. 2016, SQuAD: 100,000+ Questions for Machine Comprehension of Text,
    arXiv:1606.05250.
"""

import json
from collections.abc import Iterator

from imbalance.checks import InputError
from imbalance.config import PAIR_SEPARATOR
from imbalance.data import readers, span_rows
from imbalance.data.accounting import Lines
from imbalance.data.readers import Skipped
from imbalance.data.span_rows import DAMAGED, OUTSIDE, SpanRow, Unusable

ANSWER = "answer"

_INCOMPLETE = "paragraph without context or questions"


def read(lines: Lines) -> Iterator[SpanRow | Skipped]:
    """Yield the questions of a document, see :mod:`imbalance.data.span_readers`.

    A place is that of the question's id, which stands behind it.

    Args:
        lines: those of the file.

    Raises:
        InputError: if they are not JSON to its end, or hold no list ``data``.

    Example:
        >>> line = (
        ...     '{"data": [{"paragraphs": [{"context": "他在北京。", "qas": [{"id": "q1",'
        ...     '"question": "在哪？", "answers": [{"text": "北京", "answer_start": 2}]}]}]}]}'
        ... )
        >>> [row] = read(Lines("a.json", [line]))
        >>> row.place, row.text, row.spans
        ('a.json:1 q1', '在哪？\\x1f他在北京。', ((6, 8, 'answer'),))
    """
    path, text = lines.name, "\n".join(line for _, line in readers.numbered(lines))
    line_of = _LineOf(text)
    articles = _articles(path, text)
    lines.of_rows(_held(articles), lines.read)
    for article in articles:
        [paragraphs] = _values(article, "paragraphs")
        if not isinstance(paragraphs, list):
            yield Skipped(f"{path}:{line_of.last}", "article without paragraphs")
            continue
        for paragraph in paragraphs:
            context, questions = _values(paragraph, "context", "qas")
            if not isinstance(questions, list):
                yield Skipped(f"{path}:{line_of.last}", _INCOMPLETE)
                continue
            for question in questions:
                [name] = _values(question, "id")
                place = f"{path}:{line_of(name)}" + (f" {name}" if isinstance(name, str) else "")
                yield span_rows.attempt(place, _row, context, question)


def _held(articles: list) -> int:
    """Return how many rows a document holds: questions, and what should have some and has none."""
    rows = 0
    for article in articles:
        [paragraphs] = _values(article, "paragraphs")
        for paragraph in paragraphs if isinstance(paragraphs, list) else [None]:
            [questions] = _values(paragraph, "qas")
            rows += len(questions) if isinstance(questions, list) else 1
    return rows


def _articles(path: str, text: str) -> list:
    try:
        document = span_rows.parse_json(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}: no JSON from column {error.colno} on ({error.msg}), expected "
            "a whole document in the format of SQuAD"
        ) from None
    except (ValueError, RecursionError, Unusable) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: {reason}, expected JSON in the format of SQuAD") from None
    [articles] = _values(document, "data")
    if not isinstance(articles, list):
        raise InputError(f'{path}: holds no list "data", expected JSON in the format of SQuAD')
    return articles


def _values(value, *names: str) -> list:
    """Return what an object holds under these names; None for what it lacks, or is none."""
    return [value.get(name) if isinstance(value, dict) else None for name in names]


class _LineOf:
    """The line on which the id of each question stands, asked for in their order."""

    def __init__(self, text: str):
        self._text, self._position = text, 0
        self.last = 1

    def __call__(self, name) -> int:
        """Return the line of the next question with this id, or that of the one before it."""
        if isinstance(name, str):
            found = self._text.find(json.dumps(name, ensure_ascii=False), self._position)
            if found >= 0:
                self.last += self._text.count("\n", self._position, found)
                self._position = found
        return self.last


def _row(place: str, context, value) -> SpanRow:
    if not isinstance(context, str):
        raise Unusable(_INCOMPLETE)
    question, answers = _values(value, "question", "answers")
    if not isinstance(question, str) or not isinstance(answers, list):
        raise Unusable("no question with a list of answers")
    if not question.strip():
        raise Unusable("empty question")
    if not context.strip():
        raise Unusable("empty text")
    if PAIR_SEPARATOR in question + context:
        raise Unusable("separator U+001F in the question or its context")
    if not answers or value.get("is_impossible") is True:
        raise Unusable("question without an answer")
    row = span_rows.span_row(place, question + PAIR_SEPARATOR + context, [])
    shift = len(question) + 1
    spans, left_out, texts = [], [], []
    for answer in answers:
        text, start = _values(answer, "text", "answer_start")
        if not isinstance(text, str) or not text.strip() or not span_rows.is_whole(start):
            left_out.append("answers without a text or an offset")
            continue
        text, _ = readers.mended(text)
        texts.append(text)
        start += shift
        end = start + len(text)
        if not shift <= start <= end <= len(row.text):
            left_out.append(f"answers with {OUTSIDE}")
        elif row.text[start:end] != text:
            left_out.append("answers that differ from what stands at their offsets")
        elif (start, end, ANSWER) in spans:
            left_out.append("answers at the place of another")
        else:
            spans.append((start, end, ANSWER))
    if not spans:
        # Offsets count characters, of which bytes that do not fit make others.
        raise Unusable(DAMAGED if row.broken else "no answer stands at its offset")
    control = span_rows.has_control(question + context)  # the separator is one, too
    return row._replace(
        spans=tuple(spans),
        group=readers.digest(readers.text_key(readers.mended(context)[0])),
        left_out=tuple(left_out),
        remarks=(span_rows.CONTROL,) if control else (),
        answers=tuple(texts),
    )
