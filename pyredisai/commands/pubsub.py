"""Publish and subscribe, and keyspace notifications, which are messages on channels of their own.

Rule: `PubSub` (one a server) alone knows who listens to what; a message is encoded once a RESP version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.help import help_reply
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.glob import Matcher, compile_glob
from pyredisai.resp.aggregates import Push, Several
from pyredisai.resp.encoder import Buffers, encode
from pyredisai.resp.replies import NO_REPLY, Raw, Reply

family = Family("pubsub")

_Listeners = dict[Client, None]


@dataclass(slots=True, eq=False)
class Subscriptions:
    """What one client listens to, in the order of its requests."""

    channels: dict[bytes, None] = field(default_factory=dict)
    patterns: dict[bytes, None] = field(default_factory=dict)
    shard_channels: dict[bytes, None] = field(default_factory=dict)


_NOTHING = Subscriptions()


def subscriptions(client: Client) -> Subscriptions:
    """What `client` listens to; not to be changed."""
    return client.extra.get("pubsub", _NOTHING)  # type: ignore[no-any-return]  # `extra` is Any


class PubSub:
    """Channels, patterns and shard channels with their listeners, in the order of subscription."""

    def __init__(self) -> None:
        self.channels: dict[bytes, _Listeners] = {}
        self.patterns: dict[bytes, _Listeners] = {}
        self.shard_channels: dict[bytes, _Listeners] = {}
        self._matchers: dict[bytes, Matcher] = {}
        self._classes: frozenset[str] = frozenset()

    def add(self, kind: str, client: Client, name: bytes) -> None:
        """Let `client` listen; `kind` is one of channels patterns shard_channels."""
        own = client.extra.setdefault("pubsub", Subscriptions())
        names: dict[bytes, None] = getattr(own, kind)
        if name in names:
            return
        names[name] = None
        getattr(self, kind).setdefault(name, {})[client] = None
        if kind == "patterns":
            self._matchers[name] = compile_glob(name)
        client.subscriptions += 1

    def remove(self, kind: str, client: Client, name: bytes) -> None:
        """Let `client` listen no more; nothing happens when it does not."""
        names: dict[bytes, None] = getattr(subscriptions(client), kind)
        if name not in names:
            return
        del names[name]
        listeners: dict[bytes, _Listeners] = getattr(self, kind)
        del listeners[name][client]
        if not listeners[name]:
            del listeners[name]
            if kind == "patterns":
                del self._matchers[name]
        client.subscriptions -= 1

    def forget(self, client: Client) -> None:
        """End all subscriptions of a client that is gone or reset."""
        if "pubsub" in client.extra:
            for kind in ("channels", "patterns", "shard_channels"):
                for name in tuple(getattr(client.extra["pubsub"], kind)):
                    self.remove(kind, client, name)

    def leave(self, channels: Iterable[bytes]) -> None:
        """End the subscriptions to shard channels that are served elsewhere, and tell those who listened."""
        for channel in channels:
            for client in tuple(self.shard_channels.get(channel, ())):
                self.remove("shard_channels", client, channel)
                client.link.push(Push((b"sunsubscribe", channel, len(subscriptions(client).shard_channels))))

    def publish(self, channel: bytes, message: bytes) -> int:
        """Send a message to a channel's listeners, then to those of matching patterns; how many got it."""
        count = 0
        listeners = self.channels.get(channel)
        if listeners:
            count = _deliver(listeners, Push((b"message", channel, message)))
        for pattern, matches in tuple(self._matchers.items()):
            if matches(channel):
                count += _deliver(self.patterns.get(pattern, ()), Push((b"pmessage", pattern, channel, message)))
        return count

    def publish_shard(self, channel: bytes, message: bytes) -> int:
        """Send a message to a shard channel's listeners; how many got it."""
        return _deliver(self.shard_channels.get(channel, ()), Push((b"smessage", channel, message)))

    def set_events(self, services: Services, letters: str) -> None:
        """Follow `notify-keyspace-events`; without letters nobody is called at an event."""
        self._classes = frozenset(letters)
        listeners = services.events.on_event
        if self.on_event in listeners:
            listeners.remove(self.on_event)
        if self._classes & {"K", "E"}:
            listeners.append(self.on_event)

    def on_event(self, kind: str, event: str, database: int, key: bytes) -> None:
        """Announce a keyspace event on `__keyspace@db__:key` and `__keyevent@db__:event`."""
        if kind not in self._classes:
            return
        name = event.encode()
        if "K" in self._classes:
            self.publish(b"__keyspace@%d__:%b" % (database, key), name)
        if "E" in self._classes:
            self.publish(b"__keyevent@%d__:%b" % (database, name), bytes(key))


