"""A model that is served: its versions are loaded, switched and unloaded while requests run."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from imbalance.checks import InputError
from imbalance.serving import folders
from imbalance.serving.folders import ModelFolder
from imbalance.serving.server.errors import RequestError
from imbalance.serving.server.saved_model import LoadError, SavedModel

_log = logging.getLogger("imbalance.serving")


class State(NamedTuple):
    """State of a version, with the words of TensorFlow Serving; ``error`` is a line or empty."""

    name: str
    error: str = ""


class Version:
    """A loaded version and how many requests use it."""

    def __init__(self, number: int, saved_model: SavedModel):
        self.number, self.saved_model = number, saved_model
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @contextmanager
    def used(self) -> Iterator[SavedModel]:
        """Keep the version in memory for as long as a request needs it."""
        self._users += 1
        self._unused.clear()
        try:
            yield self.saved_model
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def close(self) -> None:
        """Free the version after its last request."""
        await self._unused.wait()
        await asyncio.to_thread(self.saved_model.close)


class Model:
    """The versions of a model folder: the newest ``keep`` of them are served.

    A new version is loaded and warmed up before requests go to it; the old one is unloaded after
    its last request. One that cannot be loaded is named in the log, and the old one stays.

    Args:
        folder: where the versions lie.
        keep: how many of the newest are served.
    """

    def __init__(self, folder: ModelFolder, keep: int = 1):
        self.folder, self.name, self._keep = folder, folder.name, keep
        self.states: dict[int, State] = {}
        self._loaded: dict[int, Version] = {}
        # What the files of a version were like when it was first seen, and when it was refused.
        self._seen: dict[int, tuple] = {}
        self._refused: dict[int, tuple] = {}
        self._closing: set[asyncio.Task] = set()

    @property
    def loaded(self) -> list[int]:
        """The versions that are served, newest first."""
        return sorted(self._loaded, reverse=True)

    def version(self, number: int | None = None) -> Version:
        """Return a version, the newest if no number is given.

        Raises:
            RequestError: it is not served.
        """
        number = self.loaded[0] if number is None else number
        if number not in self._loaded:
            served = ", ".join(map(str, self.loaded))
            raise RequestError(
                "NOT_FOUND", f"version {number} of {self.name} is not served, expected {served}"
            )
        return self._loaded[number]

    async def start(self) -> None:
        """Load the newest versions.

        Raises:
            InputError: none of them can be loaded.
        """
        await self._update(at_once=True)
        if not self._loaded:
            reasons = (f"version {number}: {each.error}" for number, each in self.states.items())
            raise InputError(f"{self.folder.path}: {next(reasons, 'its versions have gone')}")

    async def watch(self, seconds: float) -> None:
        """Look for new versions for ever."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self._update()
            except Exception:  # a disk that is away for a while must not end the watching
                _log.exception("%s: looking for new versions failed", self.name)

    async def _update(self, at_once: bool = False) -> None:
        versions = await asyncio.to_thread(self.folder.versions)
        chosen: list[int] = []
        for number, path in versions.items():
            if len(chosen) == self._keep:
                break
            if number in self._loaded or await self._load(number, path, at_once):
                chosen.append(number)
        if chosen:
            for number in set(self._loaded) - set(chosen):
                self._unload(number)
        for gone in set(self.states) - set(versions) - set(self._loaded):
            for each in (self.states, self._seen, self._refused):
                each.pop(gone, None)

    async def _load(self, number: int, path, at_once: bool) -> bool:
        files = await asyncio.to_thread(folders.state_of_files, path)
        if self._refused.get(number) == files:
            return False
        # Half-written, maybe: it must look the same twice.
        still, self._seen[number] = self._seen.get(number) == files, files
        if not (still or at_once):
            return False
        self.states[number] = State("LOADING")
        _log.info("%s: loading version %d", self.name, number)
        try:
            saved_model = await asyncio.to_thread(SavedModel, path)
        except LoadError as error:
            self.states[number], self._refused[number] = State("END", str(error)), files
            _log.warning("%s: version %d is not served: %s", self.name, number, error)
            return False
        self._loaded[number], self.states[number] = Version(number, saved_model), State("AVAILABLE")
        names = ", ".join(sorted(saved_model.signatures))
        _log.info("%s: version %d is served: %s", self.name, number, names)
        if saved_model.skipped_warmups:
            count = saved_model.skipped_warmups
            _log.warning("%s: %d warm-up records are no calls of Predict", self.name, count)
        return True

    def _unload(self, number: int) -> None:
        version = self._loaded.pop(number)
        self.states[number] = State("UNLOADING")
        closing = asyncio.get_running_loop().create_task(self._close(version))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _close(self, version: Version) -> None:
        await version.close()
        if version.number not in self._loaded:
            self.states[version.number] = State("END")
        _log.info("%s: version %d is unloaded", self.name, version.number)
