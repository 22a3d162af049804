"""Train a network as a configuration says, and leave it in a folder."""

import functools
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from imbalance import registry, run_folder
from imbalance.config import RunConfig
from imbalance.data import cache, user_dict
from imbalance.data.encoded import EncodedCorpus, encode
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import TextEncoder
from imbalance.tasks.batches import Batches
from imbalance.training import (
    bias_scores,
    decisions,
    dictionary,
    first_loss,
    gradient_share,
    loop,
    not_finite,
    optimizers,
    pretraining,
    rows,
    tensorboard,
    wide,
)
from imbalance.training.checkpoint import Checkpoints
from imbalance.training.diagnosis import Diagnosis
from imbalance.training.exchange import check_same
from imbalance.training.findings import Findings, tell_of_absent
from imbalance.training.first_loss import LaterLoss
from imbalance.training.gradient_share import GradientShares
from imbalance.training.problem import Problem
from imbalance.training.progress import Progress
from imbalance.training.settings import check
from imbalance.training.stateful import AveragedWeights, EarlyStopping, History
from imbalance.training.validation_scores import ValidationScores

# Settings that do not decide a training.
_PLACE = {"name": None, "output_dir": None}


@dataclass(frozen=True)
class Training:
    """What a training did.

    Attributes:
        config: the resolved configuration: precision and data-filled arguments included.
        summary: for ``metrics.json``: rows and weights of each class, epochs, seconds.
        seconds_before: of these seconds, those of the processes that this one went on from.
    """

    config: RunConfig
    summary: Mapping
    seconds_before: float


