"""The keys among a command's arguments, for COMMAND GETKEYS, ACL and client-side caching."""

from __future__ import annotations

from collections.abc import Sequence

from pyredisai.commands.spec import Command
from pyredisai.errors import ReplyError, texts


def keys_with_flags(command: Command, args: Sequence[bytes], *, guarded: bool = False) -> list[tuple[bytes, str]]:
    """Each key with the words that tell its use (`RW access update`). Raises ReplyError for invalid arguments.

    `guarded` asks for the keys that permissions look at, where these are others.
    """
    plain = [arg if type(arg) is bytes else bytes(arg) for arg in args]
    get_keys = command.guarded_keys if guarded and command.guarded_keys is not None else command.get_keys
    if get_keys is not None:
        flags = command.key_specs[0].flags if command.key_specs else "RW access update"
        flags = " ".join(word for word in flags.split() if word != "variable_flags")
        found = get_keys(plain)
        return [(key, flags) if isinstance(key, bytes) else key for key in found]
    keys: list[tuple[bytes, str]] = []
    for spec in command.key_specs:
        words = spec.flags.split()
        if "not_key" in words:
            continue
        part = spec.find(plain)
        if part is None:
            raise ReplyError(texts.INVALID_COMMAND_ARGUMENTS)
        shown = " ".join(word for word in words if word not in ("variable_flags", "incomplete"))
        keys += [(key, shown) for key in part]
    return keys
