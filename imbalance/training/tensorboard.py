"""What TensorBoard shows beyond the scalars of Keras: each class, curves, confusion, settings."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.pr_curve import summary as pr_curve

from imbalance.config import RunConfig
from imbalance.metrics import ConfusionMatrixMetric, CurveMetric
from imbalance.training.gradient_share import GradientShares

# TensorBoard's PR curve plugin labels the thresholds as evenly spaced between 0 and 1.
_PR_THRESHOLDS = np.linspace(0.0, 1.0, 101)


def callbacks(
    folder: Path,
    config: RunConfig,
    labels: Sequence[str],
    metrics: Sequence[keras.metrics.Metric],
    gradients: GradientShares,
    draw_confusion: Callable | None = None,
) -> list[keras.callbacks.Callback]:
    """Return the callbacks that write ``folder``.

    Args:
        folder: the log folder.
        config: the resolved configuration, shown as text and as hyperparameters.
        labels: class names.
        metrics: those the model is compiled with; of each class is told what a confusion matrix
            and a curve metric among them know after each validation.
        gradients: which stands before these callbacks; its shares are told after each epoch.
        draw_confusion: from a confusion matrix, shape (classes, classes), and the labels to an
            RGBA picture of shape (height, width, 4), uint8; None leaves the picture out.
    """
    return [
        keras.callbacks.TensorBoard(folder, write_graph=False),
        ClassCallback(folder / "validation", config, labels, metrics, gradients, draw_confusion),
        # TensorBoard looks for a trial's scores beside its settings.
        TrialCallback(str(folder / "validation"), hyperparameters(config)),
    ]


def hyperparameters(config: RunConfig) -> dict:
    """Return the settings that runs are compared by, flat, with values TensorBoard takes."""
    mapping = config.to_mapping()
    flat = {
        "loss": config.loss.name,
        "model": config.model.name,
        "data": Path(config.data.source).name,
        "tokens": config.data.tokens,
        "max_length": config.data.max_length,
    }
    arguments = {
        **{f"loss.{key}": value for key, value in mapping["loss"]["args"].items()},
        **{f"model.{key}": value for key, value in mapping["model"]["args"].items()},
        **mapping["training"],
    }
    simple = (bool, int, float, str)
    flat |= {key: v if isinstance(v, simple) else str(v) for key, v in arguments.items()}
    return flat


class TrialCallback(hparams.KerasCallback):
    """Writes the settings for the HParams page, and which scores it shows beside them."""

    def __init__(self, folder, settings):
        super().__init__(folder, settings)
        self._folder = folder
        self._settings = settings

    def on_train_begin(self, logs=None):
        shown = [
            hparams.Metric(f"epoch_{name}", display_name=f"val_{name}")
            for name in ("macro_f1", "accuracy", "pr_auc", "loss")
        ]
        with tf.summary.create_file_writer(self._folder).as_default():
            hparams.hparams_config([hparams.HParam(name) for name in self._settings], shown)
        super().on_train_begin(logs)


class ClassCallback(keras.callbacks.Callback):
    """Writes, after each validation, what the compiled metrics know about each class, and after
    each epoch its share of the gradient.

    The metrics hold the counts of the whole validation split at that moment, so nothing is
    predicted a second time.
    """

    def __init__(self, folder, config, labels, metrics, gradients, draw_confusion=None):
        super().__init__()
        self._folder = str(folder)
        self._config = config
        self._labels = list(labels)
        self._confusion = next((m for m in metrics if isinstance(m, ConfusionMatrixMetric)), None)
        self._curves = next((m for m in metrics if isinstance(m, CurveMetric)), None)
        self._gradients = gradients
        self._draw_confusion = draw_confusion
        self._epoch = 0
        self._writer = None

    def on_train_begin(self, logs=None):
        self._writer = tf.summary.create_file_writer(self._folder, filename_suffix=".classes")

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if epoch:
            return
        with self._writer.as_default(step=0):
            text = "\n".join("    " + line for line in self._config.to_yaml().splitlines())
            tf.summary.text("config", text)

    def on_test_end(self, logs=None):
        if self._writer is None:  # evaluate() outside fit()
            return
        with self._writer.as_default(step=self._epoch):
            if self._confusion is not None:
                self._write_confusion(self._confusion.confusion_matrix)
            if self._curves is not None:
                self._write_curves(self._curves.curve_counts(_PR_THRESHOLDS))
        self._writer.flush()

    def on_epoch_end(self, epoch, logs=None):
        with self._writer.as_default(step=epoch):
            for label, share in zip(self._labels, self._gradients.latest.shares, strict=True):
                # Of a class that the sample lacks nothing is known.
                if not np.isnan(share):
                    tf.summary.scalar(f"gradient_share/{label}", share)
        self._writer.flush()

    def _write_confusion(self, confusion):
        confusion = np.asarray(keras.ops.convert_to_numpy(confusion))
        for label, f1 in zip(self._labels, class_f1(confusion), strict=True):
            tf.summary.scalar(f"f1/{label}", f1)
        if self._draw_confusion is not None:
            picture = self._draw_confusion(confusion, self._labels)
            tf.summary.image("confusion_matrix", picture[None])

    def _write_curves(self, counts: Mapping[str, np.ndarray]):
        hits, false_alarms = counts["true_positives"], counts["false_positives"]
        misses, rejections = counts["false_negatives"], counts["true_negatives"]
        precision = hits / np.maximum(hits + false_alarms, 1e-9)
        recall = hits / np.maximum(hits + misses, 1e-9)
        for index, label in enumerate(self._labels):
            summary = pr_curve.raw_data_pb(
                name=f"pr/{label}",
                true_positive_counts=hits[index],
                false_positive_counts=false_alarms[index],
                true_negative_counts=rejections[index],
                false_negative_counts=misses[index],
                precision=precision[index],
                recall=recall[index],
                num_thresholds=len(_PR_THRESHOLDS),
            )
            tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=self._epoch)

    def on_train_end(self, logs=None):
        self._writer.close()
        self._writer = None


def class_f1(confusion: np.ndarray) -> np.ndarray:
    """Return the F1 of each class from a confusion matrix (rows true), 0 where undefined.

    Example:
        >>> class_f1(np.array([[8, 2], [1, 1]])).round(3).tolist()
        [0.842, 0.4]
    """
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    hits = 2.0 * np.diag(confusion)
    return np.divide(hits, both, out=np.zeros(len(hits)), where=both > 0)
