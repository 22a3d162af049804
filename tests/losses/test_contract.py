"""One contract for every registered loss; ``--contract-table`` prints it as a table.

The rows come from ``imbalance.losses.TABLE``: a newly registered loss is tested from then on.
"""

import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import backend_values
import contract
import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import (
    CASES,
    CLASS_WEIGHTS,
    CLASSES,
    COMMON,
    COPIES,
    FORMS,
    IDS,
    LABELS,
    LOGITS,
    ONE_HOT,
    TIME,
    WEIGHTS,
    Variant,
)
from oracles import finite_differences

import imbalance.losses

PRESETS = contract.presets()
VARIANTS = contract.variants()
REPOSITORY = Path(__file__).parents[2]
BY_WEIGHT = "mean_with_sample_weight"

every_name = pytest.mark.parametrize("name", [each.name for each in PRESETS])
every_preset = pytest.mark.parametrize("variant", PRESETS, ids=str)
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)


every_single = pytest.mark.parametrize(
    "variant", [each for each in VARIANTS if "+" not in each.name], ids=str
)


def having(variants, argument) -> list[Variant]:
    return [
        each
        for each in variants
        if "+" not in each.name and argument in contract.arguments(each.entry.loss_class)
    ]


def value_and_gradient(loss, y_true, y_pred, weights=None) -> tuple[np.ndarray, np.ndarray]:
    y_pred = tf.convert_to_tensor(y_pred, loss.dtype)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        total = loss(y_true, y_pred, weights)
    return total.numpy(), tape.gradient(total, y_pred).numpy()


def with_mask(y_pred, mask, dtype="float64"):
    """Return ``y_pred`` as a tensor that carries ``mask``, as a masking layer leaves it."""
    y_pred = tf.constant(y_pred, dtype)
    y_pred._keras_mask = tf.constant(mask, "bool")
    return y_pred


@pytest.mark.parametrize("name", imbalance.losses.TABLE)
def test_has_a_formula_to_compare_with(name):
    loss_class = imbalance.losses.TABLE[name].loss_class.__name__
    assert loss_class in CASES, (
        f"{loss_class}: write its formula into oracles.py and a Case into CASES of contract.py"
    )


def test_no_case_is_left_over():
    assert set(CASES) <= {each.loss_class.__name__ for each in imbalance.losses.TABLE.values()}


# --- values -----------------------------------------------------------------------------------


@every_variant
def test_values_equal_the_formula(variant):
    batch = contract.documents(variant)
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-10)):
        for weights in (None, WEIGHTS):
            # A mistake made with confidence has to cost what the formula says, uncapped.
            for scale in (1, 10):
                ours = contract.values(
                    variant.build(dtype=dtype), batch.y_true, scale * batch.y_pred, weights
                )
                w = np.ones(LABELS) if weights is None else weights
                theirs = variant.oracle(scale * batch.z, batch.y, w)
                if weights is not None:
                    ours, theirs = ours[weights > 0], theirs[weights > 0]
                assert ours.dtype == dtype
                np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize(
    ("variant", "form"),
    [
        pytest.param(variant, form, id=f"{variant} {form}")
        for variant in VARIANTS
        for form in contract.forms(variant)
    ],
)
def test_label_forms_agree(variant, form):
    batch = FORMS[variant.activation][form]
    ours = contract.values(variant.build(), batch.y_true, batch.y_pred)
    assert ours.shape == (TIME if form.startswith("tokens") else (len(batch.z),))
    theirs = variant.oracle(batch.z, batch.y, np.ones(len(batch.z)))
    np.testing.assert_allclose(ours.ravel(), theirs, rtol=1e-5)


@every_variant
def test_probabilities_and_logits_agree(variant):
    batch = contract.documents(variant)
    from_probabilities = contract.values(
        variant.build(from_logits=False, dtype="float64"),
        batch.y_true,
        contract.probabilities(variant, batch.y_pred),
    )
    from_logits = contract.values(variant.build(dtype="float64"), batch.y_true, batch.y_pred)
    np.testing.assert_allclose(from_probabilities, from_logits, rtol=1e-6)


@every_single
def test_function_equals_the_class(variant):
    batch = contract.documents(variant)
    function = getattr(imbalance.losses, variant.case.function)
    arguments = {**variant.entry.defaults, **variant.args}
    y_true, y_pred = tf.constant(batch.y_true, "float32"), tf.constant(batch.y_pred, "float32")
    np.testing.assert_allclose(
        function(y_true, y_pred, **arguments),
        contract.values(variant.build(), batch.y_true, batch.y_pred),
        rtol=1e-6,
    )


