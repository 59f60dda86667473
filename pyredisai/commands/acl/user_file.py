"""The ACL file: users as lines of rules, read as a whole or not at all, and written as a whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import BinaryIO

from pyredisai.commands.acl import rules
from pyredisai.commands.acl.describe import user_line
from pyredisai.commands.acl.users import User
from pyredisai.commands.spec import Table
from pyredisai.errors import acl_texts as texts
from pyredisai.persistence.disk import replace_file


class UserFileError(Exception):
    """The file cannot be read, or lines of it are wrong; the message tells all of them."""


def read_users(table: Table, path: str, new_user: Callable[[str], User]) -> dict[str, User]:
    """The users of a file by name; `new_user(name)` makes one without rules. Raises UserFileError."""
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError as error:
        raise UserFileError(texts.file_not_opened(path, os.strerror(error.errno or 0))) from None
    users: dict[str, User] = {}
    wrong: list[str] = []
    for number, line in enumerate(lines, 1):
        words = [word for word in line.strip(b" \t\r\n").split(b" ") if word]
        if not words:
            continue
        if words[0] != b"user" or len(words) < 2:
            wrong.append(texts.not_a_user_line(path, number))
            continue
        name = words[1].decode("latin-1")
        if any(char.isspace() or char == "\0" for char in name):
            wrong.append(texts.bad_name_in_file(path, number, name))
        elif name in users:
            wrong.append(texts.twice_in_file(name, number))
        else:
            users[name] = new_user(name)
            wrong += (f"{path}:{number}: {reason}. " for reason in _apply(table, users[name], words[2:]))
    if wrong:
        raise UserFileError("".join(wrong) + texts.NOTHING_CHANGED)
    return users


def _apply(table: Table, user: User, words: list[bytes]) -> Iterable[str]:
    """Apply the rules of a line: what is wrong with them. Only unknown commands are named: others may be passwords."""
    try:
        joined = rules.join_selectors(words)
    except rules.RuleError as error:
        yield texts.unmatched(str(error))
        return
    told = False
    for rule in joined:
        try:
            rules.apply(table, user, rule)
        except rules.RuleError as error:
            reason = str(error)
            if reason == rules.UNKNOWN_COMMAND:
                yield texts.unknown_operation(rule.strip(b"\t\r\n").decode("latin-1"), reason)
            elif not told:
                told = True
                yield reason


def write_users(table: Table, path: str, users: Iterable[User]) -> None:
    """Put a file of these users in place of the old one. Raises OSError."""
    lines = "".join(user_line(table, user) + "\n" for user in users).encode("latin-1")

    def write(file: BinaryIO) -> None:
        file.write(lines)

    replace_file(path, write)
