"""Arguments without their secrets, for the slow log and MONITOR."""

from __future__ import annotations

from collections.abc import Sequence

from pyredisai.commands.spec import Command
from pyredisai.config.registry import BY_NAME

_HIDDEN = b"(redacted)"
_SECRET_DIRECTIVES = frozenset(name.encode() for name, param in BY_NAME.items() if param.sensitive)


def redacted(command: Command, args: Sequence[bytes]) -> Sequence[bytes]:
    """The arguments with passwords replaced."""
    name = command.name
    if name == "auth":
        return [args[0], *[_HIDDEN] * (len(args) - 1)]
    if name == "acl|setuser":
        return [*args[:2], *[_HIDDEN] * (len(args) - 2)]
    if name == "hello":
        shown = list(args)
        for at in range(2, len(args) - 2):
            if bytes(args[at]).lower() == b"auth":
                shown[at + 1 : at + 3] = [_HIDDEN, _HIDDEN]
        return shown
    if name == "migrate":
        shown = list(args)
        for at in range(6, len(args)):
            word = bytes(args[at]).upper()
            if word == b"KEYS":
                break
            if secrets := {b"AUTH": 1, b"AUTH2": 2}.get(word, 0):
                shown[at + 1 : at + 1 + secrets] = [_HIDDEN] * len(args[at + 1 : at + 1 + secrets])
        return shown
    if name == "config|set":
        shown = list(args)
        for at in range(2, len(args) - 1, 2):
            if bytes(args[at]).lower() in _SECRET_DIRECTIVES:
                shown[at + 1] = _HIDDEN
        return shown
    return args
