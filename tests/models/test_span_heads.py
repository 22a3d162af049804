"""The layers that make pointers and answers of the logits of tokens."""

import keras
import numpy as np
import pytest
from keras import ops

from imbalance.models.span_heads import AnswerLogits, PointerLogits

SEPARATOR = 2
# Question, separator, context; a second separator in the context; no context; padding alone.
IDS = np.array([[5, 2, 6, 7, 0, 0], [5, 2, 6, 2, 7, 8], [5, 6, 2, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
INSIDE = np.array(
    [[0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], bool
)


def of(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_pointers_split_the_units_in_two():
    logits = of(2, 3, 8)
    split = ops.convert_to_numpy(PointerLogits()(logits))
    np.testing.assert_array_equal(split[:, :, 0], logits[..., :4])
    np.testing.assert_array_equal(split[:, :, 1], logits[..., 4:])


def test_answers_are_among_the_positions_of_the_context():
    logits = of(*IDS.shape, 2)
    answers = ops.convert_to_numpy(AnswerLogits(SEPARATOR)([IDS, logits]))
    assert answers.shape == (4, 2, 6)
    for side in (0, 1):
        np.testing.assert_array_equal(answers[:, side][INSIDE], logits[..., side][INSIDE])
        assert (answers[:, side][~INSIDE] == -1e9).all()
    assert np.isfinite(ops.convert_to_numpy(ops.log_softmax(answers))).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_logits_are_float32_in_mixed_precision(dtype):
    half = ops.cast(of(*IDS.shape, 2), dtype)
    assert keras.backend.standardize_dtype(PointerLogits()(half).dtype) == "float32"
    answers = AnswerLogits(SEPARATOR)([IDS, half])
    assert keras.backend.standardize_dtype(answers.dtype) == "float32"
    # -1e9 is no number of float16.
    assert np.isfinite(ops.convert_to_numpy(answers)).all()


def network():
    ids = keras.Input((None,), dtype="int32")
    features = keras.layers.Embedding(9, 4, mask_zero=True)(ids)
    logits = keras.layers.Dense(6)(features)
    pointers = PointerLogits(name="pointers")(logits)
    answers = AnswerLogits(SEPARATOR, name="answers")([ids, logits[..., :2]])
    return keras.Model(ids, [pointers, answers])


@pytest.mark.filterwarnings("error:.*does not support masking")
def test_in_a_model_of_any_batch_and_time(tmp_path):
    model = network()
    assert [each.shape for each in model.outputs] == [(None, None, 2, 3), (None, 2, None)]
    assert all(getattr(each, "_keras_mask", None) is None for each in model(IDS))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("answers").separator_id == SEPARATOR
    for ours, theirs in zip(loaded(IDS), model(IDS), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ids in (IDS[:1], IDS[:, :3], np.zeros((0, 4), "int32")):
        pointers, answers = model(ids)
        assert tuple(pointers.shape) == (*ids.shape, 2, 3)
        assert tuple(answers.shape) == (len(ids), 2, ids.shape[1])
