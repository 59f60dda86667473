"""In cluster mode: whether this node serves a request, or where the client is sent, or why nobody can.

Rule: what is decided follows from the keys of a request alone, before it runs. `Guard.redirection` is there in
cluster mode only; without it nothing of this is looked at.
"""

from __future__ import annotations

import errno
from enum import Enum, auto
from typing import Final, NamedTuple, TypeAlias

from pyredisai import clock
from pyredisai.cluster.slots import slot_of
from pyredisai.cluster.state import ClusterState, Node, NodeFlag
from pyredisai.commands import functions, scripting
from pyredisai.commands.blocking import wait_table
from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.key_lookup import keys_with_flags
from pyredisai.commands.pubsub import hub
from pyredisai.commands.spec import Args, Command
from pyredisai.commands.transactions import end_transaction
from pyredisai.errors import ReplyError, cluster_texts
from pyredisai.resp.replies import Error

Request: TypeAlias = "tuple[Command, Args]"

SHARDED: Final = frozenset({"ssubscribe", "sunsubscribe", "spublish"})
READS_REPLICA: Final = "r"  # the letter of CLIENT LIST for a client that sent READONLY
_NO_KEYS: Final = 0
_SOME_KEYS: Final = -1


class Outcome(Enum):
    """What is decided about a request."""

    HERE = auto()
    CROSSSLOT = auto()
    TRYAGAIN = auto()
    DOWN_UNBOUND = auto()
    DOWN = auto()
    DOWN_READ_ONLY = auto()
    MOVED = auto()
    ASK = auto()


_TEXTS: Final = {
    Outcome.CROSSSLOT: cluster_texts.CROSSSLOT,
    Outcome.TRYAGAIN: cluster_texts.TRYAGAIN,
    Outcome.DOWN_UNBOUND: cluster_texts.DOWN_UNBOUND,
    Outcome.DOWN: cluster_texts.DOWN,
    Outcome.DOWN_READ_ONLY: cluster_texts.DOWN_READ_ONLY,
}
_SCRIPT_TEXTS: Final = {
    Outcome.DOWN: cluster_texts.SCRIPT_DOWN,
    Outcome.DOWN_READ_ONLY: cluster_texts.SCRIPT_DOWN_READ_ONLY,
}
_MODULE_ERRORS: Final = {Outcome.DOWN: errno.ENETDOWN, Outcome.DOWN_READ_ONLY: errno.EROFS}


class Verdict(NamedTuple):
    """A decision: the slot of the request's keys (-1: it has none) and the node that the client is sent to."""

    outcome: Outcome
    slot: int = -1
    node: Node | None = None


_HERE: Final = Verdict(Outcome.HERE)


class Keys(NamedTuple):
    """What is known of a request's keys: their one slot, whether they are different ones, and what is where."""

    slot: int
    several: bool
    existing: int
    missing: int


