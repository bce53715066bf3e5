"""The house: every room imports from the rooms below it alone, nothing runs in circles, and no module grows long."""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "crnn_lessons"
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FLOORS = (
    ("files", "arrays", "show"),
    ("alphabet", "metrics"),
    ("cells", "ctc", "tasks", "training"),
    ("clinic", "losses", "models", "text"),
    ("data",),
    ("reader",),
    ("exercises", "widgets"),
    ("__main__",),
)
"""The rooms from the ground up; those on one floor do not know each other."""
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def imports(name: str) -> set[str]:
    """The modules of the package that a module imports, in functions too; a name in a package counts as the package."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inside & MODULES.keys()) or {node.module}
    return {module for module in found if module.split(".")[0] == "crnn_lessons"}


def room(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def libraries(name: str) -> set[str]:
    """What a module imports from outside the package and Python's own library."""
    nodes = list(ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))))
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {module.split(".")[0] for module in names} - sys.stdlib_module_names - {"crnn_lessons"}


def test_every_room_has_a_floor() -> None:
    assert {room(name) for name in MODULES} - {""} == FLOOR.keys()


@pytest.mark.parametrize("name", [name for name in MODULES if room(name)])
def test_imports_lead_down(name: str) -> None:
    wrong = {m for m in imports(name) if room(m) not in ("", room(name)) and FLOOR[room(m)] >= FLOOR[room(name)]}
    assert wrong == set()


def test_nothing_runs_in_circles() -> None:
    # A package's __init__ gathers its modules; they import each other by their own names, so it stands above them.
    graph = {name: imports(name) - {name} for name in MODULES if MODULES[name].name != "__init__.py"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_inside_its_room_a_module_imports_modules_and_not_the_room() -> None:
    """Otherwise the test above would not see a circle that leads through the room's __init__."""
    through = {name for name in MODULES if name.count(".") > 1 and f"crnn_lessons.{room(name)}" in imports(name)}
    assert through == set()


def test_the_taught_ctc_is_numpy_and_torch() -> None:
    taught = [name for name in MODULES if room(name) == "ctc" and not name.startswith("crnn_lessons.ctc.fast")]
    assert set().union(*map(libraries, taught)) == {"numpy", "torch"}


@pytest.mark.parametrize("name", MODULES)
def test_no_module_is_longer_than_two_hundred_lines(name: str) -> None:
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= 200
