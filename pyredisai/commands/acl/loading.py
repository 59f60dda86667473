"""Users at the start: the `user` lines of the configuration, which are checked when they are read, or the ACL file."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pyredisai.commands.accounts import store
from pyredisai.commands.acl import rules
from pyredisai.commands.acl.describe import user_line
from pyredisai.commands.acl.user_file import UserFileError, read_users
from pyredisai.commands.acl.users import User
from pyredisai.commands.context import Services
from pyredisai.commands.spec import Table
from pyredisai.config.lines import to_bytes, to_text
from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError, acl_texts
from pyredisai.errors import config_texts as texts


def check_user(table: Table, words: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a `user` line that no set of commands could make right. Raises ConfigError.

    `words` are name and rules, `known` the names of users read before. As in Redis, unknown commands and categories
    are left to `load_users`, and the message names the word that stands two places before the wrong rule.
    """
    if words[0] in known:
        raise ConfigError(texts.bad_user(words[0], texts.DUPLICATE_USER))
    user = User(words[0])
    try:
        joined = rules.join_selectors([to_bytes(word) for word in words[1:]])
    except rules.RuleError as error:
        raise ConfigError(texts.bad_user("user", f"Unmatched parenthesis in {error}")) from None
    for at, rule in enumerate(joined):
        try:
            rules.apply(table, user, rule)
        except rules.RuleError as error:
            if rule[:1] not in b"+-" or str(error) != rules.UNKNOWN_COMMAND:
                raise ConfigError(texts.bad_user(["user", *words][at], str(error))) from None


def load_users(services: Services) -> None:
    """Make the users of the ACL file, or those of the configuration, which CONFIG REWRITE then writes.

    Raises ConfigError, logged.
    """
    config, table, accounts = services.config, services.table, store(services)
    if path := file_of(config):
        if config.users:
            refuse(services, acl_texts.FILE_AND_LINES)
        try:
            load_file(services, path)
        except UserFileError as error:
            refuse(services, acl_texts.start_refused(str(error)))
        return
    for name, *words in config.users:
        user = accounts.new(name)
        if any(char.isspace() or char == "\0" for char in name):
            refuse(services, texts.USER_NAME)
        for rule in rules.join_selectors([to_bytes(word) for word in words]):
            try:
                rules.apply(table, user, rule)
            except rules.RuleError as error:
                refuse(services, texts.bad_rule(to_text(rule), name, str(error)))
        accounts.replace(user)
    config.more_lines["user"] = lambda: [user_line(table, user) for _, user in sorted(accounts.users.items())]


def file_of(config: Registry) -> str:
    """The path of the ACL file; empty without one."""
    name: str = config["aclfile"]
    return os.path.join(config["dir"], name) if name else ""


def load_file(services: Services, path: str) -> None:
    """The users of a file in place of all. Raises UserFileError."""
    accounts = store(services)
    accounts.replace_all(read_users(services.table, path, accounts.new))


def refuse(services: Services, text: str) -> None:
    """Log why a user cannot be made; the start is over. Raises ConfigError."""
    services.log("warning", text)
    services.log("warning", "Critical error while loading ACLs. Exiting.")
    raise ConfigError(text)
