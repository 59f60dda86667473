"""Every error text of Lua scripts and functions, in one place. Facts: redis-server 7.0's replies."""

from __future__ import annotations

LUA_MISSING = "ERR Lua scripts need the packages lupa and greenlet: pip install 'pyredisai[lua]'"
NOSCRIPT = "NOSCRIPT No matching script. Please use EVAL."
NOTBUSY = "NOTBUSY No scripts in execution right now."
BUSY_SCRIPT = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
BUSY_FUNCTION = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
UNKILLABLE = (
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script "
    "termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
)
KILLED = "Script killed by user with SCRIPT KILL..."
NEGATIVE_KEYS = "ERR Number of keys can't be negative"
TOO_MANY_KEYS = "ERR Number of keys can't be greater than number of args"
BAD_KEYS_NUMBER = "ERR Bad number of keys provided"
FLUSH_OPTION = "ERR SCRIPT FLUSH only support SYNC|ASYNC option"
DEBUG_OPTION = "ERR Use SCRIPT DEBUG YES/SYNC/NO"
DEBUG_UNSUPPORTED = "ERR The Lua debugger is not supported by this server"

INVALID_SHEBANG = "ERR Invalid script shebang"
RO_CALL_OF_WRITER = "ERR Can not execute a script with write flag using *_ro command."
CLUSTER_REFUSED = "ERR Can not run script on cluster, 'no-cluster' flag is set."
REPLICA_REFUSED = "READONLY Can not run script with write flag on readonly replica"
OOM_REFUSED = "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'"

# What redis.call says; the code ERR and the place in the script are added where it becomes a reply.
OUTSIDE = "redis.call/pcall can only be called inside a script invocation"
SETRESP_OUTSIDE = "redis.setresp can only be called inside a script invocation"
SET_REPL_OUTSIDE = "redis.set_repl can only be called inside a script invocation"
ACL_OUTSIDE = "redis.acl_check_cmd can only be called inside a script invocation"
NO_ARGUMENTS = "Please specify at least one argument for this redis lib call"
ARGUMENT_TYPES = "Lua redis lib command arguments must be strings or integers"
UNKNOWN_COMMAND = "Unknown Redis command called from script"
WRONG_ARITY = "Wrong number of args calling Redis command from script"
NOT_ALLOWED = "This Redis command is not allowed from script"
READ_ONLY = "Write commands are not allowed from read-only scripts."
BLOCKING = "Blocking module command called from Lua script"
INVALID_ACL_COMMAND = "Invalid command passed to redis.acl_check_cmd()"
PARTIAL_REPLICATION = (
    "This server cannot propagate to the AOF without replicas or the other way round: REPL_ALL or REPL_NONE"
)
READ_ONLY_REPLICA = "-READONLY You can't write against a read only replica."

# Functions
FUNCTION_NOT_FOUND = "ERR Function not found"
LIBRARY_NOT_FOUND = "ERR Library not found"
FUNCTION_FLUSH_OPTION = "ERR FUNCTION FLUSH only supports SYNC|ASYNC option"
LIBRARY_META_MISSING = "ERR Missing library metadata"
LIBRARY_META_INVALID = "ERR Invalid library metadata"
LIBRARY_NAME_MISSING = "ERR Library name was not given"
LIBRARY_NAME_TWICE = "ERR Invalid metadata value, name argument was given multiple times"
LIBRARY_NAME_INVALID = (
    "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
)
FUNCTION_NAME_INVALID = (
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
)
UNKNOWN_FLAG = "unknown flag given"
LOAD_TIMEOUT = "FUNCTION LOAD timeout"
FUNCTION_EXISTS_IN_LIBRARY = "Function already exists in the library"
NO_FUNCTIONS = "ERR No functions registered"
REGISTER_OUTSIDE = "redis.register_function can only be called on FUNCTION LOAD command"
BAD_PAYLOAD = "ERR DUMP payload version or checksum are wrong"
PAYLOAD_FAILED = "ERR failed loading the given functions payload"
RESTORE_POLICY = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
LIBRARY_NAME_ARGUMENT = "ERR library name argument was not given"


def compile_error(problem: str) -> str:
    """The reply to a script that is no Lua."""
    return f"ERR Error compiling script (new function): {problem}"


def function_compile_error(problem: str) -> str:
    """The reply to a library that is no Lua."""
    return f"ERR Error compiling function: {problem}"


def function_register_error(problem: str) -> str:
    """The reply to a library whose code fails when it is loaded."""
    return f"ERR Error registering functions: {problem}"


def failed(problem: str, name: str, source: str, line: int) -> str:
    """The reply to a script that failed: what it said, and where."""
    return f"{problem} script: {name}, on {source}:{line}."


def unexpected_engine(word: str) -> str:
    """A shebang that names another language."""
    return f"ERR Unexpected engine in script shebang: {word}"


def unknown_shebang_option(word: str) -> str:
    """A shebang with a word that is no option."""
    return f"ERR Unknown lua shebang option: {word}"


def unexpected_flag(word: str) -> str:
    """A flag that no script has."""
    return f"ERR Unexpected flag in script shebang: {word}"


def slow(milliseconds: int, command: str, name: str) -> str:
    """The log's line on a script that takes too long."""
    return f"Slow script: still running after {milliseconds} ms; {command} ends it. Its name: {name}"


def library_exists(name: str) -> str:
    """FUNCTION LOAD of a name that is taken."""
    return f"ERR Library '{name}' already exists"


def function_exists(name: str) -> str:
    """FUNCTION LOAD of a function that another library has."""
    return f"ERR Function {name} already exists"


def engine_not_found(name: str) -> str:
    """FUNCTION LOAD for another language."""
    return f"ERR Engine '{name}' not found"


def unknown_argument(word: str) -> str:
    """FUNCTION LIST, RESTORE or LOAD with a word that it does not know."""
    return f"ERR Unknown argument {word}"


def unknown_option(word: str) -> str:
    """FUNCTION LOAD with a word that it does not know."""
    return f"ERR Unknown option given: {word}"


def invalid_metadata(word: str) -> str:
    """The first line of a library holds something else than a name."""
    return f"ERR Invalid metadata value given: {word}"


def acl(reason: str) -> str:
    """redis.call of what the user may not run; `reason` is the NOPERM reply that a client would get."""
    if "access one of the keys" in reason:
        what = "can't access at least one of the keys mentioned in the command arguments"
    elif "access one of the channels" in reason:
        what = "can't publish to the channel mentioned in the command"
    else:
        what = "can't run this command or subcommand"
    return f"NOPERM The user executing the script {what}"