def _deliver(listeners: Iterable[Client], message: Push) -> int:
    encoded: dict[int, Raw] = {}
    count = 0
    for client in tuple(listeners):
        raw = encoded.get(client.resp)
        if raw is None:
            out: Buffers = []
            encode(message, client.resp, out)
            raw = encoded[client.resp] = Raw(b"".join(out))
        client.link.push(raw)
        count += 1
    return count


def hub(services: Services) -> PubSub:
    """The server's PubSub; the first call makes it and lets it follow the configuration and clients that leave."""
    found: PubSub | None = services.extra.get("pubsub")
    if found is None:
        found = services.extra["pubsub"] = PubSub()
        made = found
        services.on_client_gone.append(made.forget)
        services.config.watch("notify-keyspace-events", lambda letters: made.set_events(services, letters))
    return found


def _answer(ctx: Context, replies: list[Reply]) -> Reply:
    """Confirmations are sent even to a client that wants no replies (CLIENT REPLY OFF)."""
    if ctx.client.reply_mode == "on":
        return Several(replies)
    for reply in replies:
        ctx.client.link.push(reply)
    return NO_REPLY


def _count(client: Client, kind: str) -> int:
    own = subscriptions(client)
    return len(own.shard_channels) if kind == "shard_channels" else len(own.channels) + len(own.patterns)


def _subscribe(ctx: Context, kind: str, word: bytes, names: list[bytes]) -> Reply:
    pubsub = hub(ctx.server)
    replies: list[Reply] = []
    for name in names:
        pubsub.add(kind, ctx.client, name)
        replies.append(Push((word, name, _count(ctx.client, kind))))
    return _answer(ctx, replies)


def _unsubscribe(ctx: Context, kind: str, word: bytes, names: list[bytes]) -> Reply:
    pubsub = hub(ctx.server)
    replies: list[Reply] = []
    for name in names or tuple(getattr(subscriptions(ctx.client), kind)):
        pubsub.remove(kind, ctx.client, name)
        replies.append(Push((word, name, _count(ctx.client, kind))))
    return _answer(ctx, replies or [Push((word, None, _count(ctx.client, kind)))])


@family.command("subscribe", arity=-2, flags="pubsub noscript loading stale", since="2.0.0")
def subscribe(ctx: Context, args: Args) -> Reply:
    """SUBSCRIBE channel…: a confirmation each."""
    return _subscribe(ctx, "channels", b"subscribe", args[1:])


@family.command("unsubscribe", arity=-1, flags="pubsub noscript loading stale", since="2.0.0")
def unsubscribe(ctx: Context, args: Args) -> Reply:
    """UNSUBSCRIBE [channel…]: a confirmation each; from all when none is named."""
    return _unsubscribe(ctx, "channels", b"unsubscribe", args[1:])


@family.command("psubscribe", arity=-2, flags="pubsub noscript loading stale", since="2.0.0")
def psubscribe(ctx: Context, args: Args) -> Reply:
    """PSUBSCRIBE pattern…: a confirmation each."""
    return _subscribe(ctx, "patterns", b"psubscribe", args[1:])


@family.command("punsubscribe", arity=-1, flags="pubsub noscript loading stale", since="2.0.0")
def punsubscribe(ctx: Context, args: Args) -> Reply:
    """PUNSUBSCRIBE [pattern…]: a confirmation each; from all when none is named."""
    return _unsubscribe(ctx, "patterns", b"punsubscribe", args[1:])


@family.command(
    "ssubscribe", arity=-2, flags="pubsub noscript loading stale", keys=(1, -1, 1), key_flags="not_key", since="7.0.0"
)
def ssubscribe(ctx: Context, args: Args) -> Reply:
    """SSUBSCRIBE shardchannel…: a confirmation each."""
    return _subscribe(ctx, "shard_channels", b"ssubscribe", args[1:])


