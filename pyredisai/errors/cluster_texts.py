"""Every error text of cluster mode, in one place. Facts: redis-server 7.0."""

from __future__ import annotations

CROSSSLOT = "CROSSSLOT Keys in request don't hash to the same slot"
TRYAGAIN = "TRYAGAIN Multiple keys request during rehashing of slot"
DOWN = "CLUSTERDOWN The cluster is down"
DOWN_READ_ONLY = "CLUSTERDOWN The cluster is down and only accepts read commands"
DOWN_UNBOUND = "CLUSTERDOWN Hash slot not served"

SCRIPT_DOWN = "ERR Script attempted to execute a command while the cluster is down"
SCRIPT_DOWN_READ_ONLY = "ERR Script attempted to execute a write command while the cluster is down and readonly"
SCRIPT_NOT_LOCAL = "ERR Script attempted to access a non local key in a cluster node"
SCRIPT_CROSSSLOT = "ERR Script attempted to access keys that do not hash to the same slot"

INVALID_SLOT = "ERR Invalid or out of range slot"
INVALID_SLOT_TO_COUNT = "ERR Invalid slot"
INVALID_SLOT_OR_COUNT = "ERR Invalid slot or number of keys"
SETSLOT_SYNTAX = "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP"
SETSLOT_MASTERS_ONLY = "ERR Please use SETSLOT only with masters."
TARGET_NOT_MASTER = "ERR Target node is not a master"
NOT_A_MASTER = "ERR The specified node is not a master"
FLUSHSLOTS_NOT_EMPTY = "ERR DB must be empty to perform CLUSTER FLUSHSLOTS."
EPOCH_KNOWS_OTHERS = "ERR The user can assign a config epoch only when the node does not know any other node."
EPOCH_NOT_ZERO = "ERR Node config epoch is already non-zero"

SELECT_REFUSED = "ERR SELECT is not allowed in cluster mode"
SWAPDB_REFUSED = "ERR SWAPDB is not allowed in cluster mode"
MOVE_REFUSED = "ERR MOVE is not allowed in cluster mode"
COPY_REFUSED = "ERR Copying to another database is not allowed in cluster mode"
SORT_BY_REFUSED = "ERR BY option of SORT denied in Cluster mode."
SORT_GET_REFUSED = "ERR GET option of SORT denied in Cluster mode."
REPLICAOF_REFUSED = "ERR REPLICAOF not allowed in cluster mode."
FAILOVER_REFUSED = "ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead."


def redirect(word: str, slot: int, endpoint: str, port: int) -> str:
    """MOVED and ASK: where a slot is served, or the one key of it is to be asked for."""
    return f"{word} {slot} {endpoint}:{port}"


def slot_busy(slot: int) -> str:
    """Somebody serves it."""
    return f"ERR Slot {slot} is already busy"


def slot_unassigned(slot: int) -> str:
    """Nobody serves it."""
    return f"ERR Slot {slot} is already unassigned"


def slot_twice(slot: int) -> str:
    """It was named more than once."""
    return f"ERR Slot {slot} specified multiple times"


def range_backwards(first: int, last: int) -> str:
    """A range whose end comes before its start."""
    return f"ERR start slot number {first} is greater than end slot number {last}"


def not_the_owner(slot: int) -> str:
    """Only who serves a slot can give it away."""
    return f"ERR I'm not the owner of hash slot {slot}"


def already_the_owner(slot: int) -> str:
    """Who serves a slot needs nobody to give it."""
    return f"ERR I'm already the owner of hash slot {slot}"


def still_holds_keys(slot: int) -> str:
    """A slot that has keys here cannot be another node's."""
    return f"ERR Can't assign hashslot {slot} to a different node while I still hold keys for this hash slot."


def unknown_partner(name: str) -> str:
    """No node has this id, of those that a slot could go to or come from."""
    return f"ERR I don't know about node {name}"


def invalid_epoch(epoch: int) -> str:
    """A config epoch below zero."""
    return f"ERR Invalid config epoch specified: {epoch}"


def not_saved(reason: str) -> str:
    """nodes.conf could not be written."""
    return f"ERR error saving the cluster node config: {reason}"
