"""What a script's redis.execute makes of a reply."""

from __future__ import annotations

from typing import Any

import pytest

from pyredisai.commands.ai.script_bridge import ScriptBridge, plain
from pyredisai.commands.context import Context, Services
from pyredisai.errors import ReplyError
from pyredisai.resp.aggregates import RespSet
from pyredisai.resp.replies import NO_REPLY, NULL_ARRAY, OK, Blocked, Error, Reply, Status, Verbatim
from tests.unit.commands.ai.conftest import start


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (None, None),
        (NULL_ARRAY, None),
        (NO_REPLY, None),
        (OK, b"OK"),
        (Status("none"), b"none"),
        ("caf\u00e9", "caf\u00e9".encode()),
        (memoryview(b"\0\xff"), b"\0\xff"),
        (b"x" * 5000, b"x" * 5000),
        (True, 1),
        (0.5, b"0.5"),
        (3.0, b"3"),
        ({b"a": [1, None]}, [b"a", [1, None]]),
        (RespSet([b"m"]), [b"m"]),
        (Verbatim(b"text"), b"text"),
    ],
)
def test_a_reply_is_what_a_client_of_resp2_reads(reply: Reply, value: object) -> None:
    assert plain(reply) == value


@pytest.mark.parametrize("reply", [Error("ERR no"), [1, Error("ERR no")]])
def test_an_error_anywhere_is_raised(reply: Reply) -> None:
    with pytest.raises(ReplyError, match="ERR no"):
        plain(reply)


def test_a_reply_that_has_come_counts_and_one_that_comes_later_is_refused() -> None:
    blocked = Blocked()
    with pytest.raises(ReplyError):
        plain(blocked)
    blocked.resolve(7)
    assert plain(blocked) == 7


def test_what_a_script_writes_is_journaled_at_once_and_wakes_who_waits(services: Services, ctx: Context) -> None:
    journal: list[Any] = []
    services.journal.subscribers.append(lambda *entry: journal.append(entry))
    services.scheduler.call_on_loop = lambda function: function()  # type: ignore[method-assign]
    waiting = start(ctx, "BLPOP", "list", "0")
    bridge = ScriptBridge(services, 2)
    ctx.select(2)
    other = start(ctx, "BLPOP", "list", "0")
    assert bridge.execute([b"SET", b"k", b"1"]) == b"OK"
    assert bridge.execute([b"GET", b"k"]) == b"1"
    assert bridge.execute([b"EVAL", b"redis.call('incr', 'k'); redis.call('incr', 'n')", b"0"]) is None
    assert bridge.execute([b"RPUSH", b"list", b"x"]) == 1
    assert isinstance(waiting, Blocked)
    assert isinstance(other, Blocked)
    assert not waiting.resolved
    assert other.resolved
    assert journal == [
        (2, [[b"SET", b"k", b"1"]]),
        (2, [[b"incr", b"k"], [b"incr", b"n"]]),
        (2, [[b"RPUSH", b"list", b"x"]]),
        (2, [(b"LPOP", b"list")]),
    ]


def test_a_replica_refuses_what_a_script_writes(services: Services) -> None:
    services.scheduler.call_on_loop = lambda function: function()  # type: ignore[method-assign]
    services.primary.is_replica = True
    bridge = ScriptBridge(services, 0)
    with pytest.raises(ReplyError, match="READONLY"):
        bridge.execute([b"SET", b"k", b"1"])
    assert bridge.execute([b"GET", b"k"]) is None
