"""Redirection of requests in cluster mode, with the state of two nodes made by hand."""

from __future__ import annotations

import os
from errno import EPERM
from types import SimpleNamespace

import pytest

from pyredisai.ai.dtype import DTYPES
from pyredisai.ai.tensor import Tensor
from pyredisai.cluster.slots import SLOTS, slot_of
from pyredisai.cluster.state import ClusterState, Node, NodeFlag
from pyredisai.commands.ai.running import store_outputs
from pyredisai.commands.ai.script_bridge import ScriptBridge
from pyredisai.commands.blocking import wait_table
from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.redirection import _keys, _place_of_key, install_redirection
from pyredisai.config.registry import Registry
from pyredisai.errors import ReplyError
from pyredisai.resp.replies import Blocked, Error, Reply
from pyredisai.server.app import build_services
from pyredisai.server.dispatch import process

MINE = slot_of(b"b")  # this node serves the lower half
THEIRS = slot_of(b"a")


class Link:
    def __init__(self) -> None:
        self.pushed: list[Reply] = []

    def push(self, reply: Reply) -> None:
        self.pushed.append(reply)

    def close(self, *, after_reply: bool = False) -> None: ...

    def delay_packets(self) -> None: ...

    def output_buffered(self) -> int:
        return 0


@pytest.fixture
def state() -> ClusterState:
    made = ClusterState(Node("1" * 40, NodeFlag.MYSELF | NodeFlag.MASTER))
    other = Node("2" * 40, NodeFlag.MASTER)
    other.ip, other.port = "10.0.0.2", 7000
    made.nodes[other.id] = other
    for slot in range(SLOTS):
        made.assign(slot, made.myself if slot < SLOTS // 2 else other)
    made.ok = True
    return made


@pytest.fixture
def other(state: ClusterState) -> Node:
    return state.nodes["2" * 40]


@pytest.fixture
def services(state: ClusterState) -> Services:
    built = build_services(Registry())
    built.cluster = state
    install_redirection(built, state)
    return built


@pytest.fixture
def ctx(services: Services) -> Context:
    return Context(Client(1, Link()), services)


def text(ctx: Context, request: str) -> str:
    """The text of the error that a request has for a reply."""
    reply = process(ctx, [word.encode() for word in request.split()])
    assert isinstance(reply, Error), reply
    return reply.text


def test_served_moved_and_of_two_slots(ctx: Context) -> None:
    assert not isinstance(process(ctx, [b"SET", b"b", b"1"]), Error)
    assert text(ctx, "SET a 1") == f"MOVED {THEIRS} 10.0.0.2:7000"
    assert text(ctx, "MGET a b") == "CROSSSLOT Keys in request don't hash to the same slot"
    assert ctx.server.table.commands["set"].rejected == 1
    assert ctx.server.stats.errors_by_code == {"MOVED": 1, "CROSSSLOT": 1}


@pytest.mark.parametrize(("kind", "shown"), [("hostname", "?"), ("unknown-endpoint", ""), ("ip", "10.0.0.2")])
def test_endpoint(ctx: Context, kind: str, shown: str) -> None:
    ctx.server.config.set([("cluster-preferred-endpoint-type", kind)])
    assert text(ctx, "GET a") == f"MOVED {THEIRS} {shown}:7000"


AI_REQUESTS = """
AI.TENSORSET a FLOAT 1 VALUES 1|AI.TENSORGET a VALUES|AI.MODELGET a|AI.MODELDEL a|AI.MODELSTORE a ONNX CPU BLOB x
AI.SCRIPTGET a|AI.SCRIPTSTORE a CPU ENTRY_POINTS 1 f SOURCE x|AI.INFO a|AI.MODELEXECUTE a INPUTS 1 {a}i OUTPUTS 1 {a}o
AI.SCRIPTEXECUTE a f INPUTS 1 {a}i OUTPUTS 1 {a}o|AI.DAGEXECUTE LOAD 1 a PERSIST 1 {a}o |> AI.MODELEXECUTE {a}m
AI.DAGEXECUTE ROUTING a |> AI.TENSORSET t FLOAT 1 VALUES 1|AI.DAGEXECUTE_RO LOAD 1 a |> AI.TENSORGET a VALUES
AI.MODELRUN a INPUTS {a}i OUTPUTS {a}o|AI.SCRIPTRUN a f INPUTS {a}i OUTPUTS {a}o|AI.DAGRUN LOAD 1 a |> AI.TENSORGET a
AI.MODELSET a ONNX CPU BLOB x|AI.SCRIPTSET a CPU SOURCE x|AI.SCRIPTDEL a|AI.DAGRUN_RO LOAD 1 a |> AI.TENSORGET a
"""
AI_CROSSING = """
AI.MODELEXECUTE b INPUTS 1 a OUTPUTS 1 b|AI.MODELEXECUTE b INPUTS 1 b OUTPUTS 1 a|AI.SCRIPTRUN b f INPUTS a OUTPUTS b
AI.SCRIPTEXECUTE b f KEYS 1 a|AI.SCRIPTEXECUTE b f INPUTS 1 b OUTPUTS 1 a|AI.MODELRUN b INPUTS b OUTPUTS a
AI.DAGEXECUTE LOAD 1 b |> AI.MODELEXECUTE a INPUTS 1 b OUTPUTS 1 c|AI.DAGEXECUTE LOAD 1 b PERSIST 1 a |> x
"""


def requests_of(requests: str) -> list[str]:
    marked = requests.strip().replace("|>", "\0").replace("\n", "|")
    return [part.replace("\0", "|>") for part in marked.split("|")]


@pytest.mark.parametrize("request_", requests_of(AI_REQUESTS))
def test_ai_commands_go_where_their_keys_are(ctx: Context, request_: str) -> None:
    assert text(ctx, request_) == f"MOVED {THEIRS} 10.0.0.2:7000"


@pytest.mark.parametrize("request_", requests_of(AI_CROSSING))
def test_model_and_tensors_of_one_slot(ctx: Context, request_: str) -> None:
    assert text(ctx, request_).startswith("CROSSSLOT")


@pytest.mark.parametrize("request_", ["AI.CONFIG GET MODEL_CHUNK_SIZE", "AI._MODELSCAN", "AI._SCRIPTSCAN"])
def test_ai_commands_without_keys_run_anywhere(ctx: Context, request_: str) -> None:
    assert not isinstance(process(ctx, [word.encode() for word in request_.split()]), Error)


def test_short_way_finds_the_same_key(services: Services) -> None:
    """Where one place says which the key is, that is the only key that the long way finds."""
    args = [b"cmd", *(b"k%d" % i for i in range(1, 9))]
    short = [command for command in services.table.all() if _place_of_key(command) > 0]
    assert {"get", "set", "incr", "hset", "ai.tensorget", "bitfield", "object|encoding"} <= {c.name for c in short}
    for command in short:
        count = command.arity if command.arity > 0 else max(-command.arity, 6)
        assert _keys(command, args[:count]) == [args[_place_of_key(command)]], command.name


def test_no_command_with_keys_is_left_out(services: Services) -> None:
    without = {c.name for c in services.table.all() if not _place_of_key(c)}
    with_keys = {c.name for c in services.table.all() if c.key_specs or c.get_keys}
    assert not without & with_keys


def test_transaction_ends_with_its_exec(ctx: Context, state: ClusterState, other: Node) -> None:
    process(ctx, [b"MULTI"])
    process(ctx, [b"SET", b"b", b"1"])
    state.assign(MINE, other)
    assert text(ctx, "EXEC") == f"MOVED {MINE} 10.0.0.2:7000"
    assert ctx.client.queued is None
    assert text(ctx, "EXEC") == "ERR EXEC without MULTI"


def test_what_is_obeyed_is_not_judged(ctx: Context) -> None:
    ctx.client.obeyed = True
    assert not isinstance(process(ctx, [b"MSET", b"a", b"1", b"b", b"2"]), Error)


def test_expired_key_counts_as_missing(ctx: Context, state: ClusterState, other: Node) -> None:
    state.migrating[MINE] = other
    ctx.db.set(b"b", b"1")
    assert process(ctx, [b"GET", b"b"]) == b"1"
    ctx.db.set_expiry(b"b", 1)
    assert text(ctx, "GET b") == f"ASK {MINE} 10.0.0.2:7000"
    assert b"b" in ctx.db.data


def test_waiting_clients_follow_their_slot(ctx: Context, services: Services, state: ClusterState, other: Node) -> None:
    redirection = services.guard.redirection
    assert redirection is not None
    waiting = process(ctx, [b"BLPOP", b"b", b"0"])
    assert isinstance(waiting, Blocked)
    redirection.round()
    assert not waiting.resolved
    state.assign(MINE, other)
    state.importing[MINE] = other
    redirection.round()
    assert not waiting.resolved
    del state.importing[MINE]
    redirection.round()
    assert isinstance(waiting.reply, Error)
    assert waiting.reply.text == f"MOVED {MINE} 10.0.0.2:7000"
    assert len(wait_table(services)) == 0


@pytest.mark.parametrize(
    ("ok", "wanted"), [(True, "CLUSTERDOWN Hash slot not served"), (False, "CLUSTERDOWN The cluster is down")]
)
def test_waiting_clients_of_a_slot_that_nobody_serves(
    ctx: Context, services: Services, state: ClusterState, ok: bool, wanted: str
) -> None:
    redirection = services.guard.redirection
    assert redirection is not None
    waiting = process(ctx, [b"XREAD", b"BLOCK", b"0", b"STREAMS", b"b", b"$"])
    assert isinstance(waiting, Blocked)
    state.unassign(MINE)
    state.ok = ok
    redirection.round()
    assert isinstance(waiting.reply, Error)
    assert waiting.reply.text == wanted


def test_replica_lets_readers_wait(ctx: Context, services: Services, state: ClusterState, other: Node) -> None:
    redirection = services.guard.redirection
    assert redirection is not None
    state.replicate(state.myself, other)
    process(ctx, [b"READONLY"])
    waiting = process(ctx, [b"XREAD", b"BLOCK", b"0", b"STREAMS", b"a", b"$"])
    assert isinstance(waiting, Blocked)
    redirection.round()
    assert not waiting.resolved
    process(ctx, [b"RESET"])
    assert text(ctx, "GET a").startswith("MOVED")


def test_listeners_of_a_slot_that_leaves(ctx: Context, state: ClusterState, other: Node) -> None:
    process(ctx, [b"SSUBSCRIBE", b"b", b"{b}1"])
    state.assign(MINE + 1, other)
    link = ctx.client.link
    assert isinstance(link, Link)
    assert link.pushed == []
    state.assign(MINE, other)
    assert link.pushed == [[b"sunsubscribe", b"b", 1], [b"sunsubscribe", b"{b}1", 0]]
    assert ctx.client.subscriptions == 0


def test_torchscript_reaches_no_foreign_key(services: Services) -> None:
    services.scheduler = SimpleNamespace(call_on_loop=lambda function: function())
    bridge = ScriptBridge(services, 0)
    assert bridge.execute([b"SET", b"b", b"1"]) == b"OK"
    with pytest.raises(ReplyError, match=os.strerror(EPERM)):
        bridge.execute([b"SET", b"a", b"1"])


def test_what_ends_when_its_slot_has_left_is_not_stored(
    ctx: Context, services: Services, state: ClusterState, other: Node
) -> None:
    outputs = [Tensor(DTYPES["FLOAT"], (1,), blob=bytes(4))]
    assert store_outputs(ctx, 0, [b"b"], outputs) is None
    state.assign(MINE, other)
    assert store_outputs(ctx, 0, [b"{b}1"], outputs) == f"MOVED {MINE} 10.0.0.2:7000"
    assert b"{b}1" not in services.databases[0].data
    state.importing[MINE] = other
    assert store_outputs(ctx, 0, [b"{b}1"], outputs) is None
    assert store_outputs(ctx, 0, [], []) is None
