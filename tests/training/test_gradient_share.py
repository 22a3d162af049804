import keras
import numpy as np
import pytest
import tensorflow as tf

from imbalance import losses, models, tasks
from imbalance.training.diagnosis import vanished
from imbalance.training.gradient_share import Gradients, GradientShares

IDS = np.arange(1, 9).reshape(8, 1).astype("int32")
LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 2], "int32")
WEIGHTS = np.array([1, 1, 1, 1, 0, 0.5, 0.5, 3], "float32")


def network(table, loss, *, tokens=False, dropout=0.0):
    """Return a network that looks the logits of each id up."""
    inputs = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(len(table), table.shape[1])
    logits = embedding(inputs)
    if not tokens:
        logits = keras.layers.GlobalAveragePooling1D()(logits)
    model = models.LossStateModel(inputs, keras.layers.Dropout(dropout)(logits))
    embedding.set_weights([table])
    model.compile("sgd", loss=loss)
    return model


def measured(model, batches, activation="softmax", task="classification", classes=3):
    shares = GradientShares(batches, activation, tasks.get(task).class_of, classes)
    shares.set_model(model)
    shares.on_epoch_end(0)
    return shares.latest


def batches(ids=IDS, labels=LABELS, weights=WEIGHTS, size=4):
    return tf.data.Dataset.from_tensor_slices((ids, labels, weights)).batch(size)


@pytest.fixture
def table():
    return np.random.default_rng(3).normal(size=(9, 3)).astype("float32")


def cross_entropy_sizes(logits, labels, weights, size):
    """Return Σ|dL/dz| of each row, by the formula |p − y| · w / rows of the batch."""
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return np.abs(p - np.eye(3)[labels]).sum(-1) * weights / size


def test_shares_of_cross_entropy_follow_its_formula(table):
    found = measured(network(table, losses.CrossEntropy()), batches())
    logits = table[IDS[:, 0]]
    sizes = cross_entropy_sizes(logits, LABELS, WEIGHTS, 4)
    by_class = np.array([sizes[each == LABELS].sum() for each in range(3)])
    np.testing.assert_allclose(found.all, by_class, rtol=1e-5)
    np.testing.assert_allclose(found.shares, by_class / by_class.sum(), rtol=1e-5)
    wrong = (logits.argmax(-1) != LABELS) & (WEIGHTS > 0)
    assert wrong.any()
    assert not wrong[WEIGHTS > 0].all()
    assert found.labels.tolist() == [4, 2, 1]  # one weighs nothing
    assert found.wrong.tolist() == [wrong[each == LABELS].sum() for each in range(3)]
    of_wrong = [sizes[wrong & (each == LABELS)].sum() for each in range(3)]
    np.testing.assert_allclose(found.of_wrong, of_wrong, rtol=1e-5)
    flat = cross_entropy_sizes(np.zeros((8, 3)), LABELS, WEIGHTS, 4)
    uninformed = [flat[each == LABELS].sum() for each in range(3)]
    np.testing.assert_allclose(found.uninformed, uninformed, rtol=1e-5)


def test_a_class_that_the_sample_lacks_has_no_share(table):
    found = measured(network(table, losses.CrossEntropy()), batches(), classes=4)
    assert np.isnan(found.shares).tolist() == [False, False, False, True]


def test_where_there_is_no_gradient_nobody_has_a_share():
    zeros = np.zeros(2)
    with np.errstate(all="raise"):
        assert np.isnan(Gradients(np.ones(2), zeros, zeros, zeros, zeros).shares).all()


def test_batches_of_all_widths_are_traced_once(table):
    by_width = batches(np.repeat(IDS, 2, axis=1), size=3)  # the last is smaller
    shares = GradientShares(by_width, "softmax", tasks.get("classification").class_of, 3)
    shares.set_model(network(table, losses.CrossEntropy()))
    shares.on_epoch_end(0)
    assert shares._of_batch.experimental_get_tracing_count() == 1


def test_padding_of_tokens_has_no_share(table):
    loss = losses.CrossEntropy(reduction="mean_with_sample_weight")
    ids = np.array([[1, 2, 3, 4], [5, 6, 0, 0]], "int32")
    labels = np.array([[0, 1, 1, 2], [1, 2, 0, 0]], "int32")
    weights = (ids > 0).astype("float32")
    found = measured(network(table, loss, tokens=True), batches(ids, labels, weights, 2))
    sizes = cross_entropy_sizes(table[ids], labels, weights, 6)
    np.testing.assert_allclose(
        found.all, [sizes[labels == each].sum() for each in range(3)], rtol=1e-5
    )
    assert found.labels.tolist() == [1, 3, 2]


