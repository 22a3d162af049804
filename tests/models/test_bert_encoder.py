"""BERT by KerasHub, which is optional, on a tiny one with random weights."""

import sys

import keras
import numpy as np
import pytest

from imbalance.checks import InputError
from imbalance.models import bert_classifier, bert_tagger, use_vocabulary

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = ["", "<unknown>", "京", "A", "北", "É", "龘", "\x1f"]
LONGEST = 12
IDS = np.array([[4, 2, 3, 0, 0], [5, 7, 6, 4, 2]], "int32")


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    hub = pytest.importorskip("keras_hub")
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("bert") / "preset"
    tokens = [*SPECIAL, "a", "e", "北", "京"]
    backbone = hub.models.BertBackbone(
        vocabulary_size=len(tokens),
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=LONGEST,
    )
    backbone.set_weights(
        [np.random.default_rng(0).normal(size=each.shape) for each in backbone.get_weights()]
    )
    backbone.save_to_preset(folder)
    hub.models.BertTokenizer(vocabulary=tokens, lowercase=True).save_to_preset(folder)
    return str(folder)


def built(build, preset, **changes):
    keras.utils.set_random_seed(1)
    model = build(len(VOCABULARY), 3, preset=preset, **changes)
    assert use_vocabulary(model, VOCABULARY) == ["龘"]
    return model


def logits(model, ids):
    return keras.ops.convert_to_numpy(model(np.asarray(ids, "int32"), training=False))


def test_bert_reads_the_text_between_its_special_tokens(preset):
    import keras_hub

    inputs = {
        "token_ids": [[2, 7, 8, 5, 3, 0, 0], [2, 6, 3, 1, 7, 8, 3]],
        "segment_ids": [[0] * 7, [0, 0, 0, 1, 1, 1, 1]],
        "padding_mask": [[1, 1, 1, 1, 1, 0, 0], [1] * 7],
    }
    inputs = {name: np.array(value, "int32") for name, value in inputs.items()}
    expected = keras_hub.models.BertBackbone.from_preset(preset)(inputs)
    for build, features in (
        (bert_tagger, expected["sequence_output"][:, 1:-1]),
        (bert_classifier, expected["pooled_output"]),
    ):
        model = built(build, preset)
        kernel, bias = model.get_layer("logits").get_weights()
        by_hand = keras.ops.convert_to_numpy(features) @ kernel + bias
        counted = IDS > 0 if build is bert_tagger else slice(None)
        np.testing.assert_allclose(logits(model, IDS)[counted], by_hand[counted], atol=1e-4)


def test_padding_never_changes_the_logits_of_bert(preset):
    tagger, classifier = (built(each, preset) for each in (bert_tagger, bert_classifier))
    padded = np.pad(IDS, [(0, 0), (0, 4)])
    np.testing.assert_allclose(
        logits(tagger, padded)[:, :5][IDS > 0], logits(tagger, IDS)[IDS > 0], atol=1e-5
    )
    np.testing.assert_allclose(logits(classifier, padded), logits(classifier, IDS), atol=1e-5)


def test_what_bert_cannot_read_has_the_bias_as_logits(preset):
    model = built(bert_tagger, preset)
    model.get_layer("logits").bias.assign([1.0, 2.0, 3.0])
    found = logits(model, np.full((1, 30), 4))
    assert found.shape == (1, 30, 3)
    assert (np.abs(found[0, : LONGEST - 2] - [1, 2, 3]) > 1e-3).any(axis=1).all()
    np.testing.assert_array_equal(found[0, LONGEST - 2 :], [[1.0, 2.0, 3.0]] * 20)


@pytest.mark.parametrize("build", [bert_tagger, bert_classifier])
def test_bert_saved_trained_and_loaded(build, preset, tmp_path):
    model = built(build, preset, dtype="mixed_float16")
    assert model.output.dtype == "float32"
    tags = np.zeros(IDS.shape if build is bert_tagger else len(IDS), "int32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, run_eagerly=True)
    model.fit(IDS, tags, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(logits(loaded, IDS), logits(model, IDS))


def test_a_preset_that_cannot_be_had_is_one_line(tmp_path):
    pytest.importorskip("keras_hub")
    with pytest.raises(InputError, match="preset: got '.*', expected a folder") as caught:
        bert_tagger(9, 2, preset=str(tmp_path))
    assert "\n" not in str(caught.value)


def test_without_keras_hub_the_package_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(InputError, match="pip install keras-hub"):
        bert_tagger(9, 2, preset="bert_base_zh")
