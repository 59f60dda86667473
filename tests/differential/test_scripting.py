"""Lua scripts and functions: what they return, and how they fail, byte for byte as with a real redis-server.

scripting.json holds scripts with their arguments: on conversions, errors and the sandbox; on cjson, cmsgpack, struct
and bit; and FUNCTION and FCALL commands in an order that matters. Text in it is latin-1.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.resp import RespClient
from tests.support.server import Server

pytest.importorskip("lupa", reason="lupa is not installed")

TABLES = json.loads((Path(__file__).parent / "scripting.json").read_text())
ADDRESS = re.compile(rb"0x[0-9a-f]+")


def raw(client: RespClient, command: list[str]) -> bytes:
    return ADDRESS.sub(b"0x", client.raw(*(word.encode("latin-1") for word in command)))


@pytest.fixture(params=[2, 3])
def pair(request: Any, client: RespClient, redis_client: RespClient) -> tuple[RespClient, RespClient]:
    for each in (client, redis_client):
        each.ok("HELLO", request.param)
        each.ok("FUNCTION", "FLUSH")
    return client, redis_client


@pytest.fixture
def deep_replies() -> Iterator[None]:
    """One script's reply is nested 8000 times; the client reads it recursively."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("deep_replies")
@pytest.mark.parametrize("name", ["scripts", "libraries"])
def test_scripts(pair: tuple[RespClient, RespClient], name: str) -> None:
    ours, theirs = pair
    different = []
    for script in TABLES[name]:
        got, wanted = raw(ours, ["EVAL", *script]), raw(theirs, ["EVAL", *script])
        if got != wanted:
            different.append((script, got, wanted))
    assert different == []


def test_functions(pair: tuple[RespClient, RespClient]) -> None:
    """FUNCTION LIST is compared as a set of lines: Redis lists functions in the order of its hash table."""
    ours, theirs = pair
    different = []
    for command in TABLES["functions"]:
        got, wanted = raw(ours, command), raw(theirs, command)
        if got != wanted and not ("list" in command and sorted(got.split()) == sorted(wanted.split())):
            different.append((command, got, wanted))
    assert different == []


COMMANDS = [
    ["EVAL", "return 1", "x"],
    ["EVAL", "return 1", "-1"],
    ["EVAL", "return 1", "1"],
    ["EVAL", "return 1"],
    ["EVALSHA", "short", "0"],
    ["EVALSHA", "f" * 40, "0"],
    ["EVALSHA", "f" * 40, "9"],
    ["SCRIPT", "LOAD", "return {KEYS[1], ARGV[1]}"],
    ["EVALSHA", "4f1a4e3e3cb5eb2c8e8d6e2f4b1e8a5fbbf0b4cb", "0"],
    ["SCRIPT", "LOAD", "return end"],
    ["SCRIPT", "EXISTS", "F" * 40, "x"],
    ["SCRIPT", "EXISTS"],
    ["SCRIPT", "FLUSH", "MAYBE"],
    ["SCRIPT", "FLUSH", "SYNC", "SYNC"],
    ["SCRIPT", "FLUSH", "ASYNC"],
    ["SCRIPT", "KILL"],
    ["SCRIPT", "DEBUG", "NO"],
    ["SCRIPT", "DEBUG", "MAYBE"],
    ["SCRIPT", "NOPE"],
    ["EVAL_RO", "return redis.call('get', KEYS[1])", "1", "k"],
    ["EVAL_RO", "return redis.call('set', KEYS[1], '1')", "1", "k"],
    ["EVAL_RO", "#!lua\nreturn 1", "0"],
    ["EVAL_RO", "#!lua flags=no-writes\nreturn 1", "0"],
    ["COMMAND", "GETKEYS", "EVAL", "return 1", "2", "a", "b", "c"],
    ["COMMAND", "GETKEYS", "FCALL", "f", "1", "a", "c"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands(pair: tuple[RespClient, RespClient], command: list[str]) -> None:
    ours, theirs = pair
    assert raw(ours, command) == raw(theirs, command)


def test_transaction(pair: tuple[RespClient, RespClient]) -> None:
    for command in (
        ["MULTI"],
        ["SET", "k", "1"],
        ["EVAL", "return {redis.call('incr', KEYS[1]), {err='x'}, false}", "1", "k"],
        ["EVAL", "error('no')", "0"],
        ["GET", "k"],
        ["EXEC"],
    ):
        ours, theirs = (raw(client, command) for client in pair)
        assert ours == theirs


def test_random_numbers_from_the_start(start_server: Callable[..., Server], start_redis: Callable[..., Server]) -> None:
    """math.random goes on through all scripts, from a seed that never changes."""
    script = (
        "return {tostring(math.random()), math.random(10), math.random(5, 7), math.random(-3, 3)}",
        "math.randomseed(7) return {tostring(math.random())}",
        "return tostring(math.random())",
        "math.randomseed(-1.5) return tostring(math.random())",
        "return math.random(0)",
        "return math.random(1, 2, 3)",
        "return math.random('x')",
        "math.randomseed()",
    )
    with start_server().client() as ours, start_redis().client() as theirs:
        for text in script:
            assert raw(ours, ["EVAL", text, "0"]) == raw(theirs, ["EVAL", text, "0"])


def test_effects(pair: tuple[RespClient, RespClient]) -> None:
    """A script's database is its own: SELECT in it does not move the client."""
    for command in (
        ["EVAL", "redis.call('select', 4) redis.call('set', 'a', 'b')", "0"],
        ["GET", "a"],
        ["SELECT", "4"],
        ["GET", "a"],
        ["SELECT", "0"],
    ):
        ours, theirs = (raw(client, command) for client in pair)
        assert ours == theirs


NUMBERS = st.one_of(
    st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.integers(-300, 300)
)
TEXTS = st.text(st.characters(codec="latin-1"), max_size=40)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(TEXTS, inner, max_size=1)),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES, resp=st.sampled_from([2, 3]), script_resp=st.sampled_from([2, 3]))
def test_any_value(client: RespClient, redis_client: RespClient, value: Any, resp: int, script_resp: int) -> None:
    """JSON to Lua to a reply, to JSON again, and to MessagePack and back."""
    script = """
        redis.setresp(tonumber(ARGV[2]))
        local value = cjson.decode(ARGV[1])
        local packed = cmsgpack.pack(value)
        return {value, cjson.encode(value), packed, cjson.encode(cmsgpack.unpack(packed))}
    """
    text = json.dumps(value, ensure_ascii=False).encode()
    replies = []
    for each in (client, redis_client):
        each.ok("HELLO", resp)
        replies.append(each.raw("EVAL", script, 0, text, script_resp))
    assert replies[0] == replies[1]
