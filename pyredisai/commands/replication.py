"""The commands of replication, for clients (REPLICAOF, ROLE, WAIT) and for replicas (REPLCONF, PSYNC, SYNC)."""

from __future__ import annotations

import asyncio

from pyredisai.commands.args import parse_int
from pyredisai.commands.client import Client
from pyredisai.commands.context import Context
from pyredisai.commands.roles import follow, promote
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, cluster_texts, replication_texts, texts
from pyredisai.replication.history import NO_ID
from pyredisai.replication.peer import Peer, Phase
from pyredisai.replication.primary import AckWaiter
from pyredisai.resp.replies import NO_REPLY, OK, Blocked, Error, Reply, Status

family = Family("server")

_REPLICAOF = "admin noscript stale no_async_loading"


def _replicaof(ctx: Context, args: Args) -> Reply:
    """REPLICAOF host port | NO ONE."""
    services = ctx.server
    if services.cluster is not None:
        raise ReplyError(cluster_texts.REPLICAOF_REFUSED)
    if services.primary.failover_state != "no-failover":
        raise ReplyError(replication_texts.NOT_WHILE_FAILING_OVER)
    if args[1].lower() == b"no" and args[2].lower() == b"one":
        if services.primary.is_replica:
            services.log("notice", f"MASTER MODE enabled (user request from '{ctx.client.addr}')")
            promote(services)
        return OK
    if ctx.client.replica is not None:
        raise ReplyError(replication_texts.NOT_FOR_REPLICAS)
    port = parse_int(args[2], replication_texts.INVALID_PRIMARY_PORT)
    if not 0 <= port <= 65535:
        raise ReplyError(replication_texts.INVALID_PRIMARY_PORT)
    host = args[1].decode("utf-8", "surrogateescape")
    upstream = services.upstream
    if services.primary.is_replica and (upstream.host, upstream.port) == (host, port):
        return Status("OK Already connected to specified master")
    services.log("notice", f"REPLICAOF {host}:{port} enabled (user request from '{ctx.client.addr}')")
    follow(services, host, port)
    return OK


for _name, _since in (("replicaof", "5.0.0"), ("slaveof", "1.0.0")):
    family.add(
        _name,
        _replicaof,
        arity=3,
        flags=_REPLICAOF,
        since=_since,
        syntax="host port",
        summary="Follow a primary, or with NO ONE be one.",
        complexity="O(1)",
    )


@family.command(
    "role",
    arity=1,
    flags="noscript loading stale fast sentinel",
    categories="admin dangerous",
    since="2.8.12",
    summary="Whether this is a primary or a replica.",
    complexity="O(1)",
)
def role(ctx: Context, args: Args) -> Reply:
    """ROLE: a primary with its replicas that are online, or a replica with its primary and the link's state."""
    primary, upstream = ctx.server.primary, ctx.server.upstream
    offset = primary.history.offset
    if primary.is_replica:
        return [b"slave", upstream.host, upstream.port, upstream.state, offset if upstream.is_up else -1]
    online = [peer for peer in primary.peers if peer.phase is Phase.ONLINE]
    return [b"master", offset, [[peer.address, str(peer.port), str(peer.acked)] for peer in online]]


@family.command(
    "wait",
    arity=3,
    flags="noscript",
    categories="connection",
    since="3.0.0",
    group="generic",
    syntax="numreplicas timeout",
    summary="Wait until replicas have what was written.",
    complexity="O(1)",
    tips=("request_policy:all_shards", "response_policy:agg_min"),
)
def wait(ctx: Context, args: Args) -> Reply:
    """WAIT numreplicas milliseconds: how many replicas have what this client has written."""
    primary = ctx.server.primary
    if primary.is_replica:
        raise ReplyError(replication_texts.WAIT_ON_REPLICA)
    wanted = parse_int(args[1])
    timeout = parse_int(args[2], texts.TIMEOUT_NOT_INTEGER)
    if timeout < 0:
        raise ReplyError(texts.TIMEOUT_NEGATIVE)
    offset = ctx.client.written
    count = primary.count_acked(offset)
    if count >= wanted or ctx.client.in_exec or ctx.client.is_script:
        return count
    blocked = Blocked()

    def end(reply: Reply) -> None:
        stop()
        blocked.resolve(reply)

    def stop() -> None:
        if timer is not None:
            timer.cancel()
        if waiter in primary.waiters:
            primary.waiters.remove(waiter)

    def late() -> None:
        end(primary.count_acked(offset))

    timer = asyncio.get_running_loop().call_later(timeout / 1000, late) if timeout else None
    blocked.timed = bool(timeout)
    waiter = AckWaiter(offset, wanted, end)
    primary.wait(waiter)
    blocked.on_cancel = stop
    blocked.on_unblock = lambda error: end(Error(texts.UNBLOCKED) if error else primary.count_acked(offset))
    return blocked


