"""A text with spans as a file holds it, and what all of their readers need."""

import functools
import json
import re
from collections.abc import Callable, ItemsView, Sequence
from typing import NamedTuple

from imbalance.data import readers
from imbalance.data.readers import Skipped

# Then no offset can be trusted, and a wrong one is not the annotator's fault.
DAMAGED = "bytes that do not fit the encoding"
NO_LABEL = "no label"
REPEATED_SPAN = "spans marked twice"
CONTROL = "with control characters"
OUTSIDE = "offsets outside the text"
DIFFERENT = "marked text differs from its offsets"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# First character, the one after the last, name of the type.
NamedSpan = tuple[int, int, str]


class SpanRow(NamedTuple):
    """A usable text with its spans.

    Attributes:
        place: ``file:line``, of the line it starts on.
        text: as it was read; bytes that do not fit the encoding are U+FFFD.
        spans: each once; they may overlap. In the order of the text, answers as they are given.
        digest: of ``readers.text_key``; equal for rows with the same text.
        group: of what must not be cut apart: the text, or the context of a question.
        broken: whether bytes did not fit the encoding.
        left_out: why each span that the file marks and ``spans`` lacks is left out.
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
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


class Unusable(Exception):
    """Why a row is skipped."""


def attempt(place: str, read: Callable[..., SpanRow], *args) -> SpanRow | Skipped:
    """Return what ``read(place, *args)`` returns, or why it could not."""
    try:
        return read(place, *args)
    except Unusable as error:
        return Skipped(place, str(error))


def span_row(
    place: str, text: str, spans: Sequence[NamedSpan], remarks: Sequence[str] = ()
) -> SpanRow:
    """Return a row, its spans sorted, with remarks on what can be seen from text and spans.

    Raises:
        Unusable: if the text is empty or white space alone.

    Example:
        >>> row = span_row("a.txt:1", "他在北京", [(2, 4, "place"), (2, 4, "place")])
        >>> row.spans, row.left_out
        (((2, 4, 'place'),), ('spans marked twice',))
    """
    if not text.strip():
        raise Unusable("empty text")
    text, broken = readers.mended(text)
    once = tuple(sorted(set(spans)))
    left_out = (REPEATED_SPAN,) * (len(spans) - len(once))
    remarks = (*remarks, *([CONTROL] if has_control(text) else []))
    digest = readers.digest(readers.text_key(text))
    return SpanRow(place, text, once, digest, digest, broken, left_out, remarks)


def has_control(text: str) -> bool:
    """Return whether a text holds control characters, which includes tabs and line breaks."""
    return _CONTROL.search(text) is not None


@functools.cache  # there are few, and millions of words that have them
def type_name(value: str, reason: str) -> str:
    """Return the name of a type as a label is written, see :func:`readers.label_name`.

    Raises:
        Unusable: with this reason, if it is empty.
    """
    name, _ = readers.mended(readers.label_name(value))
    if not name:
        raise Unusable(reason)
    return name


def parse_json(text: str):
    """Return what JSON text says.

    Raises:
        Unusable: if a key stands twice, since its first value would be lost.
        ValueError, RecursionError: if it is no JSON.
    """
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unusable("a key stands twice")
    return found


def items(value, reason: str) -> ItemsView:
    """Return the items of a mapping.

    Raises:
        Unusable: with this reason, if it is none.
    """
    if not isinstance(value, dict):
        raise Unusable(reason)
    return value.items()


def is_whole(value) -> bool:
    """Return whether a value of JSON is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)
