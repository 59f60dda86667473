"""Every error text of plain Redis commands, in one place. Facts: redis-server 7.0."""

from __future__ import annotations

WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX = "ERR syntax error"
NOT_INTEGER = "ERR value is not an integer or out of range"
NOT_FLOAT = "ERR value is not a valid float"
NO_SUCH_KEY = "ERR no such key"
INDEX_OUT_OF_RANGE = "ERR index out of range"
SAME_OBJECT = "ERR source and destination objects are the same"
DB_OUT_OF_RANGE = "ERR DB index is out of range"
NOAUTH = "NOAUTH Authentication required."
OOM = "OOM command not allowed when used memory > 'maxmemory'."
EXECABORT = "EXECABORT Transaction discarded because of previous errors."
NOT_IN_MULTI = "ERR Command not allowed inside a transaction"
NOPROTO = "NOPROTO unsupported protocol version"
INVALID_COMMAND_ARGUMENTS = "ERR Invalid arguments specified for command"
LOADING = "LOADING Redis is loading the dataset in memory"

WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled."
AUTH_WITHOUT_PASSWORD = (
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
HELLO_NOAUTH = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> "
    "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
)
PROTOCOL_VERSION = "ERR Protocol version is not an integer or out of range"
CLIENT_NAME_CHARACTERS = "ERR Client names cannot contain spaces, newlines or special characters."
NO_SUCH_CLIENT = "ERR No such client"
INVALID_CLIENT_ID = "ERR Invalid client ID"
CLIENT_ID_POSITIVE = "ERR client-id should be greater than 0"
TIMEOUT_NOT_INTEGER = "ERR timeout is not an integer or out of range"
TIMEOUT_NEGATIVE = "ERR timeout is negative"
NO_SHUTDOWN = "ERR No shutdown in progress."
UNBLOCKED = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
SLOWLOG_COUNT = "ERR count should be greater than or equal to -1"
RESP3_ONLY = "ERR RESP2 is not supported by this command"
DEBUG_PROTOCOL = (
    "ERR Wrong protocol type name. Please use one of the following: "
    "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"
)
DEBUG_RELOAD = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."
PAUSE_MODE = "ERR CLIENT PAUSE mode must be WRITE or ALL"
UNBLOCK_REASON = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"
ACL_USERNAME = "ERR Usernames can't contain spaces or null characters"
ACL_DEFAULT_STAYS = "ERR The 'default' user cannot be removed"
GENPASS_BITS = (
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"
)
NO_ACL_FILE = (
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
    "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store "
    "users in the Redis configuration."
)
CLUSTER_DISABLED = "ERR This instance has cluster support disabled"
NO_KEYS = "ERR The command has no key arguments"
INVALID_COMMAND = "ERR Invalid command specified"
INVALID_COMMAND_ARITY = "ERR Invalid number of arguments specified for command"
INVALID_COMMAND_ARGUMENTS = "ERR Invalid arguments specified for command"
VALUE_NOT_INTEGER_POSITIVE = "ERR value is out of range, must be positive"
SHUTDOWN_FAILED = "ERR Errors trying to SHUTDOWN. Check logs."
NOT_LISTENING = "Configured to not listen anywhere, exiting."
LISTEN_REFUSED = "Unable to listen on this port. Check server logs."
# Protocol errors: each follows `ERR Protocol error: ` in the reply, and the connection is closed.
INVALID_MULTIBULK = "invalid multibulk length"
INVALID_BULK = "invalid bulk length"
UNAUTHENTICATED_MULTIBULK = "unauthenticated multibulk length"
UNAUTHENTICATED_BULK = "unauthenticated bulk length"
TOO_BIG_COUNT = "too big mbulk count string"
TOO_BIG_BULK_COUNT = "too big bulk count string"
TOO_BIG_INLINE = "too big inline request"
UNBALANCED_QUOTES = "unbalanced quotes in request"
MAX_CLIENTS = "ERR max number of clients reached"
DENIED = (
    "DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
    "default user. In this mode only connections from the loopback interface are accepted. Connect from the machine "
    "of the server, or give the default user a password, or turn protected-mode off where no stranger reaches the port."
)


def listen_failed(port: int, kind: str) -> str:
    """The last words of a server that cannot have its port; `kind` is TCP or TLS."""
    return f"Failed listening on port {port} ({kind}), aborting."


