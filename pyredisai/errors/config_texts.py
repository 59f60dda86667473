"""Every text with which a configuration is refused. Facts: redis-server 7.0 and RedisAI 1.2."""

from __future__ import annotations

from collections.abc import Iterable

YES_OR_NO = "argument must be 'yes' or 'no'"
NO_INTEGER = "argument couldn't be parsed into an integer"
NO_OCTAL = "argument couldn't be parsed as an octal number"
NO_MEMORY = "argument must be a memory value"
NO_MEMORY_OR_PERCENT = "argument must be a memory or percent value"
ARGUMENT_COUNT = "wrong number of arguments"
UNBALANCED = "Unbalanced quotes in configuration line"
TOO_MANY_INCLUDES = "Includes within includes: too many, or in a circle"
BAD_DIRECTIVE = "Bad directive or wrong number of arguments"
NO_MODULE_VALUE = "Module config specified without value"
MODULE_CONFIG_UNKNOWN = "Module Configuration detected without loadmodule directive or no ApplyConfig call: aborting"
NO_SUCH_COMMAND = "No such command in rename-command"
COMMAND_EXISTS = "Target command name already exists"
SENTINEL_DIRECTIVE = "sentinel directive while not in sentinel mode"
BUS_PORT_TOO_HIGH = (
    "Redis port number too high. Cluster communication port is 10,000 port numbers higher than your Redis port. Your "
    "Redis port number must be 55535 or less."
)
REPLICA_IN_CLUSTER = "replicaof directive not allowed in cluster mode"
SAVE = "Invalid save parameters"
LIMIT_COUNT = "Wrong number of arguments in buffer limit configuration."
LIMIT_CLASS = "Invalid client class specified in buffer limit configuration."
LIMIT_VALUE = "Error in hard, soft or soft_seconds setting in buffer limit configuration."
EVENT_CLASS = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."
NO_THREAD_NICENESS = "WORKER_NICE needs Linux: elsewhere niceness is the whole process'"
OOM_FAILED = "Failed to apply new oom_score_adj configuration, check server logs."
OOM_VALUES = "Invalid oom-score-adj-values, elements must be between -2000 and 2000."
PERCENTILES = "Invalid latency-tracking-info-percentiles parameters"
PERCENTILE_RANGE = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
PRIMARY_PORT = "Invalid master port"
SAVE_AND_NOSAVE = "shutdown options SAVE and NOSAVE can't be used simultaneously"
TITLE_TEMPLATE = "template format is invalid or contains unknown variables"
HOSTNAME_LENGTH = "Hostnames must be less than 256 characters"
HOSTNAME_CHARACTERS = "Hostnames may only contain alphanumeric characters, hyphens or dots"
IMMUTABLE = "can't set immutable config"
PROTECTED = "can't set protected config"
DUPLICATE = "duplicate parameter"
NO_CONFIG_FILE = "ERR The server is running without a config file"
NO_DEFRAGMENTATION = (
    "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like the "
    "one shipped by default with the Redis source distribution"
)


def between(lower: int, upper: int) -> str:
    """A number out of its bounds."""
    return f"argument must be between {lower} and {upper} inclusive"


def percent_above(upper: int) -> str:
    """A percentage above its bound."""
    return f"percentage argument must be less or equal to {upper}"


def one_of(names: Iterable[str]) -> str:
    """A word that is none of an enumeration's."""
    return f"argument(s) must be one of the following: {', '.join(names)}"


def not_a_path(name: str, kind: str) -> str:
    """A path where a bare name is wanted; `kind` is filename or dirname."""
    return f"{name} can't be a path, just a {kind}"


def set_failed(name: str, reason: str) -> str:
    """CONFIG SET's reply when a parameter was refused; nothing was changed."""
    return f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"


def unknown_option(name: str) -> str:
    """CONFIG SET's reply to a name that is no parameter."""
    return f"ERR Unknown option or number of arguments for CONFIG SET - '{name}'"


def unavailable(what: str) -> str:
    """A value that is known and cannot be served."""
    return f"{what} is not available in this version of pyredisai"


DUPLICATE_USER = "Duplicate user found. A user can only be defined once in config files"
USER_NAME = "Spaces not allowed in ACL usernames"
NO_SENTINEL = "pyredisai has no sentinel mode"
MODULE_PAIRS = "Even number of arguments provided to module. Please provide arguments as KEY VAL pairs"
MODULE_TWICE = "the module is loaded already"
MODULE_LOAD = "ERR Error loading the extension. Please check the server logs."


def bad_module_argument(name: str, value: str) -> str:
    """The log line for an option of the AI module that is unknown or has a bad value."""
    return f"ERR error processing argument: {name} {value}"


def module_aborts(path: str) -> str:
    """The last line of a start that a module ends."""
    return f"Can't load module from {path}: server aborting"


NO_SUCH_MODULE = "ERR Error unloading module: no such module with that name"
MODULE_HAS_TYPES = "ERR Error unloading module: the module exports one or more module-side data types, can't unload"


def backend_not_loaded(name: str, path: str, reason: str) -> str:
    """The log line for a backend that could not be loaded from a path."""
    return f"Could not load {name} backend from {path}: {reason}"


def bad_user(word: str, reason: str) -> str:
    """A user line that is refused when it is read."""
    return f"Error in user declaration '{word}': {reason}"


def bad_rule(rule: str, name: str, reason: str) -> str:
    """The log line for a user line that is refused when the server starts."""
    return f"Error loading ACL rule '{rule}' for the user named '{name}': {reason}"


def bus_listen_failed(port: int) -> str:
    """The last words of a server that cannot have the port of the cluster bus."""
    return f"Failed listening on port {port} (cluster), aborting."


def corrupted_cluster_file(path: str, reason: str) -> str:
    """The last words of a server that cannot read its nodes.conf."""
    return f"Unrecoverable error: corrupted cluster config file {path}: {reason}"