def fit(
    config: RunConfig,
    corpus,
    folder: Path,
    draw_confusion: Callable | None = None,
    checkpoints: Path | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> Training:
    """Train and write ``config.yaml``, ``labels.txt``, ``vocabulary.txt``, ``history.csv``,
    ``model.keras``, ``tensorboard/`` and, if asked for, ``decision.json`` and ``user_dict.txt``
    into ``folder``.

    The network kept is that of the best epoch by ``training.monitor``; without validation rows,
    that of the last epoch.

    Args:
        config: the run's configuration.
        corpus: its data, as the task's ``load`` returns it, with splits ``train`` and
            ``validation``; the latter may be empty.
        folder: an existing folder.
        draw_confusion: see :func:`imbalance.training.tensorboard.callbacks`.
        checkpoints: a folder for the state of training after each epoch; training goes on from
            the newest that is there already. None, none is kept; of several processes the first
            alone has one, and the others go on from where it does.
        strategy: of :func:`imbalance.training.devices.strategy`; by default TensorFlow's.

    Raises:
        InputError: if a setting does not fit the loss, the network or the data, or the
            checkpoints are of another training.
    """
    check(config)
    problem = Problem.of(config, corpus)
    findings = Findings()
    tell_of_absent(findings, problem)
    config, settings = problem.config, problem.config.training

    # Also of the operations without a seed of their own, dropout among them.
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    tokenizer = Tokenizer.from_config(config.data, config.task)
    user_dict.tell_of_lost(tokenizer.user_words)
    encoded = encode(corpus, config.data, tokenizer)
    logs = folder / run_folder.TENSORBOARD
    depends_on = _identity(problem, encoded.encoder)
    # Where a run is written is the first process's business.
    check_same({**depends_on, **_PLACE}, strategy)
    done = Checkpoints(checkpoints, logs, depends_on, strategy)
    batches, validation_rows, callbacks = rows.pipelines(problem, encoded)
    batches.next_epoch = done.epochs
    training_rows = problem.task.batches(batches.dataset(), problem.activation)
    if validation_rows is not None:
        validation_rows = problem.task.batches(validation_rows, problem.activation)
    steps = settings.epochs * int(training_rows.cardinality())
    with (strategy or tf.distribute.get_strategy()).scope():
        model, scores, later = _compiled(problem, encoded, steps, done.epochs)
    sample = batches.sample(gradient_share.rows(len(corpus.splits["train"])))
    gradients = GradientShares(
        problem.task.batches(sample, problem.activation),
        problem.activation,
        problem.task.class_of,
        len(problem.classes),
    )
    history = History(folder / run_folder.HISTORY)
    callbacks += [
        *later,
        # Before the others: they are to see, and to keep, the averages.
        *([] if settings.ema is None else [AveragedWeights()]),
        *_validation_scores(problem, encoded.encoder),
        Progress(settings.monitor),
        history,
        gradients,
        *tensorboard.callbacks(logs, config, problem.classes, scores, gradients, draw_confusion),
        Diagnosis(
            *(findings, config, problem.classes, problem.counts, scores, batches, gradients),
        ),
        *([] if validation_rows is None else [_early_stopping(problem)]),
    ]
    places = corpus.splits["train"].places
    started = time.monotonic()
    loop.train(
        model,
        training_rows,
        validation=validation_rows,
        initial_epoch=done.epochs,
        epochs=done.last_epoch(settings.epochs),
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=done.callbacks(callbacks),
        on_not_finite=functools.partial(not_finite.stop, batches, places, settings),
    )
    seconds = done.seconds + time.monotonic() - started

    _write(problem, encoded, model, folder)
    decided = decisions.write(
        config.decision,
        model,
        problem.activation,
        validation_rows,
        problem.draws,
        problem.classes,
        folder,
    )
    return Training(
        config,
        {
            **_of_labels(problem),
            **_best(history.values, validation_rows and settings.monitor, settings.settled_from),
            "epochs": len(history.values["loss"]),
            "seconds": round(seconds, 1),
            "decision": decided,
            "warnings": list(findings.messages.values()),
        },
        done.seconds,
    )


def _identity(problem: Problem, encoder: TextEncoder) -> dict:
    """Return what decides a training, by name: a checkpoint of another is no good."""
    given = problem.class_weights
    return {
        **problem.config.to_mapping(),
        "the data": problem.corpus.key,
        "the tokens": cache.fingerprint(
            {"tokenizer": vars(encoder.tokenizer), "vocabulary": encoder.vocabulary}
        ),
        "class weights": None if given is None else given.tolist(),
    }


def _compiled(problem: Problem, encoded: EncodedCorpus, steps: int, done: int):
    """Return the network, to be trained for so many steps, of which so many epochs are done, its
    metrics, and the callbacks that compile it anew.
    """
    config, task, activation = problem.config, problem.task, problem.activation
    settings = config.training
    model = _network(problem, encoded)
    scores = task.metrics(problem.classes, activation)
    # Of tokens the weights say what padding is; those of rows are not for scores.
    kind = "weighted_metrics" if task.of_tokens else "metrics"
    optimizer = optimizers.build(settings, steps)
    compile_with = functools.partial(model.compile, optimizer, **{kind: scores})
    loss = registry.build_loss(config.loss, reduction=task.reduction)
    # The last epoch that is done decides: a checkpoint has the state of its loss.
    if done > settings.loss_from or not settings.loss_from:
        compile_with(loss)
        return model, scores, []
    compile_with(first_loss.cross_entropy(activation, task.reduction))
    return model, scores, [LaterLoss(compile_with, loss, settings.loss_from)]


def _network(problem: Problem, encoded: EncodedCorpus) -> keras.Model:
    """Return the network with what it is given before training."""
    config, task, activation = problem.config, problem.task, problem.activation
    units = task.units(problem.classes, activation)
    vocabulary = encoded.encoder.vocabulary
    model = registry.build_model(
        config.model,
        vocabulary_size=len(vocabulary),
        units=units,
        of_tokens=task.of_tokens,
        dtype=config.training.precision,
    )
    model = task.network(model, units, activation)
    pretraining.start(model, problem.corpus, encoded.encoder, config.training)
    wide.fit(model, problem.corpus, encoded)
    dictionary.fit(model, vocabulary)
    return model


def _validation_scores(problem: Problem, encoder: TextEncoder) -> list:
    """Return the callback for the scores that no metric can keep batch by batch."""
    config, task, activation = problem.config, problem.task, problem.activation
    held = problem.corpus.splits["validation"]
    if not task.of_tokens:
        return bias_scores.callbacks(config, problem.corpus, encoder, activation)
    if not len(held):
        return []
    batches = Batches(encoder, held.texts)

    def score(logits):
        outputs = batches.of_texts([task.probabilities(each, activation) for each in logits])
        found = [
            task.decode(probabilities, text, problem.names, config.data)
            for probabilities, text in zip(outputs, held.texts, strict=True)
        ]
        return task.scores(held, found, problem.names)

    return [ValidationScores(batches, score)]


def _early_stopping(problem: Problem) -> EarlyStopping:
    settings = problem.config.training
    return EarlyStopping(
        settings.monitor,
        mode="min" if settings.monitor == "val_loss" else "max",
        patience=settings.patience,
        restore_best_weights=True,
        start_from_epoch=settings.settled_from,
    )


def _write(problem: Problem, encoded: EncodedCorpus, model: keras.Model, folder: Path) -> None:
    """Write all that a run folder has of the training itself."""
    names, encoder = problem.names, encoded.encoder
    (folder / run_folder.CONFIG).write_text(problem.config.to_yaml(), encoding="utf-8")
    (folder / run_folder.LABELS).write_text("\n".join(names) + "\n", encoding="utf-8")
    encoder.save(folder / run_folder.VOCABULARY)
    if encoder.tokenizer.user_words:
        user_dict.write(encoder.tokenizer.user_words, folder / run_folder.USER_DICT)
    model.save(folder / run_folder.MODEL)


def _of_labels(problem: Problem) -> dict:
    """Return what the labels were and how they weighed, for the summary."""
    classes, given = problem.classes, problem.class_weights
    settings = problem.config.training
    return {
        "labels" if problem.task.of_tokens else "rows": _named(classes, problem.counts.tolist()),
        "sampling": settings.sampling,
        "expected_rows_an_epoch": _named(classes, problem.draws.round(1).tolist()),
        "class_weights": None if given is None else _named(classes, given.tolist()),
        "epochs_before_class_weights": settings.weighted_from,
        "epochs_before_loss": settings.loss_from,
        "validation_rows": len(problem.corpus.splits["validation"]),
    }


def _best(history: Mapping, monitor: str | None, first: int) -> dict:
    """Return which epoch was kept, counted from 1, and why: without a monitor the last one."""
    if monitor is None:
        return {"monitor": None, "best_epoch": len(history["loss"]), "best_value": None}
    values = history[monitor][first:]
    best = int(np.argmin(values) if monitor == "val_loss" else np.argmax(values))
    return {"monitor": monitor, "best_epoch": first + best + 1, "best_value": float(values[best])}


def _named(labels, values) -> dict:
    return dict(zip(labels, values, strict=True))
