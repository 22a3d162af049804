"""What the README says is so."""

import re
from pathlib import Path

from imbalance import losses
from imbalance.commands import evaluate, train
from imbalance.predict import command as predict
from imbalance.serving import __main__ as serving
from imbalance.study import __main__ as study

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_losses_is_complete():
    section = README[README.index("| name | aliases | output |") :].split("\n\n")[0]
    rows = [
        [set(re.findall(r"`(\w+)`", cell)) for cell in row.split("|")[1:3]]
        for row in section.splitlines()[2:]
    ]
    names = set().union(*(names for names, _ in rows))
    aliases = set().union(*(aliases for _, aliases in rows))
    assert names == set(losses.TABLE)
    assert aliases == set(losses.ALIASES) - set(losses.TABLE)


def test_the_library_example_runs():
    example = next(
        block
        for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
        if "compile" in block
    )
    names = {}
    exec(example, names)
    assert names["model"].compiled


def test_every_flag_it_names_exists():
    known = set()
    parsers = [each._parser() for each in (train, evaluate, study, serving)]
    for parser in (*parsers, predict.parser()):
        known |= {option for action in parser._actions for option in action.option_strings}
    known |= {"--json", "--check", "--contract-table"}  # of the audit, ruff and pytest
    assert set(re.findall(r"(?<![\w-])--[a-z-]+", README)) <= known


def test_every_file_it_names_exists():
    named = re.findall(r"`((?:imbalance|configs|tests)/[\w./-]+)`", README)
    assert named
    for path in named:
        assert (ROOT / path).exists(), path
