"""One reader per format of texts with marked spans; each yields :class:`SpanRow` or ``Skipped``.

===========  ====================================================================================
format       a row is
===========  ====================================================================================
``cluener``  a line ``{"text": …, "label": {type: {mention: [[first, last], …]}}}`` of JSON, whose
             ``last`` is that of the last character
``conll``    lines up to a blank one: a token first, its tag last, in columns set apart by tabs or
             blanks; ``-DOCSTART-`` is passed over. Tags are those of BIO, IOB1 or BIOES
``conllu``   the words of a sentence and their universal parts of speech
``words``    a line of ``word/tag`` set apart by blanks; brackets around compounds, as in
             ``[中央/n 电台/n]nt``, are taken off
``squad``    a question of a document in the format of SQuAD 1.1
===========  ====================================================================================

Offsets count characters (code points). The words of ``conllu`` and ``words`` are joined by single
blanks and each is a span. The tokens of ``conll`` are joined without a blank where both have one
character or where a wide character (Chinese, Japanese, Korean) touches the other token, and by
one blank elsewhere: characters make up the text they were cut from, English words stay words. The
text of a ``squad`` row is ``question + "\\x1f" + context``, its spans are the accepted answers,
each place once.

What becomes of what is not as it should be:

===============================================  ===============================================
a row                                            is skipped and counted if it has
===============================================  ===============================================
of any format                                    no text, or white space alone
``cluener``                                      no JSON object, a key twice, no label, a label of
                                                 another form, offsets outside the text, or a
                                                 mention that is not what stands at its offsets
``conll``                                        a line with one column or with more or fewer than
                                                 its first, an empty token, a tag of another kind
                                                 or without a type
``conllu``                                       a line without ten columns, a wrong number of a
                                                 word, a word without text or part of speech
``words``                                        anything that is not ``word/tag``
``squad``                                        no question, the separator in a text, another
                                                 form, no answer (SQuAD 2.0), or none that stands
                                                 at its offset
===============================================  ===============================================

A span that is wrong costs the row, since a text whose marks have a gap would teach a falsehood; a
wrong answer costs only itself, since others may stand beside it, and is counted. Also counted are
spans marked twice (kept once), spans of ``conll`` that begin with I or E (kept: IOB1 begins so),
multiword ranges and empty nodes of ``conllu`` (left out, the words of a range are kept), brackets
taken off, texts with control characters and with bytes that do not fit the encoding (kept). A
``squad`` file that is cut off, or no such document, is refused.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from imbalance import checks
from imbalance.checks import InputError
from imbalance.data import readers
from imbalance.data.readers import Skipped

SEPARATOR = "\x1f"
ANSWER = "answer"
NO_LABEL = "no label"
BEGINS_INSIDE = "spans that begin with an I or E tag, as in IOB1"
REPEATED_SPAN = "spans marked twice, kept once"
CONTROL = "with control characters"
OUTSIDE = "offsets outside the text"
DIFFERENT = "marked text differs from its offsets"

_TAG = re.compile(r"([BIES])-(.+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# First character, the one after the last, name of the type.
NamedSpan = tuple[int, int, str]


class SpanRow(NamedTuple):
    """A usable text with its spans.

    Attributes:
        place: ``file:line``, of the line it starts on.
        text: as it was read; bytes that do not fit the encoding are U+FFFD.
        spans: each once, in the order of the text; they may overlap.
        digest: of ``readers.text_key``; equal for rows with the same text.
        group: of what must not be cut apart: the text, or the context of a question.
        broken: whether bytes did not fit the encoding.
        remarks: what else deserves a word, one entry for each time.
        answers: of ``squad``, every accepted answer as it is written, also where it stands at no
            offset, since official scores compare with these texts.
    """

    place: str
    text: str
    spans: tuple[NamedSpan, ...]
    digest: bytes
    group: bytes
    broken: bool
    remarks: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


class _Unusable(Exception):
    """Why a row is skipped."""


def read_file(path: Path, format: str, encoding: str = "auto") -> Iterator[SpanRow | Skipped]:
    """Yield the rows of one file, in its order.

    Args:
        path: the file; ``.gz``, ``.xz`` and ``.bz2`` are unpacked.
        format: ``cluener``, ``conll``, ``conllu``, ``words`` or ``squad``.
        encoding: ``auto`` is UTF-8, with or without a byte order mark.

    Raises:
        InputError: if the file cannot be read to its end, or is no ``squad`` document.
    """
    return _FORMATS[format](readers.shown(path), readers.numbered_lines(path, encoding))


def parse_words(place: str, line: str) -> SpanRow | Skipped:
    """Return the row of a line of ``word/tag``.

    Example:
        >>> row = parse_words("a.txt:1", "[中央/n  电台/n]nt  1/2/m")
        >>> row.text, row.spans[0], row.spans[-1]
        ('中央 电台 1/2', (0, 2, 'n'), (6, 9, 'm'))
    """
    return _attempt(place, _words_of_line, line)


def _attempt(place: str, read: Callable, *args) -> SpanRow | Skipped:
    try:
        return read(place, *args)
    except _Unusable as error:
        return Skipped(place, str(error))


def _row(place: str, text: str, spans: list[NamedSpan], remarks=(), **rest) -> SpanRow:
    text, broken = readers.mended(text)
    key = readers.text_key(text)
    if not key:
        raise _Unusable("empty text")
    once = sorted(set(spans))
    remarks = [*remarks, *[REPEATED_SPAN] * (len(spans) - len(once))]
    if _CONTROL.search(text.replace(SEPARATOR, "", 1) if "group" in rest else text):
        remarks.append(CONTROL)
    digest = readers.digest(key)
    rest = {"group": digest} | rest
    return SpanRow(place, text, tuple(once), digest, broken=broken, remarks=tuple(remarks), **rest)


def _type(value, reason: str) -> str:
    name, _ = readers.mended(readers.label_name(value)) if isinstance(value, str) else ("", False)
    if not name:
        raise _Unusable(reason)
    return name


def _json(text: str):
    """Return what JSON text says; a key that stands twice is an error, not overwritten."""
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unusable("a key stands twice")
    return found


def _cluener(path: str, lines) -> Iterator[SpanRow | Skipped]:
    for number, line in lines:
        yield _attempt(f"{path}:{number}", _cluener_row, line)


def _cluener_row(place: str, line: str) -> SpanRow:
    if not line.strip():
        raise _Unusable("blank line")
    try:
        value = _json(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _Unusable("not a JSON object")
    text, label = value.get("text"), value.get("label")
    if not isinstance(text, str):
        raise _Unusable("text is not a string" if "text" in value else "field missing")
    if label is None:
        raise _Unusable(NO_LABEL)
    text, spans = readers.mended(text)[0], []
    form = "label is not {type: {mention: [[first, last], …]}}"
    for kind, mentions in _items(label, form):
        kind = _type(kind, "type without a name")
        for mention, places in _items(mentions, form):
            if not isinstance(places, list):
                raise _Unusable(form)
            for each in places:
                if not (isinstance(each, list) and len(each) == 2 and all(map(_whole, each))):
                    raise _Unusable(form)
                first, last = each
                if not 0 <= first <= last < len(text):
                    raise _Unusable(OUTSIDE)
                if text[first : last + 1] != readers.mended(mention)[0]:
                    raise _Unusable(DIFFERENT)
                spans.append((first, last + 1, kind))
    return _row(place, value["text"], spans)


def _items(value, reason: str):
    if not isinstance(value, dict):
        raise _Unusable(reason)
    return value.items()


def _whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _sentences(lines, passed_over: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines between blank ones, with the number of the first."""
    found, start = [], 0
    for number, line in chain(lines, [(0, "")]):
        if not line.strip() or line.startswith(passed_over):
            # A comment of CoNLL-U belongs to its sentence, what starts a document ends one.
            if found and not line.startswith("#"):
                yield start, found
                found = []
            continue
        if not found:
            start = number
        found.append(line)


