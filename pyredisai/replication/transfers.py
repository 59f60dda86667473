"""Full synchronizations: one snapshot at a time, written in a thread, sent from the loop to all who wait for it.

Replicas that can tell the end by a mark (capa eof) get it while it is written (repl-diskless-sync); for the others it
is written to a file first, because its length comes before it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import BinaryIO, Final, Protocol, cast

from pyredisai.config.registry import Registry
from pyredisai.execution.affinity import Run
from pyredisai.persistence.disk import Abandoned, new_file, remove
from pyredisai.persistence.rdb import file as rdb_file
from pyredisai.persistence.snapshot import Pictures, Snapshot
from pyredisai.replication.delivery import PIECE, FileSource, Pipe, Source
from pyredisai.replication.history import History
from pyredisai.replication.peer import Peer, Phase

# What is sent in one turn of the loop.
_TURN: Final = 4 * PIECE


class Loop(Protocol):
    """What a transfer asks of the event loop."""

    def call_soon(self, function: Callable[[], object], /) -> None:
        """Call in the next round."""

    def way_to_loop(self) -> Callable[[Callable[[], object]], object]:
        """A `call_soon` for threads."""


class Delivery:
    """One source, sent to some replicas at the pace of the slowest; `end` is sent after it."""

    def __init__(self, source: Source, peers: list[Peer], loop: Loop, end: bytes, done: Callable[[Peer], None]) -> None:
        self.source, self.peers, self._loop, self._end, self._done = source, peers, loop, end, done
        self._planned = False
        self.finished = False
        for peer in peers:
            peer.on_room = self.plan

    def plan(self) -> None:
        """Go on in the next round."""
        if not self._planned:
            self._planned = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._planned = False
        sent = 0
        while not self.finished and not any(peer.choked for peer in self.peers):
            if sent >= _TURN:
                self.plan()
                return
            try:
                piece = self.source.take()
            except OSError:
                self.abort()
                return
            if piece is None:
                self._finish()
            elif not piece:
                return
            else:
                sent += len(piece)
                for peer in self.peers:
                    peer.send(piece)

    def _finish(self) -> None:
        self.finished = True
        self.source.close()
        for peer in self.peers:
            peer.on_room = None
            if self._end:
                peer.send(self._end)
            self._done(peer)

    def forget(self, peer: Peer) -> None:
        """It is gone; without any left the source is closed."""
        if peer in self.peers:
            self.peers.remove(peer)
            peer.on_room = None
            if not self.peers:
                self.finished = True
                self.source.close()
            else:
                self.plan()

    def abort(self) -> None:
        """There is no more to come: the replicas are sent away, to try again."""
        self.finished = True
        self.source.close()
        for peer in self.peers:
            peer.on_room = None
            peer.outlet.close()


class Transfers:
    """`snapshot` is the picture that is being written (`on_snapshot` is told); `write_options` says how."""

    def __init__(
        self,
        config: Registry,
        pictures: Pictures,
        history: History,
        loop: Loop,
        background: Run,
        log: Callable[[str, str], None],
    ) -> None:
        self._config, self._pictures, self._history, self._loop, self._log = config, pictures, history, loop, log
        self._background = background
        self.snapshot: Snapshot | None = None
        self.on_snapshot: Callable[[Snapshot | None], None] = lambda _: None
        self.write_options: Callable[[], rdb_file.WriteOptions] = rdb_file.WriteOptions
        self.on_start: Callable[[], None] = lambda: None
        self._deliveries: list[Delivery] = []
        self._for_file: list[Peer] = []

    def start_due(self, peers: Iterable[Peer]) -> None:
        """Begin a snapshot for the replicas that wait, unless one is being written or more may come soon."""
        if self.snapshot is not None:
            return
        waiting = [peer for peer in peers if peer.phase is Phase.WAITING]
        waiting = [peer for peer in waiting if peer.content == waiting[0].content]
        diskless = [peer for peer in waiting if peer.eof and self._config["repl-diskless-sync"]]
        for_file = [peer for peer in waiting if peer not in diskless]
        if for_file:
            self._start_file(for_file)
        elif diskless and self._is_time(diskless):
            self._start_pipe(diskless)

    def _is_time(self, group: list[Peer]) -> bool:
        enough: int = self._config["repl-diskless-sync-max-replicas"]
        if enough and len(group) >= enough:
            return True
        longest = time.monotonic() - min(peer.since_s for peer in group)
        return bool(longest >= self._config["repl-diskless-sync-delay"])

    def _begin(self, group: list[Peer]) -> tuple[Snapshot, rdb_file.WriteOptions]:
        """Take the picture; from here on the stream is kept for the group."""
        self.on_start()
        content = group[0].content
        self.snapshot = snapshot = self._pictures.take(empty=content != "everything")
        snapshot.delay_us = self._config["rdb-key-save-delay"]
        self.on_snapshot(snapshot)
        history = self._history
        for peer in group:
            peer.phase = Phase.RECEIVING
            if not peer.old:
                peer.send(b"+FULLRESYNC %b %d\r\n" % (history.id.encode(), history.offset))
        options = self.write_options()
        return snapshot, options._replace(functions=()) if content == "nothing" else options

    def _end(self) -> None:
        if self.snapshot is not None:
            self._pictures.release(self.snapshot)
        self.snapshot = None
        self.on_snapshot(None)
        self._deliveries = [delivery for delivery in self._deliveries if not delivery.finished]

    def _start_pipe(self, group: list[Peer]) -> None:
        snapshot, options = self._begin(group)
        self._log("notice", f"Starting a snapshot for {len(group)} replicas, sent as it is written")
        mark = os.urandom(20).hex().encode()
        call = self._loop.way_to_loop()
        pipe = Pipe(lambda: call(delivery.plan))
        delivery = Delivery(pipe, list(group), self._loop, mark, self._sent_with_mark)
        self._deliveries.append(delivery)
        for peer in group:
            peer.send(b"$EOF:%b\r\n" % mark)

        def written(result: object) -> None:
            if isinstance(result, BaseException):
                if not delivery.finished:
                    self._log("warning", f"Writing the snapshot for replicas failed: {result}")
                delivery.abort()
            else:
                pipe.complete()
                delivery.plan()
            self._end()

        self._background(
            lambda: rdb_file.write(cast(BinaryIO, pipe), snapshot, options._replace(checksum=True)),
            written,
        )

    def _start_file(self, group: list[Peer]) -> None:
        snapshot, options = self._begin(group)
        self._for_file = list(group)
        self._log("notice", f"Starting a snapshot for {len(group)} replicas, written to a file first")
        directory = str(self._config["dir"])
        synced: bool = self._config["rdb-save-incremental-fsync"]

        def write() -> str:
            handle, path = tempfile.mkstemp(prefix="temp-repl-", suffix=".rdb", dir=directory)
            os.close(handle)
            try:
                with new_file(path, synced=synced) as file:
                    rdb_file.write(file, snapshot, options)
            except BaseException:
                remove(path)
                raise
            return path

        self._background(write, self._written)

    def _written(self, result: object) -> None:
        group, self._for_file = self._for_file, []
        if isinstance(result, str):
            try:
                self._deliver_file(result, group)
            except OSError as error:
                result = error
            else:
                remove(result)
        if not isinstance(result, str):
            if not isinstance(result, Abandoned):
                self._log("warning", f"Writing the snapshot for replicas failed: {result}")
            for peer in group:
                peer.outlet.close()
        self._end()

    def _deliver_file(self, path: str, group: list[Peer]) -> None:
        size = os.path.getsize(path)
        for peer in group:
            source = FileSource(open(path, "rb"))  # noqa: SIM115 (closed by its delivery)
            delivery = Delivery(source, [peer], self._loop, b"", self._sent)
            self._deliveries.append(delivery)
            peer.send(b"$%d\r\n" % size)
            delivery.plan()

    def _sent(self, peer: Peer) -> None:
        self._log("notice", f"Synchronization with replica {peer.address}:{peer.port} succeeded")
        if peer.rdb_only:
            peer.phase = Phase.DETACHED
        else:
            peer.go_online()

    def _sent_with_mark(self, peer: Peer) -> None:
        if peer.rdb_only:
            peer.phase = Phase.DETACHED
        else:  # what follows the mark at once could be taken for a part of the file
            peer.phase = Phase.UNCONFIRMED

    def is_silent(self, peer: Peer) -> bool:
        """Whether nothing has been sent of the file yet: then the replica hears that we are there."""
        return peer in self._for_file

    def forget(self, peer: Peer) -> None:
        """It is gone."""
        if peer in self._for_file:
            self._for_file.remove(peer)
            if not self._for_file and self.snapshot is not None:
                self.snapshot.stop()
        for delivery in list(self._deliveries):
            delivery.forget(peer)
            if delivery.finished:
                self._deliveries.remove(delivery)
