"""Raw text to batches: a second run against the first, waiting against working, 1M against 10k."""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import NO_FUDAN, Note, Row, Skipped, fudan

ROOT = Path(__file__).parents[1]
CHARACTERS = 100
# Negatives for each positive of the documents that are made.
RATIO = 9


def run(quick: bool) -> Iterator[Row | Skipped | Note]:
    """Yield rows of the cache, of the wait for data, and of corpora that grow."""
    sources = {"reviews": {"source": "reviews"}}
    if fudan() and not quick:
        sources["Fudan characters"] = {"source": str(fudan())}
        sources["Fudan words"] = {"source": str(fudan()), "tokens": "words"}
    for name, settings in sources.items():
        with tempfile.TemporaryDirectory() as cache:
            first, *again = (_child("start", settings, cache) for _ in range(2 if quick else 6))
        second = sorted(again, key=lambda each: each["seconds"])[len(again) // 2]
        yield Row.of(
            f"raw text to the first batch, second run vs first, {name}",
            second["seconds"],
            first["seconds"],
            "s",
        )
        yield Note(f"imports before that, {name}: {second['imports']:.1f} s")
    if not fudan():
        yield Skipped("raw text to the first batch, Fudan", NO_FUDAN)
    yield from _waiting(quick)
    yield from _growing((1_000, 2_000) if quick else (10_000, 100_000, 1_000_000))


def _waiting(quick: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as cache:
        found = _child("wait", {"source": "reviews", "steps": 5 if quick else 100}, cache)
    yield Row.of("wait for the next batch vs step, reviews, default network", *found["ms"], "ms")


def _growing(sizes: tuple[int, ...]) -> Iterator[Row | Note]:
    found = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "documents.jsonl")
            write_documents(source, size)
            settings = {"source": str(source), "output": str(Path(folder, "runs"))}
            cache = str(Path(folder, "cache"))
            # In processes of their own: the peak of one is not that of another.
            found[size] = {
                "prepare": _child("start", settings, cache),
                "second start": _child("start", settings, cache),
                "epoch": _child("epoch", settings, cache),
                "train": _child("train", settings, cache),
            }
    first, last = (found[size] for size in (sizes[0], sizes[-1]))
    pair = f"{sizes[-1]:,} documents vs {sizes[0]:,}"
    for task in ("prepare", "epoch", "train"):
        each = (
            1e6 * part[task]["seconds"] / size
            for part, size in ((last, sizes[-1]), (first, sizes[0]))
        )
        yield Row.of(f"{_TASKS[task]}, a document, {pair}", *each, "µs")
    yield Row.of(
        f"peak resident memory of train.py, {pair}",
        last["train"]["megabytes"],
        first["train"]["megabytes"],
        "MB",
    )
    lines = [
        f"{size:,} documents of {CHARACTERS} characters: "
        + ", ".join(
            f"{task} {each['seconds']:.1f} s ({each['megabytes']:,.0f} MB)"
            for task, each in tasks.items()
        )
        for size, tasks in found.items()
    ]
    yield Note("\n".join(lines))


_TASKS = {
    "prepare": "raw text to the first batch",
    "epoch": "an epoch of batches, without a network",
    "train": "train.py, one epoch of a small network, scores of both splits, export",
}


def write_documents(path: Path, count: int) -> None:
    """Write different documents, mixed from sentences of `reviews`, as JSON lines."""
    from imbalance.config import DataConfig
    from imbalance.data import load

    corpus = load(DataConfig(imbalance_ratio=None, cache=None))
    train = corpus.splits["train"]
    sentences = {label: [] for label in corpus.labels}
    for text, label in zip(train.texts, train.labels.tolist(), strict=True):
        parts = text.replace("！", "。").replace("，", "。").split("。")
        sentences[corpus.labels[label]] += [part for part in parts if 5 <= len(part) <= 40]
    negative, positive = (sentences[label] for label in corpus.labels)
    draw = random.Random(1)
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            rare = number % (RATIO + 1) == 0
            text = str(number)
            while len(text) < CHARACTERS:
                text += "，" + draw.choice(positive if rare else negative)
            label = corpus.labels[rare]
            file.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")


def _child(task: str, settings: dict, cache: str) -> dict:
    command = [sys.executable, "-m", "benchmarks.pipeline", task, json.dumps(settings)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": cache},
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    )
    return json.loads(done.stdout.splitlines()[-1])


def _main(task: str, settings: dict) -> None:
    """Do one task in this process and print what it took as JSON."""
    began = time.perf_counter()
    import imbalance.training.fit  # noqa: F401 - what train.py imports

    imports = time.perf_counter() - began
    output = settings.pop("output", None)
    steps = settings.pop("steps", None)
    began = time.perf_counter()
    if task == "train":
        _train(settings["source"], output)
        found = {}
    elif task == "wait":
        found = {"ms": _wait(settings, steps)}
    else:
        batches = iter(_batches(settings))
        next(batches)
        if task == "epoch":
            began = time.perf_counter()
            for _ in batches:
                pass
        found = {}
    found["seconds"] = time.perf_counter() - began
    found["imports"] = imports
    found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def _batches(settings: dict):
    from imbalance.config import DataConfig
    from imbalance.data import load
    from imbalance.data.encoded import encode
    from imbalance.data.pipeline import TrainingBatches, row_weights

    config = DataConfig(**settings)
    corpus = load(config)
    train = corpus.splits["train"]
    rows = encode(corpus, config).rows["train"]
    weights = row_weights(train.labels)
    return TrainingBatches(rows, train.labels, weights, batch_size=64, seed=1).dataset()


def _train(source: str, output: str) -> None:
    from imbalance.commands import train

    arguments = ["--data", source, "--output-dir", output, "--epochs", "1", "--batch-size", "512"]
    for argument in ("filters=8", "embedding_dim=8", "kernel_sizes=[2]"):
        arguments += ["--model-arg", argument]
    train.main(arguments)


def _wait(settings: dict, steps: int) -> tuple[float, float]:
    """Return milliseconds: the wait for a batch, and the step on it; means, warm."""
    import keras

    from imbalance import losses, registry
    from imbalance.config import ModelConfig

    model = registry.build_model(ModelConfig("text_cnn"), vocabulary_size=8000, units=2)
    model.compile("adam", losses.get("cross_entropy"))
    dataset = _batches(settings)
    waited = worked = 0.0
    for epoch in range(2):  # the first compiles
        batches = iter(dataset)
        for _ in range(steps):
            began = time.perf_counter()
            batch = next(batches, None)
            if batch is None:
                batches = iter(dataset)
                continue
            arrived = time.perf_counter()
            keras.ops.convert_to_numpy(model.train_on_batch(*batch))
            if epoch:
                waited += arrived - began
                worked += time.perf_counter() - arrived
    return 1e3 * waited / steps, 1e3 * worked / steps


if __name__ == "__main__":
    _main(sys.argv[1], json.loads(sys.argv[2]))