def _conll(path: str, lines) -> Iterator[SpanRow | Skipped]:
    for number, sentence in _sentences(lines, "-DOCSTART-"):
        yield _attempt(f"{path}:{number}", _conll_row, sentence)


def _conll_row(place: str, lines: list[str]) -> SpanRow:
    records = [
        line.split("\t") if "\t" in line else re.split(" +", line.strip(" ")) for line in lines
    ]
    if any(len(each) < 2 for each in records):
        raise _Unusable("line without a tag")
    if len({len(each) for each in records}) > 1:
        raise _Unusable("lines with different numbers of columns")
    text, places = "", []
    for token in (each[0] for each in records):
        if not token:
            raise _Unusable("empty token")
        if places and _apart(text[places[-1][0] :], token):
            text += " "
        places.append((len(text), len(text) + len(token)))
        text += token
    found, inside = _tagged([each[-1].strip() for each in records])
    spans = [(places[first][0], places[last][1], kind) for first, last, kind in found]
    return _row(place, text, spans, [BEGINS_INSIDE] * inside)


def _apart(left: str, right: str) -> bool:
    """Return whether a blank stands between two tokens."""
    wide = any(unicodedata.east_asian_width(each) in "WF" for each in (left[-1], right[0]))
    return not wide and (len(left) > 1 or len(right) > 1)