class Redirection:
    """The decisions of one node."""

    def __init__(self, services: Services, state: ClusterState) -> None:
        self._services = services
        self._config = services.config
        self._state = state
        self._places: dict[Command, int] = {}

    # Requests of clients

    def check(self, ctx: Context, command: Command, args: Args) -> None:
        """Raise ReplyError for a request that is not served here; a transaction whose EXEC it is, is over."""
        client = ctx.client
        if client.asking and client.queued is None:
            client.asking -= 1
        place = self._places.get(command)
        if place is None:
            place = self._places[command] = _place_of_key(command)
        if 0 < place < len(args):
            state = self._state
            key = args[place]
            slot = slot_of(key if type(key) is bytes else bytes(key))
            if state.owners[slot] is state.myself and state.ok and slot not in state.migrating:
                return
        if place == _NO_KEYS or client.obeyed:
            return
        verdict = self._judge_client(client, command, args)
        if verdict.outcome is not Outcome.HERE:
            if command.name == "exec":
                end_transaction(ctx)
            raise ReplyError(self._text(verdict, client))

    def _judge_client(self, client: Client, command: Command, args: Args) -> Verdict:
        requests: list[Request] = [(command, args)]
        if command.name == "exec":
            if client.queued is None:
                return _HERE
            requests = client.queued
        verdict = self._judge(client, command, requests)
        if command.interruptible:
            client.extra["slot"] = verdict.slot
        return verdict

    def _text(self, verdict: Verdict, client: Client) -> str:
        node = verdict.node
        if node is None:
            return _TEXTS[verdict.outcome]
        port = node.port_for(plain=is_plain(self._services, client))
        return cluster_texts.redirect(verdict.outcome.name, verdict.slot, endpoint(self._services, node) or "", port)

    # Requests of scripts

    def script_refusal(self, ctx: Context, command: Command, args: Args, *, may_cross: bool) -> str:
        """Why a Lua script may not run a command; empty when it may. `may_cross`: its keys may be of several slots.

        Otherwise their slot is that of the keys of the request that runs the script, or of the first key.
        """
        caller: Client = ctx.client.extra["caller"]
        if caller.obeyed:
            return ""
        verdict = self._judge(caller, command, [(command, args)])
        if verdict.outcome is not Outcome.HERE:
            return _SCRIPT_TEXTS.get(verdict.outcome, cluster_texts.SCRIPT_NOT_LOCAL)
        if verdict.slot < 0 or may_cross:
            return ""
        slot = caller.extra.get("slot", -1)
        if slot < 0:
            caller.extra["slot"] = verdict.slot
        return "" if slot in (-1, verdict.slot) else cluster_texts.SCRIPT_CROSSSLOT

    def module_refusal(self, ctx: Context, command: Command, args: Args) -> int:
        """Why a module (a TorchScript of RedisAI's) may not run a command, as Redis' error number; 0 when it may."""
        outcome = self._judge(ctx.client, command, [(command, args)]).outcome
        return 0 if outcome is Outcome.HERE else _MODULE_ERRORS.get(outcome, errno.EPERM)

    # The decision

    def _judge(self, client: Client, command: Command, requests: list[Request]) -> Verdict:
        state = self._state
        sharded = command.name in SHARDED
        keys = self._survey(requests, look=not sharded)
        if type(keys) is Verdict:
            return keys
        assert type(keys) is Keys
        slot = keys.slot
        owner = state.owners[slot] if slot >= 0 else state.myself
        assert owner is not None
        if slot < 0:
            return _HERE
        writes = _writes(self._services, command, requests[0][1])
        if not state.ok and (refused := self._while_down(sharded, writes)) is not None:
            return refused
        here = Verdict(Outcome.HERE, slot)
        migrating = owner is state.myself and slot in state.migrating
        importing = not migrating and slot in state.importing
        if (migrating or importing) and command.name == "migrate":
            return here
        if migrating and keys.missing:
            return Verdict(Outcome.TRYAGAIN) if keys.existing else Verdict(Outcome.ASK, slot, state.migrating[slot])
        if importing and (client.asking or "asking" in command.flags):
            return Verdict(Outcome.TRYAGAIN) if keys.several and keys.missing else here
        if owner is state.myself:
            return here
        writes = writes or (command.name == "exec" and any(each.is_write for each, _ in requests))
        if not writes and (sharded or READS_REPLICA in client.flags) and self._is_primary(owner):
            return here
        return Verdict(Outcome.MOVED, slot, owner)

    def _is_primary(self, owner: Node) -> bool:
        """Whether this node is a replica of the owner."""
        myself = self._state.myself
        return myself.has(NodeFlag.SLAVE) and myself.master is owner

    def _while_down(self, sharded: bool, writes: bool) -> Verdict | None:
        config = self._config
        if sharded:
            return None if config["cluster-allow-pubsubshard-when-down"] else Verdict(Outcome.DOWN)
        if not config["cluster-allow-reads-when-down"]:
            return Verdict(Outcome.DOWN)
        return Verdict(Outcome.DOWN_READ_ONLY) if writes else None

    def _survey(self, requests: list[Request], *, look: bool) -> Keys | Verdict:
        """Go through the keys; those of a slot that moves are looked up. A verdict where their slots decide."""
        state = self._state
        slot, first, several, existing, missing = -1, b"", False, 0, 0
        for command, args in requests:
            for key in _keys(command, args):
                this = slot_of(key)
                if slot < 0:
                    slot, first = this, key
                    if state.owners[slot] is None:
                        return Verdict(Outcome.DOWN_UNBOUND)
                    look = look and (slot in state.migrating or slot in state.importing)
                elif key != first:
                    if this != slot:
                        return Verdict(Outcome.CROSSSLOT)
                    several = True
                if look and self._has(key):
                    existing += 1
                elif look:
                    missing += 1
        return Keys(slot, several, existing, missing)

    def _has(self, key: bytes) -> bool:
        """Whether the key is there; one whose time has come is not, but it stays."""
        database = self._services.databases[0]
        when = database.expiry(key)
        return key in database.data and (when is None or when > clock.now_ms())

    # Clients that wait, and those that listen

    def round(self) -> None:
        """By the clock: send clients away that wait for keys which are no longer served here."""
        table = wait_table(self._services)
        for waiter in table.waiters():
            client = waiter.ctx.client
            verdict = self._judge_waiter(client, waiter.places[0][1])
            if verdict.outcome is not Outcome.HERE:
                table.end(waiter, Error(self._text(verdict, client)))

    def _judge_waiter(self, client: Client, key: bytes) -> Verdict:
        state = self._state
        if not state.ok:
            return Verdict(Outcome.DOWN)
        owner = state.owners[slot_of(key)]
        command = self._services.table.commands.get(client.last_command)
        reads = READS_REPLICA in client.flags and command is not None and not command.is_write
        return _HERE if owner is not None and reads and self._is_primary(owner) else self._judge_slot(key)

    def _judge_slot(self, key: bytes) -> Verdict:
        """Whether a key is served here that has been when its request began."""
        slot = slot_of(key)
        owner = self._state.owners[slot]
        if owner is self._state.myself or slot in self._state.importing:
            return _HERE
        return Verdict(Outcome.DOWN_UNBOUND) if owner is None else Verdict(Outcome.MOVED, slot, owner)

    def late_refusal(self, client: Client, key: bytes) -> str:
        """Why what took its time (a model's run) cannot be stored under a key any more; empty when it can."""
        verdict = self._judge_slot(key)
        return "" if verdict.outcome is Outcome.HERE else self._text(verdict, client)


