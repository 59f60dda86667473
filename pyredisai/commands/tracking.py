"""Client-side caching: who has read which key, and the invalidation messages when it changes.

Rule: nothing of this runs until a client turns tracking on (`Guard.tracking` is None until then). Keys are known by
name alone, whatever the database, as in Redis. A client's own invalidations follow the reply of the command that
caused them; those of broadcasting clients are gathered until the loop's next turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from pyredisai.commands.args import parse_int
from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.key_lookup import keys_with_flags
from pyredisai.commands.spec import Args, Command, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.aggregates import Push, RespSet, Several
from pyredisai.resp.replies import OK, Blocked, Raw, Reply

CHANNEL = b"__redis__:invalidate"

_NULLS = {2: Raw(b"$-1\r\n"), 3: Raw(b"_\r\n")}


@dataclass(slots=True, eq=False)
class Tracked:
    """How one client tracks. `redirect` is the id of the client that gets its messages, 0: itself.

    `caching` is what CLIENT CACHING said of the next command. `prefixes` are those of broadcasting mode.
    """

    bcast: bool = False
    optin: bool = False
    optout: bool = False
    noloop: bool = False
    redirect: int = 0
    broken_redirect: bool = False
    caching: bool = False
    prefixes: dict[bytes, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Prefix:
    """Broadcasting clients of one prefix, and the keys changed since their last message with who changed them."""

    clients: dict[Client, None] = field(default_factory=dict)
    keys: dict[bytes, Client | None] = field(default_factory=dict)


class TrackingTable:
    """Which clients may hold which keys. One a server, in `Guard.tracking` while any client tracks."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.clients: dict[Client, None] = {}
        self.keys: dict[bytes, set[int]] = {}
        self.prefixes: dict[bytes, _Prefix] = {}
        self._touched: list[bytes | None] = []
        self._own: list[Push] = []
        self._flush_planned = False
        self._broadcast_planned = False

    @property
    def total_items(self) -> int:
        """How many pairs of a key and a client are remembered."""
        return sum(map(len, self.keys.values()))

    # Turning on and off

    def enable(self, client: Client, options: Tracked) -> None:
        """Track for `client`; the prefixes of an earlier call stay."""
        old = client.tracking
        prefixes = dict.fromkeys(options.prefixes or ([b""] if options.bcast else []))
        if old is not None:
            options.caching = old.caching
            prefixes = {**old.prefixes, **prefixes}
        options.prefixes = prefixes
        for prefix in prefixes:
            self.prefixes.setdefault(prefix, _Prefix()).clients[client] = None
        client.tracking = options
        self.clients[client] = None
        if self.services.guard.tracking is None:
            self.services.guard.tracking = self
            self.services.events.on_key.append(self._on_key)
            self.services.events.on_flush.append(self._on_flush)

    def disable(self, client: Client) -> None:
        """Track for `client` no more (it asked so, or is gone)."""
        if client.tracking is None:
            return
        for name in client.tracking.prefixes:
            prefix = self.prefixes[name]
            prefix.clients.pop(client, None)
            if not prefix.clients:
                del self.prefixes[name]
        client.tracking = None
        del self.clients[client]
        if not self.clients:
            self.keys.clear()
            self._touched.clear()
            self.services.guard.tracking = None
            self.services.events.on_key.remove(self._on_key)
            self.services.events.on_flush.remove(self._on_flush)

    # What dispatch tells

    def after_command(self, ctx: Context, command: Command, args: Args) -> None:
        """A command has run, nested or not: send what it changed, remember what it read."""
        caller = ctx.client.extra.get("caller", ctx.client) if ctx.client.is_script else ctx.client
        if self._touched:
            self._invalidate_touched(caller)
        tracked = caller.tracking
        if tracked is None or tracked.bcast or "readonly" not in command.flags or "scripting" in command.categories:
            return
        if (tracked.optin and not tracked.caching) or (tracked.optout and tracked.caching):
            return
        for key in _keys_of(command, args):
            self.keys.setdefault(bytes(key), set()).add(caller.id)

    def after_request(self, client: Client, command: Command, reply: Reply) -> Reply:
        """A client's request is done: its own invalidations go behind the reply."""
        tracked = client.tracking
        if tracked is not None and client.queued is None and not command.name.startswith("client|"):
            tracked.caching = False
        limit = self.services.config["tracking-table-max-keys"]
        if limit and len(self.keys) > limit:
            self._evict(limit, client)
        if not self._own:
            return reply
        own, self._own = self._own, []
        if type(reply) is Blocked:
            for push in own:
                client.link.push(push)
            return reply
        return Several([reply, *own])

    # What the keyspace tells

    def _on_key(self, database: int, key: bytes) -> None:
        self._note_change(key)

    def _on_flush(self, database: int) -> None:
        """FLUSHALL empties several databases: one message for all."""
        if self._touched[-1:] != [None]:
            self._note_change(None)

    def _note_change(self, key: bytes | None) -> None:
        self._touched.append(key)
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush_orphans)

    def _flush_orphans(self) -> None:
        """Changes that no command made: expiry by the cron, outputs of a run."""
        self._flush_planned = False
        if self._touched:
            self._invalidate_touched(None)

    def _invalidate_touched(self, actor: Client | None) -> None:
        touched, self._touched = self._touched, []
        for key in touched:
            if key is None:
                self._invalidate_all(actor)
            else:
                if self.prefixes:
                    self._note_broadcast(key, actor)
                self._invalidate(key, actor)

    def _invalidate(self, key: bytes, actor: Client | None) -> None:
        for id in self.keys.pop(key, ()):
            client = self.services.clients.get(id)
            if client is None or client.tracking is None or client.tracking.bcast:
                continue
            if not (client is actor and client.tracking.noloop):
                self._send(client, [key], actor)

    def _invalidate_all(self, actor: Client | None) -> None:
        self.keys.clear()
        for client in tuple(self.clients):
            self._send(client, _NULLS[client.resp], actor)

    def _evict(self, limit: int, actor: Client) -> None:
        """Forget the oldest keys above the limit; their clients are told as if they had changed."""
        while len(self.keys) > limit:
            self._invalidate(next(iter(self.keys)), actor)

    def _note_broadcast(self, key: bytes, actor: Client | None) -> None:
        for name, prefix in self.prefixes.items():
            if key.startswith(name):
                prefix.keys[key] = actor
                if not self._broadcast_planned:
                    self._broadcast_planned = True
                    asyncio.get_running_loop().call_soon(self._broadcast)

    def _broadcast(self) -> None:
        self._broadcast_planned = False
        for _, prefix in sorted(self.prefixes.items()):
            changed, prefix.keys = prefix.keys, {}
            for client in tuple(prefix.clients):
                noloop = client.tracking is not None and client.tracking.noloop
                keys = sorted(key for key, actor in changed.items() if not (noloop and actor is client))
                if keys:
                    self._send(client, list(keys), None)

    def _send(self, client: Client, what: Reply, actor: Client | None) -> None:
        """Tell `client`, or the client that it redirects to; RESP2 needs a redirection to a subscriber."""
        tracked = client.tracking
        assert tracked is not None
        if not tracked.redirect:
            if client.resp == 3:
                push = Push((b"invalidate", what))
                if client is actor:
                    self._own.append(push)
                else:
                    client.link.push(push)
            return
        target = self.services.clients.get(tracked.redirect)
        if target is None:
            tracked.broken_redirect = True
            if client.resp == 3:
                client.link.push(Push((b"tracking-redir-broken", tracked.redirect)))
        elif target.resp == 3:
            target.link.push(Push((b"invalidate", what)))
        elif target.subscriptions:
            target.link.push(Push((b"message", CHANNEL, what)))


