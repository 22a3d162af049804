"""Tags of tokens, and typed spans by their first and last token."""

import unicodedata

import numpy as np

from imbalance import metrics, models, spans
from imbalance.data import annotated
from imbalance.data.pipeline import TokenValues
from imbalance.metrics.span_scores import row_counts, span_scores
from imbalance.spans import Span
from imbalance.tasks.base import Predicted, Targets, TokenTask


class _Spans(TokenTask):
    """What tags and pointers share: texts in which typed spans are marked."""

    task: str

    def load(self, config):
        return annotated.load(config, self.task)

    def names(self, corpus):
        return corpus.types

    def metrics(self, classes, activation):
        # Token by token, areas under curves take longer than a small network's whole step.
        of_all = metrics.standard_metrics(len(classes), activation)
        return [each for each in of_all if not isinstance(each, metrics.CurveMetric)]

    def scores(self, rows, predicted, names):
        found = [[each.span for each in spans] for spans in predicted]
        scored = span_scores(row_counts(rows.spans, found, len(names)), names)
        return {"span_f1": scored["span_f1"]}


class Tagging(_Spans):
    """A tag for each token, by ``data.scheme``."""

    task = "tagging"

    def classes(self, names, scheme):
        return spans.tag_names(names, scheme)

    def targets(self, corpus, split, config, activation):
        rows = corpus.splits[split]
        lengths = np.minimum(rows.lengths, config.max_length)
        tags, counted = zip(
            *(
                spans.to_tags(each, length, config.scheme, len(corpus.types))
                for each, length in zip(rows.spans, lengths.tolist(), strict=True)
            ),
            strict=True,
        )
        starts = np.append(0, np.cumsum(lengths))
        weights = np.concatenate(counted).astype("float32")
        return Targets(TokenValues(np.concatenate(tags), starts), TokenValues(weights, starts))

    def units(self, classes, activation):
        return models.output_units(activation, len(classes))

    def decode(self, probabilities, text, names, config):
        if config.scheme == "words":
            tags = probabilities.argmax(axis=-1)
            found = spans.from_word_tags(tags, words(text[: len(tags)]))
        else:
            tags = spans.best_tags(probabilities, config.scheme)
            found = spans.from_tags(tags, config.scheme, len(names))
        sure = np.take_along_axis(probabilities, tags[:, None], axis=-1)[:, 0]
        scores = spans.tag_span_scores(found, sure, config.scheme)
        return list(map(Predicted, found, scores.tolist()))


class Pointers(_Spans):
    """The class of a span at its first and at its last token: two labels a token."""

    task = "span"

    def classes(self, names, scheme):
        return ("O", *names)

    def targets(self, corpus, split, config, activation):
        rows = corpus.splits[split]
        lengths = np.minimum(rows.lengths, config.max_length)
        pointers = np.concatenate(
            [
                spans.to_pointers(each, length)
                for each, length in zip(rows.spans, lengths.tolist(), strict=True)
            ]
        )
        starts = np.append(0, np.cumsum(lengths))
        return Targets(
            TokenValues(pointers, starts),
            TokenValues(np.ones(pointers.shape, "float32"), starts),
        )

    def units(self, classes, activation):
        return 2 * models.output_units(activation, len(classes))

    def network(self, model, units, activation):
        logits = models.PointerLogits(name="pointers")(model.outputs[0])
        return models.LossStateModel(model.inputs, logits, name=model.name)

    def decode(self, probabilities, text, names, config):
        found = spans.from_pointers(*probabilities.argmax(axis=-1).T)
        scores = spans.pointer_span_scores(found, *probabilities.max(axis=-1).T)
        return list(map(Predicted, found, scores.tolist()))


def words(text: str) -> list[Span]:
    """Return the spans of the words of a text: what blanks and control characters separate.

    Example:
        >>> words("我 爱 北京")
        [Span(start=0, end=1, type=0), Span(start=2, end=3, type=0), Span(start=4, end=6, type=0)]
    """
    found, start = [], None
    for place, character in enumerate(text + " "):
        # As the tokenizer reads them, which knows no unassigned characters.
        category = unicodedata.category(character)
        blank = character.isspace() or (category[0] in "ZC" and category != "Cn")
        if not blank and start is None:
            start = place
        elif blank and start is not None:
            found.append(Span(start, place, 0))
            start = None
    return found
