"""Answers to questions: a span of the context, by its first and last token."""

import numpy as np
import tensorflow as tf
from keras import ops

from imbalance import checks, models, spans
from imbalance.config import PAIR_SEPARATOR
from imbalance.data import annotated
from imbalance.data.pipeline import TokenValues
from imbalance.data.vocabulary import SEPARATOR_ID
from imbalance.metrics.reading_scores import reading_scores
from imbalance.spans import Span
from imbalance.tasks.base import Predicted, Targets, Task, exact_tokenizer

# Of an answer, in characters.
_LONGEST = 60


class Reading(Task):
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

    def tokenizer(self, config):
        return exact_tokenizer(config, pairs=True)

    def targets(self, corpus, split, config, activation):
        rows = corpus.splits[split]
        positions, weights, lengths = [], [], []
        for text, answers in zip(rows.texts, rows.spans, strict=True):
            first, last, moved = window(text, config.max_length)
            marked, asked = np.zeros((last, 2), "float32"), np.zeros(last, "float32")
            # Of several accepted answers one that is not cut off, the first.
            kept = [each for each in answers if each.end - moved <= last]
            if kept:
                marked[kept[0].start - moved, 0] = marked[kept[0].end - 1 - moved, 1] = 1
                asked[first:] = 1
            positions.append(marked)
            weights.append(asked)
            lengths.append(last)
        starts = np.append(0, np.cumsum(lengths))
        return Targets(
            TokenValues(np.concatenate(positions), starts),
            TokenValues(np.concatenate(weights), starts),
        )

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
            # A row whose answer was cut off teaches nothing.
            asked = tf.reduce_max(weights, axis=1, keepdims=True)
            return ids, tf.transpose(positions, [0, 2, 1]), tf.repeat(asked, 2, axis=1)

        return dataset.map(by_position)

    def probabilities(self, logits, activation):
        logits = ops.cast(logits, "float32")
        if activation == "sigmoid":
            return ops.convert_to_numpy(ops.sigmoid(logits))
        return ops.convert_to_numpy(ops.transpose(ops.softmax(logits, axis=-1), (0, 2, 1)))

    def decode(self, probabilities, text, names, config):
        first, last, moved = window(text, config.max_length)
        if first == last:
            return []
        with np.errstate(divide="ignore"):
            starts, ends = np.log(probabilities).T
        start, end, score = spans.best_answer(starts, ends, first, last, _LONGEST)
        return [Predicted(Span(start + moved, end + moved, 0), float(np.exp(score)))]

    def scores(self, rows, predicted, names):
        answers = [
            [text[each.start : each.end] for each in spans]
            for text, spans in zip(rows.texts, rows.spans, strict=True)
        ]
        found = [
            "".join(text[each.span.start : each.span.end] for each in spans)
            for text, spans in zip(rows.texts, predicted, strict=True)
        ]
        scored = reading_scores(answers, found)
        return {"exact_match": scored["exact_match"], "answer_f1": scored["answer_f1"]}


def window(text: str, max_length: int) -> tuple[int, int, int]:
    """Return where the context begins and ends among the tokens of a question and its context,
    and how many characters the cut question is shorter.

    Example:
        >>> window("who?\\x1fBy Ann.", max_length=3)
        (4, 7, 1)
    """
    question, separator, context = text.partition(PAIR_SEPARATOR)
    if not separator:
        raise checks.wrong("text", text, "a question and its context, the separator between them")
    first = min(len(question), max_length) + 1
    moved = len(question) + 1 - first
    return first, first + min(len(context), max_length), moved