def no_listening_socket(host: str, port: int, reason: str) -> str:
    """The log's line about an address that cannot be listened on."""
    return f"Warning: Could not create server TCP listening socket {host}:{port}: {reason}"


def protocol_error(text: str) -> str:
    """The reply to a request that is no RESP."""
    return f"ERR Protocol error: {text}"


def expected_bulk(found: int) -> str:
    """The text for an argument that starts with the byte `found` and not with a dollar sign."""
    return f"expected '$', got '{bytes((found,)).decode('utf-8', 'surrogateescape')}'"


def wrong_arity(name: str) -> str:
    """The reply to a wrong number of arguments; `name` is the command's full lower-case name."""
    return f"ERR wrong number of arguments for '{name}' command"


def unknown_command(name: bytes, arguments: list[bytes]) -> str:
    """The reply to an unknown command: at most 128 bytes of name and of arguments are echoed."""
    shown = ""
    for argument in arguments:
        if len(shown) >= 128:
            break
        shown += f"'{argument[: 128 - len(shown)].decode('latin-1')}' "
    return f"ERR unknown command '{name[:128].decode('latin-1')}', with args beginning with: {shown}"


def unknown_subcommand(name: str, parent: str) -> str:
    """The reply to an unknown subcommand; `parent` is the command's name in lower case."""
    return f"ERR unknown subcommand '{name[:128]}'. Try {parent.upper()} HELP."


def protected_command(word: str) -> str:
    """The reply to DEBUG or MODULE where the configuration does not allow it; `word` is its lower-case name."""
    return (
        f'ERR {word.upper()} command not allowed. If the enable-{word}-command option is set to "local", you can run '
        "it from a local connection, otherwise you need to set this option in the configuration file, and then "
        "restart the server."
    )


def only_while_subscribed(name: str) -> str:
    """The reply to a RESP2 client that has subscriptions and sends something else; `name` in lower case."""
    return (
        f"ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
        "this context"
    )


def exec_refused(text: str) -> str:
    """The reply to an EXEC that may not run itself; `text` is the reason, its code included."""
    return f"EXECABORT Transaction discarded because of: {text.removeprefix('ERR ')}"


def internal_error(error: Exception) -> str:
    """The reply when a handler failed by its own mistake."""
    return f"ERR internal error: {type(error).__name__}: {error}"


def unknown_client_type(text: str) -> str:
    """The reply to an unknown client type."""
    return f"ERR Unknown client type '{text}'"


def hello_option(text: str) -> str:
    """The reply of HELLO to an option that it does not know."""
    return f"ERR Syntax error in HELLO option '{text}'"


def setinfo_option(text: str) -> str:
    """The reply of CLIENT SETINFO to an attribute that it does not know."""
    return f"ERR Unrecognized option '{text}'"


def setinfo_characters(field: str) -> str:
    """The reply of CLIENT SETINFO to a value that could not stand in CLIENT LIST."""
    return f"ERR {field} cannot contain spaces, newlines or special characters."


def no_such_user(name: str) -> str:
    """The reply to CLIENT KILL USER with an unknown user."""
    return f"ERR No such user '{name}'"


def no_permission(kind: str, command: str) -> str:
    """What a limited user gets; `kind` is command, key or channel, `command` the full lower-case name."""
    if kind == "command":
        return f"NOPERM this user has no permissions to run the '{command}' command"
    return f"NOPERM this user has no permissions to access one of the {kind}s used as arguments"


def acl_dryrun_refusal(kind: str, name: str) -> str:
    """What ACL DRYRUN says is refused."""
    if kind == "command":
        return f"This user has no permissions to run the '{name}' command"
    return f"This user has no permissions to access the '{name}' {kind}"


def unknown_category(name: str) -> str:
    """The reply to an ACL category that is not known."""
    return f"ERR Unknown category '{name}'"


def acl_unmatched(piece: str) -> str:
    """The reply to ACL SETUSER with a selector that is never closed."""
    return f"ERR Unmatched parenthesis in acl selector starting at '{piece}'."


def acl_modifier(rule: str, reason: str) -> str:
    """The reply to ACL SETUSER with a rule that is refused."""
    return f"ERR Error in ACL SETUSER modifier '{rule}': {reason}"


def acl_no_user(name: str) -> str:
    """The reply to ACL DRYRUN with an unknown user."""
    return f"ERR User '{name}' not found"


