"""What the journal gets is enough: replayed on an empty server it gives the same databases, to the millisecond."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.config.registry import Registry
from pyredisai.keyspace.stream import Stream
from pyredisai.resp.replies import Error
from pyredisai.server.app import build_services
from pyredisai.server.dispatch import process, without_views
from tests.differential import commands, special_commands
from tests.differential.commands import Command
from tests.unit.commands.ai.conftest import NoLink

COMMANDS = [
    *commands.STRINGS,
    *commands.KEYSPACE,
    *commands.HASHES,
    *commands.LISTS,
    *commands.SETS,
    *commands.SORTED_SETS,
    *commands.STREAMS,
    *commands.BITS,
    *commands.SORTS,
    *special_commands.HYPERLOGLOGS,
    *special_commands.PLACES,
    *commands.TRANSACTIONS * 3,
    commands.command("SPOP", commands.key),
    commands.command("SPOP", commands.key, "1"),
]
EXPIRING = [commands.command("SET", commands.key, "v", "PXAT", "1"), commands.command("PEXPIRE", commands.key, "-1")]


def contents(services: Services) -> list[tuple[dict[bytes, Any], dict[bytes, int]]]:
    return [({key: shown(value) for key, value in db.data.items()}, db.expires) for db in services.databases]


def shown(value: Any) -> Any:
    """A stream as what it holds, all but when consumers were seen; other values compare by themselves."""
    if not isinstance(value, Stream):
        return value
    groups = {
        name: (
            group.last_id,
            group.entries_read,
            [(id, p.consumer, p.delivered_ms, p.count) for id, p in group.pending.items()],
            sorted(group.consumers),
        )
        for name, group in value.groups.items()
    }
    return value.ids, value.entries, value.last_id, value.max_deleted_id, value.added, groups


@settings(deadline=None, max_examples=25)
@given(st.lists(st.one_of(*COMMANDS, *EXPIRING), max_size=60))
@example([(b"XADD", b"a", b"MINID", b"~", b"3", b"0-1", b"f", b"v")])
def test_the_journal_rebuilds_the_databases(sequence: list[Command]) -> None:
    primary, replica = build_services(Registry()), build_services(Registry())
    journal: list[tuple[int, list[Any]]] = []
    primary.journal.subscribers.append(lambda index, effects: journal.append((index, effects)))
    ctx = Context(Client(1, NoLink(), is_script=True), primary)
    for command in sequence:
        process(ctx, list(command))
    for db in primary.databases:
        for key in list(db.data):
            db.get(key)
    other = Context(Client(2, NoLink(), is_script=True), replica)
    for index, effects in journal:
        other.select(index)
        for effect in effects:
            reply = process(other, list(effect))
            assert not isinstance(reply, Error), (effect, reply.text)
    assert contents(primary) == contents(replica)


def test_reads_and_failures_are_not_journaled() -> None:
    services = build_services(Registry())
    journal: list[Any] = []
    services.journal.subscribers.append(lambda *entry: journal.append(entry))
    ctx = Context(Client(1, NoLink()), services)
    for args in (
        [b"GET", b"k"],
        [b"INCR"],
        [b"DEL", b"k"],
        [b"HSET", b"k", b"f"],
        [b"LPOP", b"k"],
        [b"SREM", b"k", b"x"],
    ):
        process(ctx, list(args))
    assert journal == []


def test_a_transaction_is_one_entry() -> None:
    services = build_services(Registry())
    journal: list[Any] = []
    services.journal.subscribers.append(lambda *entry: journal.append(entry))
    ctx = Context(Client(1, NoLink()), services)
    for args in ([b"MULTI"], [b"SET", b"k", b"1"], [b"INCR", b"k"], [b"EXEC"]):
        process(ctx, list(args))
    assert journal == [(0, [[b"SET", b"k", b"1"], [b"INCR", b"k"]])]


def test_large_values_are_kept_as_they_came_and_copied_into_containers() -> None:
    services = build_services(Registry())
    ctx = Context(Client(1, NoLink()), services)
    big = memoryview(bytearray(b"x" * 200_000)).toreadonly()
    data = services.databases[0].data

    def send(*args: Any) -> None:
        process(ctx, without_views(ctx, list(args)))

    send(b"SET", b"s", big)
    send(b"RPUSH", b"l", big)
    send(b"HSET", b"h", b"f", big)
    send(b"SADD", b"t", big)
    send(b"APPEND", b"a", big)
    send(b"APPEND", b"a", b"y")
    send(b"SET", big, b"v")
    assert data[b"s"] is big
    assert [type(data[b"l"][0]), type(data[b"h"][b"f"])] == [bytes, bytes]
    assert data[b"t"] == {bytes(big)}
    assert bytes(data[b"a"]) == bytes(big) + b"y"
    assert all(type(key) is bytes for key in data)
