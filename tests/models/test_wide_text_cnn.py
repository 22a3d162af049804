import keras
import numpy as np
import pytest
from keras import ops

from imbalance.checks import InputError
from imbalance.models import NgramLogits, WordDropout, text_cnn, wide_text_cnn

VOCABULARY, DECAY = 30, 5.0


def fitted(units=3, features=300):
    rng = np.random.default_rng(0)
    singles = rng.choice(np.arange(1, VOCABULARY), 20, replace=False)
    pairs = rng.choice(np.arange(VOCABULARY, VOCABULARY**2), 200, replace=False)
    codes = np.sort(np.concatenate([singles, pairs]))
    layer = NgramLogits(VOCABULARY, units, features, DECAY)
    layer.fit_to(
        codes, rng.uniform(1, 5, 220), rng.normal(size=(220, units)), rng.normal(size=units)
    )
    return layer


def by_hand(layer, text):
    """The formula of the docstring, n-gram by n-gram."""
    place = {int(code): index for index, code in enumerate(ops.convert_to_numpy(layer.codes))}
    counts = {}
    for t, token in enumerate(text):
        grams = [token] if t + 1 == len(text) else [token, token * VOCABULARY + text[t + 1]]
        for gram in grams:
            counts[gram] = counts.get(gram, 0) + np.exp(-t / DECAY)
    idf, kernel = (ops.convert_to_numpy(each) for each in (layer.idf, layer.kernel))
    x = {place[g]: np.log1p(n) * idf[place[g]] for g, n in counts.items() if g in place}
    norm = max(np.sqrt(sum(value**2 for value in x.values())), 1e-12)
    logits = sum((value * kernel[g] / norm for g, value in x.items()), np.zeros(kernel.shape[1]))
    return logits + ops.convert_to_numpy(layer.bias)


def test_ngram_logits_are_those_of_the_formula():
    layer = fitted()
    rng = np.random.default_rng(1)
    texts = [rng.integers(1, VOCABULARY, size).tolist() for size in (*range(1, 30), 7, 7)]
    ids = np.zeros((len(texts) + 1, 35), np.int32)
    for row, text in zip(ids, texts, strict=False):
        row[: len(text)] = text
    wanted = np.stack([by_hand(layer, text) for text in [*texts, []]])
    assert np.abs(wanted[:-1] - wanted[-1]).max() > 0.1
    np.testing.assert_allclose(ops.convert_to_numpy(layer(ids)), wanted, atol=1e-5)
    nothing = ops.convert_to_numpy(layer(np.zeros((1, 0), np.int32)))
    np.testing.assert_allclose(nothing[0], wanted[-1], atol=1e-6)


def test_an_unfitted_wide_path_says_nothing():
    layer = NgramLogits(VOCABULARY, 2, 10)
    assert not ops.convert_to_numpy(layer(np.array([[3, 4, 5]]))).any()


def test_the_wide_path_is_added_at_inference_alone(tmp_path):
    model = wide_text_cnn(VOCABULARY, 3, filters=4, dropout=0, wide_features=300, wide_decay=DECAY)
    layer = fitted()
    model.get_layer("wide").set_weights(layer.get_weights())
    ids = np.random.default_rng(2).integers(1, VOCABULARY, (5, 9))
    inference, training = (
        ops.convert_to_numpy(model(ids, training=each)) for each in (False, True)
    )
    np.testing.assert_allclose(
        inference - training, 4 * ops.convert_to_numpy(layer(ids)), atol=1e-4
    )
    deep = text_cnn(VOCABULARY, 3, filters=512, kernel_sizes=(1, 2, 3))
    assert len(model.trainable_variables) == len(deep.trainable_variables)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(again(ids, training=False)), inference)


def test_the_convolutions_read_the_first_tokens_alone():
    model = text_cnn(VOCABULARY, 2, filters=4, kernel_sizes=(1, 2), tokens=3)
    ids = np.array([[1, 2, 3, 4, 5], [1, 2, 3, 9, 8], [1, 2, 9, 4, 5]])
    logits = ops.convert_to_numpy(model(ids))
    np.testing.assert_array_equal(logits[0], logits[1])
    assert (logits[0] != logits[2]).any()


def test_word_dropout_makes_a_share_of_the_tokens_unknown():
    ids = np.tile([5, 7, 0, 1], (2000, 1))
    layer = WordDropout(0.25, seed=3)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(ids)), ids)
    dropped = ops.convert_to_numpy(layer(ids, training=True))
    assert (dropped[:, 2:] == [0, 1]).all()
    for column, token in enumerate((5, 7)):
        assert set(dropped[:, column]) == {1, token}
        assert (dropped[:, column] == 1).mean() == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"wide_scale": -1}, "wide_scale: got -1"),
        ({"wide_features": 0}, "wide_features: got 0"),
        ({"wide_decay": 0}, "wide_decay: got 0"),
        ({"tokens": 0}, "tokens: got 0"),
        ({"word_dropout": 1}, "word_dropout: got 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        wide_text_cnn(VOCABULARY, 2, filters=2, **arguments)


def test_a_vocabulary_whose_pairs_have_no_code_is_refused():
    with pytest.raises(InputError, match="vocabulary_size: got 50000"):
        NgramLogits(50_000, 2, 10)
