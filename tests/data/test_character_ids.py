import random

import numpy as np
import pytest
import tensorflow as tf

from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import TextEncoder, padded

ODD = (
    "\x1f\0\t\n\r \x85\xa0\xad\u200b\u2028\u3000\ufeff\ufffd\ufffe\uffff\U0010ffff😀一鿕鿖Azé\u0301"
)
VOCABULARY = (" ", "A", "一", "\ufffd", "😀", "z", "é")


def odd_texts(draw):
    """Return no text, or some of all kinds, as bytes."""
    texts = []
    for _ in range(draw.choice([0, 1, 40])):
        blanks = "".join(draw.choices("\n\u3000 ", k=draw.choice([0, 5, 90])))
        text = bytearray((blanks + "".join(draw.choices(ODD, k=draw.randrange(60)))).encode())
        if draw.random() < 0.5:
            for _ in range(draw.randrange(9)):
                text.insert(draw.randrange(len(text) + 1), draw.choice(b"\xe4\xbd\xf0\x9f\x80\xff"))
            del text[draw.randrange(len(text) + 1) :]
        texts.append(bytes(text))
    return texts


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("keep", ["all", "letters", "exact"])
@pytest.mark.parametrize(("characters", "length"), [(None, 400), (None, 5), (20, 5), (7, 9)])
def test_ids_are_those_of_the_split_strings(keep, characters, length, pairs):
    tokenizer = Tokenizer("characters", keep, characters, length, pairs)
    # Also without an id for the blank.
    encoder = TextEncoder.of(tokenizer, VOCABULARY if length == 5 else VOCABULARY[1:])
    spec = [tf.TensorSpec([None], tf.string)]
    by_numbers = tf.function(lambda texts: encoder(texts), input_signature=spec)
    by_strings = tf.function(lambda texts: padded(encoder.ragged(texts)), input_signature=spec)
    draw = random.Random(1)
    for _ in range(15):
        texts = odd_texts(draw)
        texts = tf.constant(texts, tf.string, shape=[len(texts)])
        np.testing.assert_array_equal(by_numbers(texts), by_strings(texts))


@pytest.mark.parametrize("keep", ["all", "letters", "exact"])
def test_code_points_of_all_planes(keep):
    points = {*range(0xD800), *range(0xE000, 0x10000, 3), *range(0x10000, 0x110000, 61), 0xE0001}
    encoder = TextEncoder.of(Tokenizer("characters", keep, None, 3), VOCABULARY)
    texts = tf.constant([f"z{chr(point)}z" for point in points])
    np.testing.assert_array_equal(encoder(texts), padded(encoder.ragged(texts)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A" * 6 + "\n" * 200 + "zz", [3, 3, 3, 3, 3]),
        ("\n" * 200 + "A \n z一", [3, 2, 7, 4]),
        ("A\n" + "\n" * 200 + "z", [3, 2, 7]),
        ("A" + " " * 200, [3]),
    ],
)
def test_of_a_long_text_as_much_is_read_as_it_takes(text, expected):
    encoder = TextEncoder.of(Tokenizer("characters", "all", None, 5), VOCABULARY)
    assert encoder(tf.constant([text])).numpy().tolist() == [expected]
