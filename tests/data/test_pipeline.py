import numpy as np
import pytest
import tensorflow as tf

from imbalance import config
from imbalance.checks import InputError
from imbalance.data.codes import Block
from imbalance.data.encoded import EncodedRows, write_rows
from imbalance.data.pipeline import (
    TokenValues,
    TrainingBatches,
    evaluation_dataset,
    row_chances,
    row_weights,
)
from imbalance.weights import expected_draws

ROWS = 53
LENGTHS = np.arange(ROWS) % 11
# A row's label is its number, so that batches show which rows they hold.
LABELS, WEIGHTS = np.arange(ROWS, dtype="int32"), np.linspace(0, 1, ROWS)


def encoded(folder, lengths, parts=1):
    """Rows whose every token id is the row's number."""
    block = Block(np.repeat(np.arange(len(lengths)), lengths).astype("int32"), lengths)
    paths = [folder / f"{part}.parquet" for part in range(parts)]
    return EncodedRows(paths, write_rows(paths, [block]), np.arange(ROWS, dtype="int32"))


@pytest.fixture(scope="module", params=[1, 3], ids=["one part", "three parts"])
def rows(request, tmp_path_factory):
    return encoded(tmp_path_factory.mktemp("rows"), LENGTHS, request.param)


@pytest.fixture
def training(rows):
    def make(seed=1):
        return TrainingBatches(rows, LABELS, WEIGHTS, batch_size=8, seed=seed).dataset()

    return make


def labels_of(dataset):
    return [batch[1].numpy().tolist() for batch in dataset]


def test_training_holds_every_row_once_with_its_weight(training):
    seen = []
    for ids, labels, weights in training():
        assert ids.dtype == tf.int32
        np.testing.assert_allclose(weights, WEIGHTS[labels], rtol=1e-6)
        for row, label in zip(ids.numpy(), labels.numpy(), strict=True):
            assert row[: LENGTHS[label]].tolist() == [label] * LENGTHS[label]
            assert not row[LENGTHS[label] :].any()
            seen.append(label)
    assert sorted(seen) == list(range(ROWS))


def test_training_batches_hold_texts_of_like_length(training):
    widths = [LENGTHS[labels].max() - LENGTHS[labels].min() for labels in labels_of(training())]
    assert max(widths) <= 3


def test_training_knows_its_number_of_batches(training):
    assert int(training().cardinality()) == len(labels_of(training()))


def test_the_seed_decides_the_order_and_epochs_differ(training):
    dataset = training()
    first, second = labels_of(dataset), labels_of(dataset)
    assert first != second
    assert labels_of(training()) == first
    assert labels_of(training(seed=2)) != first


@pytest.mark.parametrize("chances", [None, row_chances(LABELS % 3, [5, 20, 28])])
def test_the_rows_of_a_batch_are_found_again(rows, chances):
    batches = TrainingBatches(rows, LABELS, WEIGHTS, batch_size=8, seed=1, chances=chances)
    epochs = [labels_of(batches.dataset()) for _ in range(2)]
    assert len(epochs[0]) == batches.steps
    for epoch, step in ((0, 0), (0, batches.steps - 1), (1, 3)):
        assert batches.rows_of(epoch, step).tolist() == epochs[epoch][step]


def test_a_sample_is_the_beginning_of_the_first_epoch_and_no_epoch_itself(rows):
    batches = TrainingBatches(rows, LABELS, WEIGHTS, batch_size=8, seed=1)
    sample = batches.sample(20)
    assert int(sample.cardinality()) == 3
    drawn = labels_of(sample)
    assert labels_of(sample) == drawn
    assert labels_of(batches.dataset())[:3] == drawn
    assert len(labels_of(batches.sample(10**6))) == batches.steps


def test_batches_that_hold_a_class_are_counted_epoch_by_epoch(rows):
    classes, weights = np.array([0, 2])[LABELS % 5 % 2], np.ones(ROWS)
    weights[:2] = 0
    batches = TrainingBatches(rows, classes, weights, batch_size=8, seed=1)
    for _ in range(2):
        seen = [labels.numpy()[w.numpy() > 0] for _, labels, w in batches.dataset()]
        assert batches.held.tolist() == [sum(c in each for each in seen) for c in range(3)]
    assert batches.held[1] == 0 < batches.held[2]