@every_variant
@pytest.mark.parametrize("reduction", [None, "none", "sum", "sum_over_batch_size", BY_WEIGHT])
def test_reductions(variant, reduction):
    batch = contract.documents(variant)
    loss = variant.build(reduction=reduction, dtype="float64")
    expected = 0.0
    for factor, oracle, whole_batch in variant.terms:
        weighted = factor * WEIGHTS * oracle(batch.z, batch.y, WEIGHTS)
        expected += {
            None: weighted,
            "none": weighted,
            "sum": weighted.sum(),
            # A value for the whole batch has the weights inside and is no mean over rows.
            "sum_over_batch_size": (weighted / WEIGHTS.mean() if whole_batch else weighted).mean(),
            BY_WEIGHT: weighted.sum() / WEIGHTS.sum(),
        }[reduction]
    ours = loss(batch.y_true, batch.y_pred, WEIGHTS)
    np.testing.assert_allclose(ours, expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("variant", "other"),
    [pytest.param(*pair, id=f"{pair[0]} = {pair[1]}") for pair in contract.identities()],
)
def test_identities(variant, other):
    batch = contract.documents(variant)
    ours, theirs = (
        contract.values(each.build(dtype="float64"), batch.y_true, batch.y_pred, WEIGHTS)
        for each in (variant, other)
    )
    counted = WEIGHTS > 0
    np.testing.assert_allclose(ours[counted], theirs[counted], rtol=1e-9)


# --- gradients --------------------------------------------------------------------------------


@every_variant
@pytest.mark.parametrize("scale", [1, 10], ids=["unsure", "confident"])
def test_gradients_equal_finite_differences(variant, scale):
    batch = contract.documents(variant)
    z = scale * batch.z

    def formula(moved):
        return (WEIGHTS * variant.oracle(moved, batch.y, WEIGHTS, at=z)).sum() / WEIGHTS.sum()

    loss = variant.build(reduction=BY_WEIGHT, dtype="float64")
    _, ours = value_and_gradient(loss, batch.y_true, z, WEIGHTS)
    np.testing.assert_allclose(ours, finite_differences(formula, z), atol=1e-7)


# --- weights, masks and order -----------------------------------------------------------------


@every_variant
def test_zero_weight_equals_leaving_out(variant):
    batch, kept = contract.documents(variant), WEIGHTS > 0
    loss = variant.build(reduction=BY_WEIGHT, dtype="float64")
    far = np.where(kept[:, None], batch.y_pred, 1e4)
    np.testing.assert_allclose(
        loss(batch.y_true, far, kept.astype(float)),
        loss(batch.y_true[kept], batch.y_pred[kept]),
        rtol=1e-10,
    )


@every_variant
def test_whole_weight_equals_that_many_copies(variant):
    batch = contract.documents(variant)
    loss = variant.build(reduction=BY_WEIGHT, dtype="float64")
    np.testing.assert_allclose(
        loss(batch.y_true, batch.y_pred, COPIES.astype(float)),
        loss(np.repeat(batch.y_true, COPIES, axis=0), np.repeat(batch.y_pred, COPIES, axis=0)),
        rtol=1e-10,
    )


@every_variant
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", BY_WEIGHT, "sum"])
def test_masked_tokens_are_left_out(variant, weighted, reduction):
    batch = contract.tokens(variant)
    kept = (COPIES > 0) & (np.arange(LABELS) != 5)
    mask = kept.reshape(TIME)
    weights = np.arange(1.0, LABELS + 1) if weighted else np.ones(LABELS)
    loss = variant.build(reduction=reduction, dtype="float64")
    padded = with_mask(np.where(mask[..., None], batch.y_pred, 1e4), mask)
    ours = loss(batch.y_true, padded, weights.reshape(TIME) if weighted else None)
    theirs = loss(batch.y[kept], batch.z[kept], weights[kept] if weighted else None)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


@every_variant
def test_zero_weight_tokens_are_left_out(variant):
    batch, kept = contract.tokens(variant), WEIGHTS > 0
    loss = variant.build(reduction=BY_WEIGHT, dtype="float64")
    np.testing.assert_allclose(
        loss(batch.y_true, batch.y_pred, WEIGHTS.reshape(TIME)),
        loss(batch.y[kept], batch.z[kept], WEIGHTS[kept]),
        rtol=1e-10,
    )


