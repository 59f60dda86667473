"""The arguments of the DAG commands: sections, then steps, each after `|>`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pyredisai.ai.tensor import Tensor
from pyredisai.commands.ai.cursor import as_keyword
from pyredisai.commands.ai.tensors import find_tensor
from pyredisai.commands.args import parse_int
from pyredisai.commands.spec import Args
from pyredisai.errors import ReplyError, ai_texts, texts
from pyredisai.execution.dag import Slots, Step
from pyredisai.execution.job import Job, Outcome
from pyredisai.keyspace.database import Database
from pyredisai.resp.replies import Reply

ARROW: Final = b"|>"
MakeJob: TypeAlias = "Callable[[Sequence[Tensor], Callable[[Job], None]], Job]"
RunAtOnce: TypeAlias = "Callable[[Sequence[Tensor]], Outcome | None]"
StepReply: TypeAlias = "Callable[[Slots], Reply]"


@dataclass(slots=True)
class Plan:
    """A parsed DAG. `replies` gives each step's reply at the end; `jobs` makes the run of a step.

    `at_once` runs one where it is known to be short, or returns None: then it is to be a job.
    """

    slots: Slots = field(default_factory=list)
    names: dict[bytes, int] = field(default_factory=dict)
    persist: list[bytes] = field(default_factory=list)
    timeout_ms: int = 0
    steps: list[Step] = field(default_factory=list)
    jobs: dict[Step, MakeJob] = field(default_factory=dict)
    at_once: dict[Step, RunAtOnce] = field(default_factory=dict)
    replies: list[StepReply] = field(default_factory=list)

    def slot_of(self, name: bytes) -> int:
        """The slot that a name means at this point of the graph. Raises ReplyError."""
        try:
            return self.names[name]
        except KeyError:
            raise ReplyError(ai_texts.DAG_NO_INPUT) from None

    def new_slot(self, name: bytes, tensor: Tensor | None = None) -> int:
        """A new slot that the name means from here on."""
        self.slots.append(tensor)
        self.names[name] = slot = len(self.slots) - 1
        return slot


@dataclass(slots=True)
class Sections:
    """What stands before the first step, and the steps' own arguments."""

    plan: Plan
    steps: list[Args]
    seen: set[bytes]


def parse_sections(database: Database, args: Args, *, read_only: bool) -> Sections:
    """LOAD, PERSIST, ROUTING and TIMEOUT in any order, each at most once, then the steps. Raises ReplyError."""
    plan = Plan()
    seen: set[bytes] = set()
    at, end = 1, len(args)
    while at < end and args[at] != ARROW:
        word = as_keyword(args[at])
        parser = None if word in seen else _SECTIONS.get(word)
        if parser is None:
            raise ReplyError(ai_texts.dag_unexpected(bytes(args[at])))
        if word == b"PERSIST" and read_only:
            raise ReplyError(ai_texts.DAG_RO_PERSIST)
        seen.add(word)
        at = parser(plan, database, args, at)
    return Sections(plan, _split(args, at), seen)


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
    count = parse_int(bytes(args[at + 1]), ai_texts.dag_section_count(section))
    if count <= 0:
        raise ReplyError(ai_texts.dag_section_count(section))
    return count


def _load(plan: Plan, database: Database, args: Args, at: int) -> int:
    count = _count(args, at, "LOAD")
    for name in args[at + 2 : at + 2 + count]:
        tensor = find_tensor(database, name)
        if name not in plan.names:
            plan.new_slot(name, tensor)
    if at + 2 + count > len(args):
        raise ReplyError(ai_texts.DAG_LOAD_SHORT)
    return at + 2 + count


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
