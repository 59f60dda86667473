"""redis-py's PubSub in both protocols, keyspace notifications, and CLIENT REPLY."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.support.resp import Push, RespClient
from tests.support.server import Server


@pytest.fixture(params=[2, 3])
def connection(request: Any, server: Server) -> Iterator[redis.Redis]:
    with redis.Redis(port=server.port, protocol=request.param) as connection:
        yield connection


def next_message(pubsub: Any) -> dict[str, Any]:
    """The next message; subscribing and leaving are confirmed too."""
    while True:
        message: dict[str, Any] | None = pubsub.get_message(timeout=10)
        assert message is not None
        return message


def test_redis_py(connection: redis.Redis) -> None:
    with connection.pubsub() as pubsub:
        pubsub.subscribe("news")
        pubsub.psubscribe("n*")
        pubsub.ssubscribe("shard")
        kinds = [next_message(pubsub)["type"] for _ in range(3)]
        assert kinds == ["subscribe", "psubscribe", "ssubscribe"]
        assert connection.publish("news", "hello") == 2
        assert connection.spublish("shard", "s") == 1
        found = [(m["type"], m["channel"], m["data"]) for m in (next_message(pubsub) for _ in range(3))]
        assert found == [
            ("message", b"news", b"hello"),
            ("pmessage", b"news", b"hello"),
            ("smessage", b"shard", b"s"),
        ]
        pubsub.ping()
        assert next_message(pubsub)["type"] == "pong"
        pubsub.unsubscribe()
        assert next_message(pubsub)["type"] == "unsubscribe"
    assert connection.pubsub_numpat() in (0, 1)


def test_keyspace_notifications(client: RespClient, server: Server) -> None:
    client.ok("CONFIG", "SET", "notify-keyspace-events", "KEg$")
    try:
        with server.client() as listener:
            listener("PSUBSCRIBE", "__key*__:*")
            client("SET", "k", "v")
            client("DEL", "k")
            found = [listener.read()[2:] for _ in range(4)]
            assert found == [
                [b"__keyspace@0__:k", b"set"],
                [b"__keyevent@0__:set", b"k"],
                [b"__keyspace@0__:k", b"del"],
                [b"__keyevent@0__:del", b"k"],
            ]
            client.ok("CONFIG", "SET", "notify-keyspace-events", "Ex")
            client("SET", "k", "v")
            assert listener.quiet()
    finally:
        client.ok("CONFIG", "SET", "notify-keyspace-events", "")


def test_confirmations_despite_reply_off(server: Server) -> None:
    with server.client() as quiet:
        quiet.send("CLIENT", "REPLY", "OFF")
        quiet.send("SUBSCRIBE", "a")
        assert quiet.read() == [b"subscribe", b"a", 1]


def test_messages_come_between_replies(client: RespClient, server: Server) -> None:
    """RESP3: a subscriber goes on sending commands; pushes stand between their replies."""
    with server.client() as both:
        both("HELLO", 3)
        both("SUBSCRIBE", "a")
        client("PUBLISH", "a", "1")
        both.send("GET", "k")
        assert isinstance(both.read(), Push)
        assert both.read() is None


def test_tracking_table_is_bounded(start_server: Any) -> None:
    """tracking-table-max-keys: the oldest keys are invalidated as if they had changed."""
    server = start_server("--tracking-table-max-keys", 2)
    with server.client() as client:
        client("HELLO", 3)
        client("CLIENT", "TRACKING", "ON")
        for key in ("a", "b", "c"):
            client("GET", key)
        push = client.read()
        assert isinstance(push, Push)
        assert push == [b"invalidate", [b"a"]]
