"""Error texts of the subcommands of CLUSTER that act on nodes. Facts: redis-server 7.0."""

from __future__ import annotations

FORGET_MYSELF = "ERR I tried hard but I can't forget myself..."
FORGET_PRIMARY = "ERR Can't forget my master!"
REPLICATE_MYSELF = "ERR Can't replicate myself"
REPLICATE_REPLICA = "ERR I can only replicate a master, not a replica."
REPLICATE_NOT_EMPTY = "ERR To set a master the node must be empty and without assigned slots."
FAILOVER_ON_PRIMARY = "ERR You should send CLUSTER FAILOVER to a replica"
FAILOVER_NO_PRIMARY = "ERR I'm a replica but my master is unknown to me"
FAILOVER_PRIMARY_DOWN = "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE"
RESET_NOT_EMPTY = "ERR CLUSTER RESET can't be called with master nodes containing keys"


def invalid_port(port: str) -> str:
    """CLUSTER MEET with a port that is no number."""
    return f"ERR Invalid TCP base port specified: {port}"


def invalid_bus_port(port: str) -> str:
    """CLUSTER MEET with a bus port that is no number."""
    return f"ERR Invalid TCP bus port specified: {port}"


def invalid_address(ip: str, port: str) -> str:
    """CLUSTER MEET with an address that cannot be one."""
    return f"ERR Invalid node address specified: {ip}:{port}"


def unknown_node(name: str) -> str:
    """No node has this id."""
    return f"ERR Unknown node {name}"
