"""Train a network as a configuration says, and leave it in a folder."""

import dataclasses
import functools
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from imbalance import checks, losses, registry, run_folder, tasks, weights
from imbalance.config import LossConfig, RunConfig, TrainingConfig
from imbalance.data import cache, user_dict
from imbalance.data.encoded import EncodedCorpus, encode
from imbalance.data.pipeline import (
    TokenValues,
    TrainingBatches,
    evaluation_dataset,
    row_chances,
    row_weights,
)
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import TextEncoder
from imbalance.tasks.base import Targets
from imbalance.tasks.batches import Batches
from imbalance.training import (
    bias_scores,
    class_weights,
    decisions,
    dictionary,
    gradient_share,
    loop,
    not_finite,
    optimizers,
    precision,
    pretraining,
    tensorboard,
    wide,
)
from imbalance.training.checkpoint import Checkpoints
from imbalance.training.deferred import DeferredWeights, first_epoch
from imbalance.training.diagnosis import Diagnosis
from imbalance.training.exchange import check_same
from imbalance.training.findings import Findings, tell_of_absent
from imbalance.training.gradient_share import GradientShares
from imbalance.training.progress import Progress
from imbalance.training.stateful import AveragedWeights, EarlyStopping, History
from imbalance.training.validation_scores import ValidationScores

# Of what decides a training, and what does not.
_SETTINGS = "settings that data or machine decide"
_PLACE = {"name": None, "output_dir": None}

