"""HyperLogLogs and places in the append-only files and snapshots of both sides."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.support.server import Server
from tests.wire.replication.support import dump, places, sketches

Start = Callable[..., Server]


@pytest.mark.parametrize("by_us", [True, False])
@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_a_log_of_one_is_loaded_by_the_other(
    start_server: Start, start_redis: Start, by_us: bool, preamble: str
) -> None:
    options = ("--appendonly", "yes", "--aof-use-rdb-preamble", preamble)
    choose = random.Random(by_us)
    writer = (start_server if by_us else start_redis)(*options)
    with writer.client() as client:
        for at in range(600):
            for make in (sketches, places):
                for command in make(choose):
                    client(*command)
            if at == 300:
                client.ok("BGREWRITEAOF")
        expected = dump(client)
        assert len(expected) > 20
    writer.stop(keep_folder=True)
    reader = (start_redis if by_us else start_server)(*options, folder=writer.dir)
    with reader.client() as client:
        assert dump(client) == expected
    assert "CRITICAL" not in reader.log
