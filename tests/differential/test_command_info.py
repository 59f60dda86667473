"""COMMAND INFO of every plain command that is implemented equals redis-server's."""

from __future__ import annotations

from typing import Any

from pyredisai.commands.spec import Command
from pyredisai.commands.table import build_table
from tests.support.resp import RespClient


def declared(command: Command) -> tuple[Any, ...]:
    return (command.name, command.arity, command.flags, command.keys, command.categories, command.tips)


def real(entry: list[Any]) -> tuple[Any, ...]:
    name, arity, flags, first, last, step, categories, tips = entry[:8]
    return (
        name.decode(),
        arity,
        frozenset(flags),
        (first, last, step),
        frozenset(category.removeprefix("@") for category in categories),
        tuple(tip.decode() for tip in tips),
    )


def key_flags(entry: list[Any]) -> list[str]:
    specs = [dict(zip(spec[::2], spec[1::2], strict=True)) for spec in entry[8]]
    return [" ".join(spec[b"flags"]) for spec in specs]


GROUPS = {"generic", "string", "hash", "list", "set", "bitmap", "transactions"}
SERVER = {"swapdb", "dbsize", "flushdb", "flushall"}


def checked() -> list[Command]:
    return [c for c in build_table().all() if (c.group in GROUPS or c.name in SERVER) and not c.module]


def test_declarations_equal_redis(redis_client: RespClient) -> None:
    commands = checked()
    names = [c.name for c in commands]
    entries = redis_client("COMMAND", "INFO", *names)
    wrong = []
    for command, entry in zip(commands, entries, strict=True):
        if entry is None:
            wrong.append(f"{command.name}: redis-server does not have it")
        elif declared(command) != real(entry):
            wrong.append(f"{declared(command)}\n{real(entry)}")
        elif [spec.flags for spec in command.key_specs] != key_flags(entry):
            wrong.append(f"{command.name}: {[s.flags for s in command.key_specs]} {key_flags(entry)}")
    assert not wrong, "\n".join(wrong)


def test_groups_and_versions_equal_redis(redis_client: RespClient) -> None:
    commands = [c for c in checked() if "|" not in c.name]
    docs = redis_client("COMMAND", "DOCS", *[c.name for c in commands])
    found = dict(zip(docs[::2], docs[1::2], strict=True))
    wrong = []
    for command in commands:
        entry = found[command.name.encode()]
        doc = dict(zip(entry[::2], entry[1::2], strict=True))
        theirs = (doc[b"since"].decode(), doc[b"group"].decode())
        if theirs != (command.since, command.group):
            wrong.append(f"{command.name}: {command.since} {command.group}, not {theirs}")
        if not command.summary or not (command.complexity or command.handler is None):
            wrong.append(f"{command.name}: no summary or complexity")
    assert not wrong, "\n".join(wrong)
