"""What a script's writes leave in the journal: their effects in order, one group, whatever the script's text."""

from __future__ import annotations

from typing import Any

import pytest

from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.config.registry import Registry
from pyredisai.server.app import build_services
from pyredisai.server.dispatch import process

pytest.importorskip("lupa", reason="lupa is not installed")


class Link:
    """No connection; messages are kept."""

    def __init__(self) -> None:
        self.pushed: list[Any] = []

    def push(self, reply: Any) -> None:
        self.pushed.append(reply)

    def close(self, *, after_reply: bool = False) -> None: ...

    def delay_packets(self) -> None:
        raise AssertionError("no replica")

    def output_buffered(self) -> int:
        return 0


@pytest.fixture
def services() -> Services:
    return build_services(Registry())


def journal_of(services: Services, *commands: list[bytes]) -> list[tuple[int, list[list[bytes]]]]:
    context = Context(Client(1, Link()), services)
    seen: list[tuple[int, list[list[bytes]]]] = []
    services.journal.subscribers.append(
        lambda db, effects, *_: seen.append((db, [[bytes(word) for word in effect] for effect in effects]))
    )
    for command in commands:
        process(context, command)
    return seen


def eval_(script: bytes) -> list[bytes]:
    return [b"EVAL", script, b"0"]


def test_writes_are_one_group(services: Services) -> None:
    script = b"redis.call('set','a','1') redis.call('get','a') redis.call('incr','a') return 1"
    (group,) = journal_of(services, eval_(script))
    assert group == (0, [[b"set", b"a", b"1"], [b"incr", b"a"]])


def test_reads_leave_nothing(services: Services) -> None:
    assert journal_of(services, eval_(b"return redis.call('get','a')")) == []


def test_writes_before_an_error_stay(services: Services) -> None:
    (group,) = journal_of(services, eval_(b"redis.call('set','a','1') error('x')"))
    assert group == (0, [[b"set", b"a", b"1"]])


def test_set_repl_none(services: Services) -> None:
    script = (
        b"redis.set_repl(redis.REPL_NONE) redis.call('set','a','1') "
        b"redis.set_repl(redis.REPL_ALL) redis.call('set','b','1')"
    )
    (group,) = journal_of(services, eval_(script))
    assert group == (0, [[b"set", b"b", b"1"]])


def test_select_in_a_script(services: Services) -> None:
    """Effects in another database are preceded by SELECT, and the journal's database is found again."""
    (group,) = journal_of(services, eval_(b"redis.call('select',2) redis.call('set','a','1')"))
    assert group[0] == 0
    assert [b"SELECT", b"2"] in group[1]
    assert group[1][-1] == [b"SELECT", b"0"]


def test_function_load_is_journalled(services: Services) -> None:
    code = b"#!lua name=x\nredis.register_function('f', function() return 1 end)"
    assert journal_of(services, [b"FUNCTION", b"LOAD", code]) == [(0, [[b"FUNCTION", b"LOAD", code]])]


def test_script_cannot_reach_python(services: Services) -> None:
    """Neither the bridge to Python nor the debug library is there by any name."""
    context = Context(Client(1, Link()), services)
    for script in (
        b"return python",
        b"return debug",
        b"return loadstring('return python')()",
        b"return coroutine.wrap(function() return python end)()",
        b"return rawget(_G, 'python') ~= nil and error('found') or nonexistent",
        b"return load(function() return nil end)() or getfenv",
        b"return string.dump(redis.call) and require",
    ):
        reply = process(context, eval_(script))
        assert "nonexistent global variable" in getattr(reply, "text", ""), script
