"""How the tables of parameters are written: one row is one parameter, and what several rows share."""

from __future__ import annotations

from typing import Any, Final

from pyredisai.config.param import Effect
from pyredisai.config.types import INT_MAX, LLONG_MAX, Bool, Int, Memory, ParamType, Text

A: Final[Effect] = "accepted"
BOOL = Bool()
COUNT = Int(0, INT_MAX)
LONG = Int(0, LLONG_MAX)
PORT = Int(0, 65535)
SIZE = Memory(0, LLONG_MAX)
PATH = Text("path")
CPUS = Text("list of CPUs such as 0,2-3,8-14:2")

Row = tuple[str, ParamType, str, str, Effect, dict[str, Any]]


def row(name: str, kind: ParamType, default: str, doc: str, effect: Effect = "works", **rest: Any) -> Row:
    """One parameter, its group still open."""
    return name, kind, default, doc, effect, rest
