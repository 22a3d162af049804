"""Checkpoints on disk: the newest two, each a file that is whole or is not taken for one.

A checkpoint is a tree of dictionaries and lists, whose leaves are plain values that JSON can hold
and NumPy arrays. Its file ``EPOCHS-HASH.npz`` holds the arrays, and the tree with their numbers as
JSON in bytes; nothing in it is a pickle. The hash is that of the file's content.
"""

import hashlib
import io
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_TREE = "tree"
_ARRAY = "array {}"
# In the place of an array in the tree.
_NUMBER = "number of array"
_WRITING = "writing.npz"
_KEPT = 2

_log = logging.getLogger(__name__)


def save(folder: Path, epochs: int, tree) -> Path:
    """Write a checkpoint, and remove all but it and the one before.

    Args:
        folder: of the checkpoints; it is made where there is none.
        epochs: that are done, by which checkpoints are ordered.
        tree: what to keep.

    Raises:
        OSError: if it cannot be written; those that were there stay.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for epochs in (1, 2, 3):
        ...         path = save(Path(folder), epochs, {"weights": [np.full(2, epochs)], "wait": 0})
        ...     read(newest(Path(folder))), len(list(Path(folder).iterdir()))
        ({'weights': [array([3, 3])], 'wait': 0}, 2)
    """
    folder.mkdir(exist_ok=True)
    arrays = []
    text = json.dumps(_without_arrays(tree, arrays))
    arrays = {_ARRAY.format(number): each for number, each in enumerate(arrays)}
    temporary = folder / _WRITING
    try:
        with temporary.open("wb") as file:
            np.savez(file, **{_TREE: np.frombuffer(text.encode(), np.uint8)}, **arrays)
            _to_disk(file)
        with temporary.open("rb") as file:
            path = folder / f"{epochs:06}-{_hash(file)}.npz"
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _names_to_disk(folder)
    for old in [each for each in _newest_first(folder) if each != path][_KEPT - 1 :]:
        old.unlink()
    return path


def newest(folder: Path) -> bytes | None:
    """Return the content of the newest checkpoint that is whole, or None; those that are damaged
    are named.

    Args:
        folder: of the checkpoints; there may be none.
    """
    paths = list(_newest_first(folder))
    for path in paths:
        content = path.read_bytes()
        if path.stem.endswith(_hash(io.BytesIO(content))):
            return content
        _log.warning("checkpoint: %s is damaged: it is not used", path)
    if paths:
        _log.warning("checkpoint: none in %s is whole: training begins anew", folder)
    return None


def _newest_first(folder: Path) -> Iterator[Path]:
    names = sorted(folder.glob("*.npz"), reverse=True)
    named = (each for each in names if re.fullmatch(r"\d{6}-[0-9a-f]{32}", each.stem))
    return (each for each in named if each.is_file())


def read(content: bytes):
    """Return the tree that a checkpoint holds."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return _with_arrays(json.loads(file[_TREE].tobytes()), file)


def _without_arrays(tree, arrays: list):
    """Return the tree with numbers in the place of its arrays, which are added to ``arrays``."""
    if isinstance(tree, (np.ndarray, np.generic)):  # a variable without dimensions is the latter
        arrays.append(tree)
        return {_NUMBER: len(arrays) - 1}
    if isinstance(tree, dict):
        return {key: _without_arrays(each, arrays) for key, each in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_without_arrays(each, arrays) for each in tree]
    return tree


def _with_arrays(tree, file):
    if isinstance(tree, dict):
        if _NUMBER in tree:
            return file[_ARRAY.format(tree[_NUMBER])]
        return {key: _with_arrays(each, file) for key, each in tree.items()}
    if isinstance(tree, list):
        return [_with_arrays(each, file) for each in tree]
    return tree


def _hash(file) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _to_disk(file) -> None:
    file.flush()
    os.fsync(file.fileno())


def _names_to_disk(folder: Path) -> None:
    """Make a rename outlast a loss of power, as the content does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
