"""Error texts of the stream commands. Facts: redis-server 7.0."""

from __future__ import annotations

STREAM_ID = "ERR Invalid stream ID specified as stream command argument"
STREAM_ID_ZERO = "ERR The ID specified in XADD must be greater than 0-0"
STREAM_ID_SMALL = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
STREAM_EXHAUSTED = "ERR The stream has exhausted the last possible ID, unable to add more items"
TRIM_STRATEGIES = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
TRIM_MAXLEN = "ERR The MAXLEN argument must be >= 0."
TRIM_LIMIT = "ERR The LIMIT argument must be >= 0."
TRIM_LIMIT_ALONE = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
TRIM_LIMIT_EXACT = "ERR syntax error, LIMIT cannot be used without the special ~ option"
TRIM_MISSING = "ERR syntax error, XTRIM must be called with a trimming strategy"
RANGE_START = "ERR invalid start ID for the interval"
RANGE_END = "ERR invalid end ID for the interval"
XREAD_UNBALANCED = "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."
XREAD_GROUP = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."
XREAD_NOACK = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."
XREAD_NEW = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
XREADGROUP_WITHOUT_GROUP = "ERR Missing GROUP option for XREADGROUP"
XREADGROUP_LAST = (
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
    "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
)
GROUP_GONE = "NOGROUP the consumer group this client was blocked on no longer exists"
STREAM_GONE = "UNBLOCKED the stream key no longer exists"
XGROUP_KEY = (
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option "
    "to create an empty stream automatically."
)
ENTRIESREAD = "ERR value for ENTRIESREAD must be positive or -1"
BUSYGROUP = "BUSYGROUP Consumer Group name already exists"
XAUTOCLAIM_COUNT = "ERR COUNT must be > 0"
XSETID_ADDED = "ERR entries_added must be positive"
XSETID_BELOW_GIVEN = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
XSETID_BELOW_DELETED = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
XSETID_BELOW_TOP = "ERR The ID specified in XSETID is smaller than the target stream top item"
XSETID_LENGTH = "ERR The entries_added specified in XSETID is smaller than the target stream length"


def shown(name: bytes) -> str:
    """A name from the client within an error text: a C string, its bytes as they came."""
    return name.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def no_group(key: bytes, group: bytes) -> str:
    """The reply of XPENDING, XCLAIM and XAUTOCLAIM without the key or the group."""
    return f"NOGROUP No such key '{shown(key)}' or consumer group '{shown(group)}'"


def no_group_to_read(key: bytes, group: bytes) -> str:
    """The reply of XREADGROUP without the key or the group."""
    return f"{no_group(key, group)} in XREADGROUP with GROUP option"


def no_group_of_key(key: bytes, group: bytes) -> str:
    """The reply of XGROUP and XINFO without the group."""
    return f"NOGROUP No such consumer group '{shown(group)}' for key name '{shown(key)}'"


def claim_argument(what: str, command: str) -> str:
    """The reply of XCLAIM and XAUTOCLAIM to an argument that is no integer."""
    return f"ERR Invalid {what} argument for {command}"


def claim_option(word: bytes) -> str:
    """The reply of XCLAIM to a word that it does not know."""
    return f"ERR Unrecognized XCLAIM option '{shown(word)}'"
