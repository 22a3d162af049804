"""Documents a second in training: our TextCNN against plain Keras and PyTorch, full steps."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import keras
import numpy as np

from benchmarks import documents, plain
from benchmarks.measure import NO_FUDAN, Note, Row, Skipped, compare, fudan, seconds
from imbalance.models import text_cnn
from imbalance.training.optimizers import LazyAdam

# The sizes that the rows are for; the networks' own are the defaults of `text_cnn`.
VOCABULARY, CLASSES = 8000, 20
# Each is measured against "dense", so that one that stops paying is seen.
IMPLEMENTATIONS = ("tables", "windows")
_LARGE_VOCABULARY = 200_000


@dataclass(frozen=True)
class Sizes:
    batch: int = 64
    length: int = 400
    batches: int = 8
    repeats: int = 9


QUICK = Sizes(batch=8, length=100, batches=2, repeats=3)


def run(quick: bool) -> Iterator[Row | Skipped | Note]:
    """Yield rows of the first step, of each kind of input, and of each implementation."""
    sizes = QUICK if quick else Sizes()
    yield _first_step(sizes)
    rows = {}
    for name, ids in inputs(sizes):
        if isinstance(ids, Skipped):
            yield ids
            continue
        rows[name] = ids
        yield from _against_others(name, ids, sizes)
    padded = next(iter(rows.values())).copy()
    padded[:, sizes.length // 2 :] = 0
    yield from _against_others("half of each row padding", padded, sizes)

    name, ids = next(iter(rows.items()))
    for implementation in IMPLEMENTATIONS:
        yield _compare(
            f"training, implementation {implementation} vs dense, {name}",
            keras_step(build(implementation), ids, sizes.batch),
            keras_step(build("dense"), ids, sizes.batch),
            sizes,
        )
    for vocabulary_size in (VOCABULARY,) if quick else (VOCABULARY, _LARGE_VOCABULARY):
        lazy, adam = (text_cnn(vocabulary_size, CLASSES) for _ in range(2))
        yield _compare(
            f"training, LazyAdam vs Adam, {vocabulary_size:,} ids, {name}",
            keras_step(lazy, ids, sizes.batch, LazyAdam()),
            keras_step(adam, ids, sizes.batch),
            sizes,
        )


def _first_step(sizes: Sizes) -> Row:
    """What tracing and compiling cost; once, since only the first step of a process pays it."""
    inputs, outputs = keras.Input((1,)), keras.layers.Dense(1)
    keras.Model(inputs, outputs(inputs)).predict(np.zeros((1, 1)), verbose=0)  # TensorFlow's own
    ids = documents.random_rows(rows=sizes.batch, length=sizes.length, vocabulary_size=VOCABULARY)
    models = build(), plain.keras_text_cnn(VOCABULARY, CLASSES)
    times = [seconds(keras_step(model, ids, sizes.batch)) for model in models]
    return Row.of("training, first step, vs plain Keras, random ids (one run)", *times, "s")


def inputs(sizes: Sizes) -> Iterator[tuple[str, np.ndarray | Skipped]]:
    """Yield names and ids, (batches × batch, length), or why there are none."""
    shape = {
        "rows": sizes.batch * sizes.batches,
        "length": sizes.length,
        "vocabulary_size": VOCABULARY,
    }
    folder = fudan()
    texts = documents.fudan_split(folder)[0].texts if folder else None
    for tokens in ("characters", "words"):
        name = f"Fudan {tokens}"
        if folder:
            yield name, documents.full_rows(texts, tokens, **shape)
        else:
            yield name, Skipped(f"training, {name}", NO_FUDAN)
    reviews = documents.long_reviews(3 * sizes.length, 2 * shape["rows"])
    yield "reviews joined, characters", documents.full_rows(reviews, "characters", **shape)
    # Work can be shared between equal tokens of a batch; here as few are equal as can be.
    yield "uniformly random ids (worst case)", documents.random_rows(**shape)


def _against_others(name: str, ids: np.ndarray, sizes: Sizes) -> Iterator[Row | Skipped]:
    ours, theirs = build(), plain.keras_text_cnn(VOCABULARY, CLASSES)
    theirs.set_weights(ours.get_weights())
    # Other than ours, their layers let padding through; without any, all compute the same.
    if ids.all():
        _assert_equal(ours, lambda batch: theirs(batch).numpy(), ids[: sizes.batch])
    our_step = keras_step(ours, ids, sizes.batch)
    yield _compare(
        f"training, vs plain Keras, {name}", our_step, keras_step(theirs, ids, sizes.batch), sizes
    )
    title = f"training, vs PyTorch, {name}"
    if find_spec("torch") is None:
        yield Skipped(title, "PyTorch is not installed (requirements-benchmarks.txt)")
        return
    network = plain.torch_text_cnn(VOCABULARY, CLASSES)
    plain.copy_to_torch(ours.get_weights(), network)
    if ids.all():
        _assert_equal(ours, lambda batch: plain.torch_logits(network, batch), ids[: sizes.batch])
    yield _compare(title, our_step, torch_step(network, ids, sizes.batch), sizes)


def _compare(name, ours, theirs, sizes: Sizes) -> Row:
    # Warm is when each batch has been seen: XLA compiles for some sizes of them.
    return compare(
        name,
        ours,
        theirs,
        unit="documents/s",
        amount=sizes.batch,
        repeats=sizes.repeats,
        warmup=sizes.batches,
        pause=0.05,
    )


def build(implementation: str = "auto") -> keras.Model:
    """Return our network; plain Keras layers and it take the same weights."""
    return text_cnn(VOCABULARY, CLASSES, implementation=implementation)


def keras_step(
    model: keras.Model, ids: np.ndarray, batch: int, optimizer="adam"
) -> Callable[[], float]:
    """Return a call that does the next step of training and gives its loss."""
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(True))
    batches = _batches(ids, batch)
    return lambda: model.train_on_batch(*next(batches))


def torch_step(network, ids: np.ndarray, batch: int) -> Callable[[], float]:
    """The same of a PyTorch network."""
    import torch

    torch.set_num_threads(os.cpu_count())
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    batches = itertools.cycle(
        [(torch.tensor(x).long(), torch.tensor(y).long()) for x, y in _take(ids, batch)]
    )

    def step() -> float:
        rows, labels = next(batches)
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(network(rows), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _batches(ids, batch):
    return itertools.cycle(_take(ids, batch))


def _take(ids: np.ndarray, batch: int) -> list[tuple[np.ndarray, np.ndarray]]:
    labels = np.random.default_rng(0).integers(CLASSES, size=len(ids)).astype("int32")
    starts = range(0, len(ids), batch)
    return [(ids[start : start + batch], labels[start : start + batch]) for start in starts]


def _assert_equal(ours: keras.Model, theirs: Callable, ids: np.ndarray) -> None:
    """Refuse to compare networks that do not compute the same."""
    difference = np.abs(ours(ids).numpy() - theirs(ids)).max()
    if not difference < 1e-4:
        raise ValueError(f"logits: got a difference of {difference:.1e}, expected below 1e-4")
