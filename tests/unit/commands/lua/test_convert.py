"""Replies that are RESP already become values again; the rest of the conversions is compared with redis-server."""

from __future__ import annotations

from typing import Any

import pytest

from pyredisai.commands.lua.convert import Converter, parse_raw
from pyredisai.resp.aggregates import RespSet
from pyredisai.resp.replies import NULL_ARRAY, OK, Error, Status, Verbatim


def to_lua(value: Any, resp: int) -> Any:
    return Converter(lambda items: items).to_lua(value, resp)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b":-5\r\n", -5),
        (b"$3\r\na\r\n\r\n", b"a\r\n"),
        (b"$-1\r\n", None),
        (b"_\r\n", None),
        (b"*-1\r\n", NULL_ARRAY),
        (b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", [1, [b"x"]]),
        (b"%1\r\n$1\r\na\r\n:1\r\n", {b"a": 1}),
        (b"~1\r\n:1\r\n", RespSet([1])),
        (b",1.5\r\n", 1.5),
        (b"#t\r\n", True),
    ],
)
def test_parse_raw(data: bytes, value: Any) -> None:
    parsed = parse_raw(data)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("value", "resp2", "resp3"),
    [
        (None, False, None),
        (1.5, b"1.5", {b"double": 1.5}),
        (True, 1, True),
        (OK, {b"ok": b"OK"}, {b"ok": b"OK"}),
        (Status("x"), {b"ok": b"x"}, {b"ok": b"x"}),
        ({b"a": 1}, [b"a", 1], {b"map": {b"a": 1}}),
        (RespSet([b"a"]), [b"a"], {b"set": {b"a": True}}),
        (Verbatim(b"t"), b"t", {b"verbatim_string": {b"string": b"t", b"format": b"txt"}}),
        ([1, None, 3], [1, False, 3], {1: 1, 3: 3}),
        (memoryview(b"v"), b"v", b"v"),
        (Error("ERR x"), *({b"err": b"ERR x", b"ignore_error_stats_update": True},) * 2),
    ],
)
def test_to_lua(value: Any, resp2: Any, resp3: Any) -> None:
    assert to_lua(value, 2) == resp2
    assert to_lua(value, 3) == resp3
