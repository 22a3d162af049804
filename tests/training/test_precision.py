import pytest
import tensorflow as tf

from imbalance.training import precision


@pytest.mark.parametrize("setting", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_a_given_precision_stays(setting):
    assert precision.resolve(setting) == setting


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ([], "float32"),
        ([(6, 1)], "float32"),
        ([(7, 0)], "mixed_float16"),
        ([(9, 0), (6, 1)], "float32"),
        ([None], "float32"),
    ],
)
def test_auto_goes_by_the_slowest_gpu(monkeypatch, capabilities, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda device: {"compute_capability": device} if device else {},
    )
    assert precision.resolve("auto") == expected
