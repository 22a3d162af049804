"""What every task answers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from imbalance import models
from imbalance.config import DataConfig
from imbalance.data.pipeline import TokenValues
from imbalance.spans import Span


class Predicted(NamedTuple):
    """A span that a network found, and its score, a probability in (0, 1]."""

    span: Span
    score: float


class Targets(NamedTuple):
    """The labels of a split beside the network's logits.

    Attributes:
        labels: ids of shape (rows,), or :class:`TokenValues`.
        weights: of the same leading shape, or None; 0 where nothing is to be learnt.
    """

    labels: np.ndarray | TokenValues
    weights: np.ndarray | TokenValues | None


class Task(ABC):
    """One kind of label.

    Attributes:
        reduction: of the loss.
        of_tokens: whether the network gives logits of each token, see :class:`TokenTask`.
    """

    reduction = "sum_over_batch_size"
    of_tokens = False

    @abstractmethod
    def load(self, config: DataConfig):
        """Read the corpus that ``config`` names."""

    @abstractmethod
    def names(self, corpus) -> tuple[str, ...]:
        """Return what ``labels.txt`` holds: classes of texts, or types of spans."""

    @abstractmethod
    def classes(self, names: Sequence[str], scheme: str) -> tuple[str, ...]:
        """Return what the loss tells apart, in the order of the ids."""

    @abstractmethod
    def targets(self, corpus, split: str, config: DataConfig, activation: str) -> Targets:
        """Return the labels of a split and the weights that its rows or tokens come with."""

    def counts(self, targets: Targets, classes: int) -> np.ndarray:
        """Return how many labels of each class there are, shape (classes,)."""
        labels, weights = targets
        if isinstance(labels, TokenValues):
            counted = labels.values[weights.values > 0]
            return np.bincount(counted.ravel(), minlength=classes)
        return np.bincount(labels, minlength=classes)

    @abstractmethod
    def units(self, classes: Sequence[str], activation: str) -> int:
        """Return how many logits the network gives for a text, or a token."""

    def network(self, model: keras.Model, units: int, activation: str) -> keras.Model:
        """Return the network with its logits in the shape of this task."""
        return model

    def batches(self, dataset: tf.data.Dataset, activation: str) -> tf.data.Dataset:
        """Return batches with labels in the shape that the loss takes."""
        return dataset

    def class_of(self, labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Return the class that each choice of the network belongs to.

        Args:
            labels: of a batch of :meth:`batches`.
            shape: that of the choices: of the labels if they are ids; of one-hot labels without
                the last axis if a softmax chooses one there, with it if sigmoids ask each.
        """
        return labels

    def probabilities(self, logits, activation: str) -> np.ndarray:
        """Return the probabilities that logits stand for, float32."""
        return keras.ops.convert_to_numpy(models.probabilities(logits, activation))

    def metrics(self, classes: Sequence[str], activation: str) -> list[keras.metrics.Metric]:
        """Return what training measures of each class."""
        return []


class TokenTask(Task):
    """Labels of tokens, of which spans of the text are made."""

    # Padding must not count.
    reduction = "mean_with_sample_weight"
    of_tokens = True

    @abstractmethod
    def decode(
        self, probabilities: np.ndarray, text: str, names: Sequence[str], config: DataConfig
    ) -> list[Predicted]:
        """Return the spans of a text.

        Args:
            probabilities: of its tokens, shape (tokens, ...).
            text: the raw text.
            names: what :meth:`names` returned.
            config: ``scheme`` and ``max_length`` are used.
        """

    @abstractmethod
    def scores(self, rows, predicted: list[list[Predicted]], names: Sequence[str]) -> dict:
        """Return what of a split no metric can keep batch by batch, for early stopping.

        Args:
            rows: a split with ``texts`` and ``spans``.
            predicted: the spans found in each text.
            names: what :meth:`names` returned.
        """