def test_padding_and_what_is_no_id_count_for_no_class(rows):
    starts = np.append(0, np.cumsum(LENGTHS))
    tags = np.ones(starts[-1], "int32")  # padding looks like 0
    ones = TokenValues(np.ones(starts[-1], "float32"), starts)
    batches = TrainingBatches(rows, TokenValues(tags, starts), ones, batch_size=8, seed=1)
    labels_of(batches.dataset())
    assert batches.held[0] == 0 < batches.held[1]
    several_hot = TokenValues(np.ones((starts[-1], 2), "float32"), starts)
    batches = TrainingBatches(rows, several_hot, ones, batch_size=8, seed=1)
    labels_of(batches.dataset())
    assert batches.held.tolist() == []


def test_evaluation_holds_every_row_once_in_one_order(rows):
    dataset = evaluation_dataset(rows, LABELS, WEIGHTS, batch_size=8)
    order = sum(labels_of(dataset), [])
    assert sorted(order) == list(range(ROWS))
    assert order != sorted(order)
    assert sum(labels_of(dataset), []) == order
    assert int(dataset.cardinality()) == len(labels_of(dataset))


@pytest.mark.parametrize("make", ["training", "evaluation"])
def test_empty_texts_are_one_padding_token_wide(make, tmp_path):
    empty = encoded(tmp_path, np.zeros(3, "int64"))
    if make == "training":
        dataset = TrainingBatches(empty, [0, 1, 0], np.ones(3), batch_size=4, seed=1).dataset()
    else:
        dataset = evaluation_dataset(empty, [0, 1, 0], np.ones(3), batch_size=4)
    [(ids, _, _)] = list(dataset)
    assert ids.numpy().tolist() == [[0], [0], [0]]


def test_weights_multiply_and_have_mean_one():
    weights = row_weights([0, 0, 1], class_weights=[1, 4], sample_weights=[1, 3, 2])
    np.testing.assert_allclose(weights, np.array([1, 3, 8]) / 4)
    assert row_weights([0, 1]).tolist() == [1.0, 1.0]


def test_weights_that_leave_nothing_are_refused():
    with pytest.raises(InputError, match="weights: got 0 for every row"):
        row_weights([0, 0], class_weights=[0, 1])


# Classes of 40, 10 and 3 rows.
CLASSES = np.repeat([0, 1, 2], [40, 10, 3])
DRAWS = expected_draws([40, 10, 3], "square_root")


def drawn_rows(rows, epochs, seed=1):
    """The rows that each epoch draws. The weights are numbers of rows."""
    dataset = TrainingBatches(
        rows,
        CLASSES,
        np.arange(ROWS),
        batch_size=8,
        seed=seed,
        chances=row_chances(CLASSES, DRAWS),
    ).dataset()
    found = []
    for _ in range(epochs):
        batches = list(dataset)
        assert len(batches) == int(dataset.cardinality()) == 7
        for ids, labels, weights in batches:
            members = weights.numpy().astype(int)
            assert (CLASSES[members] == labels.numpy()).all()
            for row, member in zip(ids.numpy(), members, strict=True):
                assert row[: LENGTHS[member]].tolist() == [member] * LENGTHS[member]
        found.append(np.concatenate([each[2].numpy().astype(int) for each in batches]))
    return found


def test_drawn_rows_are_as_many_and_the_seed_decides_them(rows):
    first, second = drawn_rows(rows, 2)
    assert len(first) == len(second) == ROWS
    assert sorted(first) != sorted(second)
    assert len(set(first)) < ROWS
    for one, other in zip([first, second], drawn_rows(rows, 2), strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(drawn_rows(rows, 1, seed=2)[0]) != sorted(first)


def test_classes_are_drawn_in_their_proportion_and_their_rows_alike(rows):
    found = np.concatenate(drawn_rows(rows, 30))
    shares = np.bincount(CLASSES[found]) / len(found)
    # Four standard deviations of a share of 30 epochs.
    np.testing.assert_allclose(shares, DRAWS / ROWS, atol=4 * 0.5 / np.sqrt(len(found)))
    of_last = np.bincount(found)[50:]
    assert of_last.min() > 0.75 * of_last.max()


@pytest.mark.parametrize("sampling", config.SAMPLINGS)
def test_the_expected_weight_of_a_drawn_row_is_one(sampling):
    chances = row_chances(CLASSES, expected_draws([40, 10, 3], sampling))
    weights = row_weights(CLASSES, [1, 2, 3], np.linspace(1, 2, ROWS), chances)
    assert chances @ weights == pytest.approx(1)
    np.testing.assert_allclose(weights[50] / weights[0], 3 * np.linspace(1, 2, ROWS)[50], rtol=1e-6)
