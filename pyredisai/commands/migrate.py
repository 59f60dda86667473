"""MIGRATE: keys to another server. Others are served while it takes; what they change meanwhile is sent again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from pyredisai import clock
from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.migrating import Outcome, Target, transfer
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, replication_texts, texts
from pyredisai.journal import Effect
from pyredisai.persistence.rdb import payload
from pyredisai.resp.replies import OK, Blocked, Error, Reply, Status

family = Family("generic")

_OPTIONS = {b"COPY": 0, b"REPLACE": 0, b"AUTH": 1, b"AUTH2": 2}
_DEFAULT_TIMEOUT_MS = 1000
# After so many rounds in which others changed keys the last one is made while nobody else is served.
_ROUNDS = 5


@dataclass(slots=True)
class _Request:
    target: Target
    keys: list[bytes]
    copy: bool = False
    replace: bool = False


def _parse(args: Args) -> _Request:
    """Raises ReplyError."""
    found: set[bytes] = set()
    login: tuple[bytes, ...] = ()
    keys = [args[3]]
    at = 6
    while at < len(args):
        word = args[at].upper()
        if word == b"KEYS":
            if args[3]:
                raise ReplyError(replication_texts.MIGRATE_KEY_AND_KEYS)
            keys = args[at + 1 :]
            break
        values = _OPTIONS.get(word)
        if values is None or at + values >= len(args):
            raise ReplyError(texts.SYNTAX)
        if values:
            login = tuple(args[at + 1 : at + 1 + values])
        found.add(word)
        at += 1 + values
    timeout = parse_int(args[5])
    database = parse_int(args[4])
    host, port = args[1].decode("utf-8", "replace"), int(args[2]) if args[2].isdigit() else 0
    seconds = (timeout if timeout > 0 else _DEFAULT_TIMEOUT_MS) / 1000
    return _Request(Target(host, port, database, seconds, login), keys, b"COPY" in found, b"REPLACE" in found)


def _keys_of(args: list[bytes]) -> list[bytes]:
    """The keys, which KEYS may name. Raises ReplyError."""
    at = 6
    while at < len(args):
        word = args[at].upper()
        if word == b"KEYS":
            if args[3]:
                raise ReplyError(texts.INVALID_COMMAND_ARGUMENTS)
            return args[at + 1 :]
        at += 1 + _OPTIONS.get(word, 0)
    return [args[3]]


@dataclass(slots=True, eq=False)
class _Migration:
    """One request on its way. `changed` are keys that others changed since they were last sent.

    Nothing is deleted when the server has become a replica meanwhile.
    """

    ctx: Context
    request: _Request
    database: int
    sent: list[bytes] = field(default_factory=list)
    changed: set[bytes] = field(default_factory=set)
    error: str = ""
    was_replica: bool = False

    def __post_init__(self) -> None:
        self.was_replica = self.ctx.server.primary.is_replica

    def restores(self, keys: list[bytes], *, again: bool = False) -> list[Effect]:
        """The commands for keys that are there; `sent` are these."""
        db = self.ctx.server.databases[self.database]
        chunk = self.ctx.server.config["ai.model-chunk-size"]
        self.sent, self.changed = [], set()
        word = b"RESTORE" if self.ctx.server.cluster is None else b"RESTORE-ASKING"  # the slot may be coming there
        commands: list[Effect] = []
        for key in keys:
            value = db.get(key)
            if value is not None:
                expiry = db.expiry(key)
                ttl = 0 if expiry is None else max(expiry - clock.now_ms(), 1)
                replace = [b"REPLACE"] if self.request.replace or again else []
                self.sent.append(key)
                commands.append([word, key, b"%d" % ttl, payload.dump(value, chunk), *replace])
        return commands

    def note(self, database: int, key: bytes) -> None:
        """A listener: a key has changed."""
        if database == self.database:
            self.changed.add(key)

    def note_all(self, *databases: int) -> None:
        """A listener: whole databases change."""
        if self.database in databases:
            self.changed.update(self.sent)

    def take(self, outcome: Outcome) -> list[bytes]:
        """Delete what the target has; the keys to send again."""
        self.error = self.error or outcome.error
        if self.request.copy:
            return []
        if self.ctx.server.primary.is_replica and not self.was_replica:
            self.error = self.error or replication_texts.READONLY  # the keys are the new primary's now
            return []
        db = self.ctx.server.databases[self.database]
        moved = dict.fromkeys(key for key, taken in zip(self.sent, outcome.taken, strict=False) if taken)
        gone: list[bytes] = []
        for key in moved:
            if key not in self.changed and db.delete(key):
                db.notify("g", "del", key)
                gone.append(key)
        if gone:
            self.journal([b"DEL", *gone])
        return [key for key in moved if key in self.changed and db.get(key) is not None]

    def journal(self, effect: Effect) -> None:
        """Keys that have gone are journaled as deleted."""
        if self.ctx.client.may_block:
            self.ctx.server.journal.append(self.database, [effect])
            self.ctx.client.written = self.ctx.server.primary.history.offset
        else:
            self.ctx.propagate(effect)

    def reply(self) -> Reply:
        """OK or the first error."""
        return Error(self.error) if self.error else OK

    def start(self, commands: list[Effect]) -> Blocked:
        """Send on a helper thread."""
        events = self.ctx.server.events
        events.on_key.append(self.note)
        events.on_flush.append(self.note_all)
        events.on_swap.append(self.note_all)
        blocked = Blocked()
        self._send(commands, blocked, 1)
        return blocked

    def _send(self, commands: list[Effect], blocked: Blocked, round: int) -> None:
        services = self.ctx.server
        run = partial(transfer, self.request.target, commands)
        if round > _ROUNDS:
            self._done(blocked, round, run())
        else:
            services.scheduler.run_in_background(run, partial(self._done, blocked, round))

    def _done(self, blocked: Blocked, round: int, outcome: Outcome | BaseException) -> None:
        services = self.ctx.server
        if isinstance(outcome, BaseException):
            services.log("warning", f"MIGRATE: {outcome!r}")
            outcome = Outcome(error=texts.internal_error(RuntimeError(str(outcome))))
        again = self.take(outcome)
        services.run_deferred()
        if again and not self.error:
            self._send(self.restores(again, again=True), blocked, round + 1)
            return
        events = services.events
        events.on_key.remove(self.note)
        events.on_flush.remove(self.note_all)
        events.on_swap.remove(self.note_all)
        blocked.resolve(self.reply())


@family.command(
    "migrate",
    arity=-6,
    flags="write",
    categories="keyspace dangerous",
    key_specs=(
        KeySpec.span("RW access delete", 3, 3, 1),
        KeySpec("RW access delete incomplete", keyword="KEYS", start=-2, range=(-1, 1, 0)),
    ),
    get_keys=_keys_of,
    since="2.6.0",
    tips=("nondeterministic_output",),
    syntax=(
        "host port (key | empty-string) destination-db timeout [COPY] [REPLACE] "
        "[AUTH password | AUTH2 username password] [KEYS key [key ...]]"
    ),
    summary="Move keys to another server.",
    complexity="O(N), the size of the values",
)
def migrate(ctx: Context, args: Args) -> Reply:
    """MIGRATE host port key db timeout …: OK, NOKEY where there is nothing to move, or what the target answered."""
    request = _parse(args)
    if ctx.server.config["tls-cluster"]:
        request.target = replace(request.target, tls=ctx.server.tls.client_context)
    migration = _Migration(ctx, request, ctx.client.db)
    commands = migration.restores([key for key in request.keys if ctx.db.lookup(key) is not None])
    if not commands:
        return Status("NOKEY")
    if ctx.client.may_block:
        return migration.start(commands)
    migration.take(transfer(request.target, commands))
    if migration.error:
        raise ReplyError(migration.error)
    return OK
