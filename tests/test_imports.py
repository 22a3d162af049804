"""The walls of the house: imports point one way, and a slow package is not imported early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "imbalance"
LEVELS = (
    {"checks"},
    {"bias", "config", "decision", "spans", "weights"},
    {"losses", "metrics", "models", "data"},
    {"registry", "unfinished"},
    {"tasks"},
    {"run_folder"},
    {"training", "evaluation", "serving"},
    {"study"},
    {"commands", "predict"},
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("imbalance.")}
    return rooms


def test_every_room_has_a_level():
    rooms = {
        room_of(path)
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE or path.stem != "__init__"
    }
    assert rooms == set(LEVEL)


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_point_down(path):
    room = room_of(path)
    if room == "__init__":
        assert imported_rooms(path) == set()
        return
    for imported in imported_rooms(path) - {room}:
        assert LEVEL[imported] < LEVEL[room], f"{room} imports {imported}"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("imbalance", "keras"),
        ("imbalance.config", "keras"),
        ("imbalance.spans", "keras"),
        ("imbalance.weights", "keras"),
        ("imbalance.commands.train", "keras"),
        ("imbalance.data.audit", "tensorflow"),
        ("imbalance.serving.__main__", "tensorflow"),
        ("imbalance.predict.command", "tensorflow"),
    ],
)
def test_importing_stays_light(module, absent):
    code = f"import sys, {module}; sys.exit({absent!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_losses_do_not_need_tensorflow():
    code = (
        "import sys, imbalance\n"
        "imbalance.losses.get('dice_loss'), imbalance.models, imbalance.metrics\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=False, env={"KERAS_BACKEND": "jax", "PATH": ""}
    )
    assert run.returncode == 0
