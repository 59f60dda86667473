"""The arguments of the script commands: what RedisAI accepts, and its error for all else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pyredisai.ai.script import Script
from pyredisai.commands.ai.cursor import Cursor, as_keyword
from pyredisai.commands.ai.model_args import parse_device, parse_tag
from pyredisai.commands.args import parse_int
from pyredisai.commands.spec import Args
from pyredisai.errors import ReplyError, ai_texts, texts
from pyredisai.keyspace.database import Database

_SCOPES: Final = (b"KEYS", b"INPUTS", b"ARGS", b"OUTPUTS")
_KEY_SCOPES: Final = (b"KEYS", b"INPUTS", b"OUTPUTS")
# How the original's errors call each scope's count and its items.
_COUNT_NAMES: Final = {b"INPUTS": "inputs", b"OUTPUTS": "outputs", b"ARGS": "keys"}
_ITEM_NAMES: Final = {b"INPUTS": "inputs", b"OUTPUTS": "outputs", b"ARGS": "args"}


class ScriptStore(NamedTuple):
    """What AI.SCRIPTSTORE asks for. `device` in the user's case; the source up to its first null byte."""

    key: bytes
    device: str
    tag: bytes
    entry_points: tuple[bytes, ...]
    source: bytes


@dataclass(slots=True)
class ScriptExecute:
    """What AI.SCRIPTEXECUTE asks for. `timeout_ms` 0 is none."""

    script: Script
    function: str
    keys: list[bytes] = field(default_factory=list)
    inputs: list[bytes] = field(default_factory=list)
    args: list[bytes] = field(default_factory=list)
    outputs: list[bytes] = field(default_factory=list)
    timeout_ms: int = 0


def find_script(database: Database, key: bytes) -> Script:
    """The script under a key. Raises ReplyError when there is none."""
    script = database.get(key)
    if type(script) is Script:
        return script
    raise ReplyError(ai_texts.SCRIPT_KEY_EMPTY if script is None else texts.WRONGTYPE)


def parse_script_store(args: Args) -> ScriptStore:
    """AI.SCRIPTSTORE key device [TAG tag] ENTRY_POINTS n name … SOURCE source; the caller counted the arguments."""
    cursor = Cursor(args)
    key = cursor.take_bytes()
    device = cursor.take_bytes()
    tag = parse_tag(cursor)
    if not cursor.accept(b"ENTRY_POINTS"):
        raise ReplyError(ai_texts.NO_ENTRY_POINTS)
    count = cursor.take_number(ai_texts.ENTRY_POINTS_NOT_NUMERIC)
    if not 0 <= count <= cursor.remaining:
        raise ReplyError(ai_texts.NO_ENTRY_POINTS)
    entry_points = tuple(_c_bytes(cursor.take_bytes()) for _ in range(count))
    source = parse_source(cursor)
    return ScriptStore(key, _script_device(device), tag, entry_points, source)


def _script_device(name: bytes) -> str:
    """A script's device: RedisAI looks at it last and takes all that begins with CPU, where we are strict."""
    known = as_keyword(name).startswith((b"CPU", b"GPU:")) or as_keyword(name) == b"GPU"
    return parse_device(name, ai_texts.INVALID_DEVICE if known else ai_texts.UNSUPPORTED_DEVICE)


def parse_source(cursor: Cursor) -> bytes:
    """SOURCE source. Raises ReplyError."""
    if not cursor.accept(b"SOURCE") or not cursor:
        raise ReplyError(ai_texts.NO_SCRIPT_SOURCE)
    return _c_bytes(cursor.take_bytes())


def _c_bytes(text: bytes) -> bytes:
    return text.partition(b"\0")[0]