def _place_of_key(command: Command) -> int:
    """Where a command's only key stands among its arguments; _NO_KEYS, or _SOME_KEYS where it takes more to find them.

    Functions that find keys are asked, but for those which tell only how the one key is used.
    """
    specs = command.key_specs
    if command.name == "exec":
        return _SOME_KEYS
    if not specs and command.get_keys is None:
        return _NO_KEYS
    only = len(specs) == 1 and specs[0].index and specs[0].range is not None and specs[0].range[0] == 0
    if not only or command.name in SHARDED or "movablekeys" in command.flags or "incomplete" in specs[0].flags:
        return _SOME_KEYS
    return specs[0].index


def _keys(command: Command, args: Args) -> list[bytes]:
    """The keys (of the commands of sharded pub/sub, the channels); none where the arguments are not valid."""
    if command.name in SHARDED:
        return [bytes(arg) for arg in command.key_specs[0].find(args) or ()]
    if not command.key_specs and command.get_keys is None:
        return []
    try:
        return [key for key, _ in keys_with_flags(command, args, guarded=True)]
    except ReplyError:
        return []


def _writes(services: Services, command: Command, args: Args) -> bool:
    """Whether a command counts as one that writes; scripts and functions that declare flags say so themselves."""
    if not command.interruptible or command.name == "exec":
        return command.is_write
    of = functions if command.name.startswith("fcall") else scripting
    flags = of.declared_flags(services, args)
    return command.is_write if flags is None else "no-writes" not in flags


def endpoint(services: Services, node: Node) -> str | None:
    """What clients are to call a node, as `cluster-preferred-endpoint-type` says; None for what they called us."""
    kind = services.config["cluster-preferred-endpoint-type"]
    if kind == "hostname":
        return node.hostname or "?"
    return node.ip if kind == "ip" else None


def is_plain(services: Services, client: Client) -> bool:
    """Whether a client, not a script, is to be told plain ports: it speaks no TLS, and the cluster does."""
    return bool(services.config["tls-cluster"]) and not client.tls and not client.is_script


def install_redirection(services: Services, state: ClusterState) -> None:
    """Be a node of a cluster for clients; called once, when the services are built."""
    redirection = Redirection(services, state)
    services.guard.redirection = redirection
    services.cron.append(redirection.round)
    services.on_client_gone.append(forget)
    pubsub = hub(services)
    state.on_unassigned = lambda slot: pubsub.leave([c for c in pubsub.shard_channels if slot_of(c) == slot])


def forget(client: Client) -> None:
    """A client that is reset asks for nothing any more."""
    client.asking = 0
    client.flags.discard(READS_REPLICA)
