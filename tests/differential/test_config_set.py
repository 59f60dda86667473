"""CONFIG GET and CONFIG SET: names, defaults, replies and what is shown afterwards are those of redis-server 7.0.

Our side is the registry itself, so that values that would move the server (bind, port, dir) can be tried as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyredisai.config.param import Param
from pyredisai.config.registry import BY_NAME, PARAMS, Registry
from pyredisai.errors import ConfigError
from tests.support.resp import ErrorReply, RespClient

# The one default of ours that differs, and why it does: docs/adr tells.
OWN_DEFAULTS = {"enable-module-command": "local"}
# What a test may not change on a running server, or what only its machine knows.
UNTRIED = {"bind", "port", "dir", "requirepass", "maxclients", "client-query-buffer-limit", "maxmemory-clients"}
UNTRIED |= {"enable-debug-command", "enable-module-command"}  # the shared server has its own values
UNTRIED |= {"watchdog-period"}  # redis-server raises it to fit hz
PLAIN = [
    p for p in PARAMS if not p.option and p.name not in UNTRIED and not p.missing and not p.name.startswith("tls-")
]
WORDS = [
    "yes", "no", "YES", "bogus", "", "0", "1", "-1", "07", "+5", " 5", "5 ", "100", "1000", "70000",
    "2147483647", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "1e3", "0x10", "1kb", "1K", "5mb", "1GB", "kb", "1.5gb", "1t", "5%", "101%", "%",
    "18446744073709551615", "99999999999gb", "1 2", "1  2", "3600 1", "60 10 30 0", "0 1", "1 -1", "a/b",
    "x.rdb", "KEA", "An", "Kx", "m", "gm", "g$lshzxetd", "normal 2mb 1mb 5", "replica 1 1 1", "slave a 1 1",
    "pubsub 1kb 1 -1", "master 1 1 1", "normal 5mb 5mb 5 x", "1 2 3", "-2000 0 2000", "-2001 0 0", "a b c",
    "50 99.9", "100.5", "1e1", "nan", "inf", "5x", ".5", "é", "save now", "NOW force save",
    "save nosave", "default", "default save", "everysec", "Always", "swapdb", "local", "{title}",
    "{title} {port}", "{foo}", "{", "}", "x", "allkeys-lru", "NOEVICTION", "debug", "a.b-c", "a_b",
    "x" * 256,
]  # fmt: skip


@pytest.fixture
def real(start_redis: Callable[..., Any]) -> Iterator[RespClient]:
    with start_redis("--save", "3600 1 300 100 60 10000").client() as client:
        yield client


def shown(reply: list[bytes]) -> dict[str, str]:
    texts = [word.decode("utf-8", "surrogateescape") for word in reply]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def test_same_names_and_defaults(real: RespClient) -> None:
    """Every name that redis-server shows is known, with the same default; nothing else is, but the AI options."""
    theirs, ours = shown(real("CONFIG", "GET", "*")), Registry().find(["*"])
    own = {name for name in ours if name.startswith("ai.")}
    assert set(ours) - own == set(theirs)
    machine = {"dir", "port", "enable-module-command"}
    assert {n: t for n, t in theirs.items() if n not in machine} == {
        n: t for n, t in ours.items() if n not in machine | own
    }
    assert {name: ours[name] for name in OWN_DEFAULTS} == OWN_DEFAULTS


def test_hidden_names_answer_to_their_exact_name_only(real: RespClient) -> None:
    for param in PARAMS:
        if param.hidden:
            assert shown(real("CONFIG", "GET", param.name)) == Registry().find([param.name])
            assert not real("CONFIG", "GET", param.name + "*")


def attempt(registry: Registry, real: RespClient, pairs: list[tuple[str, str]]) -> tuple[object, object]:
    """The replies of both to one CONFIG SET."""
    flat = [word.encode("utf-8", "surrogateescape") for pair in pairs for word in pair]
    theirs = real("CONFIG", "SET", *flat)
    try:
        registry.set(pairs, lambda param: False)
        ours: object = "OK"
    except ConfigError as error:
        ours = str(error)
    return ours, theirs.text if isinstance(theirs, ErrorReply) else theirs


def check(registry: Registry, real: RespClient, names: list[str]) -> None:
    for name in names:
        assert registry.find([name]) == shown(real("CONFIG", "GET", name))


@pytest.mark.parametrize("param", PLAIN, ids=lambda param: param.name)
def test_every_parameter_takes_and_refuses_the_same(param: Param, redis_client: RespClient) -> None:
    registry = Registry()
    attempt(registry, redis_client, [(param.name, registry.text(param.name))])
    for name in filter(None, (param.name, param.alias, param.name.upper())):
        for word in WORDS:
            ours, theirs = attempt(registry, redis_client, [(name, word)])
            assert ours == theirs, (name, word)
            check(registry, redis_client, [name])
    attempt(registry, redis_client, [(param.name, Registry().text(param.name))])


NAMES = st.sampled_from(
    ["hz", "timeout", "maxmemory", "save", "loglevel", "slave-read-only", "replica-read-only", "HZ"]
)
ODD = st.sampled_from(["nosuch", "databases", "dir", "lfu-log-factor"])
PAIRS = st.lists(
    st.tuples(NAMES | ODD, st.sampled_from(["1", "yes", "x", "60 1", "notice", "5kb"])), min_size=1, max_size=4
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS)
def test_several_pairs_are_all_set_or_none(redis_client: RespClient, pairs: list[tuple[str, str]]) -> None:
    """The first complaint, and what is shown after it, are the same."""
    registry = Registry()
    names = [name for name, _ in pairs if name.lower() in BY_NAME and name != "dir"]
    for name in names:
        if BY_NAME[name.lower()].runtime:
            attempt(registry, redis_client, [(name, Registry().text(name))])
    ours, theirs = attempt(registry, redis_client, pairs)
    assert ours == theirs
    check(registry, redis_client, [name for name in names if name != "databases"])


PATTERN = st.text("maxs*?[]-^\\eiz", max_size=8)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PATTERN, min_size=1, max_size=3))
def test_patterns_find_the_same_names(redis_client: RespClient, patterns: list[str]) -> None:
    ours = [name for name in Registry().find(patterns) if not name.startswith("ai.")]
    theirs = shown(redis_client("CONFIG", "GET", *patterns))
    assert sorted(map(str.lower, ours)) == sorted(map(str.lower, theirs))


@pytest.fixture(autouse=True)
def _same_directory() -> Iterator[None]:
    before = os.getcwd()
    yield
    os.chdir(before)
