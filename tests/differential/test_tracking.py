"""Client-side caching: every client hears the invalidations that it hears from a real redis-server.

Connection t tracks, w writes, r is redirected to. What may be read in any order is read one key at a time.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.dialogue import Step, run
from tests.support.server import Server

SEQUENCES: dict[str, list[Step]] = {
    "default mode": [
        ("t", "CLIENT", "TRACKING", "ON"),
        ("t", "GET", "a"),
        ("w", "SET", "b", 1),
        ("w", "SET", "a", 1),
        ("w", "SET", "a", 2),
        ("t", "GET", "a"),
        ("t", "SET", "a", 3),
        ("t", "GET", "a"),
        ("w", "DEL", "a"),
        ("t", "CLIENT", "TRACKING", "OFF"),
        ("t", "GET", "a"),
        ("w", "SET", "a", 1),
    ],
    "flush": [
        ("t", "CLIENT", "TRACKING", "ON"),
        ("t", "GET", "a"),
        ("w", "FLUSHALL"),
        ("w", "SET", "a", 1),
        ("t", "FLUSHALL"),
    ],
    "no loop": [
        ("t", "CLIENT", "TRACKING", "ON", "NOLOOP"),
        ("t", "GET", "a"),
        ("t", "SET", "a", 1),
        ("t", "GET", "a"),
        ("w", "SET", "a", 1),
    ],
    "redirect": [
        ("t", "CLIENT", "TRACKING", "ON", "REDIRECT", "{r}"),
        ("t", "GET", "a"),
        ("w", "SET", "a", 1),
        ("r", "SUBSCRIBE", "__redis__:invalidate"),
        ("t", "GET", "a"),
        ("w", "SET", "a", 1),
        ("t", "GET", "a"),
        ("w", "FLUSHALL"),
        ("t", "GET", "a"),
        ("t", "CLIENT", "TRACKING", "ON"),
        ("t", "GET", "a"),
        ("w", "SET", "a", 1),
    ],
    "opt in": [
        ("t", "CLIENT", "TRACKING", "ON", "OPTIN"),
        ("t", "GET", "a"),
        ("w", "SET", "a", 1),
        ("t", "alone", "CLIENT", "CACHING", "YES"),
        ("t", "CLIENT", "TRACKINGINFO"),
        ("t", "alone", "CLIENT", "CACHING", "YES"),
        ("t", "GET", "a"),
        ("t", "GET", "b"),
        ("w", "SET", "b", 1),
        ("w", "SET", "a", 1),
        ("t", "alone", "CLIENT", "CACHING", "YES"),
        ("t", "alone", "MULTI"),
        ("t", "alone", "GET", "a"),
        ("t", "alone", "GET", "b"),
        ("t", "EXEC"),
        ("w", "SET", "b", 1),
        ("w", "SET", "a", 1),
    ],
    "opt out": [
        ("t", "CLIENT", "TRACKING", "ON", "OPTOUT"),
        ("t", "GET", "a"),
        ("t", "alone", "CLIENT", "CACHING", "NO"),
        ("t", "GET", "b"),
        ("w", "SET", "b", 1),
        ("w", "SET", "a", 1),
    ],
    "broadcast": [
        ("t", "CLIENT", "TRACKING", "ON", "BCAST"),
        ("t", "CLIENT", "TRACKINGINFO"),
        ("w", "SET", "a", 1),
        ("t", "SET", "b", 1),
        ("w", "MSET", "z", 1, "y", 1, "a", 1),
        ("w", "FLUSHALL"),
        ("t", "CLIENT", "TRACKING", "OFF"),
        ("t", "CLIENT", "TRACKING", "ON", "BCAST", "NOLOOP", "PREFIX", "a", "PREFIX", "b"),
        ("w", "SET", "a1", 1),
        ("w", "SET", "c1", 1),
        ("t", "SET", "b1", 1),
        ("w", "MSET", "b1", 1, "a2", 2),
        ("t", "CLIENT", "TRACKINGINFO"),
    ],
    "transaction": [
        ("t", "CLIENT", "TRACKING", "ON"),
        ("t", "alone", "MULTI"),
        ("t", "alone", "GET", "a"),
        ("t", "alone", "SET", "a", 1),
        ("t", "alone", "GET", "a"),
        ("t", "EXEC"),
        ("w", "SET", "a", 1),
    ],
    "expiry": [
        ("w", "SET", "a", 1, "PX", 100),
        ("t", "CLIENT", "TRACKING", "ON"),
        ("t", "GET", "a"),
        ("w", "SLEEP", 0.12),
        ("w", "GET", "a"),
        ("t", "GET", "a"),
        ("w", "SET", "a", 1),
    ],
    "information": [
        ("t", "CLIENT", "TRACKINGINFO"),
        ("t", "CLIENT", "GETREDIR"),
        ("t", "CLIENT", "TRACKING", "ON", "OPTOUT", "NOLOOP"),
        ("t", "CLIENT", "TRACKINGINFO"),
        ("t", "CLIENT", "GETREDIR"),
    ],
    "errors": [
        ("t", "CLIENT", "TRACKING", "MAYBE"),
        ("t", "CLIENT", "TRACKING"),
        ("t", "CLIENT", "TRACKING", "ON", "NOPE"),
        ("t", "CLIENT", "TRACKING", "ON", "REDIRECT"),
        ("t", "CLIENT", "TRACKING", "ON", "REDIRECT", "x"),
        ("t", "CLIENT", "TRACKING", "ON", "REDIRECT", 999999),
        ("t", "CLIENT", "TRACKING", "ON", "REDIRECT", "{w}", "REDIRECT", "{w}"),
        ("t", "CLIENT", "TRACKING", "ON", "PREFIX", "a"),
        ("t", "CLIENT", "TRACKING", "ON", "BCAST", "OPTIN"),
        ("t", "CLIENT", "TRACKING", "ON", "OPTOUT", "OPTIN"),
        ("t", "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "ab", "PREFIX", "a"),
        ("t", "CLIENT", "CACHING", "YES"),
        ("t", "CLIENT", "TRACKING", "ON", "OPTIN"),
        ("t", "CLIENT", "TRACKING", "ON", "OPTOUT"),
        ("t", "CLIENT", "TRACKING", "ON", "BCAST"),
        ("t", "CLIENT", "CACHING", "NO"),
        ("t", "CLIENT", "CACHING", "MAYBE"),
        ("t", "CLIENT", "TRACKING", "OFF"),
        ("t", "CLIENT", "TRACKING", "ON", "OPTOUT"),
        ("t", "CLIENT", "CACHING", "YES"),
        ("t", "CLIENT", "TRACKING", "OFF"),
        ("t", "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "user"),
        ("t", "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "user:1"),
        ("t", "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x"),
        ("t", "CLIENT", "TRACKINGINFO"),
    ],
}


@pytest.mark.parametrize("resp", [2, 3])
@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence(server: Server, redis_server: Server, name: str, resp: int) -> None:
    connections = {"t": resp, "w": 2, "r": 5 - resp}
    with server.client() as ours, redis_server.client() as theirs:
        ours("FLUSHALL")
        theirs("FLUSHALL")
    heard = run(server.client, connections, SEQUENCES[name])
    assert heard == run(redis_server.client, connections, SEQUENCES[name])


KEYS = st.sampled_from(["a", "b", "ab"])
MODES = st.sampled_from([(), ("NOLOOP",), ("BCAST",), ("BCAST", "NOLOOP"), ("BCAST", "PREFIX", "a"), ("OPTIN",)])
STEPS = st.one_of(
    st.tuples(st.sampled_from("tw"), st.just("GET"), KEYS),
    st.tuples(st.sampled_from("tw"), st.just("SET"), KEYS, st.just("v")),
    st.tuples(st.sampled_from("tw"), st.just("DEL"), KEYS, KEYS),
    st.tuples(st.just("w"), st.just("FLUSHALL")),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12), mode=MODES, resp=st.sampled_from([2, 3]))
def test_any_sequence(
    server: Server, redis_server: Server, steps: list[Step], mode: tuple[str, ...], resp: int
) -> None:
    start: list[Step] = [
        ("w", "FLUSHALL"),
        ("r", "SUBSCRIBE", "__redis__:invalidate"),
        ("t", "CLIENT", "TRACKING", "ON", *mode, *(("REDIRECT", "{r}") if resp == 2 else ())),
    ]
    connections = {"t": resp, "w": 2, "r": 2}
    assert run(server.client, connections, start + steps) == run(redis_server.client, connections, start + steps)