def acl_no_command(name: str) -> str:
    """The reply to ACL DRYRUN with an unknown command."""
    return f"ERR Command '{name}' not found"


# Strings
STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
OFFSET_OUT_OF_RANGE = "ERR offset is out of range"
COUNTER_OVERFLOW = "ERR increment or decrement would overflow"
DECREMENT_OVERFLOW = "ERR decrement would overflow"
NAN_OR_INFINITY = "ERR increment would produce NaN or Infinity"

# Keys
EXPIRE_NX_AND_OTHERS = "ERR NX and XX, GT or LT options at the same time are not compatible"
EXPIRE_GT_AND_LT = "ERR GT and LT options at the same time are not compatible"
INVALID_CURSOR = "ERR invalid cursor"
FIRST_DB_INDEX = "ERR invalid first DB index"
SECOND_DB_INDEX = "ERR invalid second DB index"
OUT_OF_RANGE = "ERR value is out of range"
NOT_POSITIVE = "ERR value is out of range, must be positive"
NO_LFU = (
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
    "between policies at runtime LRU and LFU data will take some time to adjust."
)
NO_LRU = (
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching "
    "between policies at runtime LRU and LFU data will take some time to adjust."
)
VALUE_NAN_OR_INFINITY = "ERR value is NaN or Infinity"
HASH_NOT_INTEGER = "ERR hash value is not an integer"
HASH_NOT_FLOAT = "ERR hash value is not a float"
NUMKEYS = "ERR numkeys should be greater than 0"
TOO_MANY_NUMKEYS = "ERR Number of keys can't be greater than number of args"
LIMIT_NEGATIVE = "ERR LIMIT can't be negative"
RANK_ZERO = (
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from "
    "the end of the list"
)
COUNT_NEGATIVE = "ERR COUNT can't be negative"
COUNT_NOT_POSITIVE = "ERR count should be greater than 0"
MAXLEN_NEGATIVE = "ERR MAXLEN can't be negative"
TIMEOUT_NOT_FLOAT = "ERR timeout is not a float or out of range"
TIMEOUT_NEGATIVE = "ERR timeout is negative"
NESTED_MULTI = "ERR MULTI calls can not be nested"
EXEC_WITHOUT_MULTI = "ERR EXEC without MULTI"
DISCARD_WITHOUT_MULTI = "ERR DISCARD without MULTI"
WATCH_IN_MULTI = "ERR WATCH inside MULTI is not allowed"
BLOCKING_IN_EXEC = "ERR this command would block, which is not allowed in a transaction"
TOO_MANY_REPEATS = "ERR value is out of range: more than 16777216 repeated elements"
BIT_OFFSET = "ERR bit offset is not an integer or out of range"
BIT_VALUE = "ERR bit is not an integer or out of range"
BIT_ARGUMENT = "ERR The bit argument must be 1 or 0."
BITOP_NOT = "ERR BITOP NOT must be called with a single source key."
BITFIELD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
BITFIELD_OVERFLOW = "ERR Invalid OVERFLOW type specified"
BITFIELD_RO = "ERR BITFIELD_RO only supports the GET subcommand"
LCS_NOT_STRINGS = "ERR The specified keys must contain string values"
LCS_LEN_AND_IDX = "ERR If you want both the length and indexes, please just use IDX."
LCS_MEMORY = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
SORT_NUMBER = "ERR One or more scores can't be converted into double"


def unsupported_option(option: str) -> str:
    """The reply of EXPIRE and its siblings to a word that they do not know."""
    return f"ERR Unsupported option {option}"


def invalid_expire(command: str) -> str:
    """The reply to an expiry that is negative where that is refused, or does not fit."""
    return f"ERR invalid expire time in '{command}' command"


def not_between(low: int, high: int) -> str:
    """The reply to a number beyond its bounds."""
    return f"ERR value is out of range, value must between {low} and {high}"


# Client-side caching