def test_of_sigmoids_a_row_counts_for_its_class_with_all_of_its_logits(table):
    model = network(table, losses.BinaryCrossEntropy())
    found = measured(model, batches(), "sigmoid")
    p = 1 / (1 + np.exp(-table[IDS[:, 0]]))
    # The loss is a mean over the three classes.
    sizes = np.abs(p - np.eye(3)[LABELS]).sum(-1) * WEIGHTS / 4
    shares = np.array([sizes[each == LABELS].sum() for each in range(3)]) / sizes.sum()
    np.testing.assert_allclose(found.shares, shares, rtol=1e-5)
    # Of logits of 0, p is a half.
    flat = 3 * 0.5 * WEIGHTS / 4
    uninformed = np.array([flat[each == LABELS].sum() for each in range(3)]) / sizes.sum()
    np.testing.assert_allclose(found.uninformed / found.all.sum(), uninformed, rtol=1e-5)


def test_one_sigmoid_for_two_classes(table):
    labels = np.minimum(LABELS, 1)
    table[1, 0] = 0.25  # the other class begins at 0
    model = network(table[:, :1], losses.BinaryCrossEntropy())
    found = measured(model, batches(labels=labels), "sigmoid", classes=2)
    wrong = (table[IDS[:, 0], 0] > 0) != labels
    assert found.wrong.tolist() == [
        (wrong & (WEIGHTS > 0))[labels == each].sum() for each in (0, 1)
    ]


def test_classes_of_answers_are_start_and_end(table):
    """Logits (batch, 2, time) beside one-hot positions, and (batch, time, 2) of sigmoids."""
    ids = np.array([[1, 2, 3, 4]], "int32")
    positions = np.zeros((1, 4, 2), "float32")
    positions[0, 1, 0] = positions[0, 2, 1] = 1
    table[2, 0] = 0.25  # a yes begins at 0
    tokens = network(table[:, :2], losses.BinaryCrossEntropy(), tokens=True)
    weights = np.array([[0, 1, 1, 1]], "float32")
    given = batches(ids, positions, weights)
    found = measured(tokens, given, "sigmoid", "reading", 2)
    assert found.labels.tolist() == [3, 3]
    p = 1 / (1 + np.exp(-table[ids[0], :2]))
    sizes = (np.abs(p - positions[0]) * weights.T).sum(0)
    np.testing.assert_allclose(found.shares, sizes / sizes.sum(), rtol=1e-5)
    wrong = (table[ids[0], :2] > 0) != (positions[0] > 0)
    assert found.wrong.tolist() == wrong[1:].sum(0).tolist()

    turned = models.LossStateModel(
        tokens.inputs, keras.layers.Permute((2, 1))(tokens.outputs[0]), name="turned"
    )
    turned.compile("sgd", loss=losses.CrossEntropy(reduction="mean_with_sample_weight"))
    given = batches(ids, positions.transpose(0, 2, 1), np.ones((1, 2), "float32"))
    found = measured(turned, given, "softmax", "reading", 2)
    logits = table[ids[0], :2]
    p = np.exp(logits) / np.exp(logits).sum(0)
    sizes = np.abs(p - positions[0]).sum(0)
    np.testing.assert_allclose(found.shares, sizes / sizes.sum(), rtol=1e-5)
    assert found.wrong.tolist() == [logits[:, 0].argmax() != 1, logits[:, 1].argmax() != 2]


def test_measuring_leaves_training_as_it_is(table):
    def weights_after(measure):
        keras.utils.set_random_seed(1)
        model = network(table, losses.GHMLoss(momentum=0.9), dropout=0.5)
        between = [GradientShares(batches(), "softmax", tasks.get("classification").class_of, 3)]
        model.fit(batches(), epochs=3, verbose=0, callbacks=between if measure else [])
        return [each.numpy() for each in model.variables]

    for one, other in zip(weights_after(True), weights_after(False), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_loss_has_its_own_gradients(table):
    model = network(table, losses.CrossEntropy())
    shares = GradientShares(batches(), "softmax", tasks.get("classification").class_of, 3)
    shares.set_model(model)
    found = []
    for loss in (losses.CrossEntropy(), losses.FocalLoss(), losses.CrossEntropy()):
        model.compile(loss=loss)
        shares.on_epoch_end(0)
        found.append(shares.latest.shares.tolist())
    assert found[0] == found[2] != found[1]


def test_a_saturated_network_has_lost_the_gradient_of_dsc_but_not_of_cross_entropy(table):
    sure = np.zeros_like(table)
    sure[:, 0] = 100  # everything is of class 0
    kinds = {"dsc": losses.DSCLoss(), "ce": losses.CrossEntropy()}
    found = {
        name: vanished(measured(network(sure, loss), batches())).tolist()
        for name, loss in kinds.items()
    }
    assert found["dsc"] == [False, True, True]
    assert found["ce"] == [False, False, False]
    # Where everything is right, nothing is left to learn.
    right = 30 * np.eye(3, dtype="float32")[np.append(0, LABELS)]
    assert not vanished(measured(network(right, losses.CrossEntropy()), batches())).any()
