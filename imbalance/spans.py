"""Typed spans of a text, and the forms in which a network reads and writes them.

Positions are characters (code points) of the text, ends are exclusive, a type is an id. The
networks write tags, one a character, or pointers: for each character whether a span starts there
and whether one ends there. Whatever is made for the first ``length`` characters of a text is the
beginning of what is made for all of it, so a text can be cut off without reading it again.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from imbalance import checks

# The letters of a type's tags, in the order of their ids.
TAG_LETTERS = {"bio": "BI", "bioes": "BIES", "words": ""}
_B, _I, _E, _S = 1, 2, 3, 4
# What is less likely is taken to be as likely: its logarithm is to be finite.
SMALLEST_PROBABILITY = 1e-30


class Span(NamedTuple):
    """The characters from ``start`` to before ``end``, and the id of their type.

    Example:
        >>> span = Span(0, 2, type=1)
        >>> "北京很大"[span.start:span.end]
        '北京'
    """

    start: int
    end: int
    type: int


def tag_names(types: Sequence[str], scheme: str) -> tuple[str, ...]:
    """Return the names of the tags in the order of their ids.

    Args:
        types: names of the types of spans, in the order of ids.
        scheme: ``bio``: the first character of a span is B, each other I, those outside O;
            ``bioes``: besides, the last of several is E and a single one S; ``words``: every
            span is a word, its tag is its type, and it stands at the word's last character.

    Raises:
        InputError: if the scheme is none of these.

    Source:
        Ramshaw and Marcus 1995, Text Chunking using Transformation-Based Learning,
        arXiv:cmp-lg/9505040 (IOB).

    Example:
        >>> tag_names(["name", "place"], "bio")
        ('O', 'B-name', 'I-name', 'B-place', 'I-place')
        >>> tag_names(["NOUN", "VERB"], "words")
        ('NOUN', 'VERB')
    """
    letters = _letters(scheme)
    if not letters:
        return tuple(types)
    return ("O", *(f"{letter}-{name}" for name in types for letter in letters))


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Return the spans that tags can hold, in the order of the text.

    Of spans that share a character the one that starts first is kept, of several that start
    together the longest, of equals the first given; touching spans share none.

    Raises:
        InputError: if a span is empty, starts before the text, or has a type below 0.

    Example:
        >>> without_overlaps([Span(1, 4, 0), Span(3, 5, 1), Span(4, 5, 0)])
        [Span(start=1, end=4, type=0), Span(start=4, end=5, type=0)]
    """
    kept, free = [], 0
    for start, end, type_ in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not 0 <= start < end or type_ < 0:
            raise checks.wrong("span", (start, end, type_), "0 <= start < end and a type from 0")
        if start >= free:
            kept.append(Span(start, end, type_))
            free = end
    return kept