TRACKING_ONE_REDIRECT = "ERR A client can only redirect to a single other client"
TRACKING_NO_REDIRECT_CLIENT = "ERR The client ID you want redirect to does not exist"
TRACKING_PREFIX_NEEDS_BCAST = "ERR PREFIX option requires BCAST mode to be enabled"
TRACKING_BCAST_SWITCH = (
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, "
    "and then re-enabling it with a different mode."
)
TRACKING_OPT_WITH_BCAST = "ERR OPTIN and OPTOUT are not compatible with BCAST"
TRACKING_OPTIN_AND_OPTOUT = "ERR You can't specify both OPTIN mode and OPTOUT mode"
TRACKING_OPT_SWITCH = (
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, "
    "and then re-enabling it with a different mode."
)
CACHING_NEEDS_TRACKING = (
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
)
CACHING_YES_NEEDS_OPTIN = "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
CACHING_NO_NEEDS_OPTOUT = "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."


def tracking_prefix_overlap(prefix: bytes, other: bytes, which: str) -> str:
    """The reply to overlapping prefixes; `which` is "an existing" or "another provided"."""
    return (
        f"ERR Prefix '{prefix.decode('latin-1')}' overlaps with {which} prefix '{other.decode('latin-1')}'. "
        "Prefixes for a single client must not overlap."
    )


def subcommand_arguments(name: bytes, parent: str) -> str:
    """The reply of a container to a subcommand whose arguments are too many; `parent` is its name in lower case."""
    return (
        f"ERR unknown subcommand or wrong number of arguments for '{name[:128].decode('latin-1')}'. "
        f"Try {parent.upper()} HELP."
    )


def unknown_or_arity(word: str, command: str) -> str:
    """The reply to a word that a command does not know, or knows with other arguments; `command` in upper case."""
    return f"ERR unknown subcommand or wrong number of arguments for '{word[:128]}'. Try {command} HELP."


def no_samples(event: str) -> str:
    """The reply of LATENCY GRAPH to an event that never was slow."""
    return f"ERR No samples available for event '{event}'"


# persistence
DEBUG_LOADING = "ERR Error trying to load the RDB dump, check server logs."
BGSAVE_RUNNING = "ERR Background save already in progress"
SAVE_FAILED = "ERR"
MISCONF = (
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that"
    " may modify the data set are disabled, because this instance is configured to report errors during writes if RDB"
    " snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB"
    " error."
)
BUSYKEY = "BUSYKEY Target key name already exists."
BAD_PAYLOAD = "ERR DUMP payload version or checksum are wrong"
BAD_DATA_FORMAT = "ERR Bad data format"
RESTORE_TTL = "ERR Invalid TTL value, must be >= 0"
RESTORE_IDLETIME = "ERR Invalid IDLETIME value, must be >= 0"
RESTORE_FREQ = "ERR Invalid FREQ value, must be >= 0 and <= 255"
REWRITE_RUNNING = "ERR Background append only file rewriting already in progress"


def aof_write_failed(reason: str) -> str:
    """The reply to a write while the append-only file cannot be written."""
    return f"MISCONF Errors writing to the AOF file: {reason}"


# Sorted sets
ZADD_NX_AND_XX = "ERR XX and NX options at the same time are not compatible"
ZADD_GT_LT_NX = "ERR GT, LT, and/or NX options at the same time are not compatible"
ZADD_INCR_PAIRS = "ERR INCR option supports a single increment-element pair"
SCORE_NAN = "ERR resulting score is not a number (NaN)"
SCORE_RANGE = "ERR min or max is not a float"
MEMBER_RANGE = "ERR min or max not valid string range item"
LIMIT_BY_RANK = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
WITHSCORES_BY_LEX = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
WEIGHT_NOT_FLOAT = "ERR weight value is not a float"


def no_input_key(command: str) -> str:
    """The reply of ZUNION and its siblings to a number of keys below 1."""
    return f"ERR at least 1 input key is needed for '{command}' command"


# HyperLogLog
NOT_HYPERLOGLOG = "WRONGTYPE Key is not a valid HyperLogLog string value."
CORRUPT_HYPERLOGLOG = "INVALIDOBJ Corrupted HLL object detected"
NO_SUCH_HYPERLOGLOG = "ERR The specified key does not exist"
HYPERLOGLOG_NOT_SPARSE = "ERR HLL encoding is not sparse"


def unknown_pfdebug(word: bytes) -> str:
    """The reply of PFDEBUG to a subcommand that it does not know."""
    return f"ERR Unknown PFDEBUG subcommand '{word.decode('latin-1')}'"


def selftest_failed(reason: str) -> str:
    """The reply of PFSELFTEST when something is wrong."""
    return f"ERR TESTFAILED {reason}"
