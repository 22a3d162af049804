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
                                                 word, a word without text or part of speech,
                                                 or with white space in it
``words``                                        anything that is not ``word/tag``
``squad``                                        no question, the separator in a text, another
                                                 form, no answer (SQuAD 2.0), or none that stands
                                                 at its offset
===============================================  ===============================================

A span that is wrong costs the row, since a text whose marks have a gap would teach a falsehood; a
wrong answer costs only itself, since others may stand beside it, and is counted. Also counted are
spans marked twice (kept once) and answers at the place of another, spans of ``conll`` that begin
with I or E (kept: IOB1 begins so), multiword ranges and empty nodes of ``conllu`` (left out, the
words of a range are kept), brackets taken off, texts with control characters and with bytes that
do not fit the encoding (kept). A ``squad`` file that is cut off, or no such document, is refused.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from imbalance import checks
from imbalance.checks import InputError
from imbalance.data import readers, squad
from imbalance.data.accounting import Lines
from imbalance.data.readers import Skipped, numbered
from imbalance.data.span_rows import (
    DAMAGED,
    DIFFERENT,
    NO_LABEL,
    OUTSIDE,
    SpanRow,
    Unusable,
    attempt,
    is_whole,
    items,
    parse_json,
    span_row,
    type_name,
)

BEGINS_INSIDE = "spans that begin with an I or E tag, as in IOB1"

_TAG = re.compile(r"([BIES])-(.+)")


def read_file(path: Path, format: str, encoding: str = "auto") -> Iterator[SpanRow | Skipped]:
    """Yield the rows of one file, in its order.

    Args:
        path: the file; ``.gz``, ``.xz`` and ``.bz2`` are unpacked.
        format: ``cluener``, ``conll``, ``conllu``, ``words`` or ``squad``.
        encoding: ``auto`` is UTF-8, with or without a byte order mark.

    Raises:
        InputError: if the file cannot be read to its end, or is no ``squad`` document.
    """
    with readers.opened_lines(path, encoding) as lines:
        yield from lines.accounted(_FORMATS[format](lines))


def parse_words(place: str, line: str) -> SpanRow | Skipped:
    """Return the row of a line of ``word/tag``.

    Example:
        >>> row = parse_words("a.txt:1", "[中央/n  电台/n]nt  1/2/m")
        >>> row.text, row.spans[0], row.spans[-1]
        ('中央 电台 1/2', (0, 2, 'n'), (6, 9, 'm'))
    """
    return attempt(place, _words_of_line, line)


def _cluener(lines: Lines) -> Iterator[SpanRow | Skipped]:
    for number, line in numbered(lines):
        lines.of_rows()
        yield attempt(f"{lines.name}:{number}", _cluener_row, line)


