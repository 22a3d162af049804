"""Probabilities of tokens to spans, in TensorFlow operations: what a SavedModel answers.

Each function does what its namesake in :mod:`imbalance.spans` does for one text, for a batch.
"""

from typing import NamedTuple

import tensorflow as tf

from imbalance.spans import SMALLEST_PROBABILITY, TAG_LETTERS, allowed_tags


class Found(NamedTuple):
    """Spans of a batch of texts, those of all texts one after the other, in their order.

    Attributes:
        row: the text, int64, shape (spans,).
        start, end: characters, the end exclusive, int32, shape (spans,).
        type: id, int32, shape (spans,).
        score: float32, shape (spans,).
    """

    row: tf.Tensor
    start: tf.Tensor
    end: tf.Tensor
    type: tf.Tensor
    score: tf.Tensor


def from_tags(probabilities: tf.Tensor, inside: tf.Tensor, scheme: str) -> Found:
    """Return the spans that the likeliest sequences of tags stand for.

    Args:
        probabilities: of tags, float32, shape (batch, time, tags).
        inside: which positions are of the text and no padding, bool, shape (batch, time).
        scheme: ``bio`` or ``bioes``.
    """
    letters = TAG_LETTERS[scheme]
    tags = best_tags(probabilities, inside, scheme)
    type_, letter = (tags - 1) // len(letters), (tags - 1) % len(letters)
    marked = tags > 0

    def one_of(some):
        known = [letter == letters.index(each) for each in some if each in letters]
        return marked & tf.reduce_any(tf.stack(known), axis=0)

    goes_on = one_of("IE")[:, 1:] & one_of("BI")[:, :-1] & (type_[:, 1:] == type_[:, :-1])
    starts = marked & ~tf.pad(goes_on, [[0, 0], [1, 0]])
    ends = marked & ~tf.pad(goes_on, [[0, 0], [0, 1]])
    first, last = tf.where(starts), tf.where(ends)
    of_tags = tf.gather(probabilities, tags, batch_dims=2)
    # Spans do not overlap: the number of a token's span is that of the starts up to it.
    number = tf.cumsum(tf.cast(tf.reshape(starts, [-1]), tf.int32)) - 1
    flat = tf.reshape(marked, [-1])
    sure = tf.boolean_mask(tf.reshape(of_tags, [-1]), flat)
    score = tf.math.segment_min(sure, tf.boolean_mask(number, flat))
    return _found(first, last[:, 1], tf.gather_nd(type_, first), score)