def _tagged(tags: list[str]) -> tuple[list[tuple[int, int, str]], int]:
    """Return spans by their first and last token, and how many begin with I or E."""
    spans, inside, current = [], 0, None
    for position, tag in enumerate(tags):
        if tag == "O":
            current = None
            continue
        match = _TAG.fullmatch(tag)
        if not match:
            untyped = tag in ("B", "I", "E", "S", "B-", "I-", "E-", "S-")
            raise _Unusable("tag without a type" if untyped else "tag that is not BIO or BIOES")
        letter, kind = match[1], _type(match[2], "tag without a type")
        if letter in "IE" and current == kind:
            spans[-1] = (spans[-1][0], position, kind)
        else:
            spans.append((position, position, kind))
            inside += letter in "IE"
        current = kind if letter in "BI" else None
    return spans, inside


def _conllu(path: str, lines) -> Iterator[SpanRow | Skipped]:
    for number, sentence in _sentences(lines, "#"):
        yield _attempt(f"{path}:{number}", _conllu_row, sentence)


def _conllu_row(place: str, lines: list[str]) -> SpanRow:
    pairs, remarks = [], []
    for line in lines:
        fields = line.split("\t")
        if len(fields) != 10:
            raise _Unusable("line without ten columns")
        number, word, _, tag = fields[:4]
        if re.fullmatch(r"\d+-\d+", number):
            remarks.append("multiword ranges, left out for their words")
        elif re.fullmatch(r"\d+\.\d+", number):
            remarks.append("empty nodes, left out")
        elif number != str(len(pairs) + 1):
            raise _Unusable("wrong number of a word")
        else:
            pairs.append((word, "" if tag == "_" else tag))
    return _joined(place, pairs, remarks)


def _words(path: str, lines) -> Iterator[SpanRow | Skipped]:
    for number, line in lines:
        yield parse_words(f"{path}:{number}", line)


def _words_of_line(place: str, line: str) -> SpanRow:
    if not line.strip():
        raise _Unusable("blank line")
    pairs, remarks = [], []
    for token in line.split():
        word, slash, tag = token.rpartition("/")
        if not slash:
            raise _Unusable("not word/tag")
        if word.startswith("[") and len(word) > 1:
            word = word[1:]
        if "]" in tag:
            tag = tag.partition("]")[0]
            remarks.append("compounds whose brackets were taken off")
        pairs.append((word, tag))
    return _joined(place, pairs, remarks)


def _joined(place: str, pairs: list[tuple[str, str]], remarks) -> SpanRow:
    """Return the row of words and their tags."""
    spans, start = [], 0
    for word, tag in pairs:
        if not word.strip():
            raise _Unusable("empty word")
        spans.append((start, start + len(word), _type(tag, "word without a tag")))
        start += len(word) + 1
    return _row(place, " ".join(word for word, _ in pairs), spans, remarks)


def _squad(path: str, lines) -> Iterator[SpanRow | Skipped]:
    text = "\n".join(line for _, line in lines)
    try:
        document = _json(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}: no JSON from column {error.colno} on ({error.msg}), expected "
            "a whole document in the format of SQuAD"
        ) from None
    except (ValueError, RecursionError, _Unusable) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: {reason}, expected JSON in the format of SQuAD") from None
    articles = document.get("data") if isinstance(document, dict) else None
    if not isinstance(articles, list):
        raise InputError(f'{path}: holds no list "data", expected JSON in the format of SQuAD')
    line_of = _LineOf(text)
    for article in articles:
        paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
        if not isinstance(paragraphs, list):
            yield Skipped(f"{path}:{line_of.last}", "article without paragraphs")
            continue
        for paragraph in paragraphs:
            context, questions = (
                (paragraph.get(each) for each in ("context", "qas"))
                if isinstance(paragraph, dict)
                else (None, None)
            )
            if not isinstance(context, str) or not isinstance(questions, list):
                yield Skipped(f"{path}:{line_of.last}", "paragraph without context or questions")
                continue
            for question in questions:
                name = question.get("id") if isinstance(question, dict) else None
                place = f"{path}:{line_of(name)}" + (f" {name}" if isinstance(name, str) else "")
                yield _attempt(place, _squad_row, context, question)


