"""The table of all commands: the one place that knows every family."""

from __future__ import annotations

from pyredisai.commands import connection, keys, pubsub, strings
from pyredisai.commands.ai import tensors
from pyredisai.commands.spec import Family, Table

FAMILIES: tuple[Family, ...] = (
    connection.family,
    keys.family,
    strings.family,
    pubsub.family,
    tensors.family,
)


def build_table() -> Table:
    """A fresh table."""
    return Table(FAMILIES)
