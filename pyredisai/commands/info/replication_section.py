"""Section replication of INFO. Field names and their order are those of Redis 7.0."""

from __future__ import annotations

import time

from pyredisai.commands.context import Services
from pyredisai.replication.peer import Peer, Phase
from pyredisai.replication.upstream import Upstream

_SHOWN = {
    Phase.WAITING: "wait_bgsave",
    Phase.RECEIVING: "send_bulk",
    Phase.UNCONFIRMED: "send_bulk",
    Phase.ONLINE: "online",
}


def replication(services: Services) -> dict[str, object]:
    """Who this server follows, who follows it, and how far the stream is."""
    primary, config = services.primary, services.config
    history = primary.history
    backlog = history.backlog
    fields: dict[str, object] = {"role": "slave" if primary.is_replica else "master"}
    if primary.is_replica:
        fields |= _link(services.upstream, history.offset)
        fields["slave_priority"] = config["replica-priority"]
        fields["slave_read_only"] = int(config["replica-read-only"])
        fields["replica_announced"] = int(config["replica-announced"])
    fields["connected_slaves"] = len(primary.peers)
    if config["min-replicas-to-write"] and config["min-replicas-max-lag"]:
        fields["min_slaves_good_slaves"] = primary.good_replicas()
    shown = [peer for peer in primary.peers if peer.phase in _SHOWN]
    fields |= {f"slave{number}": _peer(peer) for number, peer in enumerate(shown)}
    return fields | {
        "master_failover_state": primary.failover_state,
        "master_replid": history.id,
        "master_replid2": history.second_id,
        "master_repl_offset": history.offset,
        "second_repl_offset": history.second_end,
        "repl_backlog_active": int(backlog is not None),
        "repl_backlog_size": config["repl-backlog-size"],
        "repl_backlog_first_byte_offset": backlog.first if backlog is not None else 0,
        "repl_backlog_histlen": backlog.length if backlog is not None else 0,
    }


def _link(upstream: Upstream, offset: int) -> dict[str, object]:
    now = time.monotonic()
    syncing = upstream.state == "sync"
    idle = int(now - upstream.last_io_s)
    fields: dict[str, object] = {
        "master_host": upstream.host,
        "master_port": upstream.port,
        "master_link_status": "up" if upstream.is_up else "down",
        "master_last_io_seconds_ago": idle if upstream.is_up else -1,
        "master_sync_in_progress": int(syncing),
        "slave_read_repl_offset": offset,
        "slave_repl_offset": offset,
    }
    if syncing:
        total, read = upstream.sync_total, upstream.sync_read
        fields |= {
            "master_sync_total_bytes": total,
            "master_sync_read_bytes": read,
            "master_sync_left_bytes": total - read,
            "master_sync_perc": f"{100 * read / total:.2f}" if total else "0.00",
            "master_sync_last_io_seconds_ago": idle,
        }
    if not upstream.is_up:
        fields["master_link_down_since_seconds"] = int(now - upstream.down_since_s)
    return fields


def _peer(peer: Peer) -> str:
    state = _SHOWN[peer.phase]
    return f"ip={peer.address},port={peer.port},state={state},offset={peer.acked},lag={peer.lag_s()}"
