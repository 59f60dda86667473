"""FAILOVER: a primary changes places with one of its replicas, and no write is lost.

Writes are held back, the replica catches up, then the primary becomes its replica with `PSYNC … FAILOVER`, which makes
it a primary; the writes that were held are then answered READONLY.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from pyredisai.commands import pause
from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context, Services
from pyredisai.commands.roles import follow, promote
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, cluster_texts, replication_texts, texts
from pyredisai.replication.peer import Peer, Phase
from pyredisai.resp.replies import OK, Reply

family = Family("server")

_PURPOSE = "failover"


@dataclass(slots=True)
class Request:
    """What FAILOVER asks for; `deadline_s` is monotonic, 0 for none. `host` empty: whichever replica is ready first."""

    host: str = ""
    port: int = 0
    force: bool = False
    deadline_s: float = 0.0

    def names(self, peer: Peer) -> bool:
        """Whether it is about this replica."""
        return not self.host or (peer.address, peer.port) == (self.host, self.port)


def _parse(args: Args) -> Request:
    request = Request()
    at = 1
    while at < len(args):
        word = args[at].lower()
        if word == b"to" and at + 2 < len(args) and not request.host:
            request.host = args[at + 1].decode("utf-8", "surrogateescape")
            request.port = parse_int(args[at + 2])
            at += 3
            if at < len(args) and args[at].lower() == b"force":
                request.force = True
                at += 1
        elif word == b"timeout" and at + 1 < len(args) and not request.deadline_s:
            milliseconds = parse_int(args[at + 1])
            if milliseconds <= 0:
                raise ReplyError(replication_texts.FAILOVER_TIMEOUT)
            request.deadline_s = time.monotonic() + milliseconds / 1000
            at += 2
        else:
            raise ReplyError(texts.SYNTAX)
    return request


@family.command(
    "failover",
    arity=-1,
    flags="admin noscript stale",
    since="6.2.0",
    syntax="[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
    summary="Change places with a replica.",
    complexity="O(1)",
)
def failover(ctx: Context, args: Args) -> Reply:
    """FAILOVER: OK at once; INFO's master_failover_state tells how it goes."""
    services = ctx.server
    if services.cluster is not None:
        raise ReplyError(cluster_texts.FAILOVER_REFUSED)
    primary = services.primary
    if len(args) == 2 and args[1].lower() == b"abort":
        if primary.failover_state == "no-failover":
            raise ReplyError(replication_texts.FAILOVER_NONE)
        _abort(services, "aborted by request")
        return OK
    request = _parse(args)
    if primary.failover_state != "no-failover":
        raise ReplyError(replication_texts.FAILOVER_RUNNING)
    if primary.is_replica:
        raise ReplyError(replication_texts.FAILOVER_ON_REPLICA)
    if not primary.peers:
        raise ReplyError(replication_texts.FAILOVER_NO_REPLICAS)
    if request.force and not (request.deadline_s and request.host):
        raise ReplyError(replication_texts.FAILOVER_FORCE)
    if request.host:
        peers = [peer for peer in primary.peers if request.names(peer)]
        if not peers:
            raise ReplyError(replication_texts.FAILOVER_NO_TARGET)
        if all(peer.phase is not Phase.ONLINE for peer in peers):
            raise ReplyError(replication_texts.FAILOVER_OFFLINE)
    services.extra["failover"] = request
    primary.failover_state = "waiting-for-sync"
    pause.start(services, "write", pause.FOR_EVER_MS, _PURPOSE)
    services.log("notice", "FAILOVER requested, waiting for a replica to catch up.")
    return OK


def failover_round(services: Services) -> None:
    """By the clock: hand over to a replica that has everything."""
    primary = services.primary
    if primary.failover_state != "waiting-for-sync":
        return
    request: Request = services.extra["failover"]
    for peer in primary.peers:
        if request.names(peer) and peer.phase is Phase.ONLINE and peer.acked >= primary.history.offset:
            _hand_over(services, peer.address, peer.port)
            return
    if request.deadline_s and time.monotonic() >= request.deadline_s:
        if request.force:
            _hand_over(services, request.host, request.port)
        else:
            _abort(services, "Replica never caught up before timeout")


def _hand_over(services: Services, host: str, port: int) -> None:
    services.log("notice", f"Failing over to {host}:{port}.")
    services.primary.failover_state = "failover-in-progress"
    services.upstream.hands_over = True
    follow(services, host, port)


def _abort(services: Services, why: str) -> None:
    services.log("notice", f"Failover aborted: {why}")
    if services.primary.failover_state == "failover-in-progress":
        promote(services)
    _end(services)


def _end(services: Services) -> None:
    services.upstream.hands_over = False
    services.primary.failover_state = "no-failover"
    services.extra.pop("failover", None)
    pause.end(services, _PURPOSE)


def handed_over(services: Services, *, accepted: bool) -> None:
    """The replica's answer."""
    if accepted:
        services.log("notice", "Failover is complete.")
        _end(services)
    else:
        _abort(services, "the replica refused to take over")
