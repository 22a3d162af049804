"""Train a network as a configuration says, and leave it in a folder."""

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from imbalance import checks, losses, metrics, models, registry, run_folder, weights
from imbalance.config import LossConfig, RunConfig
from imbalance.data.corpus import Corpus
from imbalance.data.encoded import encode
from imbalance.data.pipeline import evaluation_dataset, row_weights, training_dataset
from imbalance.training import class_weights, optimizers, precision, tensorboard
from imbalance.training.progress import Progress


@dataclass(frozen=True)
class Training:
    """What a training did.

    Attributes:
        config: the resolved configuration: precision and data-filled arguments included.
        summary: for ``metrics.json``: rows and weights of each class, epochs, seconds.
    """

    config: RunConfig
    summary: Mapping


def fit(
    config: RunConfig, corpus: Corpus, folder: Path, draw_confusion: Callable | None = None
) -> Training:
    """Train and write ``config.yaml``, ``labels.txt``, ``vocabulary.txt``, ``history.csv``,
    ``model.keras`` and ``tensorboard/`` into ``folder``.

    The network kept is that of the best epoch by ``training.monitor``.

    Args:
        config: the run's configuration.
        corpus: its data, with splits ``train`` and ``validation``.
        folder: an existing folder.
        draw_confusion: see :func:`imbalance.training.tensorboard.callbacks`.

    Raises:
        InputError: if a setting does not fit the loss, the network or the data.
    """
    check(config)
    settings = config.training
    counts = corpus.splits["train"].counts(len(corpus.labels))
    config = resolve(config, counts)
    loss = registry.build_loss(config.loss)
    weight_of_class = class_weights.resolve(settings.class_weight, counts, corpus.labels)

    # Also of the operations without a seed of their own, dropout among them.
    keras.utils.set_random_seed(settings.seed)
    encoder, training_rows, validation_rows = _pipelines(config, corpus, weight_of_class)
    model = registry.build_model(
        config.model,
        vocabulary_size=len(encoder.vocabulary),
        units=models.output_units(loss.activation, len(corpus.labels)),
        dtype=config.training.precision,
    )
    scores = metrics.standard_metrics(len(corpus.labels), loss.activation)
    optimizer = optimizers.OPTIMIZERS[settings.optimizer](settings.learning_rate)
    model.compile(optimizer=optimizer, loss=loss, metrics=scores)
    logs = folder / run_folder.TENSORBOARD
    started = time.monotonic()
    history = model.fit(
        training_rows,
        validation_data=validation_rows,
        epochs=settings.epochs,
        shuffle=False,  # the pipeline shuffles
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=[
            Progress(settings.monitor),
            keras.callbacks.CSVLogger(folder / run_folder.HISTORY),
            *tensorboard.callbacks(logs, config, corpus.labels, scores, draw_confusion),
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.EarlyStopping(
                settings.monitor,
                mode="min" if settings.monitor == "val_loss" else "max",
                patience=settings.patience,
                restore_best_weights=True,
            ),
        ],
    ).history
    seconds = time.monotonic() - started
    if not np.isfinite(history["loss"]).all():
        raise checks.wrong(
            f"loss in epoch {len(history['loss'])}",
            history["loss"][-1],
            "a finite number; try a lower training.learning_rate",
        )

    (folder / run_folder.CONFIG).write_text(config.to_yaml(), encoding="utf-8")
    (folder / run_folder.LABELS).write_text("\n".join(corpus.labels) + "\n", encoding="utf-8")
    encoder.save(folder / run_folder.VOCABULARY)
    model.save(folder / run_folder.MODEL)
    weights_given = None if weight_of_class is None else weight_of_class.tolist()
    return Training(
        config,
        {
            "rows": _named(corpus.labels, counts.tolist()),
            "class_weights": weights_given and _named(corpus.labels, weights_given),
            "validation_rows": len(corpus.splits["validation"]),
            **_best(history, settings.monitor),
            "epochs": len(history["loss"]),
            "seconds": round(seconds, 1),
        },
    )


def _pipelines(config: RunConfig, corpus: Corpus, weight_of_class):
    """Return the encoder fitted on the training texts, and training and validation batches."""
    train, validation = corpus.splits["train"], corpus.splits["validation"]
    settings = config.training
    encoded = encode(corpus, config.data)
    training_rows = training_dataset(
        encoded.rows["train"],
        train.labels,
        row_weights(train.labels, weight_of_class, train.weights),
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    validation_rows = evaluation_dataset(
        encoded.rows["validation"],
        validation.labels,
        # Class weights are of training; validation scores are those of the data as it is.
        row_weights(validation.labels, None, validation.weights),
        batch_size=settings.batch_size,
    )
    return encoded.encoder, training_rows, validation_rows


def _best(history: Mapping, monitor: str) -> dict:
    """Return which epoch was kept, counted from 1, and why."""
    values = history[monitor]
    best = int(np.argmin(values) if monitor == "val_loss" else np.argmax(values))
    return {"monitor": monitor, "best_epoch": best + 1, "best_value": float(values[best])}


def check(config: RunConfig) -> None:
    """Refuse a loss or model that cannot be built, before the data is read.

    Raises:
        InputError: if a name, an argument or a value is wrong.
    """
    class_weights.check(config.training.class_weight)
    filled = losses.entry(config.loss.name).data_arguments
    if filled and config.training.class_weight != "none":
        raise checks.wrong(
            "training.class_weight",
            config.training.class_weight,
            f"none: {config.loss.name} weighs the classes already, by {', '.join(filled)}",
        )
    registry.build_loss(config.loss, class_weights=[1.0])
    registry.build_model(config.model, vocabulary_size=3, units=2)


def resolve(config: RunConfig, counts) -> RunConfig:
    """Return the configuration with what only data and machine can decide filled in.

    Args:
        config: the run's configuration.
        counts: training rows of each class.
    """
    arguments = registry.loss_arguments(config.loss, weights.balanced_weights(counts))
    return dataclasses.replace(
        config,
        loss=LossConfig(config.loss.name, arguments),
        training=dataclasses.replace(
            config.training, precision=precision.resolve(config.training.precision)
        ),
    )


def _named(labels, values) -> dict:
    return dict(zip(labels, values, strict=True))