def parse_script_execute(database: Database, args: Args, *, in_dag: bool = False) -> ScriptExecute:
    """AI.SCRIPTEXECUTE key function KEYS|INPUTS n … [INPUTS n …] [ARGS n …] [OUTPUTS n …] [TIMEOUT ms].

    The scopes come in any order, each once; outside a DAG the first is KEYS or INPUTS. Raises ReplyError.
    """
    if len(args) < 3:
        raise ReplyError(ai_texts.SCRIPTEXECUTE_ARITY)
    request = ScriptExecute(find_script(database, args[1]), _c_bytes(args[2]).decode("utf-8", "surrogateescape"))
    if not in_dag and (len(args) == 3 or as_keyword(args[3]) not in (b"KEYS", b"INPUTS")):
        raise ReplyError(ai_texts.SCRIPT_FIRST_SCOPE)
    seen: set[bytes] = set()
    at = 3
    while at < len(args):
        word = as_keyword(args[at])
        if word == b"TIMEOUT":
            at = _parse_timeout(request, args, at)
        elif word in _SCOPES:
            if word in seen:
                raise ReplyError(ai_texts.script_scope_twice(word.decode()))
            seen.add(word)
            at = _parse_scope(request, args, at, word)
        else:
            raise ReplyError(ai_texts.script_unexpected(bytes(args[at])))
    return request


def _parse_timeout(request: ScriptExecute, args: Args, at: int) -> int:
    if at + 1 == len(args):
        raise ReplyError(ai_texts.SCRIPT_NO_TIMEOUT_VALUE)
    request.timeout_ms = parse_int(bytes(args[at + 1]), ai_texts.INVALID_TIMEOUT)
    if request.timeout_ms <= 0:
        raise ReplyError(ai_texts.INVALID_TIMEOUT)
    if at + 2 != len(args):
        raise ReplyError(ai_texts.SCRIPT_PARSING)
    return at + 2


def _parse_scope(request: ScriptExecute, args: Args, at: int, scope: bytes) -> int:
    count = _keys_count(args, at) if scope == b"KEYS" else _scope_count(args, at, scope)
    items = args[at + 2 : at + 2 + count]
    if len(items) != count:
        raise ReplyError(ai_texts.SCRIPT_KEYS_SHORT if scope == b"KEYS" else ai_texts.script_short(_ITEM_NAMES[scope]))
    setattr(request, scope.decode().lower(), items)
    return at + 2 + count


def _keys_count(args: Args, at: int) -> int:
    if len(args) - at < 3:
        raise ReplyError(ai_texts.SCRIPT_KEYS_MISSING)
    count = parse_int(bytes(args[at + 1]), ai_texts.SCRIPT_KEYS_COUNT)
    if count <= 0:
        raise ReplyError(ai_texts.SCRIPT_KEYS_COUNT)
    return count


def _scope_count(args: Args, at: int, scope: bytes) -> int:
    if at + 1 == len(args):
        raise ReplyError(ai_texts.SCRIPT_ARGUMENTS)
    error = ai_texts.script_count(_COUNT_NAMES[scope])
    count = parse_int(bytes(args[at + 1]), error)
    if count < 0:
        raise ReplyError(error)
    return count


def script_execute_keys(args: list[bytes]) -> list[bytes]:
    """The keys of AI.SCRIPTEXECUTE as RedisAI tells them. Raises ReplyError where there are none.

    It stops at ARGS, and at a scope whose last item is the last argument: mostly the outputs.
    """
    if len(args) < 6:
        raise ReplyError(texts.INVALID_COMMAND_ARGUMENTS)
    keys = args[1:2]
    at = 3
    while at + 1 < len(args) and as_keyword(args[at]) in _KEY_SCOPES:
        count = _count_or_none(args[at + 1])
        at += 2
        if count is None or count <= 0 or at + count >= len(args):
            break
        keys += args[at : at + count]
        at += count
    return keys


def script_execute_every_key(args: list[bytes]) -> list[bytes]:
    """All keys of AI.SCRIPTEXECUTE, for permissions: what it reads and writes."""
    keys = args[1:2]
    at = 3
    while at + 1 < len(args):
        scope, count = as_keyword(args[at]), _count_or_none(args[at + 1])
        at += 1
        if scope in _SCOPES and count is not None and count > 0:
            if scope != b"ARGS":
                keys += args[at + 1 : at + 1 + count]
            at += 1 + count
    return keys


def _count_or_none(text: bytes) -> int | None:
    try:
        return parse_int(text)
    except ReplyError:
        return None
