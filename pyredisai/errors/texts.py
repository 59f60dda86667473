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
NOPROTO = "NOPROTO unsupported protocol version"
LOADING = "LOADING Redis is loading the dataset in memory"


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
