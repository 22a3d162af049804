"""Whether several devices and processes train as one does, loss by loss.

``python -m benchmarks.replicas`` trains one small network with every registered loss, and with
every way to change the weights, on the same batches: on one device, on two devices of one process
(``MirroredStrategy``) and on two processes (``MultiWorkerMirroredStrategy``, over loopback). It
prints, for each, the largest difference of a weight and of a logged score to one device; exit
status 1 if one is above 1e-5.
"""

import argparse
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imbalance import checks

LIMIT = 1e-5
SETTINGS = ("one", "devices", "processes")
_PROCESSES = {"one": 1, "devices": 1, "processes": 2}
CLASSES, VOCABULARY, TIME = 3, 30, 5
# The last batches are uneven, and of fewer rows than there are replicas.
SIZES = (8, 7, 1)
_EPOCHS = 2
_SUM = "cross_entropy+dice_loss"
# By the settings of a run. Losses are compared with stochastic gradient descent: Adam makes as much
# of a gradient that is rounding alone as of any other.
OPTIMIZERS = {
    "adam": {},
    "adam, averaged weights": {"ema": 0.9},
    "adam, warm-up and cosine": {"schedule": "cosine", "warmup": 0.3},
    "adam, scaled loss": {"precision": "mixed_float16"},
    # Another loss sets in, with a state of its own.
    "adam, a loss after cross entropy": {"cross_entropy_first": 0.5},
    "lazy_adam": {"optimizer": "lazy_adam"},
    "lazy_adam, averaged weights": {"optimizer": "lazy_adam", "ema": 0.9},
    "lazy_adam, scaled loss": {"optimizer": "lazy_adam", "precision": "mixed_float16"},
}
# Of a row of the last device, where losses are scaled: its gradient overflows, the others' do not,
# and the step is left out.
_OVERFLOW = 1e36


