"""A command's syntax line into the argument tree of COMMAND DOCS, which clients use for hints.

The line is written as Redis' documentation writes it: `key value [NX | XX] [EX seconds | PX milliseconds] [name ...]`.
Upper case is a token, lower case the name of a value, `[…]` optional, `(…)` a group, `|` a choice; an optional item
that repeats what stands before it, `[key ...]`, makes that one repeatable. Raises ValueError for a malformed line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from pyredisai.resp.aggregates import RespSet
from pyredisai.resp.replies import Reply, Status

_WORDS = re.compile(r"\.\.\.|[\[\]()|]|[^\s\[\]()|]+")
_KEYS = frozenset({"key", "source", "destination", "newkey", "destkey", "model", "script", "tensor", "input", "output"})
_INTEGER_WORDS = (
    "count numkeys seconds milliseconds timeout index start stop end offset length cursor increment decrement bits "
    "port protover client-id db destination-db index1 index2 len rank maxlen numreplicas samples n slot dim"
)
_DOUBLES = frozenset({"score", "double", "weight", "longitude", "latitude", "radius", "width", "height"})
_INTEGERS = frozenset(_INTEGER_WORDS.split())


@dataclass(slots=True)
class Argument:
    """One argument; `kind` is a type of COMMAND DOCS (string, integer, key, oneof, block, pure-token …)."""

    name: str
    kind: str
    token: str = ""
    optional: bool = False
    multiple: bool = False
    children: list[Argument] = field(default_factory=list)

    def same_as(self, other: Argument) -> bool:
        """Whether both stand for the same thing, apart from being optional or repeatable."""
        if (self.name, self.kind, self.token) != (other.name, other.kind, other.token):
            return False
        return len(self.children) == len(other.children) and all(
            a.same_as(b) for a, b in zip(self.children, other.children, strict=True)
        )

    def describe(self) -> dict[Reply, Reply]:
        """As COMMAND DOCS shows it."""
        shown: dict[Reply, Reply] = {b"name": self.name, b"type": self.kind}
        if self.kind == "key":
            shown[b"key_spec_index"] = 0
        if self.token:
            shown[b"token"] = self.token
        flags = [word for word, on in (("optional", self.optional), ("multiple", self.multiple)) if on]
        if flags:
            shown[b"flags"] = RespSet(Status(flag) for flag in flags)
        if self.children:
            shown[b"arguments"] = [child.describe() for child in self.children]
        return shown


@lru_cache(maxsize=1024)
def parse_syntax(line: str) -> list[Argument]:
    """The arguments of a syntax line."""
    words = _WORDS.findall(line)
    arguments, at = _choice(words, 0, "")
    if at != len(words):
        raise ValueError(f"unbalanced brackets in syntax {line!r}")
    return arguments


def _choice(words: list[str], at: int, closing: str) -> tuple[list[Argument], int]:
    """Alternatives up to `closing`, which is passed; one alternative alone is its sequence."""
    alternatives: list[list[Argument]] = [[]]
    while at < len(words) and words[at] != closing:
        if words[at] in ("]", ")"):
            raise ValueError(f"unexpected {words[at]!r} in a syntax line")
        if words[at] == "|":
            alternatives.append([])
            at += 1
        else:
            at = _item(words, at, alternatives[-1])
    if closing and at == len(words):
        raise ValueError(f"missing {closing!r} in a syntax line")
    if len(alternatives) == 1:
        return alternatives[0], at + bool(closing)
    members = [_as_one(sequence) for sequence in alternatives]
    name = "_".join(member.name for member in members[:3])
    return [Argument(name, "oneof", children=members)], at + bool(closing)


def _item(words: list[str], at: int, into: list[Argument]) -> int:
    word = words[at]
    if word == "...":
        if into:
            into[-1].multiple = True
        return at + 1
    if word in ("[", "("):
        inner, at = _choice(words, at + 1, "]" if word == "[" else ")")
        _add_group(into, _as_one(inner), optional=word == "[")
        return at
    if word.upper() == word and any(c.isalpha() for c in word):
        at += 1
        values: list[Argument] = []
        while at < len(words) and _is_name(words[at]):
            values.append(_value(words[at]))
            at += 1
        if at < len(words) and words[at] == "(" and not values:
            inner, at = _choice(words, at + 1, ")")
            values = inner
        into.append(_with_token(word, values))
        return at
    into.append(_value(word))
    return at + 1


def _is_name(word: str) -> bool:
    return word not in ("...", "[", "]", "(", ")", "|") and word.upper() != word


def _value(name: str) -> Argument:
    if name in _KEYS:
        kind = "key"
    elif name in _INTEGERS:
        kind = "integer"
    elif name.startswith("unix-time"):
        kind = "unix-time"
    elif name == "pattern":
        kind = "pattern"
    elif name in _DOUBLES:
        kind = "double"
    else:
        kind = "string"
    return Argument(name, kind)


def _with_token(token: str, values: list[Argument]) -> Argument:
    name = token.lower()
    if not values:
        return Argument(name, "pure-token", token)
    if len(values) == 1 and not values[0].token:
        values[0].token = token
        return values[0]
    return Argument(name, "block", token, children=values)


def _as_one(sequence: list[Argument]) -> Argument:
    if len(sequence) == 1:
        return sequence[0]
    return Argument("_".join(item.name for item in sequence[:3]) or "block", "block", children=sequence)


def _add_group(into: list[Argument], group: Argument, *, optional: bool) -> None:
    """Add a bracket; an optional one that repeats what stands before it makes that repeatable."""
    if not optional:
        into.append(group)
        return
    if group.multiple or (group.children and group.children[-1].multiple):
        plain = group.children if group.kind == "block" and not group.token else [group]
        before = into[-len(plain) :]
        if len(before) == len(plain) and all(a.same_as(b) for a, b in zip(before, plain, strict=True)):
            if len(plain) == 1:
                before[0].multiple = True
            else:
                into[-len(plain) :] = [Argument(group.name, "block", multiple=True, children=before)]
            return
    group.optional = True
    into.append(group)