def table(services: Services) -> TrackingTable:
    """The server's tracking table; made at the first call."""
    found: TrackingTable | None = services.extra.get("tracking")
    if found is None:
        found = services.extra["tracking"] = TrackingTable(services)
        services.on_client_gone.append(found.disable)
    return found


def overlap(prefixes: Iterable[bytes], prefix: bytes) -> bytes | None:
    """The first of `prefixes` that begins with `prefix` or the other way round."""
    return next((other for other in prefixes if other.startswith(prefix) or prefix.startswith(other)), None)


def _keys_of(command: Command, args: Args) -> Iterable[bytes]:
    try:
        return [key for key, _ in keys_with_flags(command, args)]
    except ReplyError:
        return ()


# CLIENT's subcommands

family = Family("connection")
family.add("client", None, arity=-2, since="2.4.0")

_FLAGS = "noscript loading stale"


@family.command("client|tracking", arity=-3, flags=_FLAGS, categories="connection", since="6.0.0")
def client_tracking(ctx: Context, args: Args) -> Reply:
    """CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX p]… [BCAST] [OPTIN] [OPTOUT] [NOLOOP]."""
    options = _parse_options(ctx, args)
    switch = bytes(args[2]).lower()
    if switch == b"on":
        _check_options(ctx.client.tracking, options)
        table(ctx.server).enable(ctx.client, options)
    elif switch == b"off":
        table(ctx.server).disable(ctx.client)
    else:
        raise ReplyError(texts.SYNTAX)
    return OK


