"""Users as values: passwords, and selectors of commands, keys and channels. Knows no client and no RESP.

A selector's commands are the set of full names that it allows; `future` tells that commands yet to come are
allowed too (`+@all` came last among those two); `all_commands` that none was taken away since.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

READ, WRITE = 1, 2


@dataclass(slots=True, eq=False)
class Selector:
    """One set of permissions. `keys` are (READ and WRITE bits, pattern); `first_args` are of `+get|x` rules."""

    commands: set[str] = field(default_factory=set)
    future: bool = False
    all_commands: bool = False
    first_args: dict[str, list[bytes]] = field(default_factory=dict)
    all_keys: bool = False
    keys: list[tuple[int, bytes]] = field(default_factory=list)
    all_channels: bool = False
    channels: list[bytes] = field(default_factory=list)

    def copy(self) -> Selector:
        """An independent copy."""
        first_args = {name: list(args) for name, args in self.first_args.items()}
        return Selector(
            set(self.commands),
            self.future,
            self.all_commands,
            first_args,
            self.all_keys,
            list(self.keys),
            self.all_channels,
            list(self.channels),
        )


@dataclass(slots=True, eq=False)
class User:
    """A user. `passwords` are SHA-256 sums in lower-case hexadecimal; `sanitize` is the word of that flag, if set."""

    name: str
    enabled: bool = False
    nopass: bool = False
    sanitize: str = ""
    passwords: list[str] = field(default_factory=list)
    root: Selector = field(default_factory=Selector)
    selectors: list[Selector] = field(default_factory=list)

    def copy(self) -> User:
        """An independent copy."""
        selectors = [selector.copy() for selector in self.selectors]
        return User(
            self.name, self.enabled, self.nopass, self.sanitize, list(self.passwords), self.root.copy(), selectors
        )

    def accepts(self, password: bytes) -> bool:
        """Whether the user may log in with this password."""
        return self.enabled and (self.nopass or digest(password) in self.passwords)


def digest(password: bytes) -> str:
    """How a password is kept."""
    return hashlib.sha256(password).hexdigest()
