import numpy as np
import pytest
from keras import ops

from imbalance.models import output_units, probabilities


@pytest.mark.parametrize(
    ("activation", "classes", "units"),
    [("softmax", 2, 2), ("softmax", 20, 20), ("sigmoid", 2, 1), ("sigmoid", 20, 20)],
)
def test_each_class_has_a_probability(activation, classes, units):
    assert output_units(activation, classes) == units
    logits = np.random.default_rng(0).normal(size=(5, units)).astype("float32")
    result = ops.convert_to_numpy(probabilities(logits, activation))
    assert result.shape == (5, classes)
    assert ((result > 0) & (result < 1)).all()
    if activation == "softmax" or classes == 2:
        np.testing.assert_allclose(result.sum(axis=1), 1.0, rtol=1e-6)


def test_half_precision_logits_are_computed_in_float32():
    result = probabilities(np.array([[0.0, 12.0]], "float16"), "softmax")
    assert 0 < float(result[0, 0]) < 1e-5
