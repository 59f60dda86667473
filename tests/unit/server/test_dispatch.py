"""Dispatch: what a request meets before and after its handler, with commands made up for the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.guard import Guard
from pyredisai.commands.spec import Args, Family, Table
from pyredisai.commands.table import build_table
from pyredisai.config.registry import Registry
from pyredisai.errors import ReplyError
from pyredisai.resp.replies import NO_REPLY, OK, QUEUED, Blocked, Error, Reply
from pyredisai.server import gates
from pyredisai.server.app import build_services
from pyredisai.server.dispatch import call, process, without_views


class Link:
    def __init__(self) -> None:
        self.pushed: list[Reply] = []

    def push(self, reply: Reply) -> None:
        self.pushed.append(reply)

    def close(self, *, after_reply: bool = False) -> None: ...

    def delay_packets(self) -> None:
        raise AssertionError("no replica")

    def output_buffered(self) -> int:
        return 0


def family() -> Family:
    made = Family("test")

    @made.command("fail", arity=1)
    def fail(ctx: Context, args: Args) -> Reply:
        raise ReplyError("CODE refused")

    @made.command("crash", arity=1)
    def crash(ctx: Context, args: Args) -> Reply:
        raise ZeroDivisionError("oops")

    @made.command("put", arity=3, flags="write denyoom", keys=(1, 1, 1))
    def put(ctx: Context, args: Args) -> Reply:
        ctx.db.set(args[1], args[2])
        return OK

    @made.command("putraw", arity=3, flags="write", keys=(1, 1, 1), big=True)
    def putraw(ctx: Context, args: Args) -> Reply:
        return type(args[2]).__name__

    @made.command("show", arity=-1)
    def show(ctx: Context, args: Args) -> Reply:
        return [type(arg).__name__ for arg in args]

    @made.command("effects", arity=2, flags="write", keys=(1, 1, 1))
    def effects(ctx: Context, args: Args) -> Reply:
        ctx.db.set(args[1], b"random")
        ctx.propagate([b"SET", args[1], b"random"])
        return OK

    @made.command("both", arity=1)
    def both(ctx: Context, args: Args) -> Reply:
        first = call(ctx, [b"PUT", b"a", b"1"])
        ctx.select(3)
        second = call(ctx, [b"PUT", b"b", b"2"])
        ctx.select(0)
        return [first, second]

    @made.command("later", arity=1)
    def later(ctx: Context, args: Args) -> Reply:
        return ctx.server.extra.setdefault("blocked", Blocked())

    return made


@pytest.fixture
def services() -> Services:
    built = build_services(Registry())
    built.table = Table([*_families(), family()])
    built.extra["log"] = []
    built.log = lambda level, text: built.extra["log"].append((level, text))
    return built


def _families() -> Sequence[Family]:
    from pyredisai.commands.table import FAMILIES

    return FAMILIES


@pytest.fixture
def ctx(services: Services) -> Context:
    return Context(Client(1, Link()), services)


def text(reply: Reply) -> str:
    assert isinstance(reply, Error)
    return reply.text


def test_names_in_any_case(ctx: Context) -> None:
    assert process(ctx, [b"PUT", b"a", b"1"]) is OK
    assert process(ctx, [b"pUt", b"a", b"1"]) is OK


def test_arity_and_unknown_commands(ctx: Context) -> None:
    assert text(process(ctx, [b"put"])) == "ERR wrong number of arguments for 'put' command"
    assert text(process(ctx, [b"nope", b"x"])) == "ERR unknown command 'nope', with args beginning with: 'x' "
    assert text(process(ctx, [b"CLIENT", b"Nope"])) == "ERR unknown subcommand 'Nope'. Try CLIENT HELP."
    assert ctx.server.table.commands["put"].rejected == 1


def test_errors_are_counted_by_code(ctx: Context) -> None:
    process(ctx, [b"fail"])
    process(ctx, [b"nope"])
    stats = ctx.server.stats
    assert stats.errors_by_code == {"CODE": 1, "ERR": 1}
    assert stats.error_replies == 2
    command = ctx.server.table.commands["fail"]
    assert (command.calls, command.failed, command.rejected) == (1, 1, 0)


def test_a_handlers_mistake_is_an_error_reply_and_a_traceback(ctx: Context) -> None:
    assert text(process(ctx, [b"crash"])) == "ERR internal error: ZeroDivisionError: oops"
    assert ctx.server.stats.unexpected_errors == 1
    lines = ctx.server.extra["log"]
    assert all(level == "warning" for level, _ in lines)
    assert any("ZeroDivisionError: oops" in line for _, line in lines)
    assert process(ctx, [b"put", b"a", b"1"]) is OK


def test_buffers_reach_only_those_that_take_them(ctx: Context) -> None:
    view = memoryview(b"abc").toreadonly()
    assert process(ctx, without_views(ctx, [b"show", view])) == ["bytes", "bytes"]
    assert process(ctx, without_views(ctx, [b"putraw", b"k", view])) == "memoryview"
    assert without_views(ctx, [b"no-such-command", view]) == [b"no-such-command", b"abc"]


def test_ai_commands_get_buffers_for_payloads_alone(ctx: Context) -> None:
    view = memoryview(b"abc").toreadonly()

    def kinds(*args: bytes | memoryview) -> list[str]:
        table = build_table()
        ctx.server.table = table
        return [type(arg).__name__[0] for arg in without_views(ctx, list(args))]

    assert kinds(b"AI.TENSORSET", view, view, b"3", b"blob", view) == ["b", "b", "b", "b", "b", "m"]
    assert kinds(b"AI.MODELSTORE", b"m", b"ONNX", view, b"BLOB", view, view) == ["b", "b", "b", "b", "b", "m", "m"]
    assert kinds(b"AI.SCRIPTSTORE", b"s", b"CPU", b"TAG", view, b"SOURCE", view)[4:] == ["b", "b", "m"]
    dag = [
        b"AI.DAGEXECUTE",
        b"LOAD",
        b"1",
        view,
        b"|>",
        view,
        b"|>",
        b"AI.TENSORSET",
        b"t",
        b"INT8",
        b"3",
        b"BLOB",
        view,
    ]
    assert kinds(*dag, b"|>", b"AI.TENSORGET", view) == ["b"] * 12 + ["m", "b", "b", "b"]


def test_the_guard_is_alert_while_a_condition_holds() -> None:
    guard = Guard()
    assert not guard.alert
    for name, on, off in (("paused", "all", ""), ("busy", "script", ""), ("memory_limited", True, False)):
        setattr(guard, name, on)
        assert guard.alert
        setattr(guard, name, off)
        assert not guard.alert

    def check(ctx: Context, command: object) -> None: ...

    guard.add_check(check)
    guard.memory_limited = True
    guard.remove_check(check)
    assert guard.alert
    guard.memory_limited = False
    assert not guard.alert


def test_noauth_before_everything_but_commands_that_need_none(ctx: Context) -> None:
    ctx.client.authenticated = False
    assert text(process(ctx, [b"put", b"a", b"1"])).startswith("NOAUTH ")
    assert text(process(ctx, [b"put"])).startswith("ERR wrong number")
    assert isinstance(process(ctx, [b"auth", b"x"]), Error)


def test_multi_queues_and_an_error_spoils_it(ctx: Context) -> None:
    ctx.client.queued = []
    assert process(ctx, [b"put", b"a", b"1"]) is QUEUED
    assert not ctx.client.queue_error
    process(ctx, [b"nope"])
    assert ctx.client.queue_error
    assert [args for _, args in ctx.client.queued] == [[b"put", b"a", b"1"]]
    assert text(process(ctx, [b"SHUTDOWN"])) == "ERR Command not allowed inside a transaction"


def test_subscribed_resp2_client_may_send_few_commands(ctx: Context) -> None:
    ctx.client.subscriptions = 1
    assert "only (P|S)SUBSCRIBE" in text(process(ctx, [b"put", b"a", b"1"]))
    assert process(ctx, [b"PING"]) == [b"pong", b""]
    ctx.client.resp = 3
    assert process(ctx, [b"put", b"a", b"1"]) is OK


def test_memory(ctx: Context) -> None:
    guard = ctx.server.guard
    guard.memory_limited = True
    guard.make_room = lambda: False
    assert text(process(ctx, [b"put", b"a", b"1"])).startswith("OOM ")
    assert process(ctx, [b"show"]) == ["bytes"]
    ctx.client.queued = []
    assert text(process(ctx, [b"show"])).startswith("OOM "), "whatever is queued might need memory"
    guard.make_room = lambda: True
    assert process(ctx, [b"put", b"a", b"1"]) is QUEUED


@pytest.mark.parametrize("mode", ["off", "skip"])
def test_silent_clients(ctx: Context, mode: str) -> None:
    assert process(ctx, [b"CLIENT", b"REPLY", mode.encode()]) is NO_REPLY
    assert process(ctx, [b"put", b"a", b"1"]) is NO_REPLY
    expected = NO_REPLY if mode == "off" else OK
    assert process(ctx, [b"put", b"a", b"1"]) is expected
    assert process(ctx, [b"CLIENT", b"REPLY", b"ON"]) is OK


def test_silence_holds_for_late_replies(ctx: Context) -> None:
    ctx.client.reply_mode = "skip"
    reply = process(ctx, [b"later"])
    assert isinstance(reply, Blocked)
    ctx.server.extra["blocked"].resolve(b"late")
    assert reply.reply is NO_REPLY


def resumed(ctx: Context) -> None:
    ctx.server.guard.paused = ""
    held, ctx.server.guard.held = ctx.server.guard.held, []
    for resume in held:
        resume()


def test_pause_holds_requests_and_runs_them_in_order(ctx: Context) -> None:
    ctx.server.guard.paused = "write"
    assert process(ctx, [b"show"]) == ["bytes"]
    first = process(ctx, [b"put", b"a", b"1"])
    assert isinstance(first, Blocked)
    assert not first.resolved
    assert ctx.client.held
    resumed(ctx)
    assert first.reply is OK
    assert ctx.db.get(b"a") == b"1"
    assert not ctx.client.held


def test_a_client_that_leaves_during_a_pause_runs_nothing(ctx: Context) -> None:
    ctx.server.guard.paused = "all"
    reply = process(ctx, [b"put", b"a", b"1"])
    assert isinstance(reply, Blocked)
    reply.cancel()
    resumed(ctx)
    assert ctx.db.get(b"a") is None


@pytest.fixture
def journaled(services: Services) -> list[tuple[int, list[Any]]]:
    got: list[tuple[int, list[Any]]] = []
    services.journal.subscribers.append(lambda db, effects: got.append((db, list(effects))))
    return got


def test_journal_has_commands_that_changed_something(ctx: Context, journaled: list[Any]) -> None:
    process(ctx, [b"put", b"a", b"1"])
    process(ctx, [b"show"])
    process(ctx, [b"effects", b"b"])
    assert journaled == [(0, [[b"put", b"a", b"1"]]), (0, [[b"SET", b"b", b"random"]])]


def test_journal_keeps_what_one_command_did_together(ctx: Context, journaled: list[Any]) -> None:
    """A replay that starts in the group's database ends there, whatever the nested commands selected."""
    assert process(ctx, [b"both"]) == [OK, OK]
    assert journaled == [
        (0, [[b"PUT", b"a", b"1"], [b"SELECT", b"3"], [b"PUT", b"b", b"2"], [b"SELECT", b"0"]]),
    ]