@every_preset
def test_mask_reaches_the_loss_in_a_model(variant):
    batch = contract.tokens(variant)
    steps = np.where(np.arange(LABELS).reshape(TIME)[..., None] % 4 == 3, 0.0, batch.y_pred)
    kept = (steps != 0).any(-1)
    inputs = keras.Input((None, CLASSES))
    model = keras.Model(inputs, keras.layers.Masking()(inputs))
    model.compile(loss=variant.build(), run_eagerly=True)
    np.testing.assert_allclose(
        model.test_on_batch(steps.astype("float32"), batch.y_true),
        variant.build()(batch.y_true[kept], steps[kept]),
        rtol=1e-5,
    )


@every_variant
def test_order_of_rows_does_not_matter(variant):
    batch, order = contract.documents(variant), np.array([5, 2, 7, 0, 1, 6, 4, 3])
    loss = variant.build(dtype="float64")
    np.testing.assert_allclose(
        contract.values(loss, batch.y_true, batch.y_pred, WEIGHTS)[order],
        contract.values(loss, batch.y_true[order], batch.y_pred[order], WEIGHTS[order]),
        rtol=1e-10,
    )


# --- extremes ---------------------------------------------------------------------------------


def _far(variant):
    signs = np.where(LOGITS > 0, 1.0, -1.0)
    return contract.documents(variant).y_true, 1e4 * signs, None


def _one_class(variant):
    return np.repeat(ONE_HOT[:1], LABELS, axis=0), LOGITS, None


def _one_row(variant):
    batch = contract.documents(variant)
    return batch.y_true[:1], batch.y_pred[:1], None


def _one_far_row(variant):
    return ONE_HOT[:1], np.array([[-1e4, 1e4, 0.0]]), None


def _right_and_sure(variant):
    y = contract.documents(variant).y
    return y, 1e4 * (2 * y - 1), None


def _right_where_p_rounds_to_1(variant):
    y = contract.documents(variant).y
    return y, (2 * y - 1) * np.linspace(7, 55, LABELS)[:, None], None


def _no_weight(variant):
    batch = contract.documents(variant)
    return batch.y_true, batch.y_pred, np.zeros(LABELS)


EXTREMES = {
    "logits of 1e4": _far,
    "right with logits of 1e4": _right_and_sure,
    "right where p rounds to 1": _right_where_p_rounds_to_1,
    "one class": _one_class,
    "one row": _one_row,
    "one row with logits of 1e4": _one_far_row,
    "no weight": _no_weight,
}


@every_variant
@pytest.mark.parametrize("extreme", EXTREMES)
def test_finite_at_extremes(variant, extreme):
    y_true, y_pred, weights = EXTREMES[extreme](variant)
    for reduction in ("sum_over_batch_size", BY_WEIGHT):
        loss = variant.build(reduction=reduction)
        total, slope = value_and_gradient(loss, y_true, y_pred, weights)
        assert np.isfinite(total)
        assert np.isfinite(slope).all()
        if extreme == "no weight":
            assert total == 0


@every_variant
@pytest.mark.parametrize("weight", [1.0, 1000.0])
def test_finite_at_probabilities_of_0_and_1(variant, weight):
    batch, loss = contract.documents(variant), variant.build(from_logits=False)
    weights = np.full(LABELS, weight)
    for certain in (np.roll(ONE_HOT, 1, axis=0), batch.y):
        total, slope = value_and_gradient(loss, batch.y_true, certain, weights)
        assert np.isfinite(total)
        assert np.isfinite(slope).all()


@pytest.mark.parametrize("variant", having(VARIANTS, "smooth"), ids=str)
@pytest.mark.parametrize("extreme", EXTREMES)
def test_finite_without_smoothing(variant, extreme):
    y_true, y_pred, weights = EXTREMES[extreme](variant)
    loss = Variant(variant.name, {**variant.args, "smooth": 0.0}).build()
    total, slope = value_and_gradient(loss, y_true, y_pred, weights)
    assert np.isfinite(total)
    assert np.isfinite(slope).all()


@every_variant
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_inputs(variant, dtype):
    batch, loss = contract.documents(variant), variant.build()
    half = tf.cast(batch.y_pred, dtype)
    ours = loss(batch.y_true, half)
    assert ours.dtype == "float32"
    np.testing.assert_allclose(ours, loss(batch.y_true, tf.cast(half, "float32")), rtol=1e-6)
    assert np.isfinite(loss(batch.y_true, 6e4 * tf.sign(half)))