def best_tags(probabilities: tf.Tensor, inside: tf.Tensor, scheme: str) -> tf.Tensor:
    """Return the likeliest of the sequences of tags that stand for whole spans.

    Args:
        probabilities: of tags, float32, shape (batch, time, tags).
        inside: which positions are of the text and no padding behind it, bool, (batch, time).
        scheme: ``bio`` or ``bioes``.

    Returns:
        Tag ids, int32, (batch, time), 0 where there is padding.
    """
    tags = probabilities.shape[-1]
    first, follows, last = (
        tf.where(each, 0.0, float("-inf"))
        for each in allowed_tags(scheme, (tags - 1) // len(TAG_LETTERS[scheme]))
    )
    logarithms = tf.math.log(tf.maximum(probabilities, SMALLEST_PROBABILITY))
    # A position before the text, which is O, and one behind it.
    logarithms = tf.pad(tf.transpose(logarithms, [1, 0, 2]), [[0, 1], [0, 0], [0, 0]])
    inside = tf.pad(tf.transpose(inside), [[0, 1], [0, 0]])
    batch = tf.shape(inside)[1]
    # Padding is O, of which whatever ends a text can stand before.
    outside = tf.where(tf.range(tags) == 0, 0.0, float("-inf"))
    rows = tf.where(inside[:, :, tf.newaxis], logarithms, outside)

    def forward(state, row):
        paths = state[0][:, :, tf.newaxis] + follows
        return tf.reduce_max(paths, axis=1) + row, tf.argmax(paths, 1, output_type=tf.int32)

    start = tf.broadcast_to(outside, [batch, tags]), tf.zeros([batch, tags], tf.int32)
    best, before = tf.scan(forward, rows, start)

    def backward(tag, each):
        return tf.gather(each, tag, batch_dims=1)

    end = tf.argmax(best[-1], axis=-1, output_type=tf.int32)
    return tf.transpose(tf.scan(backward, before, end, reverse=True)[1:])


def from_word_tags(probabilities: tf.Tensor, letters: tf.Tensor) -> Found:
    """Return each word with the likeliest tag of its last character.

    Args:
        probabilities: of tags, float32, shape (batch, time, tags).
        letters: which positions are of a word: no blank, no padding; bool, shape (batch, time).
    """
    before, after = (
        tf.pad(letters[:, :-1], [[0, 0], [1, 0]]),
        tf.pad(letters[:, 1:], [[0, 0], [0, 1]]),
    )
    first, last = tf.where(letters & ~before), tf.where(letters & ~after)
    of_tags = tf.gather_nd(probabilities, last)
    type_ = tf.argmax(of_tags, axis=-1, output_type=tf.int32)
    return _found(first, last[:, 1], type_, tf.reduce_max(of_tags, axis=-1))


def from_pointers(probabilities: tf.Tensor, inside: tf.Tensor) -> Found:
    """Return each start with the nearest end of its type, if there is one.

    Args:
        probabilities: float32, shape (batch, time, 2, 1 + types).
        inside: which positions are of the text and no padding, bool, shape (batch, time).
    """
    chosen = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
    chosen *= tf.cast(inside, tf.int32)[:, :, tf.newaxis]
    sure = tf.reduce_max(probabilities, axis=-1)
    first = tf.where(chosen[:, :, 0] > 0)
    type_ = tf.gather_nd(chosen[:, :, 0], first)
    ends = tf.gather(chosen[:, :, 1], first[:, 0])
    places = tf.range(tf.shape(ends)[1], dtype=tf.int64)
    fits = (ends == type_[:, tf.newaxis]) & (places >= first[:, 1:])
    paired = tf.reduce_any(fits, axis=1)
    first, fits, type_ = (tf.boolean_mask(each, paired) for each in (first, fits, type_))
    last = tf.argmax(tf.cast(fits, tf.int32), axis=1)
    of_start = tf.gather_nd(sure[:, :, 0], first)
    of_end = tf.gather_nd(sure[:, :, 1], tf.stack([first[:, 0], last], axis=1))
    return _found(first, last, type_ - 1, of_start * of_end)


def best_answer(
    starts: tf.Tensor, ends: tf.Tensor, inside: tf.Tensor, longest: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return where the best answer starts and ends, and its score, each of shape (batch,).

    Args:
        starts, ends: logarithms of probabilities, float32, shape (batch, time).
        inside: positions that an answer may have, bool, shape (batch, time).
        longest: in characters.

    Returns:
        Start and end (exclusive), int64; of a text without such positions both are 0, and the
        score is −inf.
    """
    never = tf.constant(float("-inf"))
    starts, ends = (tf.where(inside, each, never) for each in (starts, ends))
    time = tf.shape(ends)[1]
    # [.., k, t]: the end that is k characters after position t.
    later = tf.pad(ends, [[0, 0], [0, longest - 1]], constant_values=float("-inf"))
    place = tf.range(longest)[:, tf.newaxis] + tf.range(time)[tf.newaxis, :]
    scores = starts[:, tf.newaxis, :] + tf.gather(later, place, axis=1)
    flat = tf.reshape(scores, [tf.shape(scores)[0], -1])
    # The first of equals: the shortest, and of these the first.
    best = tf.argmax(flat, axis=1)
    score = tf.gather(flat, best, batch_dims=1)
    start, more = best % tf.cast(time, tf.int64), best // tf.cast(time, tf.int64)
    known = tf.cast(score > never, tf.int64)
    return start * known, (start + more + 1) * known, score


def padded(found: Found, texts: tf.Tensor, types: tf.Tensor) -> dict[str, tf.Tensor]:
    """Return spans as a server can answer them, a row for each text.

    Args:
        found: the spans.
        texts: how many texts there are, a scalar.
        types: names of the types, shape (types,).

    Returns:
        ``count``, int32, shape (batch,), and of shape (batch, most spans of a text) ``start``
        and ``end``, int32, -1 where a text has fewer, ``type``, string, and ``score``, float32.
    """
    count = tf.math.bincount(tf.cast(found.row, tf.int32), minlength=texts, maxlength=texts)

    def rows(values, nothing):
        ragged = tf.RaggedTensor.from_row_lengths(values, count, validate=False)
        return ragged.to_tensor(default_value=nothing)

    return {
        "count": count,
        "start": rows(found.start, -1),
        "end": rows(found.end, -1),
        "type": rows(tf.gather(types, found.type), ""),
        "score": rows(found.score, 0.0),
    }


def _found(first, last, type_, score) -> Found:
    start, end = tf.cast(first[:, 1], tf.int32), tf.cast(last + 1, tf.int32)
    return Found(first[:, 0], start, end, type_, score)