def to_tags(
    spans: Iterable[Span], length: int, scheme: str, n_types: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tags of a text's first ``length`` characters, and which of them count.

    Spans that overlap an earlier one have no tag (:func:`without_overlaps`), nor have those
    beyond ``length``; of one that goes beyond, the tags before ``length`` are those it has in
    the whole text, so that with ``words`` it has none.

    Args:
        spans: typed spans of the text.
        length: in characters.
        scheme: see :func:`tag_names`.
        n_types: how many types there are.

    Returns:
        Tag ids, int32 (length,), and ``counted``, bool (length,): everywhere True, but with
        ``words`` True at the last character of each word only; the other tags there are 0.

    Raises:
        InputError: if a span is empty or its type is none of ``n_types``.

    Example:
        >>> to_tags([Span(1, 4, 1)], 5, "bio", 2)[0].tolist()
        [0, 3, 4, 4, 0]
        >>> tags, counted = to_tags([Span(0, 2, 1), Span(3, 4, 0)], 4, "words", 2)
        >>> tags.tolist(), counted.tolist()
        ([0, 1, 0, 0], [False, True, False, True])
    """
    letters = _letters(scheme)
    tags = np.zeros(length, "int32")
    counted = np.full(length, bool(letters))
    for start, end, type_ in without_overlaps(spans):
        if type_ >= n_types:
            raise checks.wrong("type of a span", type_, f"0 to {n_types - 1}")
        if not letters:
            if end <= length:
                tags[end - 1] = type_
                counted[end - 1] = True
        else:
            first = 1 + len(letters) * type_
            tags[start + 1 : end] = first + letters.index("I")
            if scheme == "bioes" and end <= length:
                tags[end - 1] = first + letters.index("E" if end - start > 1 else "S")
            if start < length and (scheme == "bio" or end - start > 1):
                tags[start] = first
    return tags, counted


def allowed_tags(scheme: str, n_types: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which tags whole spans can have.

    Args:
        scheme: ``bio`` or ``bioes``.
        n_types: how many types there are.

    Returns:
        Whether a tag can be the first of a text, bool (tags,); whether one tag can follow
        another, (tags, tags), the other's axis first; whether it can be the last, (tags,).

    Example:
        >>> first, follows, last = allowed_tags("bio", 1)
        >>> first.tolist(), follows[0].tolist(), follows[1].tolist()
        ([True, True, False], [True, True, False], [True, True, True])
    """
    letters = np.array(["O", *_letters(scheme) * n_types])
    types = np.append(-1, np.repeat(np.arange(n_types), len(_letters(scheme))))
    inner = np.isin(letters, ["I", "E"])
    open_ = np.isin(letters, ["B", "I"])
    # Of `bio` any tag ends a span, of `bioes` E and S alone.
    must_go_on = open_ & (scheme == "bioes")
    goes_on = open_[:, None] & inner & (types[:, None] == types)
    return ~inner, goes_on | ~(inner | must_go_on[:, None]), ~must_go_on


def best_tags(probabilities, scheme: str) -> np.ndarray:
    """Return the likeliest of the sequences of tags that stand for whole spans.

    The sequence of the largest product of probabilities in which I and E follow B or I of their
    type, and with ``bioes`` B and I go on until E (Viterbi). The likeliest tag of each character
    by itself often gives the first character of a span one type and its last another.

    Args:
        probabilities: of tags, shape (length, tags).
        scheme: ``bio`` or ``bioes``.

    Returns:
        Tag ids, int32 (length,).

    Source:
        Forney 1973, The Viterbi Algorithm, doi:10.1109/PROC.1973.9030.

    Example:
        >>> best_tags([[0.1, 0.8, 0.1], [0.4, 0.0, 0.6], [0.9, 0.1, 0.0]], "bio").tolist()
        [1, 2, 0]
        >>> best_tags([[0.4, 0.3, 0.3], [0.2, 0.2, 0.6]], "bio").tolist()  # not O, I
        [1, 2]
    """
    probabilities = np.asarray(probabilities)
    length, tags = probabilities.shape
    if not length:
        return np.zeros(0, "int32")
    first, follows, last = allowed_tags(scheme, (tags - 1) // len(_letters(scheme)))
    logarithms = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY)).astype("float32")
    steps = np.where(follows, np.float32(0), -np.inf)
    best = logarithms[0] + np.where(first, np.float32(0), -np.inf)
    before = []
    for row in logarithms[1:]:
        paths = best[:, None] + steps
        before.append(paths.argmax(axis=0))
        best = paths.max(axis=0) + row
    chosen = [int(np.where(last, best, -np.inf).argmax())]
    for each in reversed(before):
        chosen.append(int(each[chosen[-1]]))
    return np.array(chosen[::-1], "int32")


def from_tags(tags, scheme: str, n_types: int) -> list[Span]:
    """Return the spans that tags of the scheme ``bio`` or ``bioes`` stand for.

    Every sequence of tags has a meaning, that of the CoNLL-2000 script ``conlleval`` and of
    seqeval's default mode: a span goes on where I or E follows B or I of the same type; any
    other tag but O starts a new one. An I after O, or after another type, thus starts a span,
    which the CLUENER baselines drop.

    Args:
        tags: ids, shape (length,).
        scheme: ``bio`` or ``bioes``; ``words`` are read by :func:`from_word_tags`.
        n_types: how many types there are.

    Returns:
        The spans in the order of the text; they do not overlap.

    Raises:
        InputError: if the scheme is another, or an id is no tag of it.

    Example:
        >>> from_tags([0, 3, 4, 0, 2, 2], "bio", 2)
        [Span(start=1, end=3, type=1), Span(start=4, end=6, type=0)]
    """
    letters = _letters(scheme)
    if not letters:
        raise checks.wrong("scheme", scheme, "bio or bioes; words are read by from_word_tags")
    tags = np.asarray(tags, "int64")
    _check_ids(tags, 1 + len(letters) * n_types)
    type_, place = np.divmod(tags - 1, len(letters))
    numbers = np.array([_B, _I, _S] if scheme == "bio" else [_B, _I, _E, _S])
    letter = np.where(tags > 0, numbers[place], 0)
    inner = (letter == _I) | (letter == _E)
    open_ = (letter == _B) | (letter == _I)
    goes_on = np.zeros(len(tags) + 1, bool)
    goes_on[1:-1] = inner[1:] & open_[:-1] & (type_[1:] == type_[:-1])
    starts = np.flatnonzero((letter > 0) & ~goes_on[:-1])
    ends = np.flatnonzero((letter > 0) & ~goes_on[1:]) + 1
    return list(map(Span, starts.tolist(), ends.tolist(), type_[starts].tolist()))


def from_word_tags(tags, words: Iterable[Sequence[int]]) -> list[Span]:
    """Return each word with the tag of its last character as its type.

    Args:
        tags: of the scheme ``words``, ids of shape (length,).
        words: start and end of each word; what follows them, as the type of a :class:`Span`,
            is not read.

    Returns:
        The words in the order given, without those that end beyond ``length``.

    Example:
        >>> from_word_tags([0, 1, 0, 0], [(0, 2), (3, 4), (5, 6)])
        [Span(start=0, end=2, type=1), Span(start=3, end=4, type=0)]
    """
    return [Span(start, end, int(tags[end - 1])) for start, end, *_ in words if end <= len(tags)]