# --- graphs, files and other backends ---------------------------------------------------------


@pytest.mark.parametrize(
    "variant",
    PRESETS
    + [each for each in VARIANTS if each.args == {"activation": "sigmoid"} or "+" in each.name],
    ids=str,
)
def test_graph_and_xla_equal_eager(variant):
    batch, loss = contract.documents(variant), variant.build(reduction=BY_WEIGHT)

    def step(y_true, y_pred, weights):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = loss(y_true, y_pred, weights)
        return value, tape.gradient(value, y_pred)

    inputs = [tf.constant(each, "float32") for each in (batch.y_true, batch.y_pred, WEIGHTS)]
    eager = step(*inputs)
    open_batch = [tf.TensorSpec([None, *each.shape[1:]]) for each in inputs]
    graph = tf.function(step, input_signature=open_batch)
    xla = tf.function(step, jit_compile=True)
    for compiled in (graph, xla):
        for ours, theirs in zip(compiled(*inputs), eager, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-7)


@every_name
def test_config_round_trip(name):
    loss_class = imbalance.losses.TABLE[name].loss_class
    arguments = {**CASES[loss_class.__name__].every_argument, **COMMON}
    parameters = contract.arguments(loss_class)
    assert set(arguments) == set(parameters), "an argument without a value to try"
    assert all(arguments[each] != parameters[each].default for each in arguments)

    config = loss_class(**arguments).get_config()
    plain = json.loads(json.dumps(config))
    for each, value in arguments.items():
        kept = config[each]
        if each == "dtype":
            kept = loss_class.from_config(config).dtype
        assert (list(kept) if isinstance(kept, tuple) else kept) == value, each
    assert loss_class.from_config(plain).get_config() == config
    serialized = keras.losses.serialize(loss_class(**arguments))
    assert serialized["registered_name"] == f"imbalance>{loss_class.__name__}"
    assert keras.losses.deserialize(serialized).get_config() == config


def small_model(variant):
    inputs = keras.Input((CLASSES,))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, kernel_initializer="identity")(inputs))
    model.compile(optimizer="sgd", loss=variant.build(), run_eagerly=True)
    return model


def one_step(model, variant):
    batch = contract.documents(variant)
    return model.fit(batch.y_pred, batch.y_true, verbose=0, shuffle=False).history["loss"]


@every_preset
def test_model_file_round_trip(variant, tmp_path):
    model = small_model(variant)
    one_step(model, variant)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == model.loss.get_config()
    np.testing.assert_allclose(one_step(loaded, variant), one_step(model, variant), rtol=1e-6)


LOAD_IN_A_NEW_PROCESS = """
import sys, keras, numpy as np, imbalance.losses
for path in sys.argv[1:]:
    model = keras.saving.load_model(path)
    row = np.array([[1.0, 2.0, 4.0]]), np.array([[0.0, 1.0, 0.0]])
    print(model.loss.name, model.evaluate(*row, verbose=0))
"""


