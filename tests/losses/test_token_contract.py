"""The contract of the losses for labels of tokens: padding has no weight and changes nothing."""

import contract
import numpy as np
import pytest
import tensorflow as tf
import token_batches
from contract import CLASSES
from token_batches import WEIGHTS

from imbalance import losses
from imbalance.checks import InputError
from imbalance.config import RunConfig
from imbalance.training.settings import check

VARIANTS = contract.variants()
BY_WEIGHT = "mean_with_sample_weight"

every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)
every_form = pytest.mark.parametrize("form", ["tokens", "pointers"])
of_positions = pytest.mark.parametrize(
    "variant",
    [each for each in VARIANTS if each.activation == "softmax" and each.build().of_positions],
    ids=str,
)


def value_and_gradient(loss, y_true, y_pred, weights):
    y_pred = tf.convert_to_tensor(y_pred, loss.dtype)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        total = loss(y_true, y_pred, weights)
    return total.numpy(), tape.gradient(total, y_pred).numpy()


def assert_as_flat(variant, batch, tolerance=1e-9):
    """Assert that value and gradient are those of the labels alone, in one row each."""
    loss = variant.build(reduction=BY_WEIGHT, dtype="float64")
    ours, slope = value_and_gradient(loss, batch.y_true, batch.y_pred, batch.weights)
    flat = contract.documents(variant)
    theirs, its_slope = value_and_gradient(loss, flat.y, flat.z, WEIGHTS)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance)
    np.testing.assert_allclose(slope[batch.place], its_slope.ravel(), rtol=1e-7, atol=tolerance)
    np.testing.assert_array_equal(slope[~batch.place], 0)


@every_variant
@pytest.mark.parametrize(("form", "garbage"), [("tokens", 3.0), ("pointers", 1e9)])
def test_padding_is_left_out(variant, form, garbage):
    assert_as_flat(variant, token_batches.padded(variant, form, garbage))


@every_variant
@every_form
def test_ids_equal_one_hot_labels(variant, form):
    batch = token_batches.padded(variant, form, 3.0)
    ids = batch.y_true.argmax(-1)
    loss = variant.build(reduction=BY_WEIGHT)
    np.testing.assert_allclose(
        loss(ids, batch.y_pred, batch.weights),
        loss(np.eye(CLASSES)[ids], batch.y_pred, batch.weights),
        rtol=1e-5,
    )


@of_positions
@pytest.mark.parametrize("masked", [token_batches.MASKED, -1e4])
def test_positions_outside_are_left_out(variant, masked):
    assert_as_flat(variant, token_batches.answers(masked))


@of_positions
@pytest.mark.parametrize("outside", [1e9, -1e9])
def test_finite_whatever_stands_outside(variant, outside):
    # Wrong, as no network of ours says it, and still no reason for a NaN.
    batch = token_batches.answers(outside)
    loss = variant.build(reduction=BY_WEIGHT)
    total, slope = value_and_gradient(loss, batch.y_true, batch.y_pred, batch.weights)
    assert np.isfinite(total)
    assert np.isfinite(slope).all()


@of_positions
def test_answers_of_any_width(variant):
    batch = token_batches.answers()
    wider = [(0, 0), (0, 0), (0, 4)]
    y_true = np.pad(batch.y_true, wider)
    y_pred = np.pad(batch.y_pred, wider, constant_values=token_batches.MASKED)
    loss = variant.build(reduction=BY_WEIGHT)
    np.testing.assert_allclose(
        loss(y_true, y_pred, batch.weights),
        loss(batch.y_true, batch.y_pred, batch.weights),
        rtol=1e-6,
    )


@every_variant
@pytest.mark.parametrize(("form", "dtype"), [("tokens", "bfloat16"), ("pointers", "float16")])
def test_half_precision_tokens(variant, form, dtype):
    batch = token_batches.padded(variant, form, 1e4)
    half = tf.cast(batch.y_pred, dtype)
    loss = variant.build(reduction=BY_WEIGHT)
    ours = loss(batch.y_true, half, batch.weights)
    assert ours.dtype == "float32"
    theirs = loss(batch.y_true, tf.cast(half, "float32"), batch.weights)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def _in_a_graph(variant, batch, shape):
    """Return the value that an unknown batch and an unknown time have in a traced function."""
    loss = variant.build(reduction=BY_WEIGHT)
    specs = [tf.TensorSpec(shape), tf.TensorSpec(shape), tf.TensorSpec(shape[:-1])]
    traced = tf.function(lambda *inputs: loss(*inputs), input_signature=specs)
    inputs = [tf.constant(each, "float32") for each in (batch.y_true, batch.y_pred, batch.weights)]
    return traced(*inputs), loss(*inputs)


