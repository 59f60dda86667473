"""The arguments of the DAG commands: sections, then steps, each after `|>`."""

from __future__ import annotations

from typing import Final, TypeAlias

from pyredisai.ai.tensor import Tensor
from pyredisai.commands.ai.cursor import SMALL_NUMBERS, as_keyword
from pyredisai.commands.ai.tensors import find_tensor
from pyredisai.commands.args import parse_int
from pyredisai.commands.spec import Args
from pyredisai.errors import ReplyError, ai_texts, texts
from pyredisai.execution.dag import Slots, Step
from pyredisai.keyspace.database import Database
from pyredisai.resp.replies import Reply

ARROW: Final = b"|>"
# What makes a step's element of the reply: a run, the slot and parts of an AI.TENSORGET, or the reply itself.
Part: TypeAlias = "Step | tuple[int, int] | Reply"


class Plan:
    """A parsed DAG. Names mean slots; `parts` make the reply, one a step, and `steps` are those of them that run.

    `seen` are the sections that it has. `unbound`: a step reads a name that none before it gives. `one_device`: the
    runs follow each other in their order. `failed`: one went wrong, so nothing is stored.
    """

    __slots__ = ("failed", "names", "one_device", "parts", "persist", "seen", "slots", "steps", "timeout_ms", "unbound")

    def __init__(self) -> None:
        self.slots: Slots = []
        self.names: dict[bytes, int] = {}
        self.parts: list[Part] = []
        self.steps: list[Step] = []
        self.persist: list[bytes] = []
        self.seen: list[bytes] = []
        self.timeout_ms = 0
        self.unbound = False
        self.one_device = True
        self.failed = False

    def slot_of(self, name: bytes) -> int:
        """The slot that a name means at this point of the graph."""
        slot = self.names.get(name, -1)
        if slot < 0:
            self.unbound = True
        return slot

    def new_slot(self, name: bytes, tensor: Tensor | None = None) -> int:
        """A new slot that the name means from here on."""
        slots = self.slots
        self.names[name] = slot = len(slots)
        slots.append(tensor)
        return slot


def parse_sections(plan: Plan, database: Database, args: Args, *, read_only: bool) -> list[Args]:
    """LOAD, PERSIST, ROUTING and TIMEOUT in any order, each at most once; returns the steps. Raises ReplyError."""
    at, end = 1, len(args)
    while at < end and (word := args[at]) != ARROW:
        parser = _SECTIONS.get(word)
        if parser is None:
            word = as_keyword(word)
            parser = _SECTIONS.get(word)
        if parser is None or word in plan.seen:
            raise ReplyError(ai_texts.dag_unexpected(bytes(args[at])))
        if word == b"PERSIST" and read_only:
            raise ReplyError(ai_texts.DAG_RO_PERSIST)
        plan.seen.append(word)
        at = parser(plan, database, args, at)
    return _split(args, at)


def _split(args: Args, at: int) -> list[Args]:
    steps: list[Args] = []
    end = len(args)
    while at < end:
        if at == end - 1:
            raise ReplyError(ai_texts.dag_unexpected(ARROW))
        try:
            stop = args.index(ARROW, at + 1)
        except ValueError:
            stop = end
        steps.append(args[at + 1 : stop])
        at = stop
    if not steps:
        raise ReplyError(ai_texts.DAG_EMPTY)
    return steps


def _count(args: Args, at: int, section: str) -> int:
    if len(args) - at < 3:
        raise ReplyError(ai_texts.dag_section_short(section))
    count = SMALL_NUMBERS.get(args[at + 1]) or parse_int(bytes(args[at + 1]), ai_texts.dag_section_count(section))
    if count <= 0:
        raise ReplyError(ai_texts.dag_section_count(section))
    return count


def _load(plan: Plan, database: Database, args: Args, at: int) -> int:
    first = at + 2
    end = first + _count(args, at, "LOAD")
    names = plan.names
    for name in args[first:end]:
        tensor = find_tensor(database, name)
        if name not in names:
            plan.new_slot(name, tensor)
    if end > len(args):
        raise ReplyError(ai_texts.DAG_LOAD_SHORT)
    return end


def _persist(plan: Plan, database: Database, args: Args, at: int) -> int:
    count = _count(args, at, "PERSIST")
    keys = args[at + 2 : at + 2 + count]
    if len(set(keys)) != len(keys):
        raise ReplyError(ai_texts.DAG_PERSIST_UNIQUE)
    if len(keys) != count:
        raise ReplyError(ai_texts.DAG_PERSIST_SHORT)
    plan.persist = list(keys)
    return at + 2 + count


def _routing(plan: Plan, database: Database, args: Args, at: int) -> int:
    if at + 1 == len(args):
        raise ReplyError(ai_texts.DAG_NO_ROUTING)
    return at + 2


def _timeout(plan: Plan, database: Database, args: Args, at: int) -> int:
    if at + 1 == len(args):
        raise ReplyError(ai_texts.NO_TIMEOUT_VALUE)
    plan.timeout_ms = parse_int(bytes(args[at + 1]), ai_texts.INVALID_TIMEOUT)
    if plan.timeout_ms <= 0:
        raise ReplyError(ai_texts.INVALID_TIMEOUT)
    return at + 2


_SECTIONS: Final = {b"LOAD": _load, b"PERSIST": _persist, b"ROUTING": _routing, b"TIMEOUT": _timeout}


def check_persist(plan: Plan) -> None:
    """Every PERSIST key is set by the graph. Raises ReplyError."""
    for key in plan.persist:
        if key not in plan.names:
            raise ReplyError(ai_texts.DAG_NO_PERSIST)


def dag_keys(args: list[bytes]) -> list[bytes]:
    """The keys that a DAG command names: LOAD, PERSIST, ROUTING, and each step's model or script."""
    keys: list[bytes] = []
    at, end = 1, len(args)
    while at < end:
        word = as_keyword(args[at])
        at += 1
        if word in (b"LOAD", b"PERSIST"):
            try:
                last = at + 1 + parse_int(args[at]) if at < end else end
            except ReplyError:
                break
            if not 0 <= last < end:
                break
            keys += args[at + 1 : last]
            at = max(at + 1, last)
        elif word in (b"ROUTING", b"AI.MODELEXECUTE", b"AI.SCRIPTEXECUTE"):
            if at >= end:
                break
            keys.append(args[at])
            at += 1
    if not keys:
        raise ReplyError(texts.INVALID_COMMAND_ARGUMENTS)
    return keys
