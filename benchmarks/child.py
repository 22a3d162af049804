"""Runs a benchmark in a process of its own, so that memory, threads and caches start afresh."""

import multiprocessing
import os
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from benchmarks.measure import Note, Row, Skipped


@dataclass(frozen=True)
class Failed:
    """A benchmark that ended before its end, and why."""

    reason: str


def results(module: str, quick: bool) -> Iterator[Row | Skipped | Note | Failed]:
    """Yield what ``run(quick)`` of the module yields, as it comes, in a child process."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(module, quick, sender))
    process.start()
    sender.close()  # the child's end is then the only one: when it dies, the pipe says so
    ended = False
    try:
        while not ended:
            result = receiver.recv()
            ended = result is None
            if not ended:
                yield result
    except EOFError:
        process.join()
        yield Failed(f"its process ended with status {process.exitcode}")
    finally:
        if not ended:
            process.terminate()
        process.join()


def _run(module: str, quick: bool, sender) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        for result in import_module(module).run(quick):
            sender.send(result)
    except Exception as error:  # whatever it is, the other benchmarks go on
        traceback.print_exc()
        sender.send(Failed(f"{type(error).__name__}: {error}"))
    sender.send(None)