@pytest.mark.parametrize("variant", contract.presets(), ids=str)
def test_tokens_in_a_graph(variant):
    batch = token_batches.padded(variant, "pointers", 3.0)
    ours, eager = _in_a_graph(variant, batch, [None, None, 2, CLASSES])
    np.testing.assert_allclose(ours, eager, rtol=1e-5)


@of_positions
def test_answers_in_a_graph(variant):
    ours, eager = _in_a_graph(variant, token_batches.answers(), [None, 2, None])
    np.testing.assert_allclose(ours, eager, rtol=1e-5)


@every_variant
def test_a_batch_without_a_label_costs_nothing(variant):
    batch = token_batches.padded(variant, "pointers", 1e9)
    loss = variant.build(reduction=BY_WEIGHT)
    none = np.zeros_like(batch.weights)
    total, slope = value_and_gradient(loss, batch.y_true, batch.y_pred, none)
    assert total == 0
    np.testing.assert_array_equal(slope, 0)


# --- what answers cannot be learnt by -----------------------------------------------------------

# Softmax losses in which a class is more than a choice: it has a number of its own, a share of a
# softened label, or a place in a mean over classes.
OF_CLASSES = [
    "asymmetric_loss",
    "dice_loss",
    "dsc_loss",
    "focal_tversky_loss",
    "label_smoothing",
    "ldam_loss",
    "logit_adjustment",
    "soft_f1_loss",
    "squared_dice_loss",
    "tversky_loss",
    "unified_focal_loss",
    "weight_cross_entropy",
    "weight_focal_loss",
]


def test_each_loss_says_whether_it_is_of_positions():
    softmax = [each for each in contract.presets() if each.activation == "softmax"]
    assert sorted(each.name for each in softmax if not each.build().of_positions) == OF_CLASSES


@pytest.mark.parametrize("name", [*OF_CLASSES, "cross_entropy+dice_loss"])
def test_refused_for_answers(name):
    with pytest.raises(InputError, match="^loss: got ") as error:
        check(RunConfig.from_mapping({"task": "reading", "loss": name}))
    assert "\n" not in str(error.value)


def test_a_number_for_each_class_is_refused_for_answers():
    loss = {"name": "focal_loss", "args": {"alpha": [0.5, 0.5]}}
    with pytest.raises(InputError, match="^loss: got 'focal_loss'"):
        check(RunConfig.from_mapping({"task": "reading", "loss": loss}))


@pytest.mark.parametrize("name", ["dice_loss", "soft_f1_loss", "tversky_loss", "dsc_loss"])
def test_the_same_with_sigmoids_are_taken(name):
    loss = {"name": name, "args": {"activation": "sigmoid"}}
    check(RunConfig.from_mapping({"task": "reading", "loss": loss}))


@pytest.mark.parametrize("name", ["label_smoothing", "asymmetric_loss"])
def test_an_unknown_number_of_classes_is_refused(name):
    specs = [tf.TensorSpec([None, 2, None])] * 2
    # AutoGraph would wrap the error.
    traced = tf.function(losses.get(name).__call__, input_signature=specs, autograph=False)
    with pytest.raises(InputError, match="^y_pred: got shape"):
        traced.get_concrete_function()


@pytest.mark.parametrize("shape", [(2, 4, 2, 3), (2, 4, 2, 1, 1)])
def test_weights_of_another_shape_are_refused(shape):
    loss = losses.get("dice_loss", reduction=BY_WEIGHT)
    y_true, y_pred = np.zeros((2, 4, 2)), np.zeros((2, 4, 2, 3))
    with pytest.raises(InputError, match="^sample_weight: got shape") as error:
        loss(y_true, y_pred, np.ones(shape))
    assert "\n" not in str(error.value)
