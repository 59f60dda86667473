"""COMMAND INFO of every plain command that is implemented equals redis-server's."""

from __future__ import annotations

from typing import Any

from pyredisai.commands.introspection import SHOWN_FLAGS
from pyredisai.commands.spec import Command
from pyredisai.commands.table import build_table
from tests.support.resp import RespClient


def declared(command: Command) -> tuple[Any, ...]:
    flags = command.flags & frozenset(SHOWN_FLAGS)
    return (command.name, command.arity, flags, command.keys, command.categories, command.tips)


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


# Of a later Redis: clients of today send it.
NEWER = {"client|setinfo"}
DOCUMENTED = {"generic", "string", "hash", "list", "set", "sorted-set", "stream", "bitmap", "transactions"}
DOCUMENTED |= {"geo", "hyperloglog"}


def checked() -> list[Command]:
    return [c for c in build_table().all() if not c.module and c.name not in NEWER]


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
        documented = command.summary and (command.complexity or command.handler is None)
        if command.group in DOCUMENTED and not documented:
            wrong.append(f"{command.name}: no summary or complexity")
    assert not wrong, "\n".join(wrong)


def test_subcommands_equal_redis(redis_client: RespClient) -> None:
    """No container lacks a subcommand that redis-server has."""
    containers = [c for c in build_table().commands.values() if c.subcommands and not c.module]
    missing = {}
    for command, entry in zip(containers, redis_client("COMMAND", "INFO", *[c.name for c in containers]), strict=True):
        theirs = {sub[0].decode() for sub in entry[9]}
        ours = {sub.name for sub in command.subcommands.values()}
        if theirs - ours:
            missing[command.name] = theirs - ours
    assert not missing


def test_no_command_is_missing(redis_client: RespClient) -> None:
    theirs = {name.decode() for name in redis_client("COMMAND", "LIST")}
    assert theirs <= {command.name for command in build_table().all()}


def test_key_specifications_equal_redis(client: RespClient, redis_client: RespClient) -> None:
    names = [c.name for c in checked() if c.key_specs]
    ours = client("COMMAND", "INFO", *names)
    theirs = redis_client("COMMAND", "INFO", *names)
    for mine, real_one in zip(ours, theirs, strict=True):
        assert [without_notes(spec) for spec in mine[8]] == [without_notes(spec) for spec in real_one[8]], mine[0]


def without_notes(spec: list[Any]) -> dict[Any, Any]:
    found = dict(zip(spec[::2], spec[1::2], strict=True))
    found.pop(b"notes", None)
    found[b"flags"] = sorted(found[b"flags"])
    return found


REQUESTS = """
get|get a|get a b|set a 1|set a 1 GET|set a 1 EX 10 get|mget a b c|mset a 1 b 2|mset a 1 b
ping|ping x|config get x|config foo x
rename a b|copy a b|exists a b c|touch a b c|del a b|unlink a|expire a 1|getex a|incr a|type a|persist a|move a 1
pfcount a b|pfmerge a b c|pfdebug x a|geoadd a|georadius k 1 1 1 m store a storedist b
georadius k 1 1 1 m store a store c|georadiusbymember k m 1 m count 1 storedist d|georadius k 1 1 1 m store
geosearchstore d s x x x x x x|geosearch k x x x x x
migrate h 1 k 0 0|migrate h 1 k 0 0 keys a|migrate h 1 k 0 0 auth keys copy|restore-asking a 0 x
memory usage foo|memory usage foo samples 1|object encoding foo|object foo foo|publish a b|spublish a b|nosuch a
lpush a b|hset a b c|sadd a b|watch a b|eval x 2 a b c|eval x 0 a|eval x 7 a b|eval x y a b|evalsha x 1 a|swapdb 0 1
"""


def test_getkeys_equals_redis(client: RespClient, redis_client: RespClient) -> None:
    """COMMAND GETKEYS and GETKEYSANDFLAGS."""
    for request in REQUESTS.strip().replace("\n", "|").split("|"):
        words = request.split()
        for sub in ("GETKEYS", "GETKEYSANDFLAGS"):
            assert answer(client, "COMMAND", sub, *words) == answer(redis_client, "COMMAND", sub, *words), request


def answer(client: RespClient, *words: str) -> Any:
    client.send(*words)
    return client.read_raw()
