"""Error texts of replication and of MIGRATE. Facts: redis-server 7.0."""

from __future__ import annotations

READONLY = "READONLY You can't write against a read only replica."
READONLY_SCRIPT = "READONLY Can not run script with write flag on readonly replica."
STALE_SCRIPT = (
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no' and 'allow-stale' flag is not set"
    " on the script."
)
MASTERDOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
NOREPLICAS = "NOREPLICAS Not enough good replicas to write."
NO_PRIMARY_LINK = "NOMASTERLINK Can't SYNC while not connected with my master"
NOT_FOR_REPLICAS = "ERR Command is not valid when client is a replica."
INVALID_PRIMARY_PORT = "ERR Invalid master port"
UNBLOCKED_BY_ROLE = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
WAIT_ON_REPLICA = (
    "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured"
    " to be writable (which is not the default) writes to replicas are just local and are not propagated."
)
MIGRATE_CONNECTING = "IOERR error or timeout connecting to the client"
MIGRATE_WRITING = "IOERR error or timeout writing to target instance"
MIGRATE_READING = "IOERR error or timeout reading to target instance"
MIGRATE_KEY_AND_KEYS = "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"
FAILOVER_ID = "ERR PSYNC FAILOVER replid must match my replid."
FAILOVER_TO_PRIMARY = "ERR PSYNC FAILOVER can't be sent to a master."
NOT_WHILE_FAILING_OVER = "ERR REPLICAOF not allowed while failing over."
FAILOVER_NONE = "ERR No failover in progress."
FAILOVER_RUNNING = "ERR FAILOVER already in progress."
FAILOVER_ON_REPLICA = "ERR FAILOVER is not valid when server is a replica."
FAILOVER_NO_REPLICAS = "ERR FAILOVER requires connected replicas."
FAILOVER_NO_TARGET = "ERR FAILOVER target HOST and PORT is not a replica."
FAILOVER_OFFLINE = "ERR FAILOVER target replica is not online."
FAILOVER_FORCE = "ERR FAILOVER with force option requires both a timeout and target HOST and IP."
FAILOVER_TIMEOUT = "ERR FAILOVER timeout must be greater than 0"


def target_refused(text: str) -> str:
    """The reply of MIGRATE when the target refuses; `text` is what it answered, its code included."""
    return f"ERR Target instance replied with error: {text}"


def unexpected_error(source: str, command: str, text: str) -> str:
    """The log's line about a command of the primary or the log that fails; `command` is its name."""
    return f"== CRITICAL == A command of the {source} fails here, keys may differ now: '{command}' answered: {text}"


def panic(source: str, command: str) -> str:
    """The log's last line when propagation-error-behavior wants the server to end."""
    return f"'{command}' of the {source} failed, and propagation-error-behavior wants the server to end"


def unknown_in_log(command: str, file: str) -> str:
    """Why the server does not start with a log that names a command that it does not have."""
    return f"Unknown command '{command}' reading the append only file {file}"


def rdb_filter(word: str) -> str:
    """The reply of REPLCONF rdb-filter-only to a word that it does not know."""
    return f"ERR Unsupported rdb-filter-only option: {word}"


def replconf_option(option: str) -> str:
    """The reply of REPLCONF to an option that it does not know."""
    return f"ERR Unrecognized REPLCONF option: {option}"
