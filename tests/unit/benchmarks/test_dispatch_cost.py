"""The micro-benchmark of dispatch: its requests are ones that the server answers, and both sides answer all of them."""

from __future__ import annotations

import pytest

from benchmarks import dispatch_cost
from benchmarks.dispatch_cost import CASES, Echo, Sink, chunks, compare, feed


def test_every_command_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_cost, "COMMANDS_A_ROUND", 16)
    monkeypatch.setattr(dispatch_cost, "KEYS", 32)
    rows = list(compare(pipeline=16, rounds=1))
    assert [name for name, _, _ in rows] == list(CASES)
    assert all(echo > 0 and server > 0 for _, echo, server in rows)


def test_one_command_finds_what_the_others_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_cost, "COMMANDS_A_ROUND", 16)
    monkeypatch.setattr(dispatch_cost, "KEYS", 32)
    assert [name for name, _, _ in compare(16, 1, "tensorget")] == ["AI.TENSORGET"]


def test_a_refused_command_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_cost, "CASES", {"NONE": lambda key: (b"NONE", key)})
    with pytest.raises(SystemExit, match="unknown command"):
        list(compare(pipeline=2, rounds=1))


def test_echo_answers_each_request() -> None:
    sink = Sink()
    feed(Echo(b"+PONG\r\n", sink), chunks(CASES["PING"], 3)[:1])
    sink.close()
    assert sink.last == b"+PONG\r\n" * 3
