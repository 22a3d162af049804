"""Answers to questions: a span of the context, by its first and last token."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from keras import ops

from imbalance import checks, models, spans
from imbalance.config import PAIR_SEPARATOR
from imbalance.data import annotated
from imbalance.data.pipeline import TokenValues
from imbalance.data.vocabulary import SEPARATOR_ID
from imbalance.metrics.reading_scores import READING_SCORES, answer_row_scores, reading_scores
from imbalance.spans import Span
from imbalance.tasks.base import Predicted, Targets, TokenTask

# Characters of an answer, at most.
LONGEST_ANSWER = 60


class Reading(TokenTask):
    """The position at which an answer starts, and that of its last character.

    With a softmax loss each is a choice among the positions of the context: logits and labels are
    of shape (batch, 2, time). With a sigmoid loss each position is asked by itself, (batch, time,
    2). A loss that weighs classes has none to weigh here.
    """

    def load(self, config):
        return annotated.load(config, "reading")

    def names(self, corpus):
        return corpus.types

    def classes(self, names, scheme):
        return ("start", "end")

    def targets(self, corpus, split, config, activation):
        rows = corpus.splits[split]
        lengths = np.minimum(rows.lengths, config.max_length)
        starts = np.append(0, np.cumsum(lengths))
        positions = np.zeros((starts[-1], 2), "float32")
        weights = np.zeros(starts[-1], "float32")
        for text, answers, start, end in zip(
            rows.texts, rows.spans, starts[:-1].tolist(), starts[1:].tolist(), strict=True
        ):
            # Of several accepted answers the first that is not cut off; without one the row
            # teaches nothing.
            kept = next((each for each in answers if start + each.end <= end), None)
            if kept is not None:
                positions[start + kept.start, 0] = positions[start + kept.end - 1, 1] = 1
                weights[start + context(text) : end] = 1
        return Targets(TokenValues(positions, starts), TokenValues(weights, starts))

    def counts(self, targets, classes):
        return targets.labels.values.sum(axis=0).astype(np.int64)

    def units(self, classes, activation):
        return 2

    def network(self, model, units, activation):
        if activation == "sigmoid":
            return model
        logits = models.AnswerLogits(SEPARATOR_ID, name="answer")
        [ids] = model.inputs
        outputs = logits([ids, model.outputs[0]])
        return models.LossStateModel(ids, outputs, name=model.name)

    def batches(self, dataset, activation):
        if activation == "sigmoid":
            return dataset

        def by_position(ids, positions, weights):
            asked = tf.reduce_max(weights, axis=1, keepdims=True)
            return ids, tf.transpose(positions, [0, 2, 1]), tf.repeat(asked, 2, axis=1)

        return dataset.map(by_position)

    def class_of(self, labels, shape):
        # (batch, 2) or (batch, time, 2): of start and end.
        return np.broadcast_to(np.arange(2), shape)

    def probabilities(self, logits, activation):
        logits = ops.cast(logits, "float32")
        if activation == "sigmoid":
            return ops.convert_to_numpy(ops.sigmoid(logits))
        return ops.convert_to_numpy(ops.transpose(ops.softmax(logits, axis=-1), (0, 2, 1)))

    def decode(self, probabilities, text, names, config):
        with np.errstate(divide="ignore"):
            starts, ends = np.log(probabilities).T
        first, last = context(text), len(probabilities)
        start, end, score = spans.best_answer(starts, ends, first, last, LONGEST_ANSWER)
        return [Predicted(Span(start, end, 0), float(np.exp(score)))] if start < end else []

    def scores(self, rows, predicted, names):
        scored = reading_scores(answer_row_scores(answers(rows.texts, predicted), rows.answers))
        return {name: scored[name] for name in READING_SCORES}


def answers(texts: Sequence[str], predicted: Sequence[Sequence[Predicted]]) -> list[str]:
    """Return the answers as they stand in the texts; where none was found, the empty one."""
    return [
        text[found[0].span.start : found[0].span.end] if found else ""
        for text, found in zip(texts, predicted, strict=True)
    ]


def context(text: str) -> int:
    """Return where the context of a question begins.

    Raises:
        InputError: if there is no separator between the two.

    Example:
        >>> context("who?\\x1fBy Ann.")
        5
    """
    question, separator, _ = text.partition(PAIR_SEPARATOR)
    if not separator:
        raise checks.wrong("text", text, "a question and its context, the separator between them")
    return len(question) + 1
