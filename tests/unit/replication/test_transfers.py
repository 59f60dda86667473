"""Transfers: a file that no replica waits for any more is not written to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pyredisai.config.registry import Registry
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.persistence import snapshot as module
from pyredisai.persistence.disk import Abandoned
from pyredisai.persistence.snapshot import Pictures
from pyredisai.replication.history import History
from pyredisai.replication.peer import Peer, Phase
from pyredisai.replication.transfers import Transfers
from pyredisai.resp.replies import Reply


class Outlet:
    """A replica's connection."""

    def __init__(self) -> None:
        self.sent: list[Reply] = []
        self.closed = False

    def push(self, reply: Reply) -> None:
        self.sent.append(reply)

    def close(self) -> None:
        self.closed = True

    def output_buffered(self) -> int:
        return 0


class Loop:
    """Helper threads and a loop that run when they are told to."""

    def __init__(self) -> None:
        self.work: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []

    def run_in_background(self, function: Callable[[], Any], done: Callable[[Any], None], /) -> None:
        self.work.append((function, done))

    def call_soon(self, function: Callable[[], object], /) -> None:
        function()

    def way_to_loop(self) -> Callable[[Callable[[], object]], object]:
        return self.call_soon


def test_a_file_that_nobody_waits_for_is_given_up(tmp_path: Path) -> None:
    config, loop, logged, later = Registry(), Loop(), list[str](), list[Callable[[], None]]()
    config.set([("dir", str(tmp_path))], lambda _: True)
    db = Database(0, KeyspaceEvents())
    for number in range(100):
        db.set(b"%d" % number, b"value")
    pictures = Pictures([db], lambda _, function: later.append(function))
    transfers = Transfers(
        config, pictures, History(), loop, loop.run_in_background, lambda _, text: logged.append(text)
    )
    peer = Peer(Outlet(), "127.0.0.1")
    peer.phase = Phase.WAITING
    transfers.start_due([peer])
    transfers.forget(peer)
    function, done = loop.work.pop()
    with patch.object(module, "SLICE_S", 0):
        try:
            done(function())
        except Abandoned as given_up:
            done(given_up)
    assert transfers.snapshot is None
    for function in later:
        function()
    assert type(db.data) is dict
    assert not list(tmp_path.iterdir())
    assert logged == ["Starting a snapshot for 1 replicas, written to a file first"]
