"""Reply values to Lua values, as redis.call hands them to a script. (The way out is in sandbox.lua.)

Source of the facts: the conversion tables of Redis' Lua documentation, checked against redis-server 7.0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyredisai.resp.aggregates import RespSet, Several
from pyredisai.resp.encoder import format_double
from pyredisai.resp.replies import NO_REPLY, NULL_ARRAY, Error, Raw, Reply, Status, Verbatim


class Converter:
    """Makes Lua tables with `table_from`, the runtime's own constructor."""

    def __init__(self, table_from: Callable[[Any], Any]) -> None:
        self._table = table_from

    def close(self) -> None:
        """Let go of the runtime."""
        del self._table

    def error(self, text: str) -> Any:
        """The table that stands for an error reply, `text` with its code."""
        return self._table({b"err": encoded(text), b"ignore_error_stats_update": True})

    def to_lua(self, value: Reply, resp: int) -> Any:
        """The Lua value of a reply; RESP2 has false for null, RESP3 nil and tables for doubles, maps and sets."""
        kind = type(value)
        if kind is bytes:
            return value
        if kind is int:
            return value
        if isinstance(value, Raw):
            value = parse_raw(bytes(value.data))
            kind = type(value)
        if value is None or value is NULL_ARRAY or value is NO_REPLY:
            return False if resp == 2 else None
        handler = _HANDLERS.get(kind)
        if handler is None:
            handler = next(_HANDLERS[base] for base in kind.__mro__ if base in _HANDLERS)
        return handler(self, value, resp)

    def list(self, items: Any, resp: int) -> Any:
        """A sequence as a table from 1; nil leaves a hole."""
        values = [self.to_lua(item, resp) for item in items]
        if None in values:
            return self._table({i: v for i, v in enumerate(values, 1) if v is not None})
        return self._table(values)

    def dict(self, value: dict[Reply, Reply], resp: int) -> Any:
        """A map: in RESP2 a flat list."""
        if resp == 2:
            return self.list([item for pair in value.items() for item in pair], resp)
        pairs = {self.to_lua(k, resp): self.to_lua(v, resp) for k, v in value.items()}
        return self._table({b"map": self._table(pairs)})

    def set(self, value: RespSet, resp: int) -> Any:
        """A set: in RESP2 a list."""
        if resp == 2:
            return self.list(value, resp)
        return self._table({b"set": self._table({self.to_lua(item, resp): True for item in value})})

    def float(self, value: float, resp: int) -> Any:
        """A double: in RESP2 its text."""
        return format_double(value) if resp == 2 else self._table({b"double": value})

    def bool(self, value: bool, resp: int) -> Any:
        """A boolean: in RESP2 an integer."""
        return int(value) if resp == 2 else value

    def status(self, value: Status, resp: int) -> Any:
        """A simple string."""
        return self._table({b"ok": encoded(value.text)})

    def failure(self, value: Error, resp: int) -> Any:
        """An error."""
        return self.error(value.text)

    def verbatim(self, value: Verbatim, resp: int) -> Any:
        """A verbatim string: in RESP2 a plain one."""
        if resp == 2:
            return value.data
        inner = self._table({b"string": value.data, b"format": value.format})
        return self._table({b"verbatim_string": inner})


_HANDLERS: dict[type, Callable[[Converter, Any, int], Any]] = {
    bytes: lambda self, value, resp: value,
    int: lambda self, value, resp: value,
    memoryview: lambda self, value, resp: bytes(value),
    bytearray: lambda self, value, resp: bytes(value),
    str: lambda self, value, resp: encoded(value),
    list: Converter.list,
    tuple: Converter.list,
    dict: Converter.dict,
    RespSet: Converter.set,
    float: Converter.float,
    bool: Converter.bool,
    Status: Converter.status,
    Error: Converter.failure,
    Verbatim: Converter.verbatim,
    Several: lambda self, value, resp: self.to_lua(value[0], resp),
}


def encoded(text: str) -> bytes:
    """Text of ours as Lua sees it."""
    return text.encode("utf-8", "surrogateescape")


def parse_raw(data: bytes) -> Reply:
    """The value of a reply that is RESP already."""
    return _parse(data, 0)[0]


def _parse(data: bytes, at: int) -> tuple[Reply, int]:
    end = data.index(b"\r\n", at)
    kind, rest = data[at : at + 1], data[at + 1 : end]
    at = end + 2
    if kind in _LINES:
        return _LINES[kind](rest), at
    size = int(rest)
    if kind in (b"$", b"="):
        if size < 0:
            return None, at
        text = data[at : at + size]
        return (Verbatim(text[4:], text[:3]) if kind == b"=" else text), at + size + 2
    if size < 0:
        return NULL_ARRAY, at
    items: list[Reply] = []
    for _ in range(size * 2 if kind == b"%" else size):
        item, at = _parse(data, at)
        items.append(item)
    if kind == b"%":
        return dict(zip(items[::2], items[1::2], strict=True)), at
    return (RespSet(items) if kind == b"~" else items), at


_LINES: dict[bytes, Callable[[bytes], Reply]] = {
    b"+": lambda rest: Status(rest.decode("utf-8", "surrogateescape")),
    b"-": lambda rest: Error(rest.decode("utf-8", "surrogateescape")),
    b":": int,
    b",": float,
    b"_": lambda rest: None,
    b"#": lambda rest: rest == b"t",
    b"(": lambda rest: rest,
}
