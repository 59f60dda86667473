"""Primary or replica: how the server changes from one to the other, and what clients may not do meanwhile."""

from __future__ import annotations

from pyredisai.commands.context import Context, Services
from pyredisai.commands.spec import Command
from pyredisai.config.compound import Primary as Address
from pyredisai.errors import ReplyError, replication_texts
from pyredisai.resp.replies import Error


def follow(services: Services, host: str, port: int) -> None:
    """Be a replica of that server from now on. What is here stays until the first synchronization."""
    primary = services.primary
    if not primary.is_replica:
        primary.spread()
        # Perhaps the new primary knows our stream: then it goes on there.
        primary.history.resumable = primary.history.backlog is not None
        become_replica(services)
        _release_blocked(services)
    services.config.put("replicaof", Address(host, port))
    services.upstream.start()


def become_replica(services: Services) -> None:
    """Feed no commands of our own, expire no keys, refuse what a replica refuses."""
    services.primary.is_replica = True
    services.primary.follow_journal()
    services.events.expiry = "hide"
    judge(services)


def promote(services: Services) -> None:
    """Be a primary from now on: the data stays, the stream goes on under a new id."""
    primary = services.primary
    services.upstream.stop()
    services.config.put("replicaof", None)
    primary.spread()
    primary.history.branch()
    primary.history.resumable = False
    primary.is_replica = False
    primary.drop_all()  # they come back at once, and hear the new id
    primary.stream.database = -1
    primary.follow_journal()
    services.events.expiry = "delete"
    judge(services)


def _release_blocked(services: Services) -> None:
    """Clients that wait for a key would wait for a command that a replica may not run."""
    for client in list(services.clients.values()):
        waiting = client.waiting
        if waiting is not None and waiting.on_unblock is not None:
            if waiting.on_cancel is not None:
                waiting.on_cancel()
            waiting.resolve(Error(replication_texts.UNBLOCKED_BY_ROLE))


def judge(services: Services) -> None:
    """Look at each request as long as the role or the configuration may refuse it, and at none otherwise."""
    guard = services.guard
    guard.remove_check(refuse)
    if services.primary.is_replica or services.config["min-replicas-to-write"]:
        guard.add_check(refuse)


def refuse(ctx: Context, command: Command) -> None:
    """Raise ReplyError for a write on a replica or without enough replicas, and for stale data that is not wanted."""
    services = ctx.server
    if not services.primary.is_replica and not services.config["min-replicas-to-write"]:
        return
    queued = ctx.client.queued if command.name == "exec" else None
    writes = command.is_write or any(item[0].is_write for item in queued or ())
    if not services.primary.is_replica:
        if writes:
            services.primary.check_writes()
        return
    config = services.config
    if writes and config["replica-read-only"]:
        raise ReplyError(replication_texts.READONLY)
    if not services.upstream.is_up and not config["replica-serve-stale-data"]:
        stale = "stale" in command.flags and all("stale" in item[0].flags for item in queued or ())
        if not stale:
            raise ReplyError(replication_texts.MASTERDOWN)
