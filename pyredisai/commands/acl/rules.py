"""ACL rules as ACL SETUSER takes them, applied to a user. Raises RuleError with Redis' own reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyredisai.commands.acl.users import READ, WRITE, Selector, User, digest
from pyredisai.commands.spec import Command, Table

CATEGORIES = (
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
)

UNKNOWN_COMMAND = "Unknown command or category name in ACL"
SYNTAX = "Syntax error"
BAD_HASH = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
NO_SUCH_PASSWORD = "The password you are trying to remove from the user does not exist"
KEYS_AFTER_ALL = (
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. "
    "Try 'resetkeys' to start with an empty list of patterns"
)
CHANNELS_AFTER_ALL = (
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. "
    "Try 'resetchannels' to start with an empty list of channels"
)


class RuleError(Exception):
    """A rule that is refused; the message is the reason."""


def members(command: Command) -> list[Command]:
    """A command with its subcommands."""
    return [command, *command.subcommands.values()]


def in_category(table: Table, category: str) -> list[Command]:
    """The commands and subcommands of a category."""
    return [command for command in table.all() if category in command.categories]


def allow(selector: Selector, commands: Iterable[Command], allowed: bool) -> None:
    """Allow or forbid commands; rules on their first arguments end."""
    for command in commands:
        selector.first_args.pop(command.name, None)
        if allowed:
            selector.commands.add(command.name)
        else:
            selector.commands.discard(command.name)
            selector.all_commands = False


def apply(table: Table, user: User, rule: bytes) -> None:
    """Apply one rule to a user; an empty one changes nothing. Raises RuleError."""
    if not rule:
        return
    text = rule.decode("latin-1")
    word = text.lower()
    if word in ("on", "off"):
        user.enabled = word == "on"
    elif word == "nopass":
        user.nopass = True
        user.passwords.clear()
    elif word == "resetpass":
        user.nopass = False
        user.passwords.clear()
    elif word in ("sanitize-payload", "skip-sanitize-payload"):
        user.sanitize = word
    elif text[:1] in (">", "#"):
        _add_password(user, digest(rule[1:]) if text[0] == ">" else checked_hash(text[1:]))
    elif text[:1] in ("<", "!"):
        _remove_password(user, digest(rule[1:]) if text[0] == "<" else checked_hash(text[1:]))
    elif text[:1] == "(" and text[-1:] == ")":
        selector = Selector()
        for part in rule[1:-1].split():
            apply_to_selector(table, selector, part)
        user.selectors.append(selector)
    elif word == "clearselectors":
        user.selectors.clear()
    elif word == "reset":
        reset(user)
    else:
        apply_to_selector(table, user.root, rule)


def reset(user: User) -> None:
    """A user without any right, switched off."""
    user.enabled = user.nopass = False
    user.sanitize = "sanitize-payload"
    user.passwords.clear()
    user.selectors.clear()
    user.root = Selector()


def checked_hash(text: str) -> str:
    """A SHA-256 sum as it must be written. Raises RuleError."""
    if len(text) != 64 or any(c not in "0123456789abcdef" for c in text):
        raise RuleError(BAD_HASH)
    return text


def _add_password(user: User, hashed: str) -> None:
    if hashed not in user.passwords:
        user.passwords.append(hashed)
    user.nopass = False


def _remove_password(user: User, hashed: str) -> None:
    if hashed not in user.passwords:
        raise RuleError(NO_SUCH_PASSWORD)
    user.passwords.remove(hashed)


def apply_to_selector(table: Table, selector: Selector, rule: bytes) -> None:
    """Apply a rule on commands, keys or channels. Raises RuleError."""
    text = rule.decode("latin-1")
    word = text.lower()
    if word in ("allkeys", "~*"):
        selector.all_keys = True
        selector.keys.clear()
    elif word == "resetkeys":
        selector.all_keys = False
        selector.keys.clear()
    elif word in ("allchannels", "&*"):
        selector.all_channels = True
        selector.channels.clear()
    elif word == "resetchannels":
        selector.all_channels = False
        selector.channels.clear()
    elif word in ("allcommands", "+@all", "nocommands", "-@all"):
        selector.future = selector.all_commands = word in ("allcommands", "+@all")
        selector.first_args.clear()
        selector.commands = {command.name for command in table.all()} if selector.future else set()
    elif text[:1] in ("~", "%"):
        _add_keys(selector, rule)
    elif text[:1] == "&":
        if selector.all_channels:
            raise RuleError(CHANNELS_AFTER_ALL)
        if rule[1:] not in selector.channels:
            selector.channels.append(rule[1:])
    elif text[:1] in ("+", "-"):
        _commands(table, selector, word[1:], rule[1:], text[0] == "+")
    else:
        raise RuleError(SYNTAX)


def _add_keys(selector: Selector, rule: bytes) -> None:
    """`~pattern`, or `%R~pattern`, `%W~pattern`, `%RW~pattern`, which may end before the tilde; equal patterns join."""
    letters, _, pattern = rule[1:].partition(b"~") if rule[:1] == b"%" else (b"RW", b"~", rule[1:])
    bits = 0
    for letter in letters.upper():
        bit = {ord("R"): READ, ord("W"): WRITE}.get(letter)
        if bit is None or bits & bit:
            raise RuleError(SYNTAX)
        bits |= bit
    if not bits:
        raise RuleError(SYNTAX)
    if selector.all_keys:
        raise RuleError(KEYS_AFTER_ALL)
    for at, (old, known) in enumerate(selector.keys):
        if known == pattern:
            selector.keys[at] = (old | bits, pattern)
            return
    selector.keys.append((bits, pattern))


def _commands(table: Table, selector: Selector, name: str, raw: bytes, allowed: bool) -> None:
    """`+name`, `-name`, `+@category`, `+name|subcommand`, `+name|first-argument`."""
    if name.startswith("@"):
        if name[1:] not in CATEGORIES:
            raise RuleError(UNKNOWN_COMMAND)
        allow(selector, in_category(table, name[1:]), allowed)
        return
    command = table.find_full(name.encode("latin-1"))
    if command is not None:
        allow(selector, members(command), allowed)
        return
    parent, bar, first = name.partition("|")
    owner = table.find(parent.encode("latin-1"))
    if not allowed or not bar or owner is None:
        raise RuleError(UNKNOWN_COMMAND)
    if not first:
        raise RuleError(SYNTAX)
    if owner.subcommands or "|" in first:
        raise RuleError(UNKNOWN_COMMAND)
    listed = selector.first_args.setdefault(owner.name, [])
    argument = raw.partition(b"|")[2]
    if argument not in listed:
        listed.append(argument)


def join_selectors(rules: Sequence[bytes]) -> list[bytes]:
    """The rules with each parenthesised selector as one. Raises RuleError with the piece that opens the unmatched one.

    A client may send `(+get` and `~x)` as two arguments.
    """
    joined: list[bytes] = []
    opened: list[bytes] = []
    for rule in rules:
        if opened or (rule.startswith(b"(") and not rule.endswith(b")")):
            opened.append(rule)
            if rule.endswith(b")"):
                joined.append(b" ".join(opened))
                opened = []
        else:
            joined.append(rule)
    if opened:
        raise RuleError(opened[0].decode("latin-1"))
    return joined
