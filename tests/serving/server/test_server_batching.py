"""Requests that wait are joined, each gets its own answer, and a bad one fails alone."""

import asyncio
import os
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from imbalance.serving.server.batching import Batcher
from imbalance.serving.server.errors import RequestError

CORES = os.cpu_count() or 1


class Doubling:
    """Stands for a signature: doubles, notes its calls, refuses negative numbers."""

    name = "doubling"

    def __init__(self, can_be_joined=True, before: Callable = lambda: None):
        self.can_be_joined, self.before, self.calls = can_be_joined, before, []

    def group(self, arrays):
        return (id(self),) if self.can_be_joined else None

    def joined(self, requests):
        self.before()
        sizes = [len(each["x"]) for each in requests]
        self.calls.append(sizes)
        everything = np.concatenate([each["x"] for each in requests])
        if (everything < 0).any():
            raise RequestError("INVALID_ARGUMENT", "negative")
        parts = np.split(2 * everything, np.cumsum(sizes)[:-1])
        return [{"y": part} for part in parts]


def answers(signature, requests, max_batch=8, wait=0.0, observe=lambda *_: None):
    """Return what each request gives, all of them made at once."""

    async def run():
        batcher = Batcher(max_batch, wait, observe)
        made = (batcher.run(signature, {"x": np.array(each)}) for each in requests)
        found = await asyncio.gather(*made, return_exceptions=True)
        assert (batcher.waiting, batcher.busy) == (0, False) or await asyncio.sleep(0.01) is None
        batcher.close()
        return [each if isinstance(each, Exception) else each["y"].tolist() for each in found]

    return asyncio.run(run())


def slowly():
    time.sleep(0.02)


def test_what_waits_is_joined_in_order():
    seen = []
    signature = Doubling(before=slowly)
    requests = [[number, number + 0.5] for number in range(40)]
    found = answers(signature, requests, observe=lambda *sizes: seen.append(sizes))
    assert found == [[2 * a, 2 * b] for a, b in requests]
    # While every core is busy with a request of its own, the others wait and are joined by fours.
    assert len(signature.calls) == CORES + -(-(40 - CORES) // 4)
    assert all(sum(sizes) <= 8 for sizes in signature.calls)
    assert sorted(seen) == sorted((sum(sizes), len(sizes)) for sizes in signature.calls)


def test_a_wait_joins_what_comes_together():
    signature = Doubling()
    assert answers(signature, [[1], [2], [3]], wait=0.2) == [[2], [4], [6]]
    assert signature.calls == [[1, 1, 1]]
    signature, start = Doubling(), time.monotonic()
    answers(signature, [[1]] * 8, wait=30)
    assert signature.calls == [[1] * 8]
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(("can_be_joined", "max_batch"), [(False, 8), (True, 0)])
def test_nothing_is_joined(can_be_joined, max_batch):
    signature = Doubling(can_be_joined, slowly)
    assert answers(signature, [[n] for n in range(9)], max_batch) == [[2 * n] for n in range(9)]
    assert signature.calls == [[1]] * 9


def test_a_bad_request_fails_alone():
    requests = [[1], [2], [-1], [3], [-2]]
    found = answers(Doubling(), requests, wait=0.1)
    assert [each for each in found if isinstance(each, list)] == [[2], [4], [6]]
    assert [str(found[index]) for index in (2, 4)] == ["negative"] * 2


def test_a_long_request_is_cut():
    signature = Doubling()
    assert answers(signature, [list(range(20))]) == [list(range(0, 40, 2))]
    assert signature.calls == [[8], [8], [4]]
    for kind, rows in ((signature, 4097), (Doubling(can_be_joined=False), 1025)):
        [error] = answers(kind, [[0] * rows])
        assert f"{rows} rows" in str(error)


def test_a_request_that_is_given_up_leaves_the_queue():
    release = threading.Event()
    signature = Doubling(can_be_joined=False, before=release.wait)

    async def run():
        batcher = Batcher(8, 0, lambda *_: None)
        tasks = [
            asyncio.create_task(batcher.run(signature, {"x": np.array([n])}))
            for n in range(CORES + 3)
        ]
        await asyncio.sleep(0.05)
        assert batcher.waiting == 3
        tasks[-1].cancel()
        await asyncio.sleep(0)
        assert batcher.waiting == 2
        # One whose call is under way is given up too; the others feel nothing.
        tasks[0].cancel()
        release.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        batcher.close()
        return found

    found = asyncio.run(run())
    assert [type(found[index]) for index in (0, -1)] == [asyncio.CancelledError] * 2
    assert [each["y"].tolist() for each in found[1:-1]] == [[2 * n] for n in range(1, CORES + 2)]
