"""Chunks without tail calls do what the original does; without lupa there is nothing to compile."""

from __future__ import annotations

import pytest

from pyredisai.commands.lua.bytecode import without_tail_calls

lua51 = pytest.importorskip("lupa.lua51", reason="lupa is not installed")

SOURCES = [
    (b"local function f(...) return ... end return f(1, 2, 3)", (1, 2, 3)),
    (b"local function f(n) if n == 0 then return 'end' end return f(n - 1) end return f(50)", b"end"),
    (b"local t = {x = 1.5, s = 'text', b = true} return (function() return t.s end)()", b"text"),
    (b"return string.rep('ab', 2)", b"abab"),
]


@pytest.mark.parametrize(("source", "result"), SOURCES)
def test_same_result(source: bytes, result: object) -> None:
    runtime = lua51.LuaRuntime(encoding=None)
    load, dump = runtime.execute(b"return loadstring, string.dump")
    chunk = dump(load(source, b"=x"))
    patched = without_tail_calls(chunk)
    assert load(patched)() == result
    assert len(patched) == len(chunk)


def test_callers_frame_stays() -> None:
    """The line of a tail call can be told: that is what the change is for."""
    runtime = lua51.LuaRuntime(encoding=None)
    load, dump, line = runtime.execute(
        b"return loadstring, string.dump, function() return debug.getinfo(2, 'l').currentline end"
    )
    source = b"local line = ...\nreturn line()"
    assert load(source, b"=x")(line) == -1
    assert load(without_tail_calls(dump(load(source, b"=x"))))(line) == 2
