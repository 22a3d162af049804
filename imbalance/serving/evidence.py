"""What in a text speaks for its label: the logit of a TextCNN, taken apart by n-grams."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from imbalance import models
from imbalance.models.ngram_logits import position_weights
from imbalance.serving.tables import FoldedConvolutions
from imbalance.serving.text_ids import PlacedIds

# Of these the logit is a sum over n-grams.
NETWORKS = ("text_cnn", "wide_text_cnn")


class Evidence(NamedTuple):
    """N-grams of each text, those that weigh most first, ragged, of shape (batch, n-grams).

    Attributes:
        starts, ends: int32, as those of :class:`PlacedIds`.
        contributions: to the logit, float32, none 0.
    """

    starts: tf.RaggedTensor
    ends: tf.RaggedTensor
    contributions: tf.RaggedTensor


class NgramEvidence(tf.Module):
    """Takes the logits of ``text_cnn`` and ``wide_text_cnn`` apart.

    The logit of class c is

        z_c = Σ_f relu(m_f + b_f)·W_fc + w_c + s·(Σ_g x_g·V_gc / |x| + v_c),

    where m_f is what filter f makes of the window that it makes the most of. That window gets the
    filter's term; each occurrence of n-gram g of the wide path gets a part of the n-gram's term,
    in proportion to its weight by position. Terms of the same span are summed. So the
    contributions of a text add up to z_c − w_c − s·v_c. Windows that reach over an end of the text
    are cut off there.

    Args:
        model: the network.
        read: from ids to those that its convolutions read.
        folded: tables that stand for its convolutions, or None.

    Raises:
        ValueError: if it is another network.
    """

    def __init__(self, model: keras.Model, read: Callable, folded: FoldedConvolutions | None):
        super().__init__(name="evidence")
        if model.name not in NETWORKS:
            raise ValueError(f"{model.name}: expected one of {', '.join(NETWORKS)}")
        self._read = read
        features = model.get_layer("features")
        convolutions = [each.convolution for each in features.convolutions]
        self._widths = features.kernel_sizes
        self._terms = folded.terms if folded else _terms_of(features)
        self._bias_of_filter = tf.concat([each.bias.value for each in convolutions], axis=0)
        dense = model.get_layer("logits")
        self._kernel, self._bias = dense.kernel.value, dense.bias.value
        self._wide = next((e for e in model.layers if isinstance(e, models.NgramLogits)), None)
        if self._wide is not None:
            self._scale = model.get_layer("sum").scale
            self._bias = self._bias + self._scale * self._wide.bias.value

    def bias(self, unit: tf.Tensor) -> tf.Tensor:
        """Return what no n-gram contributes to the logits ``unit``, shape (batch,)."""
        return tf.gather(self._bias, unit)

    def __call__(self, placed: PlacedIds, unit: tf.Tensor) -> Evidence:
        """Return the evidence for a logit of each text.

        Args:
            placed: the tokens of the texts.
            unit: of the logits, int64, shape (batch,).
        """
        rows = [tf.RaggedTensorSpec([None], dtype, 0) for dtype in (tf.int32, tf.int32, tf.float32)]
        return Evidence(*tf.map_fn(self._of_text, (*placed, unit), fn_output_signature=tuple(rows)))

    def _of_text(self, row):
        ids, starts, ends, unit = row
        found = [self._of_convolutions(ids, unit)]
        if self._wide is not None:
            found.append(self._of_ngrams(ids, unit))
        first, last, terms = (tf.concat(each, axis=0) for each in zip(*found, strict=True))
        # One number for a span, in the order of the text.
        size = tf.size(ids) + 1
        spans, of_span = tf.unique(first * size + last)
        sums = tf.math.unsorted_segment_sum(terms, of_span, tf.size(spans))
        spans, sums = (tf.boolean_mask(each, sums != 0) for each in (spans, sums))
        by_place = tf.argsort(spans)
        spans, sums = tf.gather(spans, by_place), tf.gather(sums, by_place)
        by_size = tf.argsort(-tf.abs(sums), stable=True)
        spans, sums = tf.gather(spans, by_size), tf.gather(sums, by_size)
        return tf.gather(starts, spans // size), tf.gather(ends, spans % size), sums

    def _of_convolutions(self, ids, unit):
        """Return first and last token of the winning window of each filter, and its term."""
        ids = self._read(ids[tf.newaxis])[0]
        # Of an empty text nothing wins.
        tokens = tf.size(ids)
        ids = tf.pad(ids, [[0, tf.cast(tokens == 0, tf.int32)]])
        size = tf.size(ids)
        firsts, lasts, maxima, table = [], [], [], 0
        for width in self._widths:
            before = (width - 1) // 2
            sums = tf.zeros([])
            for offset in range(width):
                terms = self._terms(ids, table + offset)
                away = tf.pad(terms, [[max(before - offset, 0), max(offset - before, 0)], [0, 0]])
                shift = max(offset - before, 0)
                sums += away[shift : shift + size]
            winner = tf.argmax(sums, axis=0, output_type=tf.int32)
            maxima.append(tf.reduce_max(sums, axis=0))
            firsts.append(tf.maximum(winner - before, 0))
            lasts.append(tf.minimum(winner - before + width, size) - 1)
            table += width
        features = tf.nn.relu(tf.concat(maxima, axis=0) + self._bias_of_filter)
        features *= tf.cast(tokens > 0, tf.float32)
        terms = features * tf.gather(self._kernel, unit, axis=1)
        return tf.concat(firsts, axis=0), tf.concat(lasts, axis=0), terms

    def _of_ngrams(self, ids, unit):
        """Return first and last token of each n-gram of the wide path, and its term."""
        wide = self._wide
        pairs = ids[:-1] * wide.vocabulary_size + ids[1:]
        codes = tf.concat([ids, pairs], axis=0)
        first = tf.concat([tf.range(tf.size(ids)), tf.range(tf.size(pairs))], axis=0)
        last = first + tf.cast(tf.range(tf.size(codes)) >= tf.size(ids), tf.int32)
        known_codes = wide.codes.value
        place = tf.minimum(tf.searchsorted(known_codes, codes), wide.features - 1)
        known = tf.gather(known_codes, place) == codes
        first, last, place = (tf.boolean_mask(each, known) for each in (first, last, place))
        weights = position_weights(tf.cast(first, tf.float32), wide.decay)
        ngrams, of_ngram = tf.unique(place)
        sums = tf.math.unsorted_segment_sum(weights, of_ngram, tf.size(ngrams))
        values = tf.math.log1p(sums) * tf.gather(wide.idf.value, ngrams)
        norm = tf.maximum(tf.norm(values), 1e-12)
        terms = (
            self._scale
            * values
            / norm
            * tf.gather(tf.gather(wide.kernel.value, ngrams), unit, axis=1)
        )
        return first, last, tf.gather(terms / sums, of_ngram) * weights


def _terms_of(features: models.TokenConvolutions) -> Callable:
    """Return what tokens add to windows at an offset, as :meth:`FoldedConvolutions.terms`."""
    vectors = features.embedding.embeddings
    kernels = tf.concat([each.convolution.kernel.value for each in features.convolutions], axis=0)

    def terms(ids, table):
        mask = tf.cast(ids > 0, tf.float32)[:, tf.newaxis]
        return tf.matmul(tf.gather(vectors.value, ids) * mask, kernels[table])

    return terms
