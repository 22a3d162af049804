"""Calls of the network: few at a time, in threads, with waiting requests joined into one call."""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from imbalance.serving.server.arrays import rows
from imbalance.serving.server.errors import wrong

# Of a long request where nothing is joined.
_ROWS_AT_ONCE = 256
# The most rows of a request, and of one that cannot be cut: memory and the answer's writing, which
# holds up the others, must have a bound.
_MOST_ROWS, _MOST_AT_ONCE = 4096, 1024


@dataclass(eq=False)
class _Waiting:
    """A request, or a piece of one, that waits for its call."""

    signature: object
    arrays: dict[str, np.ndarray]
    rows: int
    since: float
    answer: asyncio.Future


class Batcher:
    """Calls signatures in threads, as many calls at a time as there are cores.

    A call takes what waits for the same signature, oldest first, up to ``max_batch`` rows. So
    nobody waits for company while a core is free, and under load the batches grow by themselves;
    a wait of ``wait`` seconds makes them larger at the price of that time. A request of more rows
    is cut into pieces that take turns with the other requests.

    Args:
        max_batch: rows of a call; 0 joins nothing.
        wait: seconds that a request waits for others.
        observe: called with the rows and the requests of each call.
    """

    def __init__(self, max_batch: int, wait: float, observe: Callable[[int, int], None]):
        self._max_batch, self._wait, self._observe = max_batch, wait, observe
        self._piece = max_batch or _ROWS_AT_ONCE
        self._free = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._free, thread_name_prefix="network")
        # What is joined waits in one group; each that cannot be is a group of its own.
        self._groups: dict[object, deque[_Waiting]] = {}
        self._calls: set[asyncio.Task] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many requests, or pieces of long ones, wait for a call."""
        return sum(map(len, self._groups.values()))

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return bool(self._calls)

    async def run(self, signature, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs of a request.

        Raises:
            RequestError: the request is wrong; no other one feels it.
        """
        count = rows(arrays)
        most = _MOST_ROWS if signature.can_be_joined else _MOST_AT_ONCE
        if count > most:
            raise wrong("inputs", f"{count} rows", f"at most {most} in a request")
        if not signature.can_be_joined or count <= self._piece:
            return await self._one(signature, arrays, count)
        found = []
        for start in range(0, count, self._piece):
            piece = {
                name: each[start : start + self._piece] if each.ndim else each
                for name, each in arrays.items()
            }
            found.append(await self._one(signature, piece, min(self._piece, count - start)))
        return {name: np.concatenate([each[name] for each in found]) for name in found[0]}

    def close(self) -> None:
        """Let the threads end when their calls have; nothing new may come."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _one(self, signature, arrays, count: int) -> dict[str, np.ndarray]:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(signature, arrays, count, loop.time(), loop.create_future())
        key = signature.group(arrays) if self._max_batch else None
        key = waiting if key is None else key
        self._groups.setdefault(key, deque()).append(waiting)
        self._start()
        try:
            return await waiting.answer
        finally:
            # Given up while it waited: its place is free at once.
            group = self._groups.get(key)
            if group is not None and waiting in group:
                group.remove(waiting)
                if not group:
                    del self._groups[key]

    def _start(self) -> None:
        """Start the calls that are due, as far as threads are free."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._free and self._groups:
            due = {key: self._due(key, group) for key, group in self._groups.items()}
            key = min(due, key=lambda key: (due[key], self._groups[key][0].since))
            if due[key] > loop.time():
                self._timer = loop.call_at(due[key], self._start)
                return
            self._free -= 1
            call = loop.create_task(self._call(self._take(key)))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    def _due(self, key, group: deque[_Waiting]) -> float:
        """Return when a group is to be called; 0 for now."""
        alone = isinstance(key, _Waiting)
        if alone or not self._wait or sum(each.rows for each in group) >= self._max_batch:
            return 0.0
        return group[0].since + self._wait

    def _take(self, key) -> list[_Waiting]:
        group = self._groups[key]
        batch, count = [], 0
        while group and (not batch or count + group[0].rows <= self._max_batch):
            batch.append(group.popleft())
            count += batch[-1].rows
        if not group:
            del self._groups[key]
        return batch

    async def _call(self, batch: list[_Waiting]) -> None:
        try:
            if not await self._answer(batch) and len(batch) > 1:
                # One of them is bad: each by itself, so that only that one fails.
                for each in batch:
                    await self._answer([each])
        finally:
            self._free += 1
            self._start()

    async def _answer(self, batch: list[_Waiting]) -> bool:
        """Answer the requests of a call; return whether that could be done for all of them."""
        loop = asyncio.get_running_loop()
        self._observe(sum(each.rows for each in batch), len(batch))
        signature, arrays = batch[0].signature, [each.arrays for each in batch]
        try:
            found = await loop.run_in_executor(self._pool, signature.joined, arrays)
        except Exception as error:
            if len(batch) == 1 and not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return False
        for each, outputs in zip(batch, found, strict=True):
            if not each.answer.done():  # its client may have gone
                each.answer.set_result(outputs)
        return True
