"""Texts in which spans are marked, given where labelled texts are expected."""

import json
import re
from itertools import islice
from pathlib import Path

from imbalance.checks import InputError
from imbalance.data import readers

_LINES = 50
_TAG = re.compile(r"O|[BIES]-\S+")


def refuse_marked_texts(path: Path, format: str, encoding: str) -> None:
    """Refuse a file of texts with marked spans, of which a reader of labels would make nonsense.

    Args:
        path: the file.
        format: in which it is about to be read.
        encoding: of the file.

    Raises:
        InputError: naming the tasks that such a file is for; or if it cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "train.txt")
        ...     _ = path.write_text("北\\tB-place\\n京\\tI-place\\n\\n在\\tO\\n", encoding="utf-8")
        ...     refuse_marked_texts(path, "lines", "auto")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        imbalance.checks.InputError: .../train.txt: holds tokens with tags, expected labelled ...
    """
    if format not in ("jsonl", "lines", "blank_lines"):
        return
    with readers.opened_lines(path, encoding) as file:
        lines = [line.strip() for line in islice(file, _LINES) if line.strip()]
    found = _of_json(lines) if format == "jsonl" else _of_lines(lines)
    if found:
        what, tasks = found
        raise InputError(
            f"{readers.shown(path)}: holds {what}, expected labelled texts, or task {tasks}"
        )


def _of_json(lines: list[str]) -> tuple[str, str] | None:
    # A document of SQuAD may be spread over many lines.
    if re.match(r'\{(\s*"[^"]*"\s*:\s*"[^"]*"\s*,)*\s*"data"\s*:\s*(\[|$)', "\n".join(lines)):
        return "questions on texts", "reading"
    try:
        value = json.loads(lines[0]) if lines else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("label"), dict):
        return "labels with offsets", "tagging or span"
    return None


def _of_lines(lines: list[str]) -> tuple[str, str] | None:
    fields = [line.split() for line in lines]
    if not fields:
        return None
    # Of a labelled text the last word may look so, too, but not of each one.
    if all(len(each) > 1 and _TAG.fullmatch(each[-1]) for each in fields):
        return "tokens with tags", "tagging or span"
    if all(re.fullmatch(r".+/[\w\]]+", word) for each in fields for word in each):
        return "words with tags", "tagging"
    return None
