"""Connects replication with the guard, the clock, the files and the link to a primary."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pyredisai.commands.client import Client
from pyredisai.commands.context import Services
from pyredisai.commands.failover import failover_round
from pyredisai.commands.loading import loading_state
from pyredisai.commands.roles import become_replica, judge
from pyredisai.server.following import Follower


def install_replication(services: Services, next_id: Callable[[], int]) -> None:
    """Called once, before the keys are loaded. `next_id` numbers clients."""
    primary, upstream = services.primary, services.upstream
    follower = Follower(services, next_id)
    upstream.start, upstream.stop = follower.start, follower.stop

    def forget(client: Client) -> None:
        if client.replica is not None:
            primary.forget(client.replica)

    services.on_client_gone.append(forget)
    services.cron += [primary.round, follower.round, partial(failover_round, services)]
    services.config.watch("min-replicas-to-write", lambda _: judge(services))
    services.saver.aux = lambda: stream_position(services)
    primary.transfers.write_options = services.saver.write_options
    primary.transfers.on_start = primary.begin_anew
    if services.config["replicaof"] is not None:
        become_replica(services)


def stream_position(services: Services) -> list[tuple[str, str]]:
    """The fields of an RDB file that tell which stream it belongs to, where there is one."""
    primary, history = services.primary, services.primary.history
    if primary.is_replica:
        if not history.resumable:
            return []
        database = services.upstream.database
    elif history.backlog is None:
        return []
    else:
        database = max(0, primary.stream.database)
    return [("repl-stream-db", str(database)), ("repl-id", history.id), ("repl-offset", str(history.offset))]


def resume_stream(services: Services) -> None:
    """After the start: go on with the stream that the RDB file belongs to, and begin to follow the primary."""
    primary, config = services.primary, services.config
    aux = loading_state(services).progress.aux
    id, offset = aux.get("repl-id", ""), aux.get("repl-offset", "")
    if not config["appendonly"] and len(id) == 40 and offset.isdigit():
        size = config["repl-backlog-size"]
        primary.history.restore(id, int(offset), size, as_replica=primary.is_replica)
        services.upstream.database = int(aux.get("repl-stream-db", 0))
        primary.follow_journal()
    if primary.is_replica:
        services.upstream.start()
