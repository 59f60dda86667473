"""What a limited user may do: asked by dispatch before each of the user's commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyredisai.commands.acl.users import READ, WRITE, Selector, User
from pyredisai.commands.context import Context
from pyredisai.commands.key_lookup import keys_with_flags
from pyredisai.commands.spec import Args, Command
from pyredisai.errors import ReplyError, texts
from pyredisai.glob import compile_glob

# Commands whose arguments are channels: first and last (-1: all that follow), and whether they are patterns.
_CHANNELS = {
    "publish": (1, 1, False),
    "spublish": (1, 1, False),
    "subscribe": (1, -1, False),
    "ssubscribe": (1, -1, False),
    "psubscribe": (1, -1, True),
}

ALLOWED = ("", "")
Denied = tuple[str, str]  # what is refused (command, key, channel) and its name


class LimitedUser:
    """The permissions of a user that may not do everything. Follows the `User` object."""

    def __init__(self, user: User, denied: Callable[[Context, str, str], None]) -> None:
        self.user = user
        self._report = denied

    def check(self, ctx: Context, command: Command, args: Args) -> None:
        """Raises ReplyError (NOPERM) for a command, key or channel that the user may not use."""
        kind, name = verdict(self.user, command, args)
        if kind:
            self._report(ctx, kind, name)
            raise ReplyError(texts.no_permission(kind, command.name))


def is_unlimited(user: User) -> bool:
    """Whether the user may do everything, so that dispatch need not ask."""
    root = user.root
    return root.all_commands and root.all_keys and root.all_channels


def verdict(user: User, command: Command, args: Sequence[bytes]) -> Denied:
    """What of a request is refused, or ALLOWED; one selector that allows all of it is enough."""
    worst = ("command", command.name)
    for selector in (user.root, *user.selectors):
        denied = _verdict(selector, command, args)
        if denied == ALLOWED:
            return denied
        if denied[0] != "command":
            worst = denied
    return worst


def _verdict(selector: Selector, command: Command, args: Sequence[bytes]) -> Denied:
    if not command.no_auth and command.name not in selector.commands:
        allowed = selector.first_args.get(command.name, ())
        if len(args) < 2 or bytes(args[1]).lower() not in [word.lower() for word in allowed]:
            return "command", command.name
    if not selector.all_keys and (command.key_specs or command.get_keys):
        for key, flags in _keys(command, args):
            if not _key_allowed(selector, key, flags):
                return "key", key.decode("latin-1")
    if not selector.all_channels and command.name in _CHANNELS:
        first, last, literal = _CHANNELS[command.name]
        for channel in args[first : last + 1 or None]:
            if not _channel_allowed(selector, bytes(channel), literal):
                return "channel", bytes(channel).decode("latin-1")
    return ALLOWED


def _keys(command: Command, args: Sequence[bytes]) -> list[tuple[bytes, str]]:
    try:
        return keys_with_flags(command, args, guarded=True)
    except ReplyError:
        return []


def _key_allowed(selector: Selector, key: bytes, flags: str) -> bool:
    words = flags.split()
    needed = READ if "access" in words else 0
    if any(word in words for word in ("insert", "delete", "update")):
        needed |= WRITE
    return any(bits & needed == needed and compile_glob(pattern)(key) for bits, pattern in selector.keys)


def _channel_allowed(selector: Selector, channel: bytes, literal: bool) -> bool:
    if literal:
        return channel in selector.channels
    return any(compile_glob(pattern)(channel) for pattern in selector.channels)
