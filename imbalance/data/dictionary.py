"""jieba's dictionary: Chinese words, their frequencies and their parts of speech."""

import functools
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

from imbalance import checks
from imbalance.data import segmentation, user_dict

# Of the parts of speech, those that tell names of people, places, organisations and other things,
# common nouns and verbs apart; the last kind is of all others.
_TAGS = (
    ("nr", "nrt", "nrfg"),
    ("ns",),
    ("nt",),
    ("nz",),
    ("n", "ng", "j", "s", "t"),
    ("v", "vn", "vg", "vd", "vi", "vq"),
)
KINDS = len(_TAGS) + 1


@functools.cache
def kinds_of_words() -> dict[str, int]:
    """Return the kind, from 0 to ``KINDS - 1``, of each word of two characters and more.

    Raises:
        InputError: if jieba is not installed.

    Source:
        The dictionary of jieba, https://github.com/fxsjy/jieba (MIT licence), whose tags are
        those of ICTCLAS.

    Example:
        >>> kinds = kinds_of_words()
        >>> kinds["北京"], kinds["清华大学"], len(kinds) > 300_000
        (1, 2, True)
    """
    kind_of = {tag: kind for kind, tags in enumerate(_TAGS) for tag in tags}
    return {word: kind_of.get(tag, KINDS - 1) for word, _, tag in _lines() if len(word) > 1}


def frequencies(user_words: user_dict.Words = ()) -> dict[str, int]:
    """Return how often jieba counts each word of its dictionary, and of the user's.

    Args:
        user_words: as :func:`imbalance.data.user_dict.read` returns them. One without a frequency
            has the one that jieba gives it.

    Raises:
        InputError: if jieba is not installed.

    Example:
        >>> counts = frequencies((("云计算", None), ("北京", 7)))
        >>> counts["云计算"], counts["北京"], counts["清华大学"]
        (1, 7, 922)
    """
    counts = {word: int(count) for word, count, _ in _lines()}
    return {**counts, **segmentation.add_words(user_words)[1]}


def _lines() -> Iterator[list[str]]:
    # Not imported: its file alone is read.
    found = util.find_spec("jieba")
    if found is None:
        raise checks.InputError(
            "dictionary: its words are those of jieba, which is absent (pip install jieba)"
        )
    text = Path(found.origin).with_name("dict.txt").read_text(encoding="utf-8")
    return (line.split(" ") for line in text.splitlines())


def version() -> str:
    """Return the version of jieba that the dictionary is of.

    Example:
        >>> version().count(".")
        2
    """
    return metadata.version("jieba")
