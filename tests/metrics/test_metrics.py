"""Every metric against scikit-learn, through every kind of input, and inside Keras."""

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
import tensorflow as tf
from keras import ops

from imbalance import metrics, tasks
from imbalance.checks import InputError
from imbalance.config import MONITORS_OF_TASK
from imbalance.metrics import (
    Accuracy,
    BalancedAccuracy,
    GeometricMean,
    MacroF1,
    MacroPRAUC,
    MacroROCAUC,
    MatthewsCorrelation,
    WeightedF1,
    standard_metrics,
)

CONFUSION = (Accuracy, BalancedAccuracy, MacroF1, WeightedF1, GeometricMean, MatthewsCorrelation)
CURVES = (MacroROCAUC, MacroPRAUC)
ALL = CONFUSION + CURVES

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:keras",
    "ignore:y_pred contains classes not in y_true",
    "ignore:A single label was found",
)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    z = np.exp(z - z.max(-1, keepdims=True))
    return z / z.sum(-1, keepdims=True)


def random_rows(classes, rows=400, absent=(), seed=0, signal=1.0, scale=2.0):
    """Return ids, logits and weights; the further a class stands back, the rarer it is."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.0 if c in absent else 1 / (c + 1) ** 1.5 for c in range(classes)])
    ids = rng.choice(classes, rows, p=shares / shares.sum())
    logits = scale * (rng.normal(size=(rows, classes)) + signal * np.eye(classes)[ids])
    return ids, logits.astype("float32"), rng.uniform(0, 3, rows).astype("float32")


def expected(metric, ids, scores, weights=None):
    """What scikit-learn says, under the definitions that the docstrings name."""
    classes = scores.shape[1]
    predicted = scores.argmax(1)
    options = {"sample_weight": weights}
    f1 = {"labels": range(classes), "zero_division": 0, **options}
    if metric is Accuracy:
        return sk.accuracy_score(ids, predicted, **options)
    if metric is BalancedAccuracy:
        return sk.balanced_accuracy_score(ids, predicted, **options)
    if metric is MacroF1:
        return sk.f1_score(ids, predicted, average="macro", **f1)
    if metric is WeightedF1:
        return sk.f1_score(ids, predicted, average="weighted", **f1)
    if metric is GeometricMean:
        present = np.unique(ids)
        recalls = sk.recall_score(ids, predicted, labels=present, average=None, **options)
        return recalls.prod() ** (1 / len(present))
    if metric is MatthewsCorrelation:
        return sk.matthews_corrcoef(ids, predicted, **options)
    area = sk.roc_auc_score if metric is MacroROCAUC else sk.average_precision_score
    return np.mean([area(ids == c, scores[:, c], **options) for c in np.unique(ids)])


def tolerance(metric):
    return 0.003 if metric in CURVES else 1e-5


def value(metric, ids, scores, weights=None):
    metric.update_state(ids, scores, sample_weight=weights)
    return float(metric.result())


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize(
    ("classes", "absent"), [(2, ()), (5, ()), (5, (0, 3)), (20, (7,)), (3, (0, 1))]
)
def test_agrees_with_scikit_learn(metric, classes, absent, weighted):
    ids, logits, weights = random_rows(classes, absent=absent)
    weights = weights if weighted else None
    if metric is MacroROCAUC and len(np.unique(ids)) == 1:
        wanted = 0.0
    else:
        wanted = expected(metric, ids, softmax(logits.astype("float64")), weights)
    assert value(metric(classes), ids, logits, weights) == pytest.approx(
        wanted, abs=tolerance(metric)
    )


def test_absent_classes_count_as_documented():
    ids, logits = [0, 0, 1], [[9.0, 0, 0, 0], [9.0, 0, 0, 0], [0, 9.0, 0, 0]]
    assert value(MacroF1(4), ids, logits) == pytest.approx(0.5)
    assert value(BalancedAccuracy(4), ids, logits) == pytest.approx(1)
    assert value(GeometricMean(4), ids, logits) == pytest.approx(1)
    assert value(MacroROCAUC(4), ids, logits) == pytest.approx(1)
    assert value(MacroPRAUC(4), ids, logits) == pytest.approx(1)


@pytest.mark.parametrize("metric", ALL)
def test_agrees_with_scikit_learn_on_extreme_imbalance(metric):
    ids, logits, _ = random_rows(2, rows=100_000, seed=3)
    rng = np.random.default_rng(4)
    ids = (rng.random(len(ids)) < 0.001).astype(int)
    logits[:, 0] += 6 - 5 * ids
    assert value(metric(2), ids, logits) == pytest.approx(
        expected(metric, ids, softmax(logits.astype("float64"))), abs=tolerance(metric)
    )


@pytest.mark.parametrize("metric", ALL)
def test_sigmoid_head_of_two_classes(metric):
    ids, logits, weights = random_rows(2)
    z = logits[:, 1] - logits[:, 0]
    wanted = expected(metric, ids, np.stack([-z, z], 1), weights)
    for scores in (z, z[:, None], sigmoid(z), sigmoid(z)[:, None]):
        from_logits = bool(scores.min() < 0)
        got = value(metric(2, "sigmoid", from_logits), ids, scores, weights)
        assert got == pytest.approx(wanted, abs=tolerance(metric))


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_logits_and_probabilities(metric, activation, from_logits):
    ids, logits, weights = random_rows(6)
    probabilities = (softmax if activation == "softmax" else sigmoid)(logits.astype("float64"))
    scores = logits if from_logits else probabilities
    assert value(metric(6, activation, from_logits), ids, scores, weights) == pytest.approx(
        expected(metric, ids, probabilities, weights), abs=tolerance(metric)
    )


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("classes", [2, 4])
def test_label_and_weight_shapes_are_equal(metric, classes):
    ids, logits, weights = random_rows(classes, rows=60)
    wanted = value(metric(classes), ids, logits, weights)
    for labels in (
        ids[:, None],
        ids.astype("float32"),
        np.eye(classes)[ids],
        np.eye(classes, dtype=bool)[ids],
    ):
        assert value(metric(classes), labels, logits, weights) == wanted
    assert value(metric(classes), ids, logits, weights[:, None]) == wanted
    in_sequence = (ids.reshape(20, 3), logits.reshape(20, 3, classes), weights.reshape(20, 3))
    assert value(metric(classes), *in_sequence) == pytest.approx(wanted, abs=1e-6)
    a_weight_each_sequence = np.repeat(weights[:20], 3)
    assert value(metric(classes), *in_sequence[:2], weights[:20]) == pytest.approx(
        value(metric(classes), ids, logits, a_weight_each_sequence), abs=1e-6
    )


@pytest.mark.parametrize("metric", ALL)
def test_batches_add_up_and_reset(metric):
    ids, logits, weights = random_rows(4)
    one, many = metric(4), metric(4)
    wanted = value(one, ids, logits, weights)
    for rows in np.array_split(np.arange(len(ids)), 7):
        many.update_state(ids[rows], logits[rows], sample_weight=weights[rows])
    assert float(many.result()) == pytest.approx(wanted, abs=1e-6)
    many.reset_state()
    assert float(many.result()) == 0
    assert value(many, ids, logits, weights) == wanted


@pytest.mark.parametrize("metric", ALL)
def test_weight_zero_leaves_a_row_out_and_a_whole_weight_repeats_it(metric):
    ids, logits, _ = random_rows(3, rows=50)
    weights = np.arange(50) % 3
    repeated = np.repeat(np.arange(50), weights)
    assert value(metric(3), ids, logits, weights) == pytest.approx(
        value(metric(3), ids[repeated], logits[repeated]), abs=1e-6
    )


@pytest.mark.parametrize("metric", ALL)
def test_unusable_rows_show_as_nan_unless_they_weigh_nothing(metric):
    ids, logits, weights = random_rows(3, rows=30)
    bad_label, bad_score = ids.copy(), logits.copy()
    bad_label[4], bad_score[4, 1] = -1, np.nan
    for labels, scores in ((bad_label, logits), (ids, bad_score)):
        assert np.isnan(value(metric(3), labels, scores, weights))
        without = np.where(np.arange(30) == 4, 0, weights)
        assert value(metric(3), labels, scores, without) == pytest.approx(
            value(metric(3), ids, logits, without), abs=1e-6
        )
    assert np.isnan(value(metric(3, from_logits=False), ids, logits))


@pytest.mark.parametrize("metric", ALL)
def test_bad_input_is_refused_in_one_line(metric):
    with pytest.raises(InputError, match=r"^num_classes: got 1, expected a whole number"):
        metric(1)
    with pytest.raises(InputError, match=r"^activation: got 'sigmoyd', .* did you mean 'sigmoid'"):
        metric(3, "sigmoyd")
    with pytest.raises(InputError, match=r"^from_logits: got 1, expected true or false"):
        metric(3, from_logits=1)
    with pytest.raises(InputError, match=r"last dimension is the number of classes, 3"):
        metric(3).update_state([0, 1], np.zeros((2, 4)))
    with pytest.raises(InputError, match=r"last dimension is the number of classes, 2"):
        metric(2).update_state([0, 1], np.zeros((2, 1)))
    with pytest.raises(InputError, match=r"ids or one-hot rows that fit"):
        metric(3).update_state(np.zeros((2, 2)), np.zeros((2, 3)))


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_in_a_graph_with_batches_of_any_size(metric, jit):
    ids, logits, weights = random_rows(4, rows=90)
    compiled = metric(4)
    update = tf.function(
        lambda y, z, w: compiled.update_state(y, z, sample_weight=w),
        jit_compile=jit,
        input_signature=[
            tf.TensorSpec([None], tf.int64),
            tf.TensorSpec([None, 4], tf.float32),
            tf.TensorSpec([None], tf.float32),
        ],
    )
    result = tf.function(compiled.result, jit_compile=jit)
    for start, stop in ((0, 50), (50, 90)):
        update(ids[start:stop], logits[start:stop], weights[start:stop])
    assert float(result()) == pytest.approx(value(metric(4), ids, logits, weights), abs=1e-5)


@pytest.mark.parametrize("metric", ALL)
def test_config_builds_the_same_metric(metric):
    first = metric(4, "sigmoid", False, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(first))
    assert type(again) is metric
    assert again.get_config() == first.get_config()
    assert again.name == "mine"


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_compiled_model_survives_saving(tmp_path, policy):
    keras.utils.set_random_seed(3)
    ids, inputs, weights = random_rows(3, rows=80)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
        model.compile(
            "adam",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=standard_metrics(3),
        )
        model.fit(inputs, ids, sample_weight=weights, epochs=1, verbose=0)
        scores = model.evaluate(inputs, ids, sample_weight=weights, verbose=0, return_dict=True)
        outputs = model.predict(inputs, verbose=0)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        reloaded = loaded.evaluate(inputs, ids, sample_weight=weights, verbose=0, return_dict=True)
    finally:
        keras.config.set_dtype_policy(before)
    assert outputs.dtype == ("float16" if policy == "mixed_float16" else "float32")
    assert reloaded == scores
    for metric in ALL:
        wanted = expected(metric, ids, softmax(outputs.astype("float64")), weights)
        assert scores[metric(3).name] == pytest.approx(wanted, abs=2 * tolerance(metric))


@pytest.mark.parametrize("metric", ALL)
def test_state_and_result_are_float32_whatever_comes_in(metric):
    ids, logits, weights = random_rows(3, rows=30)
    state = metric(3)
    state.update_state(ids, logits.astype("float16"), sample_weight=weights.astype("float16"))
    assert {variable.dtype for variable in state.variables} == {"float32"}
    assert ops.convert_to_numpy(state.result()).dtype == "float32"


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (6, -4), (15, -8), (2, -9)])
def test_areas_hold_their_stated_error_where_scores_are_saturated(activation, scale, shift):
    rng = np.random.default_rng(5)
    ids = (rng.random(2000) < 0.02).astype(int)
    z = (scale * (rng.normal(size=2000) + 1.5 * ids) + shift).astype("float32")
    scores = z if activation == "sigmoid" else np.stack([np.zeros_like(z), z], 1)
    for metric in CURVES:
        assert value(metric(2, activation), ids, scores) == pytest.approx(
            expected(metric, ids, np.stack([-z, z], 1)), abs=0.003
        )


def test_softmax_scores_are_told_apart_where_probabilities_round_to_one():
    logits = np.array([[0, 0, 50], [0, 0, 40], [0, 0, 30], [0, 0, 20]], dtype="float32")
    assert len(np.unique(softmax(logits)[:, 2])) < 4
    assert value(MacroROCAUC(3), [2, 2, 1, 1], logits) == pytest.approx((1 + 1) / 2)


def test_curve_counts_add_up_and_fall():
    ids, logits, weights = random_rows(4)
    metric = MacroPRAUC(4, num_thresholds=64)
    metric.update_state(ids, logits, sample_weight=weights)
    counts = metric.curve_counts()
    of_class = np.array([weights[ids == c].sum() for c in range(4)])
    hits, false_alarms = counts["true_positives"], counts["false_positives"]
    np.testing.assert_allclose(hits + counts["false_negatives"], of_class[:, None] + 0 * hits, 1e-5)
    np.testing.assert_allclose(
        false_alarms + counts["true_negatives"], weights.sum() - of_class[:, None] + 0 * hits, 1e-5
    )
    assert (np.diff(counts["thresholds"]) >= 0).all()
    assert (np.diff(hits, axis=1) <= 0).all()
    assert (np.diff(false_alarms, axis=1) <= 0).all()
    precision = hits / np.maximum(hits + false_alarms, 1e-9)
    areas = -(np.diff(hits, axis=1, append=0) * precision).sum(1) / of_class
    assert areas.mean() == pytest.approx(float(metric.result()), abs=1e-5)


def test_curve_counts_at_chosen_thresholds():
    ids, logits, _ = random_rows(3)
    metric = MacroROCAUC(3)
    metric.update_state(ids, logits)
    wanted = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    counts = metric.curve_counts(wanted)
    np.testing.assert_allclose(counts["thresholds"], wanted, atol=0.002)
    probabilities = softmax(logits.astype("float64"))
    for place in (1, 2, 3):
        above = probabilities > counts["thresholds"][place]
        for c in range(3):
            assert counts["true_positives"][c, place] == above[ids == c, c].sum()
            assert counts["false_positives"][c, place] == above[ids != c, c].sum()
    with pytest.raises(InputError, match="thresholds: got .* numbers from 0 to 1"):
        metric.curve_counts([0.5, 1.5])


def test_standard_metrics_are_what_training_can_monitor():
    names = [f"val_{metric.name}" for metric in standard_metrics(3)]
    assert ["val_loss", *names] == list(MONITORS_OF_TASK["classification"])[:-1]
    without_curves = [name for name in names if not name.endswith("auc")]
    for task in ("tagging", "span"):
        assert ["val_loss", *without_curves] == list(MONITORS_OF_TASK[task])[:-1]
        kept = tasks.get(task).metrics(("O", "B-a", "I-a"), "softmax")
        assert [f"val_{metric.name}" for metric in kept] == without_curves
    assert standard_metrics(2)[0] is not standard_metrics(2)[0]
    assert {type(metric).__name__ for metric in standard_metrics(3)} < set(metrics.__all__)


@pytest.mark.parametrize("metric", ALL)
def test_masked_tokens_do_not_count(metric):
    rng = np.random.default_rng(2)
    ids = rng.integers(0, 3, size=(6, 5))
    tokens = rng.integers(0, 2, size=(6, 5))
    inputs = keras.Input((5,), dtype="int32")
    embedded = keras.layers.Embedding(2, 4, mask_zero=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(embedded))
    model.compile(loss=CrossEntropyOfTokens(), metrics=[metric(3)])
    got = model.evaluate(tokens, ids, verbose=0, return_dict=True)[metric(3).name]
    logits = ops.convert_to_numpy(model(tokens))
    wanted = value(metric(3), ids[tokens > 0], logits[tokens > 0])
    assert got == pytest.approx(wanted, abs=1e-6)


class CrossEntropyOfTokens(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