@family.command(
    "sunsubscribe", arity=-1, flags="pubsub noscript loading stale", keys=(1, -1, 1), key_flags="not_key", since="7.0.0"
)
def sunsubscribe(ctx: Context, args: Args) -> Reply:
    """SUNSUBSCRIBE [shardchannel…]: a confirmation each; from all when none is named."""
    return _unsubscribe(ctx, "shard_channels", b"sunsubscribe", args[1:])


def _pass_on(services: Services, args: Args, *, sharded: bool) -> None:
    """Let listeners of other servers hear a message: of the replicas, in a cluster of the other nodes."""
    if services.bus is not None:
        services.bus.publish(args[1], args[2], sharded=sharded)
    else:
        services.primary.announce(args)


@family.command("publish", arity=3, flags="pubsub loading stale fast may_replicate", since="2.0.0")
def publish(ctx: Context, args: Args) -> Reply:
    """PUBLISH channel message: how many clients got it."""
    _pass_on(ctx.server, args, sharded=False)
    return hub(ctx.server).publish(args[1], args[2])


@family.command(
    "spublish",
    arity=3,
    flags="pubsub loading stale fast may_replicate",
    keys=(1, 1, 1),
    key_flags="not_key",
    since="7.0.0",
)
def spublish(ctx: Context, args: Args) -> Reply:
    """SPUBLISH shardchannel message: how many clients got it."""
    _pass_on(ctx.server, args, sharded=True)
    return hub(ctx.server).publish_shard(args[1], args[2])


family.add("pubsub", None, arity=-2, since="2.8.0")


def _matching(names: Iterable[bytes], args: Args) -> Reply:
    if len(args) > 3:
        raise ReplyError(texts.subcommand_arguments(args[1], "pubsub"))
    if len(args) < 3:
        return list(names)
    matches = compile_glob(args[2])
    return [name for name in names if matches(name)]


def _listeners(of: dict[bytes, _Listeners], names: list[bytes]) -> Reply:
    return [item for name in names for item in (name, len(of.get(name, ())))]


@family.command("pubsub|channels", arity=-2, flags="pubsub loading stale", since="2.8.0")
def pubsub_channels(ctx: Context, args: Args) -> Reply:
    """PUBSUB CHANNELS [pattern]: channels that somebody listens to."""
    return _matching(hub(ctx.server).channels, args)


@family.command("pubsub|numsub", arity=-2, flags="pubsub loading stale", since="2.8.0")
def pubsub_numsub(ctx: Context, args: Args) -> Reply:
    """PUBSUB NUMSUB [channel…]: each with its number of listeners."""
    return _listeners(hub(ctx.server).channels, args[2:])


@family.command("pubsub|numpat", arity=2, flags="pubsub loading stale", since="2.8.0")
def pubsub_numpat(ctx: Context, args: Args) -> Reply:
    """PUBSUB NUMPAT: how many different patterns somebody listens to."""
    return len(hub(ctx.server).patterns)


@family.command("pubsub|shardchannels", arity=-2, flags="pubsub loading stale", since="7.0.0")
def pubsub_shardchannels(ctx: Context, args: Args) -> Reply:
    """PUBSUB SHARDCHANNELS [pattern]: shard channels that somebody listens to."""
    return _matching(hub(ctx.server).shard_channels, args)


@family.command("pubsub|shardnumsub", arity=-2, flags="pubsub loading stale", since="7.0.0")
def pubsub_shardnumsub(ctx: Context, args: Args) -> Reply:
    """PUBSUB SHARDNUMSUB [shardchannel…]: each with its number of listeners."""
    return _listeners(hub(ctx.server).shard_channels, args[2:])


@family.command("pubsub|help", arity=2, flags="loading stale", since="6.2.0")
def pubsub_help(ctx: Context, args: Args) -> Reply:
    """PUBSUB HELP."""
    return help_reply("pubsub", _HELP)


_HELP = {
    "CHANNELS [<pattern>]": "Channels with at least one listener, all or those that match.",
    "NUMPAT": "How many different patterns are listened to.",
    "NUMSUB [<channel> ...]": "Listeners of each channel; patterns are not counted.",
    "SHARDCHANNELS [<pattern>]": "Shard channels with at least one listener, all or those that match.",
    "SHARDNUMSUB [<shardchannel> ...]": "Listeners of each shard channel.",
}
