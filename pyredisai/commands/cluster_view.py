"""What CLUSTER shows of nodes and slots. Forms: redis-server 7.0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pyredisai import clock
from pyredisai.cluster.nodes_conf import describe
from pyredisai.cluster.slots import ranges
from pyredisai.cluster.state import MESSAGE_NAMES, ClusterState, Node, NodeFlag
from pyredisai.commands.context import Services
from pyredisai.commands.redirection import endpoint
from pyredisai.resp.replies import Reply


def nodes(state: ClusterState, *, plain: bool) -> str:
    """A line for each node; `plain` as of `Node.port_for`."""
    return "".join(f"{describe(state, node, plain=plain)}\n" for node in state.nodes.values())


def info(state: ClusterState) -> str:
    """CLUSTER INFO."""
    owners = Counter(owner for owner in state.owners if owner is not None)
    assigned = sum(owners.values())
    failing = sum(count for owner, count in owners.items() if owner.has(NodeFlag.FAIL))
    suspect = sum(
        count for owner, count in owners.items() if owner.has(NodeFlag.PFAIL) and not owner.has(NodeFlag.FAIL)
    )
    head = state.myself.master or state.myself
    fields: dict[str, object] = {
        "cluster_state": "ok" if state.ok else "fail",
        "cluster_slots_assigned": assigned,
        "cluster_slots_ok": assigned - failing - suspect,
        "cluster_slots_pfail": suspect,
        "cluster_slots_fail": failing,
        "cluster_known_nodes": len(state.nodes),
        "cluster_size": state.size(),
        "cluster_current_epoch": state.current_epoch,
        "cluster_my_epoch": head.config_epoch,
        **dict(_messages("sent", state.sent)),
        **dict(_messages("received", state.received)),
        "total_cluster_links_buffer_limit_exceeded": state.overflows,
    }
    return "".join(f"{name}:{value}\r\n" for name, value in fields.items())


def _messages(direction: str, counts: list[int]) -> Iterator[tuple[str, int]]:
    for name, count in zip(MESSAGE_NAMES, counts, strict=True):
        if count:
            yield f"cluster_stats_messages_{name}_{direction}", count
    yield f"cluster_stats_messages_{direction}", sum(counts)


def slots(services: Services, state: ClusterState, *, plain: bool) -> Reply:
    """CLUSTER SLOTS: first, last, primary, replicas that have data and have not failed; by slots."""
    found: list[tuple[int, Reply]] = []
    for node in state.nodes.values():
        if not node.slots:
            continue
        serving = [node, *(replica for replica in node.replicas if _health(services, state, replica) == "online")]
        described = [_described(services, each, plain) for each in serving]
        found += [(first, [first, last, *described]) for first, last in ranges(node.slots)]
    return [reply for _, reply in sorted(found, key=lambda item: item[0])]


def _described(services: Services, node: Node, plain: bool) -> Reply:
    """How to reach a node; in the map, what the endpoint does not tell."""
    kind = services.config["cluster-preferred-endpoint-type"]
    more: dict[Reply, Reply] = {}
    if kind != "ip":
        more[b"ip"] = node.ip
    if kind != "hostname" and node.hostname:
        more[b"hostname"] = node.hostname
    return [endpoint(services, node), node.port_for(plain=plain), node.id, more]


def shards(services: Services, state: ClusterState) -> Reply:
    """CLUSTER SHARDS: each primary's slots, and the nodes with their health."""
    found: list[Reply] = []
    for node in state.nodes.values():
        if node.is_master:
            spans = [end for span in ranges(node.slots) for end in span]
            members = [_member(services, state, each) for each in (node, *node.replicas)]
            found.append({b"slots": spans, b"nodes": members})
    return found


def _offset(services: Services, state: ClusterState, node: Node) -> int:
    """How far a node's stream is; 0: a replica has nothing of it yet."""
    if node is state.myself and services.bus is not None:
        return services.bus.host.offset()
    return node.replication_offset


def _health(services: Services, state: ClusterState, node: Node) -> str:
    if node.has(NodeFlag.FAIL):
        return "fail"
    return "online" if node.is_master or _offset(services, state, node) else "loading"


def _member(services: Services, state: ClusterState, node: Node) -> Reply:
    """A node as CLUSTER SHARDS shows it."""
    tls = services.config["tls-cluster"]
    ports = (b"port", node.plain_port if tls else node.port), (b"tls-port", node.port if tls else 0)
    shown: dict[Reply, Reply] = {b"id": node.id}
    shown |= {name: port for name, port in ports if port}
    shown[b"ip"] = node.ip
    shown[b"endpoint"] = endpoint(services, node) or b""
    if node.hostname:
        shown[b"hostname"] = node.hostname
    shown[b"role"] = b"master" if node.is_master else b"replica"
    shown[b"replication-offset"] = _offset(services, state, node)
    shown[b"health"] = _health(services, state, node)
    return shown


def links(state: ClusterState) -> Reply:
    """CLUSTER LINKS: the two of each node, what this one opened first."""
    found: list[Reply] = []
    for node in state.nodes.values():
        for direction, link in ((b"to", node.link), (b"from", node.inbound)):
            if link is not None:
                found.append(
                    {
                        b"direction": direction,
                        b"node": node.id,
                        b"create-time": link.created_ms,
                        b"events": link.events,
                        b"send-buffer-allocated": link.send_buffer_allocated,
                        b"send-buffer-used": link.send_buffer_used,
                    }
                )
    return found


def failure_reports(node: Node, counted_ms: int) -> int:
    """How many primaries have said within that time that the node fails."""
    since = clock.now_ms() - counted_ms
    return sum(when >= since for when in node.fail_reports.values())