def _parse_options(ctx: Context, args: Args) -> Tracked:
    options = Tracked()
    words = iter(args[3:])
    for word in words:
        option = bytes(word).lower()
        if option in (b"bcast", b"optin", b"optout", b"noloop"):
            setattr(options, option.decode(), True)
            continue
        value = next(words, None)
        if value is None or option not in (b"redirect", b"prefix"):
            raise ReplyError(texts.SYNTAX)
        if option == b"prefix":
            options.prefixes[bytes(value)] = None
            continue
        if options.redirect:
            raise ReplyError(texts.TRACKING_ONE_REDIRECT)
        options.redirect = parse_int(value)
        if options.redirect not in ctx.server.clients:
            raise ReplyError(texts.TRACKING_NO_REDIRECT_CLIENT)
    return options


def _check_options(old: Tracked | None, new: Tracked) -> None:
    if new.prefixes and not new.bcast:
        raise ReplyError(texts.TRACKING_PREFIX_NEEDS_BCAST)
    if old is not None and old.bcast != new.bcast:
        raise ReplyError(texts.TRACKING_BCAST_SWITCH)
    if new.bcast and (new.optin or new.optout):
        raise ReplyError(texts.TRACKING_OPT_WITH_BCAST)
    if new.optin and new.optout:
        raise ReplyError(texts.TRACKING_OPTIN_AND_OPTOUT)
    if old is not None and ((new.optin and old.optout) or (new.optout and old.optin)):
        raise ReplyError(texts.TRACKING_OPT_SWITCH)
    if new.bcast:
        _check_prefixes(old.prefixes if old else {}, list(new.prefixes))


def _check_prefixes(old: Iterable[bytes], new: list[bytes]) -> None:
    for i, prefix in enumerate(new):
        other = overlap(old, prefix)
        if other is not None:
            raise ReplyError(texts.tracking_prefix_overlap(prefix, other, "an existing"))
        other = overlap(new[i + 1 :], prefix)
        if other is not None:
            raise ReplyError(texts.tracking_prefix_overlap(prefix, other, "another provided"))


@family.command("client|caching", arity=3, flags=_FLAGS, categories="connection", since="6.0.0")
def client_caching(ctx: Context, args: Args) -> Reply:
    """CLIENT CACHING YES|NO: whether the keys of the next command are remembered."""
    tracked = ctx.client.tracking
    if tracked is None:
        raise ReplyError(texts.CACHING_NEEDS_TRACKING)
    choice = bytes(args[2]).lower()
    if choice not in (b"yes", b"no"):
        raise ReplyError(texts.SYNTAX)
    if choice == b"yes" and not tracked.optin:
        raise ReplyError(texts.CACHING_YES_NEEDS_OPTIN)
    if choice == b"no" and not tracked.optout:
        raise ReplyError(texts.CACHING_NO_NEEDS_OPTOUT)
    tracked.caching = True
    return OK


@family.command("client|getredir", arity=2, flags=_FLAGS, categories="connection", since="6.0.0")
def client_getredir(ctx: Context, args: Args) -> Reply:
    """CLIENT GETREDIR: the id that invalidations go to, 0: this client, -1: tracking is off."""
    return -1 if ctx.client.tracking is None else ctx.client.tracking.redirect


@family.command("client|trackinginfo", arity=2, flags=_FLAGS, categories="connection", since="6.2.0")
def client_trackinginfo(ctx: Context, args: Args) -> Reply:
    """CLIENT TRACKINGINFO: flags, redirect and prefixes."""
    tracked = ctx.client.tracking
    flags = [b"off"] if tracked is None else _info_flags(tracked)
    prefixes: list[Reply] = [] if tracked is None else [*sorted(tracked.prefixes)]
    redirect = -1 if tracked is None else tracked.redirect
    return {b"flags": RespSet(flags), b"redirect": redirect, b"prefixes": prefixes}


def _info_flags(tracked: Tracked) -> list[bytes]:
    flags = {
        b"on": True,
        b"bcast": tracked.bcast,
        b"optin": tracked.optin,
        b"caching-yes": tracked.optin and tracked.caching,
        b"optout": tracked.optout,
        b"caching-no": tracked.optout and tracked.caching,
        b"noloop": tracked.noloop,
        b"broken_redirect": tracked.broken_redirect,
    }
    return [name for name, held in flags.items() if held]
