"""Subgroups of rows: which rows belong to one, by a column of the data or by the text itself."""

import math
import re
from collections.abc import Mapping

from imbalance import checks

_WORDS = {"true": True, "false": False}
# A share is one of annotators, who saw the subgroup in the text.
_LEAST_SHARE = 0.5


class Subgroups:
    """Tells of a row which subgroups it belongs to.

    Args:
        settings: ``data.subgroups``: name to the name of a column, or to ``{pattern: regular
            expression}``, which is searched in the text.

    Attributes:
        names: of the subgroups, in the order of ``settings``.
        columns: to be read.

    Example:
        >>> groups = Subgroups({"female": "f", "book": {"pattern": "书|小说"}})
        >>> groups.columns, list(groups.of("这本书很好", {"f": False}))
        (('f',), [0, 1])
    """

    def __init__(self, settings: Mapping[str, str | Mapping[str, str]]):
        self.names = tuple(settings)
        self._rules = [
            each if isinstance(each, str) else re.compile(each["pattern"])
            for each in settings.values()
        ]
        columns = (each for each in self._rules if isinstance(each, str))
        self.columns = tuple(dict.fromkeys(columns))

    def of(self, text: str, members: Mapping[str, bool | None]) -> bytes:
        """Return a byte for each subgroup, 1 for a member.

        Args:
            text: of the row.
            members: what each of :attr:`columns` says, ``None`` being no member.
        """
        return bytes(
            bool(members[rule] if isinstance(rule, str) else rule.search(text))
            for rule in self._rules
        )


def member(place: str, column: str, value) -> bool | None:
    """Return whether a column's value says that the row is a member; ``None`` if it says nothing.

    Args:
        place: ``file:line``, for the message.
        column: for the message.
        value: 0 or 1, true or false, or a share from 0 to 1: a member from .5. Empty, null and NaN
            say nothing.

    Raises:
        InputError: if it is something else.

    Example:
        >>> member("a.csv:2", "female", "0.6"), member("a.csv:3", "female", "")
        (True, None)
        >>> member("a.csv:4", "female", "x")
        Traceback (most recent call last):
        ...
        imbalance.checks.InputError: a.csv:4: female: got 'x', expected 0, 1, true, false, a share \
from 0 to 1, or nothing
    """
    number = value
    if isinstance(value, str):
        text = value.strip().lower()
        if text in _WORDS:
            return _WORDS[text]
        try:
            number = float(text) if text else None
        except ValueError:
            number = math.inf
    if isinstance(number, bool):
        return number
    if number is None or (isinstance(number, float) and math.isnan(number)):
        return None
    if not isinstance(number, (int, float)) or not 0 <= number <= 1:
        expected = "0, 1, true, false, a share from 0 to 1, or nothing"
        raise checks.wrong(f"{place}: {column}", value, expected)
    return number >= _LEAST_SHARE
