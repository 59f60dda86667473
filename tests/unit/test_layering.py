"""Imports point down only: cli > server > commands > ... > errors, clock.

Holds for every import that runs. Imports under `if TYPE_CHECKING:` are free: they make no circle.
Frameworks are imported by `backends` alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGE = ROOT / "pyredisai"
FLOORS = (
    {"__main__"},
    {"cli"},
    {"console"},
    {"server"},
    {"commands"},
    {"cluster"},
    {"replication"},
    {"persistence"},
    {"execution"},
    {"backends"},
    {"keyspace", "ai"},
    {"config"},
    {"resp"},
    {"journal"},
    {"errors", "clock", "glob", "build"},
)
RANK = {room: len(FLOORS) - floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FORBIDDEN = {"execution": {"keyspace", "resp", "persistence"}, "backends": {"keyspace", "resp", "persistence"}}
FRAMEWORKS = {"onnxruntime", "torch", "tensorflow", "ai_edge_litert", "tflite_runtime"}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def running_imports(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Dotted names that the module imports when it (or a function of it) runs, with their lines."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and is_type_checking(child.test):
            for other in child.orelse:
                yield from running_imports(ast.Module([other], []), package)
        elif isinstance(child, ast.Import):
            yield from ((alias.name, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            if child.level:
                base = ".".join((*package[: len(package) - child.level + 1], *filter(None, [child.module])))
            yield from ((f"{base}.{alias.name}", child.lineno) for alias in child.names)
        else:
            yield from running_imports(child, package)


def violations(path: Path) -> list[str]:
    room = room_of(path)
    tree = ast.parse(path.read_text("utf-8"))
    found = []
    for name, line in running_imports(tree, path.relative_to(ROOT).parts[:-1]):
        top, *rest = name.split(".")
        if top in FRAMEWORKS and room != "backends":
            found.append(f"{path.relative_to(ROOT)}:{line}: {room} imports the framework {top}")
        if top != "pyredisai" or not rest or rest[0] in ("__version__", "REDIS_VERSION") or rest[0] == room:
            continue
        target = rest[0]
        if target not in RANK:
            found.append(f"{path.relative_to(ROOT)}:{line}: {target} has no floor in the house")
        elif RANK[target] >= RANK[room] or target in FORBIDDEN.get(room, ()):
            found.append(f"{path.relative_to(ROOT)}:{line}: {room} must not import {name}")
    return found


def test_every_module_has_a_room() -> None:
    assert {room_of(path) for path in FILES} - {"__init__"} <= set(RANK)


def test_imports_point_down() -> None:
    assert [problem for path in FILES if room_of(path) in RANK for problem in violations(path)] == []


def test_rule_sees_an_upward_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check itself finds upward, sideways, relative and framework imports, and leaves type-only ones."""
    bad = tmp_path / "pyredisai" / "keyspace" / "bad.py"
    bad.parent.mkdir(parents=True)
    bad.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from pyredisai.server import app\n"
        "from pyredisai.commands.spec import Family\n"
        "from ..ai import tensor\n"
        "def late():\n    import torch\n"
        "from pyredisai.config import registry\n"
    )
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "pyredisai")
    assert [problem.split(": ")[1] for problem in violations(bad)] == [
        "keyspace must not import pyredisai.commands.spec.Family",
        "keyspace must not import pyredisai.ai.tensor",
        "keyspace imports the framework torch",
    ]