class _LineOf:
    """The line on which the id of each question stands, asked for in their order."""

    def __init__(self, text: str):
        self._text, self._position = text, 0
        self.last = 1

    def __call__(self, name) -> int:
        """Return the line of the next question with this id, or that of the one before it."""
        found = self._text.find(json.dumps(name, ensure_ascii=False), self._position)
        if isinstance(name, str) and found >= 0:
            self.last += self._text.count("\n", self._position, found)
            self._position = found
        return self.last


def _squad_row(place: str, context: str, value) -> SpanRow:
    question = value.get("question") if isinstance(value, dict) else None
    answers = value.get("answers") if isinstance(value, dict) else None
    if not isinstance(question, str) or not isinstance(answers, list):
        raise _Unusable("no question with a list of answers")
    if not question.strip():
        raise _Unusable("empty question")
    if not context.strip():
        raise _Unusable("empty text")
    if SEPARATOR in question + context:
        raise _Unusable("separator U+001F in the question or its context")
    if not answers or value.get("is_impossible") is True:
        raise _Unusable("question without an answer")
    joined = question + SEPARATOR + context
    context, _ = readers.mended(context)
    shift, spans, remarks, texts = len(question) + 1, set(), [], []
    for answer in answers:
        text, start = (
            (answer.get("text"), answer.get("answer_start"))
            if isinstance(answer, dict)
            else (None, None)
        )
        if not isinstance(text, str) or not text.strip() or not _whole(start):
            remarks.append("answers left out: without a text or an offset")
            continue
        text, _ = readers.mended(text)
        texts.append(text)
        if not 0 <= start <= len(context) - len(text):
            remarks.append(f"answers left out: {OUTSIDE}")
        elif context[start : start + len(text)] != text:
            remarks.append(f"answers left out: {DIFFERENT}")
        else:
            spans.add((shift + start, shift + start + len(text), ANSWER))
    if not spans:
        raise _Unusable("no answer stands at its offset")
    group = readers.digest(readers.text_key(context))
    return _row(place, joined, list(spans), remarks, group=group, answers=tuple(texts))


_FORMATS = {
    "cluener": _cluener,
    "conll": _conll,
    "conllu": _conllu,
    "words": _words,
    "squad": _squad,
}

_SUFFIXES = {".conllu": "conllu", ".conll": "conll", ".bio": "conll", ".bioes": "conll"}
_SQUAD_BEGINS = re.compile(r'\s*\{(\s*"[^"]*"\s*:\s*"[^"]*"\s*,)*\s*"data"\s*:')


def format_of(path: Path, encoding: str = "auto") -> str:
    """Return the format that a file's name announces, or else its beginning.

    Raises:
        InputError: if neither does, or the file cannot be read.
    """
    suffixes = [each.lower() for each in path.suffixes]
    if suffixes and suffixes[-1] in readers.COMPRESSIONS:
        suffixes.pop()
    if suffixes and suffixes[-1] in _SUFFIXES:
        return _SUFFIXES[suffixes[-1]]
    first, begins = "", ""
    for _, line in readers.numbered_lines(path, encoding):
        begins += line + "\n"
        first = first or line.strip()
        if first and len(begins) > 1000:
            break
    if first.startswith("{"):
        return "squad" if _SQUAD_BEGINS.match(begins) else "cluener"
    columns = first.split()
    if len(columns) > 1 and (columns[-1] == "O" or _TAG.fullmatch(columns[-1])):
        return "conll"
    if columns and all("/" in each for each in columns):
        return "words"
    raise InputError(
        f"{readers.shown(path)}: neither its name nor its beginning tells a format, got "
        f"{checks.show(first)}, expected data.format to name one of {', '.join(_FORMATS)}"
    )
