"""Publish/subscribe and keyspace notifications: every client hears what it hears from a real redis-server."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.dialogue import Step, run
from tests.support.server import Server

SEQUENCES: dict[str, list[Step]] = {
    "channels": [
        ("a", "SUBSCRIBE", "x", "y", "x"),
        ("b", "PUBLISH", "x", "hello"),
        ("b", "PUBLISH", "nobody", "hello"),
        ("b", "PUBSUB", "NUMSUB", "x", "y", "z"),
        ("b", "PUBSUB", "NUMSUB"),
        ("a", "UNSUBSCRIBE", "x", "unknown"),
        ("b", "PUBLISH", "x", "again"),
        ("a", "UNSUBSCRIBE"),
        ("a", "UNSUBSCRIBE"),
        ("b", "PUBSUB", "CHANNELS"),
    ],
    "patterns": [
        ("a", "PSUBSCRIBE", "news.*", "[ab]?"),
        ("c", "SUBSCRIBE", "news.it"),
        ("c", "PSUBSCRIBE", "news.*"),
        ("b", "PUBLISH", "news.it", "x"),
        ("b", "PUBLISH", "a1", "y"),
        ("b", "PUBSUB", "NUMPAT"),
        ("b", "PUBSUB", "CHANNELS", "n*"),
        ("b", "PUBSUB", "CHANNELS", "z*"),
        ("a", "PUNSUBSCRIBE", "nope"),
        ("a", "PUNSUBSCRIBE", "[ab]?"),
        ("a", "PUNSUBSCRIBE"),
        ("b", "PUBLISH", "news.it", "z"),
    ],
    "shard channels": [
        ("a", "SSUBSCRIBE", "s"),
        ("a", "SUBSCRIBE", "s"),
        ("b", "SPUBLISH", "s", "only shard"),
        ("b", "PUBLISH", "s", "only plain"),
        ("b", "PUBSUB", "SHARDCHANNELS"),
        ("b", "PUBSUB", "SHARDCHANNELS", "q*"),
        ("b", "PUBSUB", "SHARDNUMSUB", "s", "t"),
        ("a", "UNSUBSCRIBE"),
        ("a", "SUNSUBSCRIBE", "t"),
        ("a", "SUNSUBSCRIBE"),
        ("a", "SUNSUBSCRIBE"),
    ],
    "a client that leaves": [
        ("a", "SUBSCRIBE", "x"),
        ("a", "PSUBSCRIBE", "x*"),
        ("c", "SUBSCRIBE", "x"),
        ("a", "CLOSE"),
        ("b", "ECHO", "time to notice"),
        ("b", "PUBLISH", "x", "1"),
        ("b", "PUBSUB", "NUMPAT"),
    ],
    "to oneself": [
        ("a", "SUBSCRIBE", "x"),
        ("a", "PUBLISH", "x", "self"),
    ],
    "errors": [
        ("b", "SUBSCRIBE"),
        ("b", "PUBLISH", "x"),
        ("b", "PUBSUB", "NOPE"),
        ("b", "PUBSUB"),
        ("b", "PUBSUB", "CHANNELS", "a", "b"),
        ("b", "PUBSUB", "NUMPAT", "a"),
    ],
    "restricted mode": [
        ("a", "SUBSCRIBE", "x"),
        ("a", "GET", "k"),
        ("a", "PING"),
        ("a", "PING", "word"),
        ("a", "UNSUBSCRIBE"),
        ("a", "GET", "k"),
        ("a", "SSUBSCRIBE", "x"),
        ("a", "GET", "k"),
    ],
    "in a transaction": [
        ("a", "alone", "MULTI"),
        ("a", "alone", "SUBSCRIBE", "x"),
        ("a", "alone", "PUBLISH", "y", "1"),
        ("a", "alone", "EXEC"),
        ("b", "PUBLISH", "x", "1"),
    ],
    "reset": [
        ("a", "SUBSCRIBE", "x"),
        ("a", "PSUBSCRIBE", "x*"),
        ("a", "RESET"),
        ("b", "PUBLISH", "x", "1"),
        ("a", "GET", "k"),
    ],
}


@pytest.mark.parametrize("resp", [2, 3])
@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence(server: Server, redis_server: Server, name: str, resp: int) -> None:
    connections = {"a": resp, "b": 2, "c": 5 - resp}
    ours = run(server.client, connections, SEQUENCES[name])
    assert ours == run(redis_server.client, connections, SEQUENCES[name])


NAMES = st.sampled_from(["x", "y", "xy"])
PATTERNS = st.sampled_from(["*", "x*", "?", "[xy]"])
STEPS = st.one_of(
    st.tuples(st.sampled_from("ac"), st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE"]), NAMES),
    st.tuples(st.sampled_from("ac"), st.sampled_from(["PSUBSCRIBE", "PUNSUBSCRIBE"]), PATTERNS),
    st.tuples(st.sampled_from("ac"), st.sampled_from(["SSUBSCRIBE", "SUNSUBSCRIBE"]), NAMES),
    st.tuples(st.just("b"), st.sampled_from(["PUBLISH", "SPUBLISH"]), NAMES, st.just("message")),
    st.tuples(st.just("b"), st.just("PUBSUB"), st.just("NUMSUB"), NAMES, NAMES),
    st.tuples(st.just("b"), st.just("PUBSUB"), st.just("NUMPAT")),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=15), resp=st.sampled_from([2, 3]))
def test_any_sequence(server: Server, redis_server: Server, steps: list[Step], resp: int) -> None:
    """Messages to several patterns of one client come in an order of Redis' own hashing: compared as a multiset."""
    connections = {"a": resp, "b": 2, "c": 5 - resp}

    def heard(target: Server) -> list[dict[str, list[bytes]]]:
        return [
            {name: sorted(items) for name, items in step.items()} for step in run(target.client, connections, steps)
        ]

    assert heard(server) == heard(redis_server)
