"""A user back into rules, as ACL LIST and ACL GETUSER show it."""

from __future__ import annotations

from pyredisai.commands.acl.rules import CATEGORIES, allow, in_category, members
from pyredisai.commands.acl.users import READ, WRITE, Selector, User
from pyredisai.commands.spec import Table

_PREFIX = {READ | WRITE: "~", READ: "%R~", WRITE: "%W~"}


def flags(user: User) -> list[str]:
    """The user's flags, as ACL GETUSER names them."""
    words = ["on" if user.enabled else "off", "nopass" if user.nopass else "", user.sanitize]
    return [word for word in words if word]


def keys(selector: Selector) -> str:
    """Key patterns, separated by blanks."""
    if selector.all_keys:
        return "~*"
    return " ".join(_PREFIX[bits] + pattern.decode("latin-1") for bits, pattern in selector.keys)


def channels(selector: Selector) -> str:
    """Channel patterns, separated by blanks."""
    if selector.all_channels:
        return "&*"
    return " ".join("&" + pattern.decode("latin-1") for pattern in selector.channels)


def commands(table: Table, selector: Selector) -> str:
    """Rules that lead to the same commands: all or none, the categories that fit best, then single commands."""
    grow = not selector.future
    rules = ["-@all" if grow else "+@all"]
    known = {command.name for command in table.all()}
    reached = Selector(commands=set() if grow else set(known))
    left = selector.commands & known if grow else known - selector.commands
    sign = "+" if grow else "-"
    while (category := _best_category(table, left)) is not None:
        rules.append(f"{sign}@{category}")
        chosen = in_category(table, category)
        allow(reached, chosen, grow)
        left = left - {command.name for command in chosen}
    return " ".join([*rules, *_single(table, selector, reached)])


def _best_category(table: Table, left: set[str]) -> str | None:
    """The category with the fewest commands that are not in `left`; among equals the one with the most that are."""
    best, fewest, most = None, 1 << 30, 0
    for category in CATEGORIES:
        names = {command.name for command in in_category(table, category)}
        fit = len(names & left)
        misfit = len(names) - fit
        if fit > misfit and (misfit < fewest or (misfit == fewest and fit > most)):
            best, fewest, most = category, misfit, fit
    return best


def _single(table: Table, selector: Selector, reached: Selector) -> list[str]:
    rules = []
    for command in table.commands.values():
        for one in members(command):
            wanted = one.name in selector.commands
            if wanted != (one.name in reached.commands):
                rules.append(("+" if wanted else "-") + one.name)
                allow(reached, members(one), wanted)
            if not wanted:
                rules += [f"+{one.name}|{arg.decode('latin-1')}" for arg in selector.first_args.get(one.name, ())]
    return rules


def selector_rules(table: Table, selector: Selector) -> str:
    """A selector as one line of rules."""
    shown = [keys(selector)]
    shown.append(channels(selector) if selector.all_channels else f"resetchannels {channels(selector)}".rstrip())
    shown.append(commands(table, selector))
    return " ".join(part for part in shown if part)


def user_line(table: Table, user: User) -> str:
    """A user as a line of an ACL file."""
    parts = ["user", user.name, *flags(user), *(f"#{hashed}" for hashed in user.passwords)]
    parts.append(selector_rules(table, user.root))
    parts += [f"({selector_rules(table, selector)})" for selector in user.selectors]
    return " ".join(parts)
