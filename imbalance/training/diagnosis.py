"""What goes wrong in a training that raises no error: one line of what was seen and what to do."""

from collections.abc import Iterable, Sequence

import keras
import numpy as np

from imbalance import losses
from imbalance.config import RunConfig
from imbalance.data.pipeline import TrainingBatches
from imbalance.metrics import ConfusionMatrixMetric
from imbalance.training.findings import Findings, listed
from imbalance.training.gradient_share import Gradients, GradientShares

# A loss over the batch sees a class too seldom if fewer of its batches than this hold it.
_SELDOM = 0.1
# Of the gradient that the same labels would get from a network that knows nothing.
_VANISHED = 0.01


class Diagnosis(keras.callbacks.Callback):
    """Tells, epoch by epoch, of one class predicted for everything, of classes that no batch or
    few batches hold, and of gradients that have vanished where predictions are wrong.

    It must stand behind ``gradients``, and be told of validation before the metrics are reset.

    Args:
        findings: told.
        config: the resolved configuration.
        classes: what the loss tells apart.
        counts: labels of each class in training, shape (classes,).
        metrics: those the network is compiled with.
        batches: what training reads.
        gradients: measured after each epoch.
    """

    def __init__(
        self,
        findings: Findings,
        config: RunConfig,
        classes: Sequence[str],
        counts: np.ndarray,
        metrics: Iterable[keras.metrics.Metric],
        batches: TrainingBatches,
        gradients: GradientShares,
    ):
        super().__init__()
        self._findings, self._config = findings, config
        self._classes, self._counts = list(classes), counts
        self._confusion = next((m for m in metrics if isinstance(m, ConfusionMatrixMetric)), None)
        self._batches, self._gradients = batches, gradients
        self._epoch = 0
        # The last epochs in a row that predicted one class, counted from 1, and the class.
        self._collapsed: list[int] = []
        self._only = None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1

    def on_test_end(self, logs=None):
        if self._confusion is None or not self._epoch:  # evaluate() outside of training
            return
        confusion = keras.ops.convert_to_numpy(self._confusion.confusion_matrix)
        self._only = only_prediction(confusion)
        if self._only is None:
            self._collapsed = []
            self._findings.over("collapse", f"epoch {self._epoch}: several classes are predicted")
            return
        self._collapsed.append(self._epoch)
        # The first epoch of a healthy training may do so as well.
        if len(self._collapsed) == 2:
            self._tell_of_collapse()

    def on_epoch_end(self, epoch, logs=None):
        self._tell_of_batches()
        self._tell_of_vanished(self._gradients.latest)

    def on_train_end(self, logs=None):
        if self._collapsed:
            self._tell_of_collapse()

    def get_state(self):
        findings = self._findings.get_state()
        return {"findings": findings, "collapsed": self._collapsed, "only": self._only}

    def set_state(self, state):
        self._findings.set_state(state["findings"])
        self._collapsed, self._only = list(state["collapsed"]), state["only"]

    def _tell_of_collapse(self):
        *before, last = self._collapsed
        epochs = f"epochs {before[0]} and {last}" if before else f"epoch {last}"
        self._findings.tell(
            "collapse",
            f"{epochs}: {self._classes[self._only]!r} is predicted for the whole of validation: "
            + self._against_collapse(),
        )

    def _against_collapse(self) -> str:
        if self._loss_saturates():
            return self._beside_cross_entropy()
        loss, training = self._config.loss.name, self._config.training
        weighed = training.class_weight != "none" or losses.weighted_arguments(loss)
        if self._only != self._counts.argmax():
            without = " or no class weights" if weighed else ""
            return "try a lower training.learning_rate" + without
        evened = weighed or training.sampling != "instance"
        instead = "another loss" if evened else "--class-weight balanced"
        return f"it is the most frequent class; try more epochs, or {instead}"

    def _loss_saturates(self) -> bool:
        """Say whether an answer that is surely wrong has next to no gradient."""
        loss = self.model.loss
        return isinstance(loss, losses.DSCLoss) and loss.activation == "softmax"

    def _beside_cross_entropy(self) -> str:
        name, slower = self._config.loss.name, "a lower training.learning_rate"
        if any("cross_entropy" in losses.ALIASES[part] for part in losses.parts(name)):
            return f"try {slower}"
        beside = f"--loss cross_entropy+{name}"
        if self.model.loss.activation == "sigmoid":
            beside = f"--loss binary_cross_entropy+{name}"
            if "activation" in losses.entry(name).parameters:
                beside += f" --loss-arg '{name}={{activation: sigmoid}}'"
        # A half is one epoch at least.
        begun = self._config.training.cross_entropy_first or self._config.training.epochs == 1
        after = "" if begun else "--set training.cross_entropy_first=0.5, "
        return (
            f"{name} has next to no gradient where a network is surely wrong; try {beside}, "
            f"{after}or {slower}"
        )

    def _tell_of_batches(self):
        found = self._batches.held
        if not len(found):  # answers have no classes
            return
        held = np.zeros(len(self._classes), np.int64)
        held[: len(found)] = found
        there = self._counts > 0
        if absent := self._where(there & (held == 0)):
            self._findings.tell(
                "class in no batch",
                f"epoch {self._epoch}: no batch held {absent}; --sampling instance brings each "
                "row once an epoch",
            )
        seldom = there & (held > 0) & (held < _SELDOM * self._batches.steps)
        if self.model.loss.over_batch and seldom.any():
            draw = " or --sampling square_root" if self._config.task == "classification" else ""
            self._findings.tell(
                "class in few batches",
                f"epoch {self._epoch}: of {self._batches.steps:,} batches only "
                f"{held[seldom].max():,} or fewer held {self._where(seldom)}, and "
                f"{self._config.loss.name} learns a class from the batches that hold it: try a "
                f"larger training.batch_size{draw}",
            )

    def _tell_of_vanished(self, found: Gradients):
        if named := self._where(vanished(found)):
            self._findings.tell(
                "vanished gradient",
                f"epoch {self._epoch}: most of what training labels {named} is predicted wrong, "
                "and has no gradient left to change that: " + self._beside_cross_entropy(),
            )

    def _where(self, found: np.ndarray) -> str:
        return listed([name for name, each in zip(self._classes, found, strict=True) if each])


def only_prediction(confusion: np.ndarray) -> int | None:
    """Return the class that everything is predicted as, if the true classes are several.

    Args:
        confusion: rows true, columns predicted, shape (classes, classes).

    Example:
        >>> only_prediction(np.array([[7, 0], [3, 0]])), only_prediction(np.array([[7, 1], [3, 0]]))
        (0, None)
    """
    predicted, true = (np.flatnonzero(confusion.sum(axis=axis)) for axis in (0, 1))
    return int(predicted[0]) if len(predicted) == 1 < len(true) else None


def vanished(found: Gradients) -> np.ndarray:
    """Return of which classes most labels are wrong without a gradient, bool, shape (classes,).

    A network that has converged has no gradient either, but it is right about its training rows.

    Example:
        >>> labels, wrong = np.array([9, 9, 9]), np.array([0, 8, 8])
        >>> of_wrong, uninformed = np.array([0, 3.5, 1e-6]), np.array([4.5, 4.5, 4.5])
        >>> vanished(Gradients(labels, wrong, of_wrong, of_wrong, uninformed)).tolist()
        [False, False, True]
    """
    most = (found.wrong > 0) & (2 * found.wrong >= found.labels)
    # Of the wrong ones and of all, per label.
    return most & (found.of_wrong * found.labels < _VANISHED * found.uninformed * found.wrong)
