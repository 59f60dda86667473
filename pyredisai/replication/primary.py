"""The server as a primary (also a replica that has replicas): feeds the stream, decides PSYNC, counts acknowledgements.

The stream is collected during a round of the loop and handed on at its end, in one piece. `append` is the journal's
subscriber once a replica has come; before that nothing is done for any command.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pyredisai.config.registry import Registry
from pyredisai.errors import ReplyError, replication_texts
from pyredisai.journal import Effect, Journal
from pyredisai.persistence.aof.commands import EffectStream, encode
from pyredisai.replication.history import History
from pyredisai.replication.peer import Peer, Phase
from pyredisai.replication.transfers import Transfers
from pyredisai.resp.buffers import coalesced
from pyredisai.resp.encoder import Buffers

PING: Final = encode([b"PING"])
GETACK: Final = encode([b"REPLCONF", b"GETACK", b"*"])


@dataclass(slots=True)
class SyncStats:
    """Counters of INFO stats."""

    full: int = 0
    partial: int = 0
    partial_refused: int = 0
    input_bytes: int = 0
    output_bytes: int = 0


@dataclass(slots=True, eq=False)
class AckWaiter:
    """Somebody waits until `replicas` have the stream up to `offset`."""

    offset: int
    replicas: int
    done: Callable[[int], None]


class Primary:
    """`is_replica` is true while this server follows another: then the stream comes from there (`relay`).

    `still`: the server is about to end, and the stream with it.
    """

    def __init__(
        self,
        config: Registry,
        journal: Journal,
        wake: Callable[[Callable[[], None]], object],
        log: Callable[[str, str], None],
    ) -> None:
        self._config, self._journal, self._wake, self._log = config, journal, wake, log
        self.history = History()
        self.stream = EffectStream()
        self.peers: list[Peer] = []
        self.stats = SyncStats()
        self.waiters: list[AckWaiter] = []
        self.transfers: Transfers
        self.is_replica = False
        self.failover_state = "no-failover"
        self.still = False
        self._fresh: Buffers = []
        self._waking = False
        self._ping_at = 0.0
        self._second_at = 0.0
        self._alone_since = time.monotonic()
        config.watch("repl-backlog-size", self._resize)

    # The stream

    @property
    def feeding(self) -> bool:
        """Whether commands are to be fed to replicas, or at least to the backlog."""
        return self.history.backlog is not None and not self.is_replica

    def follow_journal(self) -> None:
        """Subscribe to the journal where commands are to be fed, and not otherwise."""
        subscribers = self._journal.subscribers
        if self.feeding and self.append not in subscribers:
            subscribers.append(self.append)
        elif not self.feeding and self.append in subscribers:
            subscribers.remove(self.append)

    def append(self, database: int, effects: list[Effect]) -> None:
        """Feed the effects of one command."""
        self._emit(self.stream.encode(database, effects))

    def announce(self, command: Effect) -> None:
        """Feed a message, which changes no data: replicas pass it on to their subscribers."""
        if self.feeding:
            self._emit([encode(command)])

    def relay(self, data: bytes) -> None:
        """Feed what the primary sent, as it came."""
        self._emit([data])

    def _emit(self, parts: Sequence[bytes]) -> None:
        for part in parts:
            self.history.offset += len(part)
        self._fresh += parts
        if not self._waking:
            self._waking = True
            self._wake(self.spread)

    def spread(self) -> None:
        """Hand on what has been collected."""
        self._waking = False
        fresh, self._fresh = self._fresh, []
        for chunk in coalesced(fresh):
            self.history.extend(chunk)
            self.stats.output_bytes += len(chunk) * len(self.peers)
            for peer in self.peers:
                peer.feed(chunk)

    def begin_anew(self) -> None:
        """A replica begins here: what was collected is before it, and what comes names its database first."""
        self.spread()
        self.stream.database = -1

    def _resize(self, size: int) -> None:
        if self.history.backlog is not None:
            self.history.backlog.resize(size)

    # Replicas come and go

    def attach(self, peer: Peer, id: str, offset: int) -> None:
        """PSYNC: go on where the replica is, or begin with everything. `id` is `?` for a replica that has nothing."""
        self.spread()
        self._alone_since = time.monotonic()
        if self._config["repl-disable-tcp-nodelay"]:
            peer.outlet.delay_packets()
        if self.history.can_continue(id, offset):
            self._continue(peer, offset)
            return
        if id != "?":
            self.stats.partial_refused += 1
            self._log("notice", f"Partial resynchronization not accepted for {peer.address}:{peer.port}")
        self.stats.full += 1
        if self.history.backlog is None:
            self.history.begin(self._config["repl-backlog-size"])
        self.follow_journal()
        peer.phase, peer.since_s = Phase.WAITING, time.monotonic()
        self.peers.append(peer)
        self.transfers.start_due(self.peers)

    def _continue(self, peer: Peer, offset: int) -> None:
        self.stats.partial += 1
        assert self.history.backlog is not None
        peer.send(b"+CONTINUE %b\r\n" % self.history.id.encode() if peer.psync2 else b"+CONTINUE\r\n")
        for chunk in self.history.backlog.since(offset):
            peer.send(chunk)
        peer.phase, peer.acked_s = Phase.ONLINE, time.monotonic()
        self.peers.append(peer)
        self.follow_journal()
        missing = self.history.backlog.end - offset
        self._log("notice", f"Partial resynchronization of {peer.address}:{peer.port}: {missing} bytes of backlog")

    def forget(self, peer: Peer) -> None:
        """Its connection is closed."""
        if peer in self.peers:
            self.peers.remove(peer)
            self.transfers.forget(peer)
            self._alone_since = time.monotonic()
            self._log("notice", f"Connection with replica {peer.address}:{peer.port} lost.")

    def drop_all(self) -> None:
        """Close the connections of all replicas: they will ask where they stand."""
        self.spread()
        for peer in list(self.peers):
            peer.outlet.close()
            self.forget(peer)

    # Acknowledgements

    def acknowledge(self, peer: Peer, offset: int) -> None:
        """REPLCONF ACK."""
        peer.acked = max(peer.acked, offset)
        peer.acked_s = time.monotonic()
        if peer.phase is Phase.UNCONFIRMED:
            peer.go_online()
            self._log("notice", f"Synchronization with replica {peer.address}:{peer.port} succeeded")
        if self.waiters:
            self._serve_waiters()

    def count_acked(self, offset: int) -> int:
        """How many replicas have the stream up to `offset`."""
        return sum(peer.phase is Phase.ONLINE and peer.acked >= offset for peer in self.peers)

    def wait(self, waiter: AckWaiter) -> None:
        """Call `waiter.done(count)` when enough replicas have acknowledged; they are asked to at once."""
        self.waiters.append(waiter)
        if self.feeding:
            self._emit([GETACK])

    def hold_still(self) -> None:
        """Feed nothing by the clock any more (until `still` is cleared), and ask replicas how far they are."""
        self.still = True
        if self.feeding:
            self._emit([GETACK])

    def _serve_waiters(self) -> None:
        for waiter in list(self.waiters):
            count = self.count_acked(waiter.offset)
            if count >= waiter.replicas:
                self.waiters.remove(waiter)
                waiter.done(count)

    def good_replicas(self) -> int:
        """Replicas that are online and have acknowledged lately enough (min-replicas-max-lag)."""
        limit = self._config["min-replicas-max-lag"]
        return sum(peer.phase is Phase.ONLINE and peer.lag_s() <= limit for peer in self.peers)

    def check_writes(self) -> None:
        """Raise ReplyError while there are fewer good replicas than min-replicas-to-write."""
        if self._config["min-replicas-max-lag"] and self.good_replicas() < self._config["min-replicas-to-write"]:
            raise ReplyError(replication_texts.NOREPLICAS)

    # By the clock

    def round(self) -> None:
        """About ten times a second."""
        if not self.peers and self.history.backlog is None:
            return
        now = time.monotonic()
        if self.peers:
            self.transfers.start_due(self.peers)
            calm = self.failover_state == "no-failover" and not self.still  # else the offset is to stand still
            if calm and self.feeding and now - self._ping_at >= self._config["repl-ping-replica-period"]:
                self._ping_at = now
                self._emit([PING])
        if now - self._second_at >= 1:
            self._second_at = now
            self._each_second(now)

    def _each_second(self, now: float) -> None:
        timeout = self._config["repl-timeout"]
        for peer in list(self.peers):
            if peer.phase is Phase.WAITING or (peer.phase is Phase.RECEIVING and self.transfers.is_silent(peer)):
                peer.send(b"\n")
                continue
            online = peer.phase is Phase.ONLINE and not peer.old
            loading = peer.phase in (Phase.RECEIVING, Phase.UNCONFIRMED)
            if (online and now - peer.acked_s > timeout) or (loading and now - peer.moved_s > timeout):
                self._drop(peer, "timedout")
        ttl = self._config["repl-backlog-ttl"]
        if not self.peers and self.feeding and ttl and now - self._alone_since > ttl:
            self.history.end()
            self.follow_journal()
            self._log("notice", f"Replication backlog freed after {ttl} seconds without connected replicas.")

    def _drop(self, peer: Peer, why: str) -> None:
        self._log("warning", f"Disconnecting {why} replica {peer.address}:{peer.port}")
        peer.outlet.close()
        self.forget(peer)
