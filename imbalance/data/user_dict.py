"""A user's own words, in the format of jieba's user dictionaries."""

import logging
import re
from pathlib import Path

from imbalance import checks

# Of what the words of jieba consist; every other sign stands alone.
WORD_SIGNS = (
    "a-zA-Z0-9+#&._%\\-\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002ebef\U0002f800-\U0002fa1f"
)
_WORD = re.compile(f"[{WORD_SIGNS}]+")
_TAG = re.compile("[a-zA-Z]+")
_MOST = 2**31 - 1
_EXPECTED = "a word, and behind blanks its frequency, a tag, or both in this order"
_NAMED_AT_MOST = 5

_log = logging.getLogger(__name__)

# A word and its frequency; None, as often as it takes to be found.
Words = tuple[tuple[str, int | None], ...]


def read(path) -> Words:
    """Read a file of a word a line, with a frequency and a tag behind it that may both be absent.

    Empty lines and tags count nothing.

    Args:
        path: of a UTF-8 file.

    Returns:
        Each word and its frequency, in the order of the lines.

    Raises:
        InputError: if it cannot be read, or a line is something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise checks.InputError(
            f"data.user_dict: {path} cannot be read, expected a UTF-8 file of words"
        ) from None
    words = []
    for number, line in enumerate(text.split("\n"), 1):
        if fields := line.split():
            words.append(_entry(f"data.user_dict: {path}:{number}", line, fields))
    if not words:
        raise checks.InputError(f"data.user_dict: {path} is empty, expected a word a line")
    return tuple(words)


def tell_of_lost(words: Words) -> None:
    """Let the log say which words jieba never finds: those with a sign that always stands alone,
    such as ``·``.
    """
    lost = [word for word, _ in words if not can_be_found(word)]
    if lost:
        _log.warning(
            "data.user_dict: %s of %s words hold a sign that always stands alone and are never "
            "found: %s%s",
            *(f"{len(lost):,}", f"{len(words):,}", ", ".join(lost[:_NAMED_AT_MOST])),
            ", …" if len(lost) > _NAMED_AT_MOST else "",
        )


def write(words: Words, path) -> None:
    """Write what :func:`read` reads.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write((("云计算", None), ("台中", 3)), f"{folder}/a.txt")
        ...     read(f"{folder}/a.txt")
        (('云计算', None), ('台中', 3))
    """
    lines = (word if count is None else f"{word} {count}" for word, count in words)
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def can_be_found(word: str) -> bool:
    """Return whether jieba could find a word of its dictionary.

    Example:
        >>> can_be_found("T恤"), can_be_found("γ射线")
        (True, False)
    """
    return _WORD.fullmatch(word) is not None


def _entry(place: str, line: str, fields: list[str]) -> tuple[str, int | None]:
    word, *rest = fields
    count = None
    if rest and rest[0].isascii() and rest[0].isdecimal():
        count = int(rest.pop(0)) if len(rest[0]) <= len(str(_MOST)) else _MOST + 1
        if not 1 <= count <= _MOST:
            raise checks.wrong(place, line, f"a frequency from 1 to {_MOST}")
    if rest and _TAG.fullmatch(rest[0]):
        rest.pop(0)
    if rest:
        raise checks.wrong(place, line, _EXPECTED)
    return word, count