def test_model_files_load_in_a_new_process(tmp_path):
    row = np.array([[1.0, 2.0, 4.0]]), np.array([[0.0, 1.0, 0.0]])
    paths, expected = [], []
    for variant in PRESETS:
        model = small_model(variant)
        paths.append(str(tmp_path / f"{variant.name}.keras"))
        model.save(paths[-1])
        expected.append((model.loss.name, pytest.approx(model.evaluate(*row, verbose=0))))
    printed = run([sys.executable, "-c", LOAD_IN_A_NEW_PROCESS, *paths])
    lines = [line.split() for line in printed.splitlines()]
    assert [(name, float(value)) for name, value in lines] == expected


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same_values(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the tests themselves run on another backend than TensorFlow")
    script = Path(__file__).with_name("backend_values.py")
    run([sys.executable, str(script), str(tmp_path / "values.npz")], KERAS_BACKEND=backend)
    ours, theirs = backend_values.all_values(), np.load(tmp_path / "values.npz")
    assert set(theirs.files) == set(ours)
    for key, value in ours.items():
        np.testing.assert_allclose(theirs[key], value, rtol=1e-5, atol=1e-7, err_msg=key)


def run(command, **environment) -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


# --- wrong input ------------------------------------------------------------------------------

# What each argument must refuse, wherever it occurs.
WRONG = {
    "alpha": [-1, math.nan, [0.5, -2.0, 0.5], []],
    "beta": [-1, math.nan],
    "gamma": [-1, math.nan, "two"],
    "epsilon": [-0.1, 1.5, math.nan],
    "margin": [-0.1, math.nan],
    "sharpness": [-1, math.nan],
    "form": ["soft"],
    "rescale": ["yes"],
    "squared": ["yes"],
    "bins": [0, 2.5],
    "momentum": [1, -0.1, math.nan],
    "smooth": [-1, math.nan],
    "activation": ["relu"],
    "class_weight": [[], [1.0, -2.0], [0.0, 0.0], [1.0, math.nan], None],
    "class_counts": [[], [1.0, -2.0], [0, 3], [1.0, math.nan], None],
    "tau": [-1, math.nan],
    "max_margin": [-1, math.nan],
    "scale": [0, -1, math.nan],
    "gamma_positive": [-1, math.nan],
    "gamma_negative": [-1, math.nan],
    "weight": [-0.1, 1.5, math.nan],
    "delta": [-0.1, 1.5, math.nan],
    "from_logits": ["yes"],
    "reduction": ["average"],
}
# Where an argument's bounds are a loss's own.
WRONG_FOR = {
    "variant_crossentropy": {"margin": [0.2]},
    "poly1_loss": {"epsilon": [-1.5, math.nan]},
    "unified_focal_loss": {"gamma": [1.0, -1]},
    "binary_asymmetric_loss": {"margin": [1.0]},
}


@every_name
def test_wrong_arguments_are_named(name):
    variant = next(each for each in PRESETS if each.name == name)
    for argument in set(contract.arguments(variant.entry.loss_class)) - {"name", "dtype"}:
        assert argument in WRONG, f"{argument}: say in WRONG which values it must refuse"
        for value in WRONG_FOR.get(name, {}).get(argument, WRONG[argument]):
            with pytest.raises(ValueError, match=argument) as error:
                Variant(name, {**variant.args, argument: value}).build()
            wrong = {"[0.5, -2.0, 0.5]": "-2.0", "[1.0, -2.0]": "-2.0", "[1.0, nan]": "nan"}
            assert wrong.get(repr(value), repr(value)) in str(error.value), error.value
            assert "\n" not in str(error.value)


@every_name
def test_wrong_shapes_are_named(name):
    variant = next(each for each in PRESETS if each.name == name)
    loss = variant.build()
    pairs = [
        (ONE_HOT[:, :2], LOGITS),
        (ONE_HOT, np.tile(LOGITS, 2)),
        (IDS[:-1], LOGITS),
        (ONE_HOT[:-1], LOGITS),
        (ONE_HOT.reshape(TIME + (CLASSES,)), LOGITS),
    ]
    for y_true, y_pred in pairs:
        with pytest.raises(ValueError, match="shape") as error:
            loss(y_true, y_pred)
        assert str(y_true.shape) in str(error.value)
        assert str(y_pred.shape) in str(error.value)


@pytest.mark.parametrize(
    "variant", [each for each in PRESETS if each.activation == "softmax"], ids=str
)
def test_one_softmax_output_is_refused(variant):
    with pytest.raises(ValueError, match="sigmoid"):
        variant.build()(IDS[:, None] > 0, LOGITS[:, :1])


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(Variant(variant.name, {argument: [0.5, 0.25]}), id=variant.name)
        for argument in ("alpha", "class_weight", "class_counts")
        for variant in having(PRESETS, argument)
        if variant.case.takes_per_class
    ],
)
def test_numbers_for_another_number_of_classes_are_refused(variant):
    batch = contract.documents(variant)
    with pytest.raises(ValueError, match="alpha|class_weight|class_counts") as error:
        variant.build()(batch.y_true, batch.y_pred)
    assert "0.25" in str(error.value)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match="focal_los.*'focal_loss'"):
        imbalance.losses.get("focal_los")
    with pytest.raises(ValueError, match="gama.*gamma"):
        imbalance.losses.get("focal_loss", gama=1)
    with pytest.raises(ValueError, match="class_weight"):
        imbalance.losses.get("weight_cross_entropy")


@every_name
def test_names_and_aliases(name):
    entry = imbalance.losses.TABLE[name]
    assert entry.summary
    assert entry.paper
    weights = {each: CLASS_WEIGHTS for each in entry.data_arguments}
    for alias in entry.aliases:
        assert alias not in imbalance.losses.TABLE
        ours = imbalance.losses.get(alias, **weights)
        assert type(ours) is entry.loss_class
        assert ours.get_config() == imbalance.losses.get(name, **weights).get_config()
