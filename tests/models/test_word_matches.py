"""Words of a dictionary found in texts, against a search by hand."""

import keras
import numpy as np
import pytest

from imbalance.checks import InputError
from imbalance.models import WordMatches

CHARACTERS = "天地人和大小"
TOKENS = ("[PAD]", "[UNK]", *CHARACTERS)
KINDS = 2
PARTS = [(2, "B"), (2, "E"), (3, "B"), (3, "I"), (3, "E"), (4, "B"), (4, "I"), (4, "E")]


def by_hand(text, dictionary, time):
    features = np.zeros((time, len(PARTS), KINDS))
    for start in range(len(text)):
        for end in range(start + 2, min(start + 8, len(text)) + 1):
            if text[start:end] in dictionary:
                kind, size = dictionary[text[start:end]], min(end - start, 4)
                features[start, PARTS.index((size, "B")), kind] = 1
                features[end - 1, PARTS.index((size, "E")), kind] = 1
                if size > 2:
                    features[start + 1 : end - 1, PARTS.index((size, "I")), kind] = 1
    return features.reshape(time, -1)


def test_words_are_found_wherever_they_stand(tmp_path):
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list(CHARACTERS), size=n)) for n in (2, 3, 4, 5, 8) * 12]
    dictionary = {word: int(random.integers(KINDS)) for word in words}
    layer = WordMatches(KINDS, words=100)
    found = layer.fit_to({**dictionary, "天": 0, "天空": 1, "地" * 9: 1}, TOKENS)
    assert found == len(dictionary)
    inputs = keras.Input((None,), dtype="int32")
    keras.Model(inputs, layer(inputs)).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")

    texts = ["".join(random.choice(words, size=3)) for _ in range(40)] + ["天地", "人", ""]
    texts[0] = texts[0][:5] + "?" + texts[0][5:]
    time = max(map(len, texts)) + 2
    ids = [[1 + (CHARACTERS + "?").find(each) + 1 for each in text] for text in texts]
    ids = [[1 if each == len(TOKENS) else each for each in row] for row in ids]
    ids = np.array([row + [0] * (time - len(row)) for row in ids], "int32")
    expected = np.array([by_hand(text, dictionary, time) for text in texts])
    assert expected.sum() > 500
    np.testing.assert_array_equal(model(ids), expected)


def test_a_dictionary_that_is_too_large_is_refused():
    with pytest.raises(InputError, match="words: got 1, expected 2"):
        WordMatches(1, words=1).fit_to({"天地": 0, "人和": 0}, TOKENS)


def test_an_empty_dictionary_finds_nothing():
    layer = WordMatches(1, words=1)
    assert layer.fit_to({}, TOKENS) == 0
    assert not keras.ops.convert_to_numpy(layer(np.array([[2, 3, 0]], "int32"))).any()
