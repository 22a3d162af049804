from types import SimpleNamespace

import numpy as np
import pytest

from imbalance.checks import InputError
from imbalance.config import TrainingConfig
from imbalance.training import not_finite

PLACES = [f"a.csv:{row}" for row in range(20)]


def message(rows, precision="float32"):
    asked = []

    def rows_of(epoch, step):
        asked.append((epoch, step))
        return np.array(rows)

    settings = TrainingConfig(precision=precision)
    with pytest.raises(InputError) as caught:
        not_finite.stop(SimpleNamespace(rows_of=rows_of), PLACES, settings, 1, 6, "loss")
    assert asked == [(1, 6)]
    return str(caught.value)


def test_the_batch_is_named_with_its_first_rows():
    assert message([9, 3, 3, 12, 1, 2, 5, 19]) == (
        "loss in epoch 2, step 7: got nan or inf, expected finite numbers; try a "
        "training.learning_rate below 0.001; the batch holds a.csv:1, a.csv:2, a.csv:3, a.csv:5, "
        "a.csv:9 and 2 more"
    )
    assert message([4]).endswith("the batch holds a.csv:4")
    assert message([5, 4, 3, 2, 1]).endswith("a.csv:4, a.csv:5")
    assert message([6, 5, 4, 3, 2, 1]).endswith("a.csv:4, a.csv:5 and 1 more")


def test_half_precision_is_named_as_a_cause():
    for precision in ("mixed_float16", "mixed_bfloat16"):
        expected = f"below 0.001, or training.precision: float32 instead of {precision}; the batch"
        assert expected in message([4], precision)
