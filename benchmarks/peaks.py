"""Where a training step's time goes, set against what this machine can do at most."""

import math
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks import training
from benchmarks.measure import Note, Row, Skipped, seconds
from imbalance.models import token_tables

_FLOAT = 4  # bytes
_DIM, _FILTERS, _WIDTHS = 128, 128, (2, 3, 4, 5)
_OFFSETS = sum(_WIDTHS)


@dataclass(frozen=True)
class Peaks:
    """The most this machine was seen to do: GFLOP/s, and GB/s of three kinds."""

    product: float
    copy: float
    gather: float


def run(quick: bool) -> Iterator[Row | Note]:
    """Yield the step set against the peak of the dense arithmetic, and the account as a table."""
    sizes = training.QUICK if quick else training.Sizes()
    peaks, peak_lines = _peaks(quick)
    name, ids = _input(sizes)
    step = training.keras_step(training.build(), ids, sizes.batch)
    for _ in range(sizes.batches):
        step()
    step_seconds = median(seconds(step) for _ in range(sizes.repeats))

    windows = sizes.batch * sizes.length
    # A product and a sum for each weight, and twice that for the gradients.
    dense = 3 * 2 * windows * _DIM * _FILTERS * _OFFSETS
    yield Row.of(
        f"peaks, step as dense arithmetic vs matrix product's peak, {name}",
        dense / step_seconds / 1e9,
        peaks.product / 1e9,
        "GFLOP/s",
    )
    account = _account(name, step, step_seconds, ids, sizes, peaks)
    yield Note("\n".join([*peak_lines, "", *account]))


def _input(sizes: training.Sizes) -> tuple[str, np.ndarray]:
    name, ids = next(each for each in training.inputs(sizes) if not isinstance(each[1], Skipped))
    return name, ids


# What the machine can do


def _peaks(quick: bool) -> tuple[Peaks, list[str]]:
    repeats = 3 if quick else 9
    lines = ["| peak, measured in this run | |", "|-|-|"]

    def show(what: str, value: float, unit: str):
        lines.append(f"| {what} | {value:.1f} {unit} |")

    products = []
    shapes = [(2048, 2048, 2048), (2048, _DIM, _FILTERS), (2048, _DIM, _OFFSETS * _FILTERS)]
    for rows, inner, columns in shapes[1:] if quick else shapes:
        left, right = tf.random.normal([rows, inner]), tf.random.normal([inner, columns])
        multiply = tf.function(tf.matmul)
        rate = 2 * rows * inner * columns / _fastest(lambda: multiply(left, right), repeats)  # noqa: B023
        products.append(rate)
        show(f"matrix product {rows} × {inner} × {columns}, float32", rate / 1e9, "GFLOP/s")

    # Far larger than any cache; read and written, all cores.
    source = np.ones((16 if quick else 128) << 20, np.uint8)
    parts = list(
        zip(
            *(np.array_split(each, os.cpu_count()) for each in (np.empty_like(source), source)),
            strict=True,
        )
    )
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        copy = (
            2
            * source.nbytes
            / _fastest(lambda: list(threads.map(lambda pair: np.copyto(*pair), parts)), repeats)
        )
    show("memory copy, read and written", copy / 1e9, "GB/s")

    # Rows of a batch's tables, in a shared cache and not in a core's own; summed by 16, so that
    # reading them is nearly all there is to do.
    table = tf.random.normal([2048 * _OFFSETS, _FILTERS])
    at = tf.random.uniform([1 << (10 if quick else 14), 16], 0, table.shape[0], tf.int32)
    add = tf.function(lambda: tf.reduce_sum(tf.gather(table, at), axis=1), jit_compile=True)
    gather = math.prod(at.shape) * _FILTERS * _FLOAT / _fastest(add, repeats)
    show(f"random rows of {_FILTERS * _FLOAT} bytes, read and added", gather / 1e9, "GB/s")
    return Peaks(max(products), copy, gather), lines


def _fastest(call: Callable, repeats: int) -> float:
    """A peak is what is reached at best."""
    call()
    return min(seconds(call) for _ in range(repeats))


# Where the step's time goes

# An operation belongs to the first stage that knows a part of its name.
_STAGES = {
    "optimizer": ("adam/",),
    "distinct tokens and their vectors": ("Unique", "features_1/GatherV2", "features_1/Pad"),
    "tables: matrix product": ("BatchMatMul", "features_1/MatMul"),
    "window sums, maxima of chunks": ("CpuExecutable::Execute",),
    "maxima of texts": ("features_1/Max",),
    "gradients: which windows won": ("GatherV2", "GatherNd", "ArgMax", "Where", "Transpose"),
    "gradients: sparse products": ("SparseMatrix", "SparseTensorToCSR"),
    "convolutions and their gradients": ("Conv2D", "conv1d"),
}
_REST = "dropout, head, loss, metrics and the rest"
# These only contain others.
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_OPERATION = re.compile(r"[^\s:]+:([A-Z]\w*)$|CpuExecutable::(Execute)")
_DEAREST = 10


