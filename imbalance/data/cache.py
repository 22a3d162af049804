"""What was prepared once, kept in a folder under the hash of everything it depends on.

An entry is a folder ``<kind>-<hash>``. It is written under another name and renamed when it is
whole, so a killed program leaves nothing that looks like one, and two programs at once write the
same twice and keep one. ``manifest.json`` holds size and hash of each file: an entry that does
not agree with it is named and built again. Entries are never removed: removing the folder, or an
entry of it, is always safe between runs.
"""

import errno
import functools
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from imbalance.checks import InputError

MANIFEST = "manifest.json"
_PARTIAL = ".partial-"
# A folder that is being written gets new files all the time; one that does not was left behind.
_LEFT_BEHIND_SECONDS = 24 * 3600

_log = logging.getLogger(__name__)


class Cache:
    """A folder of entries.

    Args:
        folder: ``auto`` for ``$XDG_CACHE_HOME/imbalance``, by default ``~/.cache/imbalance``; a
            path; or None for a temporary folder, which goes with the object.

    Raises:
        InputError: if the folder cannot be written to. ``auto`` then means a temporary folder.

    Example:
        >>> cache = Cache(None)
        >>> write = lambda folder: (folder / "a.txt").write_text("a") and None
        >>> entry = cache.entry("words", {"text": "a"}, write)
        >>> entry == cache.entry("words", {"text": "a"}, None)
        True
    """

    def __init__(self, folder: str | None):
        self._temporary = None
        if folder is not None:
            try:
                self.folder = _standard() if folder == "auto" else Path(folder).expanduser()
                self.folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self.folder):
                    pass
                return
            except (OSError, RuntimeError) as error:  # of the system; or there is no home
                problem = f"{error.filename}: {error.strerror}" if error.args[1:] else str(error)
            if folder != "auto":
                raise InputError(
                    f"data.cache: {folder} cannot be written ({problem}), expected a folder to "
                    "write into, or null"
                )
            _log.warning("cache: using a temporary folder, for this run alone (%s)", problem)
        self._temporary = tempfile.TemporaryDirectory(
            prefix="imbalance-", ignore_cleanup_errors=True
        )
        self.folder = Path(self._temporary.name)

    def entry(self, kind: str, key: Mapping, build: Callable[[Path], None]) -> Path:
        """Return the folder of the entry with this key, building it if there is none.

        Args:
            kind: the first part of the folder's name.
            key: what the content depends on, as plain values that JSON can hold.
            build: writes the files of the entry into the empty folder it is given.
        """
        path = self.folder / f"{kind}-{fingerprint(key)}"
        if path.exists():
            problem = _damage(path)
            if problem is None:
                if self._temporary is None:
                    _log.info("cache: using %s", path)
                return path
            _log.warning("cache: %s is damaged (%s): building it again", path, problem)
        self._remove_left_behind()
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self.folder))
        try:
            build(partial)
            files = {each.name: [each.stat().st_size, _digest(each)] for each in partial.iterdir()}
            manifest = json.dumps({"key": key, "files": files}, indent=1)
            (partial / MANIFEST).write_text(manifest, encoding="utf-8")
            _keep(partial, path)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise InputError(f"data.cache: no space left in {self.folder}") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        if self._temporary is None:
            _log.info("cache: kept as %s", path)
        return path

    def _remove_left_behind(self):
        for each in self.folder.glob(_PARTIAL + "*"):
            try:
                changed = max(file.stat().st_mtime for file in [each, *each.iterdir()])
            except OSError:
                continue  # another program has just finished it
            if time.time() - changed > _LEFT_BEHIND_SECONDS:
                shutil.rmtree(each, ignore_errors=True)


def fingerprint(key: Mapping) -> str:
    """Return 32 hexadecimal digits that stand for plain values.

    Example:
        >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
        True
    """
    text = json.dumps(key, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@functools.cache  # the code of this process, whatever becomes of its files meanwhile
def code() -> str:
    """Return a hash of this package's own code: what other code prepared is not used again."""
    found = hashlib.blake2b(sys.version.encode(), digest_size=16)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def _standard() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The convention says that a path which is not absolute is no path.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "imbalance"


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _damage(path: Path) -> str | None:
    """Return what is wrong with an entry, or None."""
    try:
        files = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["files"]
        for name, (size, digest) in files.items():
            file = path / name
            if not file.is_file():
                return f"{name} is missing"
            if file.stat().st_size != size or _digest(file) != digest:
                return f"{name} has changed"
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return f"{MANIFEST} cannot be read"
    return None


def _keep(partial: Path, path: Path) -> None:
    """Give a whole entry its name, in the place of a damaged one if there is one."""
    for _ in range(2):
        try:
            partial.rename(path)
            return
        except OSError:
            if not path.exists():
                raise
        if _damage(path) is None:
            return  # another program was quicker
        aside = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=path.parent))
        try:
            path.rename(aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    raise OSError(f"{path}: cannot be replaced")