def test_monitor_feed(ctx: Context) -> None:
    other = Client(2, Link())
    ctx.server.guard.monitors = (other,)
    ctx.client.addr = "1.2.3.4:5"
    process(ctx, [b"show", b'a"\n\x00'])
    process(ctx, [b"AUTH", b"secret"])
    process(ctx, [b"CONFIG", b"GET", b"port"])
    lines = [line.text for line in other.link.pushed]  # type: ignore[attr-defined]
    assert [line.partition(" ")[2] for line in lines] == [
        '[0 1.2.3.4:5] "show" "a\\"\\n\\x00"',
        '[0 1.2.3.4:5] "AUTH" "(redacted)"',
    ]


def test_slow_commands_are_reported(ctx: Context) -> None:
    seen: list[str] = []
    ctx.server.guard.slow_ns = 0
    report: Callable[..., None] = lambda client, args, command, ns: seen.append(command.name)  # noqa: E731
    ctx.server.guard.on_slow = report
    process(ctx, [b"show"])
    assert seen == ["show"]


def test_durations_are_counted(ctx: Context) -> None:
    for _ in range(5):
        process(ctx, [b"show"])
    command = ctx.server.table.commands["show"]
    assert command.calls == 5
    assert sum(command.histogram or ()) == 5
    ctx.server.guard.track_latency = False
    process(ctx, [b"show"])
    assert sum(command.histogram or ()) == 5


def test_printable() -> None:
    assert gates.printable(b'a "\\\t\x7f\xff') == 'a \\"\\\\\\t\\x7f\\xff'