def _profile(step: Callable, steps: int) -> Counter[tuple[str, str]]:
    """Return seconds a step of each (stage, kind of operation), added over threads."""
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(steps):
                step()
        (path,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    totals = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                operation = _OPERATION.match(name)
                if operation and operation[1] not in _CALLS:
                    stage = next((s for s, parts in _STAGES.items() if _has(name, parts)), _REST)
                    kind = operation[1] or "XLA"
                    totals[stage, kind] += event.duration_ps / 1e12 / steps
    return totals


def _has(name: str, parts) -> bool:
    return any(part in name for part in parts)


def _work(ids: np.ndarray, sizes: training.Sizes, peaks: Peaks) -> dict[str, tuple]:
    """Return FLOP, bytes and the peak of such bytes, from the shapes of one batch."""
    batches = [ids[start : start + sizes.batch] for start in range(0, len(ids), sizes.batch)]
    distinct = np.mean([len(np.unique(batch)) for batch in batches])
    features = len(_WIDTHS) * _FILTERS
    positions = sizes.batch * sizes.length
    chunks = positions / token_tables.CHUNK * features * _FLOAT
    # Half of the winners are left by dropout, and each has its window's offsets.
    entries = sizes.batch * _FILTERS * _OFFSETS / 2
    kernels = _OFFSETS * _DIM * _FILTERS
    parameters = training.VOCABULARY * _DIM + kernels + features * (1 + training.CLASSES)
    return {
        # Parameter and two moments read and written, the gradient read.
        "optimizer": (10 * parameters, 7 * parameters * _FLOAT, peaks.copy),
        "distinct tokens and their vectors": (0, 2 * distinct * _DIM * _FLOAT, peaks.gather),
        "tables: matrix product": (
            2 * distinct * kernels,
            distinct * _OFFSETS * _FILTERS * _FLOAT,
            peaks.copy,
        ),
        "window sums, maxima of chunks": (
            positions * _FILTERS * (_OFFSETS + len(_WIDTHS)),
            positions * _FILTERS * _OFFSETS * _FLOAT,
            peaks.gather,
        ),
        "maxima of texts": (chunks / _FLOAT, chunks, peaks.copy),
        "gradients: which windows won": (chunks / _FLOAT, chunks, peaks.copy),
        "gradients: sparse products": (
            4 * entries * _DIM,
            2 * entries * _DIM * _FLOAT,
            peaks.gather,
        ),
        "convolutions and their gradients": (6 * positions * kernels, 0, peaks.copy),
        _REST: (6 * sizes.batch * features * training.CLASSES, 0, peaks.copy),
    }


def _account(name: str, step: Callable, wall: float, ids, sizes, peaks: Peaks) -> Iterator[str]:
    """Yield the lines of the table."""
    operations = _profile(step, sizes.batches)
    took = Counter()
    for (stage, _), time in operations.items():
        took[stage] += time
    work = _work(ids, sizes, peaks)
    total = took.total()
    yield (
        f"A training step ({name}; {sizes.batch} × {sizes.length} tokens) takes "
        f"{1e3 * wall:.1f} ms by the clock; its operations, {1e3 * total:.1f} ms over all threads. "
        "What a stage needs at the least is its arithmetic at the product's peak or its bytes at "
        "the peak of such an access, whichever takes longer. Frequent tokens stay in a core's own "
        "cache, so window sums may beat the peak of random rows."
    )
    yield ""
    yield "| stage | ms | share | MFLOP | GFLOP/s | MB | GB/s | least ms |"
    yield "|-|-|-|-|-|-|-|-|"
    for stage, time in took.most_common():
        flop, size, peak = work[stage]
        least = max(flop / peaks.product, size / peak)
        yield (
            f"| {stage} | {1e3 * time:.2f} | {time / total:.0%} | {flop / 1e6:.1f} | "
            f"{flop / time / 1e9:.1f} | {size / 1e6:.1f} | {size / time / 1e9:.1f} | "
            f"{1e3 * least:.2f} |"
        )
    yield ""
    yield "| dearest operations | of stage | ms |"
    yield "|-|-|-|"
    for (stage, kind), time in operations.most_common(_DEAREST):
        yield f"| {kind} | {stage} | {1e3 * time:.2f} |"