def _cluener_row(place: str, line: str) -> SpanRow:
    if not line.strip():
        raise Unusable("blank line")
    try:
        value = parse_json(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Unusable("not a JSON object")
    text, label = value.get("text"), value.get("label")
    if not isinstance(text, str):
        raise Unusable("text is not a string" if "text" in value else "field missing")
    if label is None:
        raise Unusable(NO_LABEL)
    (text, broken), spans = readers.mended(text), []
    form = "label is not {type: {mention: [[first, last], …]}}"
    for kind, mentions in items(label, form):
        kind = type_name(kind, "type without a name")
        for mention, places in items(mentions, form):
            if not isinstance(places, list):
                raise Unusable(form)
            for each in places:
                if not (isinstance(each, list) and len(each) == 2 and all(map(is_whole, each))):
                    raise Unusable(form)
                first, last = each
                if not 0 <= first <= last < len(text):
                    raise Unusable(DAMAGED if broken else OUTSIDE)
                if text[first : last + 1] != readers.mended(mention)[0]:
                    raise Unusable(DAMAGED if broken else DIFFERENT)
                spans.append((first, last + 1, kind))
    return span_row(place, value["text"], spans)


def _sentences(
    lines: Lines, ends: Callable[[str], bool], comment: Callable[[str], bool] = lambda line: False
) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines between those that end a sentence, with the number of the first."""
    found, start = [], 0
    for number, line in numbered(lines):
        if comment(line):
            lines.of_no_row()
            continue
        if not ends(line):
            start = start if found else number
            found.append(line)
            continue
        lines.of_no_row()
        if found:
            lines.of_rows(lines=len(found))
            yield start, found
            found = []
    if found:
        lines.of_rows(lines=len(found))
        yield start, found


def _conll(lines: Lines) -> Iterator[SpanRow | Skipped]:
    # What begins a document ends a sentence.
    for number, sentence in _sentences(
        lines, lambda line: not line.strip() or line.startswith("-DOCSTART-")
    ):
        yield attempt(f"{lines.name}:{number}", _conll_row, sentence)


def _conll_row(place: str, lines: list[str]) -> SpanRow:
    records = [
        line.split("\t") if "\t" in line else re.split(" +", line.strip(" ")) for line in lines
    ]
    if any(len(each) < 2 for each in records):
        raise Unusable("line without a tag")
    if len({len(each) for each in records}) > 1:
        raise Unusable("lines with different numbers of columns")
    tokens = [each[0] for each in records]
    if not all(tokens):
        raise Unusable("empty token")
    text, places = _text(tokens)
    found, inside = _tagged([each[-1].strip() for each in records])
    spans = [(places[first][0], places[last][1], kind) for first, last, kind in found]
    return span_row(place, text, spans, [BEGINS_INSIDE] * inside)


def _text(tokens: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """Return the text that tokens make up, and where in it each begins and ends."""
    if all(len(each) == 1 for each in tokens):
        return "".join(tokens), [(each, each + 1) for each in range(len(tokens))]
    text, places = tokens[0], [(0, len(tokens[0]))]
    for left, right in pairwise(tokens):
        wide = any(unicodedata.east_asian_width(each) in "WF" for each in (left[-1], right[0]))
        if not wide and (len(left) > 1 or len(right) > 1):
            text += " "
        places.append((len(text), len(text) + len(right)))
        text += right
    return text, places


def _tagged(tags: list[str]) -> tuple[list[tuple[int, int, str]], int]:
    """Return spans by their first and last token, and how many begin with I or E."""
    spans, inside, current = [], 0, None
    for position, tag in enumerate(tags):
        if tag == "O":
            current = None
            continue
        letter, kind = _parts(tag)
        if letter in "IE" and current == kind:
            spans[-1] = (spans[-1][0], position, kind)
        else:
            spans.append((position, position, kind))
            inside += letter in "IE"
        current = kind if letter in "BI" else None
    return spans, inside


@functools.cache
def _parts(tag: str) -> tuple[str, str]:
    match = _TAG.fullmatch(tag)
    if match:
        return match[1], type_name(match[2], "tag without a type")
    untyped = tag.removesuffix("-") in ("B", "I", "E", "S")
    raise Unusable("tag without a type" if untyped else "tag that is not BIO or BIOES")


def _conllu(lines: Lines) -> Iterator[SpanRow | Skipped]:
    for number, sentence in _sentences(
        lines, lambda line: not line.strip(), comment=lambda line: line.startswith("#")
    ):
        yield attempt(f"{lines.name}:{number}", _conllu_row, sentence)


def _conllu_row(place: str, lines: list[str]) -> SpanRow:
    pairs, remarks = [], []
    for line in lines:
        fields = line.split("\t")
        if len(fields) != 10:
            raise Unusable("line without ten columns")
        number, word, _, tag = fields[:4]
        if re.fullmatch(r"\d+-\d+", number):
            remarks.append("multiword ranges, left out for their words")
        elif re.fullmatch(r"\d+\.\d+", number):
            remarks.append("empty nodes, left out")
        elif number != str(len(pairs) + 1):
            raise Unusable("wrong number of a word")
        else:
            pairs.append((word, "" if tag == "_" else tag))
    return _joined(place, pairs, remarks)


def _words(lines: Lines) -> Iterator[SpanRow | Skipped]:
    for number, line in numbered(lines):
        lines.of_rows()
        yield parse_words(f"{lines.name}:{number}", line)


def _words_of_line(place: str, line: str) -> SpanRow:
    if not line.strip():
        raise Unusable("blank line")
    pairs, remarks = [], []
    for token in line.split():
        word, slash, tag = token.rpartition("/")
        if not slash:
            raise Unusable("not word/tag")
        if word.startswith("[") and len(word) > 1:
            word = word[1:]
        if "]" in tag:
            tag = tag.partition("]")[0]
            remarks.append("compounds whose brackets were taken off")
        pairs.append((word, tag))
    return _joined(place, pairs, remarks)


def _joined(place: str, pairs: list[tuple[str, str]], remarks) -> SpanRow:
    """Return the row of words and their tags; blanks are for what separates words alone."""
    spans, start = [], 0
    for word, tag in pairs:
        if not word or word.split() != [word]:
            raise Unusable("word that is empty or holds white space")
        spans.append((start, start + len(word), type_name(tag, "word without a tag")))
        start += len(word) + 1
    return span_row(place, " ".join(word for word, _ in pairs), spans, remarks)


_FORMATS = {
    "cluener": _cluener,
    "conll": _conll,
    "conllu": _conllu,
    "words": _words,
    "squad": squad.read,
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
    with readers.opened_lines(path, encoding) as lines:
        for _, line in numbered(lines):
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