_log = logging.getLogger(__name__)


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
    task = tasks.get(config.task)
    names = task.names(corpus)
    classes = task.classes(names, config.data.scheme)
    activation = registry.build_loss(config.loss, [1.0], [1]).activation
    targets = {
        split: task.targets(corpus, split, config.data, activation)
        for split in ("train", "validation")
        if len(corpus.splits[split])
    }
    counts = task.counts(targets["train"], len(classes))
    _tell_of_cuts(task, corpus, config.data.max_length)
    decisions.check_rows(config.decision, corpus.splits["validation"])
    config = resolve(config, counts)
    settings = config.training
    loss = registry.build_loss(config.loss, reduction=task.reduction)
    draws = weights.expected_draws(counts, settings.sampling)
    weight_of_class = class_weights.resolve(settings.class_weight, counts, classes)
    if weight_of_class is not None:
        weight_of_class = weights.scale_to_mean_one(weight_of_class, draws)
    weighted_from = first_epoch(settings.deferred, settings.epochs)
    findings = Findings()
    tell_of_absent(findings, config, task, corpus, targets, activation, weight_of_class)

    # Also of the operations without a seed of their own, dropout among them.
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    tokenizer = Tokenizer.from_config(config.data, config.task)
    user_dict.tell_of_lost(tokenizer.user_words)
    encoded = encode(corpus, config.data, tokenizer)
    encoder = encoded.encoder
    logs = folder / run_folder.TENSORBOARD
    weights_given = None if weight_of_class is None else weight_of_class.tolist()
    depends_on = _identity(config, corpus, encoder, weights_given)
    # Where a run is written is the first process's business.
    check_same({**depends_on, **depends_on[_SETTINGS], _SETTINGS: None, **_PLACE}, strategy)
    done = Checkpoints(checkpoints, logs, depends_on, strategy)
    batches, validation_rows, deferred = _pipelines(
        settings, targets, encoded, weight_of_class, draws, weighted_from
    )
    batches.next_epoch = done.epochs
    training_rows = task.batches(batches.dataset(), activation)
    sample = batches.sample(gradient_share.rows(len(corpus.splits["train"])))
    if validation_rows is not None:
        validation_rows = task.batches(validation_rows, activation)
    steps = settings.epochs * int(training_rows.cardinality())
    with (strategy or tf.distribute.get_strategy()).scope():
        model = _network(config, task, corpus, encoded, task.units(classes, activation), activation)
        scores = task.metrics(classes, activation)
        optimizer = optimizers.build(settings, steps)
        # Of tokens the weights say what padding is; those of rows are not for scores.
        kind = "weighted_metrics" if task.of_tokens else "metrics"
        model.compile(optimizer=optimizer, loss=loss, **{kind: scores})
    gradients = GradientShares(
        task.batches(sample, activation), activation, task.class_of, len(classes)
    )
    history = History(folder / run_folder.HISTORY)
    callbacks = [
        *deferred,
        # Before the others: they are to see, and to keep, the averages.
        *([] if settings.ema is None else [AveragedWeights()]),
        *_validation_scores(config, task, corpus, encoder, names, activation),
        Progress(settings.monitor),
        history,
        gradients,
        *tensorboard.callbacks(logs, config, classes, scores, gradients, draw_confusion),
        Diagnosis(findings, config, classes, counts, loss, scores, batches, gradients),
        *([] if validation_rows is None else [_early_stopping(config, weighted_from)]),
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

    (folder / run_folder.CONFIG).write_text(config.to_yaml(), encoding="utf-8")
    (folder / run_folder.LABELS).write_text("\n".join(names) + "\n", encoding="utf-8")
    encoder.save(folder / run_folder.VOCABULARY)
    if tokenizer.user_words:
        user_dict.write(tokenizer.user_words, folder / run_folder.USER_DICT)
    model.save(folder / run_folder.MODEL)
    decided = decisions.write(
        config.decision, model, activation, validation_rows, draws, classes, folder
    )
    return Training(
        config,
        {
            "labels" if task.of_tokens else "rows": _named(classes, counts.tolist()),
            "sampling": settings.sampling,
            "expected_rows_an_epoch": _named(classes, draws.round(1).tolist()),
            "class_weights": weights_given and _named(classes, weights_given),
            "epochs_before_class_weights": weighted_from,
            "validation_rows": len(corpus.splits["validation"]),
            **_best(history.values, validation_rows and settings.monitor, weighted_from),
            "epochs": len(history.values["loss"]),
            "seconds": round(seconds, 1),
            "decision": decided,
            "warnings": list(findings.messages.values()),
        },
        done.seconds,
    )


def _identity(config: RunConfig, corpus, encoder: TextEncoder, class_weights) -> dict:
    """Return what decides a training, by name: a checkpoint of another is no good."""
    return {
        _SETTINGS: config.to_mapping(),
        "the data": corpus.key,
        "the tokens": cache.fingerprint(
            {"tokenizer": vars(encoder.tokenizer), "vocabulary": encoder.vocabulary}
        ),
        "class weights": class_weights,
    }


def _network(config, task, corpus, encoded, units: int, activation: str) -> keras.Model:
    """Return the network with what it is given before training."""
    model = registry.build_model(
        config.model,
        vocabulary_size=len(encoded.encoder.vocabulary),
        units=units,
        of_tokens=task.of_tokens,
        dtype=config.training.precision,
    )
    model = task.network(model, units, activation)
    pretraining.start(model, corpus, encoded.encoder, config.training)
    wide.fit(model, corpus, encoded)
    dictionary.fit(model, encoded.encoder.vocabulary)
    return model


def _tell_of_cuts(task, corpus, max_length: int) -> None:
    """Name the spans that no token is left of: they are neither learnt nor found."""
    for name, rows in corpus.splits.items() if task.of_tokens else ():
        cut = sum(span.end > max_length for spans in rows.spans for span in spans)
        if cut:
            long = int((rows.lengths > max_length).sum())
            _log.warning(
                "%s: %s of %s rows are longer than data.max_length, %s; %s spans are cut off",
                *(name, f"{long:,}", f"{len(rows):,}", f"{max_length:,}", f"{cut:,}"),
            )


def _pipelines(
    settings: TrainingConfig,
    targets: Mapping[str, Targets],
    encoded: EncodedCorpus,
    weight_of_class,
    draws,
    weighted_from: int,
):
    """Return training batches, the dataset of the validation rows or None, and the callbacks that
    the training batches need.
    """
    train = targets["train"]
    chances = None if settings.sampling == "instance" else row_chances(train.labels, draws)
    weights_now = folded_weights(train, weight_of_class, chances)
    callbacks = []
    if weighted_from:
        later = weights_now
        weights_now = folded_weights(train, None, chances)
        now, then = (getattr(each, "values", each) for each in (weights_now, later))
        callbacks.append(DeferredWeights(now, then, weighted_from))
    batches = TrainingBatches(
        encoded.rows["train"],
        train.labels,
        weights_now,
        batch_size=settings.batch_size,
        seed=settings.seed,
        chances=chances,
    )
    validation_rows = None
    if "validation" in targets:
        validation_rows = evaluation_dataset(
            encoded.rows["validation"],
            targets["validation"].labels,
            # Class weights are of training; validation scores are those of the data as it is.
            folded_weights(targets["validation"]),
            batch_size=settings.batch_size,
        )
    return batches, validation_rows, callbacks


def folded_weights(targets: Targets, class_weights=None, chances=None):
    """Fold class weights and the weights of rows or tokens into one, of the shape of the labels.

    Args:
        targets: of a split.
        class_weights, chances: see :func:`imbalance.data.pipeline.row_weights`.
    """
    labels, given = targets
    if not isinstance(labels, TokenValues):
        return row_weights(labels, class_weights, given, chances)
    values = given.values
    if class_weights is not None:
        # The mean is that of the labels that count, as without class weights.
        flat = values.ravel()
        flat = row_weights(labels.values.ravel(), class_weights, flat, chances=flat > 0)
        values = flat.reshape(values.shape)
    # A copy: deferred weights change it in place.
    return TokenValues(values.copy(), given.starts)


def _validation_scores(config, task, corpus, encoder, names, activation) -> list:
    """Return the callback for the scores that no metric can keep batch by batch."""
    rows = corpus.splits["validation"]
    if not task.of_tokens:
        return bias_scores.callbacks(config, corpus, encoder, activation)
    if not len(rows):
        return []
    batches = Batches(encoder, rows.texts)

    def score(logits):
        outputs = batches.of_texts([task.probabilities(each, activation) for each in logits])
        found = [
            task.decode(probabilities, text, names, config.data)
            for probabilities, text in zip(outputs, rows.texts, strict=True)
        ]
        return task.scores(rows, found, names)

    return [ValidationScores(batches, score)]


def _early_stopping(config: RunConfig, first: int) -> EarlyStopping:
    return EarlyStopping(
        config.training.monitor,
        mode="min" if config.training.monitor == "val_loss" else "max",
        patience=config.training.patience,
        restore_best_weights=True,
        start_from_epoch=first,
    )


def _best(history: Mapping, monitor: str | None, first: int) -> dict:
    """Return which epoch was kept, counted from 1, and why: without a monitor the last one."""
    if monitor is None:
        return {"monitor": None, "best_epoch": len(history["loss"]), "best_value": None}
    values = history[monitor][first:]
    best = int(np.argmin(values) if monitor == "val_loss" else np.argmax(values))
    return {"monitor": monitor, "best_epoch": first + best + 1, "best_value": float(values[best])}


def check(config: RunConfig) -> None:
    """Refuse a loss or model that cannot be built, or a decision that cannot be fitted, before
    the data is read.

    Raises:
        InputError: if a name, an argument or a value is wrong.
    """
    # Also for the dictionary of the user.
    Tokenizer.from_config(config.data, config.task)
    class_weights.check(config.training.class_weight)
    decisions.check(config)
    pretraining.options(config.training)
    filled = losses.weighted_arguments(config.loss.name)
    if filled and config.training.class_weight != "none":
        raise checks.wrong(
            "training.class_weight",
            config.training.class_weight,
            f"none: {config.loss.name} weighs the classes already, by {', '.join(filled)}",
        )
    loss = registry.build_loss(config.loss, class_weights=[1.0], class_counts=[1])
    if config.task == "reading":
        _check_no_classes(config, loss)
    registry.check_fitting(config)
    dtype = precision.resolve(config.training.precision)
    of_tokens = tasks.get(config.task).of_tokens
    registry.build_model(config.model, vocabulary_size=3, units=2, of_tokens=of_tokens, dtype=dtype)


def _check_no_classes(config: RunConfig, loss: losses.ImbalanceLoss) -> None:
    """Refuse weights and counts of classes where a choice is one of positions."""
    if any(losses.entry(name).data_arguments for name in losses.parts(config.loss.name)):
        raise checks.wrong(
            "loss", config.loss.name, "one without weights or counts of classes: answers have none"
        )
    if not loss.of_positions:
        raise checks.wrong(
            "loss",
            config.loss.name,
            "cross_entropy, focal_loss, ghm_loss or poly1_loss, or a loss with the argument "
            "activation: sigmoid",
        )
    if config.training.class_weight != "none":
        raise checks.wrong(
            "training.class_weight", config.training.class_weight, "none: answers have no classes"
        )


def resolve(config: RunConfig, counts) -> RunConfig:
    """Return the configuration with what only data and machine can decide filled in.

    Args:
        config: the run's configuration.
        counts: training rows of each class.
    """
    draws = weights.expected_draws(counts, config.training.sampling)
    balanced = weights.scale_to_mean_one(weights.balanced_weights(counts), draws)
    # What a loss corrects is the distribution it meets: that of the rows drawn.
    arguments = registry.loss_arguments(config.loss, balanced, draws)
    return dataclasses.replace(
        config,
        loss=LossConfig(config.loss.name, arguments),
        training=dataclasses.replace(
            config.training, precision=precision.resolve(config.training.precision)
        ),
    )


def _named(labels, values) -> dict:
    return dict(zip(labels, values, strict=True))
