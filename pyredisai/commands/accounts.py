"""The server's users, who is logged in as whom, and the log of what was refused."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from pyredisai import clock
from pyredisai.commands.acl import rules
from pyredisai.commands.acl.permissions import LimitedUser, is_unlimited
from pyredisai.commands.acl.users import User
from pyredisai.commands.client import Client
from pyredisai.commands.client_info import describe_client
from pyredisai.commands.context import Context, Services
from pyredisai.errors import ReplyError, texts

_SAME_MS = 60_000


@dataclass(slots=True, eq=False)
class Refusal:
    """An entry of ACL LOG: reason is command, key, channel or auth; context toplevel, multi, lua or module."""

    reason: str
    context: str
    object: str
    username: str
    client_info: str
    created_ms: int = field(default_factory=clock.now_ms)
    count: int = 1


class Accounts:
    """All users by name. `default` is who everybody is before AUTH."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.default = self.unlimited()
        self.users = {"default": self.default}
        self.log: deque[Refusal] = deque()

    def unlimited(self) -> User:
        """The default user as it is before any configuration."""
        user = User("default", enabled=True, nopass=True)
        for rule in (b"+@all", b"~*", b"&*"):
            rules.apply(self.services.table, user, rule)
        return user

    def new(self, name: str) -> User:
        """A user without any right, as ACL SETUSER makes one; the caller stores it."""
        user = User(name)
        user.root.all_channels = self.services.config["acl-pubsub-default"] == "allchannels"
        return user

    def set_password(self, password: str) -> None:
        """Directive requirepass: the only password of the default user; empty: none is needed."""
        self.default.passwords.clear()
        self.default.nopass = not password
        if password:
            rules.apply(self.services.table, self.default, b">" + password.encode("utf-8", "surrogateescape"))

    def replace(self, user: User) -> None:
        """Store a user; who is logged in under that name is held to it from now on."""
        self.users[user.name] = user
        if user.name == "default":
            self.default = user
        for client in self.services.clients.values():
            if client.user == user.name:
                self.bind(client, user)

    def replace_all(self, users: dict[str, User]) -> None:
        """These users in place of all; who is logged in under a name other than `default` is disconnected."""
        default = users.get("default") or self.unlimited()
        self.users = {**users, "default": default}
        self.replace(default)
        for client in list(self.services.clients.values()):
            if client.user != "default":
                client.link.close(after_reply=True)

    def remove(self, name: str) -> bool:
        """Delete a user and close its connections."""
        if self.users.pop(name, None) is None:
            return False
        for client in list(self.services.clients.values()):
            if client.user == name:
                client.link.close()
        return True

    def bind(self, client: Client, user: User) -> None:
        """Make `client` act as `user`."""
        client.user = user.name
        client.permissions = None if is_unlimited(user) else LimitedUser(user, self.refused)

    def refused(self, ctx: Context, reason: str, name: str, username: str = "") -> None:
        """Note a refusal in the log; one like the last minute's is counted there."""
        client = ctx.client
        context = "lua" if client.is_script else "multi" if client.queued is not None else "toplevel"
        entry = Refusal(reason, context, name, username or client.user, describe_client(client))
        for old in self.log:
            same = (old.reason, old.context, old.object, old.username) == (reason, context, name, entry.username)
            if same and entry.created_ms - old.created_ms <= _SAME_MS:
                entry.count = old.count + 1
                self.log.remove(old)
                break
        self.log.appendleft(entry)
        while len(self.log) > self.services.config["acllog-max-len"]:
            self.log.pop()


def store(services: Services) -> Accounts:
    """The server's users."""
    found: Accounts | None = services.extra.get("accounts")
    if found is None:
        found = services.extra["accounts"] = Accounts(services)
        services.config.watch("requirepass", found.set_password)
    return found


def admit(services: Services, client: Client) -> None:
    """What a client is before AUTH: the default user, logged in if that needs no password."""
    users = store(services)
    users.bind(client, users.default)
    client.authenticated = users.default.enabled and users.default.nopass


def log_in(ctx: Context, name: bytes, password: bytes) -> None:
    """Make the client that user. Raises ReplyError."""
    users = store(ctx.server)
    user = users.users.get(name.decode("latin-1"))
    if user is None or not user.accepts(password):
        users.refused(ctx, "auth", ctx.client.last_command.upper(), name.decode("latin-1"))
        raise ReplyError(texts.WRONGPASS)
    users.bind(ctx.client, user)
    ctx.client.authenticated = True