def tag_span_scores(spans: Iterable[Span], probabilities, scheme: str) -> np.ndarray:
    """Return how sure the tags of each span are: the smallest of their probabilities.

    Args:
        spans: what :func:`from_tags` or :func:`from_word_tags` returned.
        probabilities: of the tag chosen at each character, shape (length,), in (0, 1].
        scheme: see :func:`tag_names`; of ``words`` the last character's is the only tag.

    Returns:
        Of shape (spans,), in (0, 1].

    Example:
        >>> tag_span_scores([Span(1, 3, 0)], [0.5, 0.9, 0.8], "bio").tolist()
        [0.8]
    """
    words = not _letters(scheme)
    scores = [np.min(probabilities[end - 1 if words else start : end]) for start, end, _ in spans]
    return np.array(scores, "float64")


def to_pointers(spans: Iterable[Span], length: int) -> np.ndarray:
    """Return where spans start and end among a text's first ``length`` characters.

    Spans that overlap an earlier one are left out (:func:`without_overlaps`), as is the end of
    one that goes beyond ``length``.

    Returns:
        int32 of shape (length, 2). Of each character, [:, 0] is 1 + the type of the span that
        starts there, [:, 1] that of the span whose last character it is; 0 is none.

    Raises:
        InputError: if a span is empty or has a type below 0.

    Example:
        >>> to_pointers([Span(1, 4, 1)], 5).T.tolist()
        [[0, 2, 0, 0, 0], [0, 0, 0, 2, 0]]
    """
    pointers = np.zeros((length, 2), "int32")
    for start, end, type_ in without_overlaps(spans):
        if start < length:
            pointers[start, 0] = 1 + type_
        if end <= length:
            pointers[end - 1, 1] = 1 + type_
    return pointers


def from_pointers(starts, ends) -> list[Span]:
    """Pair each start with the nearest end of its type, at or after it, if there is one.

    Several starts may share an end, and their spans overlap then, as in the span baseline
    published with CLUENER.

    Args:
        starts, ends: 0, or 1 + the type of the span that starts or whose last character is
            there; ids of shape (length,).

    Returns:
        The spans, in the order of their starts.

    Example:
        >>> from_pointers([0, 2, 0, 1, 0], [0, 0, 1, 2, 1])
        [Span(start=1, end=4, type=1), Span(start=3, end=5, type=0)]
    """
    starts, ends = np.asarray(starts).tolist(), np.asarray(ends).tolist()
    spans, nearest = [], {}
    for place in reversed(range(len(starts))):
        nearest[ends[place]] = place + 1
        if starts[place] and starts[place] in nearest:
            spans.append(Span(place, nearest[starts[place]], starts[place] - 1))
    return spans[::-1]


def pointer_span_scores(spans: Iterable[Span], starts, ends) -> np.ndarray:
    """Return how sure the pointers of each span are: ``p(start) · p(end)``.

    Args:
        spans: what :func:`from_pointers` returned.
        starts, ends: probabilities of what was chosen at each character, shape (length,).

    Returns:
        Of shape (spans,), in (0, 1].

    Example:
        >>> pointer_span_scores([Span(1, 3, 0)], [0.9, 0.5, 0.9], [1.0, 1.0, 0.5]).tolist()
        [0.25]
    """
    scores = [starts[start] * ends[end - 1] for start, end, _ in spans]
    return np.array(scores, "float64")


def best_answer(
    start_scores, end_scores, first: int, last: int, longest: int
) -> tuple[int, int, float]:
    """Return the answer ``s, e`` with the highest ``start_scores[s] + end_scores[e − 1]``.

    Of equal scores the shortest answer is returned, of these the first.

    Args:
        start_scores, end_scores: logarithms of the probability that the answer starts at a
            character or has its last one there, shape (length,).
        first, last: the answer lies in the characters from ``first`` to before ``last``.
        longest: it has at most so many characters, and at least one.

    Returns:
        Start, end (exclusive) and score. Without a character to choose from, as where the
        question left no room for the text, the empty answer ``(first, first, −inf)``.

    Example:
        >>> best_answer([0, -1, -9, -9], [-2, -9, -1, 0], first=1, last=4, longest=2)
        (1, 3, -2.0)
        >>> best_answer([0, -1, -9, -9], [-2, -9, -1, 0], first=1, last=4, longest=3)
        (1, 4, -1.0)
    """
    starts = np.asarray(start_scores, "float64")[first:last]
    ends = np.asarray(end_scores, "float64")[first:last]
    best = (first, first, -np.inf)
    for more in range(min(longest, len(starts))):
        scores = starts[: len(starts) - more] + ends[more:]
        place = int(scores.argmax())
        if scores[place] > best[2]:
            best = (first + place, first + place + more + 1, float(scores[place]))
    return best


def _letters(scheme: str) -> str:
    return TAG_LETTERS[checks.choice("scheme", scheme, TAG_LETTERS)]


def _check_ids(tags: np.ndarray, n_tags: int) -> None:
    if tags.size and not 0 <= tags.min() <= tags.max() < n_tags:
        wrong = tags[(tags < 0) | (tags >= n_tags)][0].item()
        raise checks.wrong("tags, one of the ids", wrong, f"0 to {n_tags - 1}")