def _peer(client: Client) -> Peer:
    """What is known of a client that may become a replica."""
    peer: Peer | None = client.replica or client.extra.get("replconf")
    if peer is None:
        peer = client.extra["replconf"] = Peer(client.link, client.addr.rpartition(":")[0].strip("[]"))
    return peer


@family.command(
    "replconf",
    arity=-1,
    flags="admin noscript loading stale allow_busy",
    since="3.0.0",
    summary="What replicas and primaries tell each other.",
    complexity="O(1)",
)
def replconf(ctx: Context, args: Args) -> Reply:
    """REPLCONF option value…: listening-port, ip-address, capa, rdb-only, ack; getack is a primary's to send."""
    if len(args) % 2 == 0:
        raise ReplyError(texts.SYNTAX)
    peer = _peer(ctx.client)
    for at in range(1, len(args), 2):
        option, value = args[at].lower(), args[at + 1]
        if option == b"listening-port":
            peer.port = parse_int(value)
        elif option == b"ip-address":
            peer.address = value.decode("latin-1")
        elif option == b"capa":
            peer.eof |= value.lower() == b"eof"
            peer.psync2 |= value.lower() == b"psync2"
        elif option == b"ack":
            if ctx.client.replica is not None:
                ctx.server.primary.acknowledge(peer, parse_int(value))
            return NO_REPLY
        elif option == b"rdb-only":
            peer.rdb_only = parse_int(value) == 1
        elif option == b"rdb-filter-only":
            for word in value.split():
                if word != b"functions":
                    raise ReplyError(replication_texts.rdb_filter(word.decode("latin-1")))
            peer.content = "functions" if value.split() else "nothing"
        elif option == b"getack":
            return NO_REPLY
        else:
            raise ReplyError(replication_texts.replconf_option(args[at].decode("latin-1")))
    return OK


def _attach(ctx: Context, peer: Peer, id: str, offset: int) -> Reply:
    services, client = ctx.server, ctx.client
    if services.primary.is_replica and not services.upstream.is_up:
        raise ReplyError(replication_texts.NO_PRIMARY_LINK)
    services.log("notice", f"Replica {peer.address}:{peer.port} asks for synchronization")
    client.replica = peer
    client.flags.add("S")
    services.primary.attach(peer, id, offset)
    return NO_REPLY


@family.command(
    "psync",
    arity=-3,
    flags="admin noscript no_async_loading no_multi",
    since="2.8.0",
    syntax="replicationid offset",
    summary="Become a replica of this server, going on where it was.",
)
def psync(ctx: Context, args: Args) -> Reply:
    """PSYNC id offset [FAILOVER]: `+CONTINUE` and the stream, or `+FULLRESYNC` and everything."""
    if ctx.client.replica is not None:
        return NO_REPLY
    id = args[1].decode("latin-1")
    if len(args) > 3:
        _take_over(ctx, id, args[3])
    offset = parse_int(args[2])
    return _attach(ctx, _peer(ctx.client), id, offset)


def _take_over(ctx: Context, id: str, word: bytes) -> None:
    """PSYNC … FAILOVER: our primary asks to be our replica."""
    services = ctx.server
    if word.lower() != b"failover":
        raise ReplyError(texts.SYNTAX)
    if id in (NO_ID, "?") or id != services.primary.history.id:
        raise ReplyError(replication_texts.FAILOVER_ID)
    if not services.primary.is_replica:
        raise ReplyError(replication_texts.FAILOVER_TO_PRIMARY)
    services.log("notice", f"Failover request received for replid {id}.")
    promote(services)


@family.command(
    "sync",
    arity=1,
    flags="admin noscript no_async_loading no_multi",
    summary="Become a replica of this server, in the way of old.",
)
def sync(ctx: Context, args: Args) -> Reply:
    """SYNC: everything, then the stream; nothing is acknowledged."""
    if ctx.client.replica is not None:
        return NO_REPLY
    peer = _peer(ctx.client)
    peer.old = True
    return _attach(ctx, peer, "?", -1)
