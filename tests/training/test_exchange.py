"""What processes tell each other; with two it is run by tests/commands/test_processes.py."""

from imbalance.training import exchange


def test_one_process_keeps_what_it_has():
    assert exchange.from_first(b"x") == b"x"
    assert exchange.from_first(None) is None
    exchange.check_same({"a": 1})


def test_what_differs_is_named():
    own = {"training": {"seed": 1, "epochs": 2}, "the data": "a", "new": [1]}
    first = {"training": {"seed": 2, "epochs": 2}, "the data": "b"}
    assert list(exchange.differences(own, first)) == ["training.seed", "the data", "new"]
    assert list(exchange.differences(own, own)) == []
