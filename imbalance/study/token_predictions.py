"""What is kept of the predictions of token tasks: counts of spans, scores of answers.

Both are numbers of each row whose sums make the scores, so rows that are drawn again are added up
instead of scored anew.
"""

from dataclasses import dataclass

import numpy as np

from imbalance import spans
from imbalance.study.predictions import Predictions, f1_scores, means, ratio


@dataclass(frozen=True)
class SpanPredictions(Predictions):
    """Spans, as tags or pointers give them.

    Attributes:
        counts: right, true and predicted spans of each row and type, int, shape (n, types, 3), of
            :func:`imbalance.metrics.span_scores.row_counts`.
        tags: of each row the right tags, all tags and the true tags ``O``, int, shape (n, 3). They
            are the BIO tags that the spans stand for; where each span is a word, that word's.
        unseen: see :class:`Predictions`.
    """

    TRUTH = "gold"
    MACRO = "span_macro_f1"

    counts: np.ndarray
    tags: np.ndarray
    unseen: np.ndarray

    @classmethod
    def of_run(cls, run, rows, unseen):
        # Imported here: its package imports Keras, which no report needs.
        from imbalance.metrics.span_scores import row_counts

        types = len(run.labels)
        found = [[each.span for each in of_row] for of_row in run.spans(rows.texts)]
        counts = row_counts(rows.spans, found, types)
        if run.config.task == "tagging" and run.config.data.scheme == "words":
            right, words = counts[..., 0].sum(axis=1), counts[..., 1].sum(axis=1) + rows.unknown
            return cls(counts, np.stack([right, words, 0 * words], axis=1), unseen)
        tags = np.zeros((len(rows), 3), "int32")
        for row, length in enumerate(rows.lengths.tolist()):
            true, guessed = (
                spans.to_tags(each[row], length, "bio", types)[0] for each in (rows.spans, found)
            )
            tags[row] = (true == guessed).sum(), length, (true == 0).sum()
        return cls(counts, tags, unseen)

    @property
    def truth(self):
        return np.concatenate([self.counts[..., 1], self.tags[:, 1:]], axis=1)

    @property
    def own(self):
        gold = self.counts[..., 1]
        right, predicted = self.counts[..., 0] - gold, self.counts[..., 2] - gold
        return np.concatenate([right, predicted, self.tags[:, :1] - self.tags[:, 1:2]], axis=1)

    @classmethod
    def restored(cls, truth, own, unseen):
        truth, own = truth.astype("int32"), own.astype("int32")
        gold, tags = truth[:, :-2], truth[:, -2:]
        right, predicted = np.split(own[:, :-1], 2, axis=1)
        counts = np.stack([gold + right, gold, gold + predicted], axis=-1)
        return cls(counts, np.column_stack([own[:, -1] + tags[:, 0], tags]), unseen)

    def scores(self, labels, training_rows):
        from imbalance.metrics.span_scores import SPAN_SCORES, span_scores

        scored = span_scores(self.counts, labels)
        f1 = np.array([scored["per_type"][label]["f1"] or 0.0 for label in labels])
        right, tags, outside = self.tags.sum(axis=0).tolist()
        return {
            "rows": scored["rows"],
            **{name: scored[name] for name in SPAN_SCORES},
            "token_accuracy": right / tags if tags else None,
            "outside_share": outside / tags if outside else None,
            **f1_scores(f1, labels, training_rows),
        }

    def class_rows(self, classes):
        return self.counts[..., 1].sum(axis=0)

    @property
    def values(self):
        return np.concatenate([self.counts.reshape(len(self.counts), -1), self.tags], axis=1)

    @staticmethod
    def scorer(classes, groups):
        def score(drawn, strata, values):
            total = (drawn @ values.astype("float32")).astype("float64")
            right, gold, predicted = np.moveaxis(
                total[:, :-3].reshape(len(total), classes, 3), -1, 0
            )
            f1 = ratio(2 * right, gold + predicted)
            return {
                "span_f1": ratio(2 * right.sum(axis=1), (gold + predicted).sum(axis=1)),
                "token_accuracy": ratio(total[:, -3], total[:, -2]),
            } | means(f1, groups)

        return score


@dataclass(frozen=True)
class AnswerPredictions(Predictions):
    """Answers to questions.

    Attributes:
        questions: a number that stands for each question and its text, int32, shape (n,).
        row_scores: exact match and F1, float32, shape (n, 2), of
            :func:`imbalance.metrics.reading_scores.answer_row_scores`.
        unseen: see :class:`Predictions`.
    """

    TRUTH = "questions"

    questions: np.ndarray
    row_scores: np.ndarray
    unseen: np.ndarray

    @classmethod
    def of_run(cls, run, rows, unseen):
        from imbalance.metrics.reading_scores import answer_row_scores
        from imbalance.tasks.reading import answers

        scored = answer_row_scores(answers(rows.texts, run.spans(rows.texts)), rows.answers)
        questions = np.frombuffer(rows.digests.tobytes(), "<i4").reshape(len(rows), -1)[:, 0]
        return cls(questions, scored.astype("float32"), unseen)

    @property
    def truth(self):
        return self.questions

    @property
    def own(self):
        # Most answers are quite right or quite wrong: bytes that compress well.
        return self.row_scores

    @classmethod
    def restored(cls, truth, own, unseen):
        return cls(truth, own, unseen)

    def scores(self, labels, training_rows):
        means = self.row_scores.mean(axis=0, dtype="float64").tolist()
        return {"rows": len(self.row_scores), "exact_match": means[0], "answer_f1": means[1]}

    def class_rows(self, classes):
        return np.array([len(self.questions), *[0] * (classes - 1)])

    @property
    def values(self):
        return self.row_scores

    @staticmethod
    def scorer(classes, groups):
        def score(drawn, strata, values):
            means = (drawn @ values.astype("float64")) / drawn.sum(axis=1, keepdims=True)
            return {"exact_match": means[:, 0], "answer_f1": means[:, 1]}

        return score
