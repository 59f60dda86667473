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
LOADING = "LOADING Redis is loading the dataset in memory"

WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled."
AUTH_WITHOUT_PASSWORD = (
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
HELLO_NOAUTH = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
    "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
)
PROTOCOL_VERSION = "ERR Protocol version is not an integer or out of range"
CLIENT_NAME_CHARACTERS = "ERR Client names cannot contain spaces, newlines or special characters."
NO_SUCH_CLIENT = "ERR No such client"
NO_SUCH_CLIENT_ID = "ERR No such client ID"
INVALID_CLIENT_ID = "ERR Invalid client ID"
CLIENT_ID_POSITIVE = "ERR client-id should be greater than 0"
TIMEOUT_NOT_INTEGER = "ERR timeout is not an integer or out of range"
TIMEOUT_NEGATIVE = "ERR timeout is negative"
UNBLOCKED_ERROR = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
TRACKING_LATER = "ERR CLIENT TRACKING is not supported by this server yet"
CACHING_NEEDS_TRACKING = (
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
)
MONITOR_DENY_BLOCKING = "ERR MONITOR isn't allowed for DENY BLOCKING client"
DB_NOT_IN_CLUSTER = "ERR SELECT is not allowed in cluster mode"
CLUSTER_DISABLED = "ERR This instance has cluster support disabled"
NO_KEYS = "ERR The command has no key arguments"
INVALID_COMMAND = "ERR Invalid command specified"
INVALID_COMMAND_ARITY = "ERR Invalid number of arguments specified for command"
INVALID_COMMAND_ARGUMENTS = "ERR Invalid arguments specified for command"
VALUE_NOT_INTEGER_POSITIVE = "ERR value is out of range, must be positive"


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
