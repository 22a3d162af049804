import numpy as np
import pytest

from imbalance.checks import InputError
from imbalance.training import class_weights

LABELS, COUNTS = ("a", "b"), np.array([90, 10])


@pytest.mark.parametrize("setting", ["balanced", "effective"])
def test_rare_classes_weigh_more_and_the_mean_is_one(setting):
    values = class_weights.resolve(setting, COUNTS, LABELS)
    assert values[1] > values[0]
    assert (values * COUNTS).sum() == pytest.approx(100)


def test_none():
    assert class_weights.resolve("none", COUNTS, LABELS) is None


@pytest.mark.parametrize("content", ['{"a": 1, "b": 9}', "b: 9\na: 1\n"])
def test_a_file_is_scaled_to_mean_one(tmp_path, content):
    path = tmp_path / "weights.yaml"
    path.write_text(content)
    values = class_weights.resolve(str(path), COUNTS, LABELS)
    np.testing.assert_allclose(values, [1 / 1.8, 9 / 1.8])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\n", "no weight for b"),
        ("a: 1\nb: 1\nc: 1\n", "c: unknown key"),
        ("a: 1\nb: -1\n", r"weights\.yaml: b: got -1"),
        ("a: 1\nb: x\n", r"weights\.yaml: b: got 'x'"),
        ("a: 0\nb: 0\n", "not all 0"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, content, message):
    path = tmp_path / "weights.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        class_weights.resolve(str(path), COUNTS, LABELS)


def test_neither_a_name_nor_a_file():
    with pytest.raises(InputError, match="training.class_weight: .* did you mean 'balanced'"):
        class_weights.resolve("balance", COUNTS, LABELS)


def test_a_label_given_twice_is_refused(tmp_path):
    path = tmp_path / "weights.yaml"
    path.write_text("1: 2\n'1': 3\n")
    with pytest.raises(InputError, match="got {1: 2, '1': 3}, expected each label once"):
        class_weights.resolve(str(path), [5, 5], ["1", "2"])