@dataclass(frozen=True)
class Case:
    """What is trained: a loss with stochastic gradient descent, or with an optimizer of ours."""

    name: str
    loss: "keras.losses.Loss"  # noqa: F821 - TensorFlow is for the children
    of_tokens: bool
    optimizer: dict | None = None

    @property
    def overflows(self) -> bool:
        return self.optimizer is not None and "precision" in self.optimizer


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replicas", description=__doc__)
    parser.add_argument("--loss", action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--optimizer", action="append", choices=OPTIMIZERS, help="only this one, with cross entropy"
    )
    parser.add_argument(
        "--setting", action="append", choices=SETTINGS[1:], help="only this one beside one device"
    )
    parser.add_argument("--child", nargs=2, metavar=("SETTING", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        _train(options.child[0], Path(options.child[1]), _cases(options.loss, options.optimizer))
        return 0
    if options.loss:
        from imbalance import losses

        for name in options.loss:
            if name not in (known := {*losses.TABLE, _SUM}):
                parser.error(str(checks.unknown("--loss", name, known)))
    settings = (SETTINGS[0], *(options.setting or SETTINGS[1:]))
    with tempfile.TemporaryDirectory() as folder:
        # At once: most of the time goes into tracing, which keeps one core busy.
        started = {each: _start(each, Path(folder), options) for each in settings}
        results = {each: _results(each, Path(folder), started[each]) for each in settings}
    lines, largest = table(results)
    print("\n".join(lines))
    return int(largest > LIMIT)


def table(results: dict[str, dict[str, np.ndarray]]) -> tuple[list[str], float]:
    """Return the lines of a Markdown table, and the largest difference in it."""
    others = [each for each in SETTINGS[1:] if each in results]
    cases = sorted({name.split("|")[0] for name in results["one"]})
    lines = [
        f"Largest difference to one device after {_EPOCHS * len(SIZES)} steps, of weights / scores;"
        f" expected at most {LIMIT:g}. Of an optimizer, its state counts among the weights, and a "
        "number above 1 by its ratio.",
        "",
        f"| loss or optimizer | labels of | {' | '.join(f'2 {each}' for each in others)} | equal |",
        f"|:-|:-|{'-:|' * len(others)}:-|",
    ]
    largest = 0.0
    for case in cases:
        found = [_differences(case, results["one"], results[each]) for each in others]
        worst = max(map(max, found))
        largest = max(largest, worst)
        cells = [f"{weights:.1e} / {scores:.1e}" for weights, scores in found]
        row = [*case.split(" of "), *cells, "yes" if worst <= LIMIT else "NO"]
        lines.append(f"| {' | '.join(row)} |")
    return lines, largest


def _differences(case, one, other) -> tuple[float, float]:
    def largest(kind):
        names = [name for name in one if name.startswith(f"{case}|{kind}|")]
        return max(float(_difference(one[name], other[name]).max()) for name in names)

    return largest("weights"), largest("scores")


def _difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    unit = np.maximum(1, np.abs(one))
    return np.nan_to_num(np.abs(one / unit - other / unit), nan=np.inf)


def _start(setting: str, folder: Path, options) -> list[subprocess.Popen]:
    """Start the processes of a setting; each writes a file of its own."""
    processes = _PROCESSES[setting]
    addresses = [f"localhost:{port}" for port in free_ports(processes)]
    children = []
    for index in range(processes):
        environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3")
        if processes > 1:
            task = {"type": "worker", "index": index}
            named = {"cluster": {"worker": addresses}, "task": task}
            environment["TF_CONFIG"] = json.dumps(named)
        command = [sys.executable, "-m", "benchmarks.replicas"]
        command += ["--child", setting, str(folder / f"{setting}-{index}.npz")]
        for name in ("loss", "optimizer"):
            for value in getattr(options, name) or ():
                command += [f"--{name}", value]
        with open(folder / f"{setting}-{index}.log", "w", encoding="utf-8") as log:
            children.append(subprocess.Popen(command, env=environment, stderr=log))
    return children


def _results(setting: str, folder: Path, children) -> dict[str, np.ndarray]:
    """Return the weights and scores that processes of a setting end with; all must agree."""
    for index, child in enumerate(children):
        if child.wait() != 0:
            log = (folder / f"{setting}-{index}.log").read_text(encoding="utf-8")
            raise RuntimeError(f"{setting}, process {index}: {log[-3000:]}")
    files = [folder / f"{setting}-{index}.npz" for index in range(len(children))]
    first, *others = [dict(np.load(file)) for file in files]
    for other in others:
        if unequal := [name for name in first if not np.array_equal(first[name], other[name])]:
            raise RuntimeError(f"{setting}: processes differ in {', '.join(unequal[:5])}")
    return first


def free_ports(number: int) -> list[int]:
    """Return ports of this machine that nothing listens on."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _train(setting: str, path: Path, cases: Iterator[Case]) -> None:
    import keras
    import tensorflow as tf

    from imbalance.config import Cluster, TrainingConfig
    from imbalance.training import devices, loop

    if setting == "devices":
        [cpu] = tf.config.list_physical_devices("CPU")
        both = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, both)
    settings = TrainingConfig(devices=2 if setting == "devices" else 1)
    strategy = devices.strategy(settings, Cluster.from_environment(os.environ))
    replicas = strategy.num_replicas_in_sync
    assert replicas == (1 if setting == "one" else 2), replicas
    found = {}
    for case in cases:
        keras.utils.set_random_seed(1)
        keras.backend.clear_session()
        with strategy.scope():
            model, callbacks = _network(case)
        batches = _batches(case)
        history = loop.train(
            model, batches, epochs=_EPOCHS, validation=batches, callbacks=callbacks
        ).history
        state = [*model.variables, *([] if case.optimizer is None else model.optimizer.variables)]
        for number, variable in enumerate(state):
            found[f"{case.name}|weights|{number}"] = variable.numpy()
        for name, values in history.items():
            found[f"{case.name}|scores|{name}"] = np.array(values)
    np.savez(path, **found)


def _cases(only, optimizers) -> Iterator[Case]:
    """Yield every loss with every activation for documents and for tokens, some variants, and
    every optimizer; only those named, if some are.
    """
    from imbalance import losses

    for name in optimizers or ([] if only else OPTIMIZERS):
        loss = losses.get("cross_entropy")
        yield Case(f"`{name}` of documents", loss, of_tokens=False, optimizer=OPTIMIZERS[name])
    if optimizers and not only:
        return
    per_class = (5.0, 2.0, 1.0)
    variants = [(name, {}) for name in losses.TABLE]
    variants += [("focal_loss", {"rescale": True}), ("binary_focal_loss", {"rescale": True})]
    variants += [("ghm_loss", {"momentum": 0.9}), (_SUM, {})]
    for name, extra in variants:
        if only and name not in only:
            continue
        entry = losses.TABLE.get(name)
        given = {argument: per_class for argument in entry.data_arguments} if entry else {}
        choices = [{}]
        if entry and "activation" in entry.parameters:
            choices = [{"activation": each} for each in ("softmax", "sigmoid")]
        shown = ", ".join(f"{key}={value}" for key, value in extra.items())
        for choice in choices:
            for of_tokens in (False, True):
                reduction = "mean_with_sample_weight" if of_tokens else "sum_over_batch_size"
                loss = losses.get(name, **given, **extra, **choice, reduction=reduction)
                case = f"`{name}`{f' ({shown})' if shown else ''}, {loss.activation}"
                yield Case(f"{case} of {'tokens' if of_tokens else 'documents'}", loss, of_tokens)


def _network(case: Case):
    import keras

    from imbalance import losses, metrics
    from imbalance.config import TrainingConfig
    from imbalance.models import LossStateModel, MemberMean
    from imbalance.training import optimizers
    from imbalance.training.first_loss import LaterLoss
    from imbalance.training.stateful import AveragedWeights

    loss, of_tokens = case.loss, case.of_tokens

    ids = keras.Input((None,), dtype="int32")
    regular = keras.regularizers.L2(1e-2)
    outputs = []
    # Members, whose labels the model repeats.
    for _ in range(2):
        features = keras.layers.Embedding(VOCABULARY, 6)(ids)
        if not of_tokens:
            features = keras.layers.GlobalAveragePooling1D()(features)
        outputs.append(keras.layers.Dense(CLASSES, kernel_regularizer=regular)(features))
    model = LossStateModel(ids, MemberMean(2)(outputs))
    kind = "weighted_metrics" if of_tokens else "metrics"
    scores = [metrics.MacroF1(CLASSES, loss.activation)]
    optimizer, callbacks = keras.optimizers.SGD(0.5, momentum=0.9), []
    compile_with = functools.partial(model.compile, **{kind: scores})
    if case.optimizer is not None:
        settings = TrainingConfig(epochs=_EPOCHS, **case.optimizer)
        optimizer = optimizers.build(settings, _EPOCHS * len(SIZES))
        if settings.ema is not None:
            callbacks.append(AveragedWeights())
        if settings.loss_from:
            later = losses.get("ghm_loss", momentum=0.9)
            again = functools.partial(compile_with, optimizer)
            callbacks.append(LaterLoss(again, later, settings.loss_from))
    compile_with(optimizer, loss)
    return model, callbacks


def _batches(case: Case):
    import tensorflow as tf

    of_tokens = case.of_tokens
    random = np.random.default_rng(5)
    parts = []
    for rows in SIZES:
        ids = random.integers(1, VOCABULARY, (rows, TIME)).astype("int32")
        shape = ids.shape if of_tokens else (rows,)
        weights = random.uniform(0.2, 2, shape).astype("float32")
        if of_tokens:
            ids[0, 3:], weights[0, 3:] = 0, 0
        if case.overflows and not parts:
            weights[-1] = _OVERFLOW
        parts.append((ids, random.integers(0, CLASSES, shape).astype("int32"), weights))
    specification = tuple(tf.TensorSpec([None] * each.ndim, each.dtype) for each in parts[0])
    dataset = tf.data.Dataset.from_generator(lambda: parts, output_signature=specification)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(parts)))


if __name__ == "__main__":
    sys.exit(main())
