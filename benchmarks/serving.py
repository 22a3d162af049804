"""``python -m benchmarks.serving [load|memory]``: requests to ``python -m imbalance.serving``.

``load`` has 1, 8 and 64 clients send one text after the other, for each way to join requests; then
a new version is dropped in and the server is asked to stop, both under requests, and what failed is
counted. ``memory`` prints the server's resident memory after so many requests. Clients and server
share the machine, and all of it stays on loopback.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import numpy as np

# --max-batch and --batch-timeout-ms.
BATCHES = {"none": (0, 0), "what waits": (64, 0), "within 2 ms": (64, 2)}
CLIENTS = (1, 8, 64)
_NAME = "model"
_CHARACTERS = 420
_PATIENCE = 120.0


class Load:
    """Clients that send requests one after the other, and what came of them."""

    def __init__(self, address: str, texts: Sequence[str], rows: Sequence[int] = (1,)):
        self._url = f"{address}:predict"
        self._bodies = [
            json.dumps({"instances": list(texts[start : start + rows[start % len(rows)]])})
            for start in range(len(texts) - max(rows))
        ]
        self.seconds: list[float] = []
        self.failed: list[str] = []
        self._next = 0

    async def run(self, clients: int, goes_on) -> float:
        """Let each client send while ``goes_on()``; return the seconds that took."""
        start = time.perf_counter()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(self._client(session, goes_on) for _ in range(clients)))
        return time.perf_counter() - start

    async def _client(self, session, goes_on) -> None:
        while goes_on():
            body = self._bodies[self._next % len(self._bodies)]
            self._next += 1
            start = time.perf_counter()
            try:
                async with session.post(self._url, data=body) as answer:
                    await answer.read()
                    if answer.status != 200:
                        self.failed.append(f"status {answer.status}")
            except aiohttp.ClientConnectorError:
                return  # it listens no more: nothing was accepted
            except (aiohttp.ClientError, TimeoutError) as error:
                self.failed.append(f"{type(error).__name__}: {error}")
            self.seconds.append(time.perf_counter() - start)


class Server:
    """A server of its own process."""

    def __init__(self, folder: Path, *arguments):
        command = [sys.executable, "-m", "imbalance.serving", folder, "--name", _NAME, "--port", 0]
        self._process = subprocess.Popen(
            [str(each) for each in (*command, *arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self._process.stdout.readline()
        if not line:
            raise ChildProcessError(f"the server ended with status {self._process.wait()}")
        self.address = line.split()[1]

    async def number(self, name: str) -> float:
        """Return one of its metrics."""
        async with aiohttp.ClientSession() as session:
            url = f"{self.address.split('/v1/')[0]}/metrics"
            async with session.get(url) as answer:
                lines = (await answer.text()).splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))

    async def serves(self, version: int) -> bool:
        """Whether requests go to that version."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.address}/versions/{version}") as answer,
        ):
            if answer.status != 200:
                return False
            return (await answer.json())["model_version_status"][0]["state"] == "AVAILABLE"

    def ask_to_stop(self) -> None:
        os.kill(self._process.pid, signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end and return its exit status."""
        return self._process.wait(_PATIENCE)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def _server(folder: Path, *arguments) -> Iterator[Server]:
    server = Server(folder, *arguments)
    try:
        yield server
    finally:
        server.kill()


async def _load(folder: Path, texts: Sequence[str], seconds: float) -> tuple[list[dict], int]:
    """Measure each way to join; return the rows of the table and how many requests failed."""
    print(
        f"{'joined':12} {'clients':>7} {'requests/s':>10} {'p50 ms':>8} {'p99 ms':>8} "
        f"{'rows a call':>11} {'failed':>6}"
    )
    rows, failed = [], 0
    for number, (name, (most, wait)) in enumerate(BATCHES.items()):
        arguments = ("--max-batch", most, "--batch-timeout-ms", wait)
        with _server(folder / _NAME, *arguments) as server:
            for clients in (1, 8):  # compiles, for single texts and for many
                await _for(Load(server.address, texts), clients, min(seconds, 5))
            for clients in CLIENTS:
                before = await _calls(server)
                load = Load(server.address, texts)
                took = await _for(load, clients, seconds)
                rows_sum, calls = (np.array(await _calls(server)) - before).tolist()
                rows.append(_row(name, clients, load, took, rows_sum / calls))
                failed += len(load.failed)
            load, switched, status = await _switch_and_stop(
                server, folder, texts, seconds, str(number + 2)
            )
        failed += len(load.failed)
        print(
            f"{'':12} new version {'taken up' if switched else 'NOT taken up'}, then SIGTERM, by "
            f"8 clients: {len(load.seconds)} requests, {len(load.failed)} failed, exit {status}",
            flush=True,
        )
        for each in load.failed[:3]:
            print(f"{'':12} failed: {each}")
        failed += (not switched) + (status != 0)
    return rows, failed


async def _calls(server: Server) -> list[float]:
    name = "imbalance_serving_batch_rows"
    return [await server.number(f"{name}_{each}") for each in ("sum", "count")]


async def _for(load: Load, clients: int, seconds: float) -> float:
    end = time.perf_counter() + seconds
    return await load.run(clients, lambda: time.perf_counter() < end)


async def _switch_and_stop(server, folder: Path, texts, seconds: float, version: str):
    load, ended = Load(server.address, texts), False
    sending = asyncio.create_task(load.run(8, lambda: not ended))
    await asyncio.sleep(seconds / 3)
    (folder / "next" / version).rename(folder / _NAME / version)
    end = time.perf_counter() + _PATIENCE
    while not (switched := await server.serves(int(version))) and time.perf_counter() < end:
        await asyncio.sleep(0.2)
    await asyncio.sleep(seconds / 3)
    server.ask_to_stop()
    status = await asyncio.to_thread(server.wait)
    ended = True
    await sending
    return load, switched, status


def _row(name: str, clients: int, load: Load, took: float, rows_a_call: float) -> dict:
    p50, p99 = np.percentile(load.seconds, [50, 99]) * 1e3
    row = {
        "joined": name,
        "clients": clients,
        "requests_per_second": len(load.seconds) / took,
        "p50_ms": p50,
        "p99_ms": p99,
        "rows_a_call": rows_a_call,
        "failed": len(load.failed),
    }
    print(
        f"{name:12} {clients:7} {row['requests_per_second']:10.1f} {p50:8.2f} {p99:8.2f} "
        f"{rows_a_call:11.2f} {row['failed']:6}",
        flush=True,
    )
    return row


async def _memory(folder: Path, texts: Sequence[str], counts: Sequence[int]):
    """Print the resident memory after so many requests; return the rows and what failed."""
    rows = []
    with _server(folder / _NAME) as server:
        # Rows of a request differ, and so do the lengths of the texts.
        lengths = np.random.default_rng(1).integers(1, _CHARACTERS, len(texts))
        cut = [text[:length] for text, length in zip(texts, lengths, strict=True)]
        load = Load(server.address, cut, rows=(1, 2, 4, 8))
        sent = 0
        for count in counts:
            left = iter(range(count - sent))
            await load.run(8, lambda left=left: next(left, None) is not None)
            sent = count
            size = await server.number("process_resident_memory_bytes") / 2**20
            rows.append({"requests": count, "resident_mib": size, "failed": len(load.failed)})
            change = size / rows[0]["resident_mib"] - 1
            print(
                f"{count:>9,} requests: {size:8.1f} MiB resident ({change:+.1%}), "
                f"{len(load.failed)} failed",
                flush=True,
            )
            load.seconds.clear()
    return rows, len(load.failed)


def _prepare(folder: str, quick: bool) -> None:
    """Write an untrained network as version 1, later versions aside, and texts to send."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from benchmarks import inference
    from imbalance.serving.export import export

    folder = Path(folder)
    texts, labels = inference.texts_and_labels()
    run = inference.untrained_run(folder, texts, labels, 8 if quick else 128)
    export(run, folder / _NAME)
    for version in range(2, 2 + len(BATCHES)):
        # Each export takes the number after the last one.
        (folder / "next" / str(version - 1)).mkdir(parents=True, exist_ok=True)
        export(run, folder / "next")
    cut = [text[:_CHARACTERS] for text in texts[:512]]
    (folder / "texts.json").write_text(json.dumps(cut), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return 0, or 1 if a request failed."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        child = multiprocessing.get_context("spawn").Process(
            target=_prepare, args=(name, options.quick)
        )
        child.start()
        child.join()
        if child.exitcode:
            return 1
        folder = Path(name)
        texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
        if options.mode == "load":
            seconds = options.seconds or (2 if options.quick else 15)
            rows, failed = asyncio.run(_load(folder, texts, seconds))
        else:
            counts = options.requests or ((500, 2000) if options.quick else (10_000, 100_000))
            rows, failed = asyncio.run(_memory(folder, texts, sorted(counts)))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"failed: {failed}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description="Send requests to a server of its own, on loopback: how many a second and how "
        "long they take (load), or its memory after many of them (memory).",
        epilog="Exit status: 0 done, 1 a request failed.",
    )
    parser.add_argument("mode", nargs="?", choices=("load", "memory"), default="load")
    parser.add_argument("--quick", action="store_true", help="a small network, rough numbers")
    parser.add_argument("--seconds", type=float, metavar="S", help="of each run; default 15")
    parser.add_argument(
        "--requests",
        type=int,
        nargs="+",
        metavar="N",
        help="after which memory is read; default 10000 100000",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
