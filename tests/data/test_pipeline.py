import numpy as np
import pytest
import tensorflow as tf

from imbalance.checks import InputError
from imbalance.data.codes import Block
from imbalance.data.encoded import EncodedRows, write_rows
from imbalance.data.pipeline import evaluation_dataset, row_weights, training_dataset

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
        return training_dataset(rows, LABELS, WEIGHTS, batch_size=8, seed=seed)

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
        dataset = training_dataset(empty, [0, 1, 0], np.ones(3), batch_size=4, seed=1)
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
