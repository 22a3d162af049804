import pytest

from imbalance.checks import InputError
from imbalance.commands import options


def test_values_are_read_as_yaml_and_numbers_without_a_dot_are_numbers():
    items = ["gamma=2", "smooth=1e-8", "alpha=[1, 2.5]", "form=hard", "flag=true", "none="]
    assert options.key_values("--loss-arg", items) == {
        "gamma": 2,
        "smooth": 1e-8,
        "alpha": [1, 2.5],
        "form": "hard",
        "flag": True,
        "none": None,
    }


@pytest.mark.parametrize("item", ["gamma", "=2", "a=[1", "a=0x_"])
def test_what_is_no_pair_is_refused(item):
    with pytest.raises(InputError, match="--set.*expected (key=value|YAML)"):
        options.key_values("--set", [item])


def test_a_key_given_twice_is_refused():
    with pytest.raises(InputError, match="a is given twice"):
        options.key_values("--set", ["a=1", "a=2"])


def test_dots_nest():
    pairs = {"data.tokens": "words", "data.keep": "all", "name": "x"}
    assert options.nested(pairs) == {"data": {"tokens": "words", "keep": "all"}, "name": "x"}


def test_a_key_that_is_value_and_section_is_refused():
    with pytest.raises(InputError, match=r"data\.tokens: .* data is given a value as well"):
        options.nested({"data": 1, "data.tokens": "words"})


def test_an_input_error_is_one_line_and_exit_status_2(capsys):
    def command(arguments):
        raise InputError("x: got 1, expected 2")

    assert options.run(command) == 2
    assert capsys.readouterr().err == "error: x: got 1, expected 2\n"


def test_an_interruption_is_said(capsys):
    def command(arguments):
        raise KeyboardInterrupt

    assert options.run(command) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_full_disk_is_one_line(capsys):
    def command(arguments):
        raise OSError(28, "No space left on device", "model.keras")

    assert options.run(command) == 2
    assert capsys.readouterr().err == "error: model.keras: No space left on device\n"


def test_unknown_flags_are_one_line(capsys):
    from imbalance.commands import train

    assert options.run(train.main, ["--epochs", "3x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_defect_of_ours_is_not_hidden():
    def command(arguments):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        options.run(command)
