"""Chinese text to words: jieba's, without its hidden Markov model, by all cores.

The words are those of ``jieba.cut(text, HMM=False)``, a search in jieba's dictionary; rjieba is
the same in Rust. It holds Python's lock, so more cores need more processes. These are no
``multiprocessing`` ones, which would import the caller's program, and TensorFlow with it, once
more: a worker is this file alone, run as a program, with pipes to and from it. It ends when its
input does, also where its parent was killed.
"""

import functools
import io
import json
import os
import signal
import subprocess  # nosec B404 # this file
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, cycle, islice

# Characters. A process is there after .2 s, in which one that is there already cuts some 700,000.
_CHUNK = 100_000
_CHUNKS_BEFORE_WORKERS = 10
# The one process that hands texts out keeps about this many busy.
_MOST_WORKERS = 6


def words(
    texts: Iterable[str], processes: int | None = None, user_words: tuple = ()
) -> Iterator[str]:
    """Yield the words of each text, joined by blanks, in order.

    A word that is a blank itself is left out. Few texts are held at a time, and further
    processes are started only where there is enough text to pay for them.

    Args:
        texts: any number of strings; may be an iterator.
        processes: how many cut words at once; by default one a core, at most 6.
        user_words: words beside jieba's, see :func:`add_words`.

    Raises:
        UnicodeEncodeError: if a text holds a lone surrogate.
        ChildProcessError: if a process failed or ended early, for want of memory perhaps.

    Example:
        >>> list(words(["我来到北京清华大学", ""]))
        ['我 来到 北京 清华大学', '']
    """
    processes = processes or min(_cores(), _MOST_WORKERS)
    chunks = _chunks(texts)
    for chunk in islice(chunks, _CHUNKS_BEFORE_WORKERS) if processes > 1 else chunks:
        yield from _cut(chunk, user_words)
    # Any left?
    for chunk in chunks:
        yield from _cut_by_workers(chain([chunk], chunks), processes, user_words)


@functools.lru_cache(maxsize=2)
def add_words(user_words: tuple):
    """Return jieba with further words, and a dictionary of the frequency that each of them has.

    Args:
        user_words: words and their frequencies; of None, jieba chooses one by which the word is
            found where nothing else speaks against it.

    Example:
        >>> jieba, counts = add_words((("云计算", None),))
        >>> jieba.cut("云计算", False), counts
        (['云计算'], {'云计算': 1})
    """
    import rjieba

    jieba = rjieba.Jieba() if user_words else rjieba  # which has one, made while it is imported
    return jieba, {word: jieba.add_word(word, count, None) for word, count in user_words}


def _cut(texts: list[str], user_words: tuple) -> list[str]:
    jieba, _ = add_words(user_words)
    return [" ".join([word for word in jieba.cut(text, False) if word != " "]) for text in texts]


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk, size = [], 0
    for text in texts:
        chunk.append(text)
        size += len(text) + 1
        if size >= _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _cores() -> int:
    # Of this process where the system tells, as in a container with some of the machine's.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cut_by_workers(
    chunks: Iterator[list[str]], processes: int, user_words: tuple
) -> Iterator[str]:
    with ExitStack() as stack:
        workers = [_Worker(stack, user_words) for _ in range(processes)]
        busy = deque()
        for chunk, worker in zip(chunks, cycle(workers), strict=False):
            # In turns, so the one that was given work longest ago is the one to be given more.
            done = busy.popleft().receive() if len(busy) == processes else []
            worker.send(chunk)
            busy.append(worker)
            yield from done
        for worker in busy:
            yield from worker.receive()


class _Worker:
    """A process that cuts words: a list of texts goes in, a list of as many strings comes out.

    It lives as long as ``stack``.
    """

    def __init__(self, stack: ExitStack, user_words: tuple):
        self._process = subprocess.Popen(  # nosec B603 # Python and this file
            # -P: the folder of this file is not one to import from.
            [sys.executable, "-P", __file__],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Nothing is held back in a buffer, to be flushed into a broken pipe at the end.
            bufsize=0,
        )
        stack.callback(self._end)
        self._results = io.BufferedReader(self._process.stdout)
        self.send(user_words)

    def send(self, value: list[str] | tuple) -> None:
        try:
            _write(self._process.stdin, value)
        except BrokenPipeError:
            raise self._ended_early() from None

    def receive(self) -> list[str]:
        line = self._results.readline()
        if not line.endswith(b"\n"):
            raise self._ended_early()
        result = json.loads(line)
        if isinstance(result, str):
            raise ChildProcessError(f"a process that cuts words failed: {result}")
        return result

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _ended_early(self) -> ChildProcessError:
        return ChildProcessError(
            f"a process that cuts words ended early, with exit status {self._process.wait()}"
        )


def _write(pipe: io.RawIOBase, value) -> None:
    """Write a line of JSON."""
    left = memoryview(json.dumps(value, ensure_ascii=False).encode() + b"\n")
    while left:
        left = left[pipe.write(left) :]


def _work() -> None:
    """Cut the lists of texts that come in by standard input after the user's words."""
    # Ctrl-C reaches every process at the terminal; the parent knows what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    results = io.FileIO(sys.stdout.fileno(), "wb", closefd=False)
    user_words = None
    for line in sys.stdin.buffer:
        received = json.loads(line)
        if user_words is None:
            user_words = tuple(map(tuple, received))
            continue
        try:
            result = _cut(received, user_words)
        except Exception as error:
            result = f"{type(error).__name__}: {error}"
        try:
            _write(results, result)
        except BrokenPipeError:
            return


if __name__ == "__main__":
    _work()
