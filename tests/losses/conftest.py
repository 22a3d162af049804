"""``pytest tests/losses --contract-table`` prints which loss passes which check."""

import re

import pytest

# From the outcome that says least about a cell to the one that says most.
SIGNS = {"skipped": "–", "passed": "✓", "failed": "✗", "error": "✗"}


def pytest_addoption(parser):
    parser.addoption(
        "--contract-table",
        action="store_true",
        help="print the contract as a table: losses down, checks across",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Note on every test of the contract which loss and which check it is."""
    for number, item in enumerate(items):
        name = getattr(item, "callspec", None) and item.callspec.params.get("name")
        variant = getattr(item, "callspec", None) and item.callspec.params.get("variant")
        if name or variant:
            item.user_properties.append(("contract", (number, name or variant.name, _check(item))))


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("--contract-table", default=False):
        return
    reports = [
        (*place, SIGNS[outcome])
        for outcome in SIGNS
        for report in terminalreporter.stats.get(outcome, [])
        for key, place in getattr(report, "user_properties", [])
        if key == "contract"
    ]
    if reports:
        _write(terminalreporter, reports)


def _check(item) -> str:
    return re.sub("^test_", "", item.originalname).replace("_", " ")


def _write(terminal, reports):
    cells = {(loss, check): sign for _, loss, check, sign in reports}  # The worst comes last.
    reports.sort()
    losses = list(dict.fromkeys(loss for _, loss, _, _ in reports))
    checks = list(dict.fromkeys(check for _, _, check, _ in reports))
    width = max(map(len, losses)) + 2
    terminal.section("contract of the losses: ✓ passed, ✗ failed, – not defined")
    for number, check in enumerate(checks, 1):
        terminal.line(f"{number:>3}  {check}")
    terminal.line(" " * width + "".join(f"{number:>4}" for number, _ in enumerate(checks, 1)))
    for loss in losses:
        row = "".join(f"{cells.get((loss, check), '–'):>4}" for check in checks)
        terminal.line(f"{loss:<{width}}{row}")
