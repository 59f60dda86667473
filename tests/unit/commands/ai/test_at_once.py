"""A run that ends within its command, or a staged one, has the replies, effects and counts of one that was a job."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pyredisai.commands.context import Context
from pyredisai.resp.replies import Blocked
from tests.unit.commands.ai.conftest import FakeScheduler, finished, start

OK = b"+OK\r\n"
EXECUTE = ("AI.MODELEXECUTE", "m", "INPUTS", "1", "x", "OUTPUTS", "1", "y")
SET_Y = [b"AI.TENSORSET", b"y", b"DOUBLE", b"1", b"BLOB"]


@pytest.fixture(params=["as a job", "at once", "staged"])
def journal(request: Any, ctx: Context, scheduler: FakeScheduler, run: Any) -> list[Any]:
    """Each command's effects from here on; the model `m` doubles x."""
    assert run("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "double") == OK
    assert run("AI.TENSORSET", "x", "DOUBLE", "1", "VALUES", "3") == OK
    scheduler.short = request.param != "as a job"
    scheduler.staging = request.param == "staged"
    seen: list[Any] = []
    ctx.server.journal.subscribers.append(
        lambda database, effects: seen.append([[bytes(word) for word in effect] for effect in effects])
    )
    return seen


def test_outputs_are_the_only_effect(run: Any, journal: list[Any], scheduler: FakeScheduler) -> None:
    assert run(*EXECUTE) == OK
    assert [[effect[:5] for effect in effects] for effects in journal] == [[SET_Y]]
    assert run("AI.TENSORGET", "y", "VALUES") == b"*1\r\n$1\r\n6\r\n"
    assert scheduler.ran_now == int(scheduler.short)


def test_an_output_of_another_type_stores_and_journals_nothing(run: Any, journal: list[Any]) -> None:
    run("SET", "y", "v")
    journal.clear()
    assert run(*EXECUTE).startswith(b"-WRONGTYPE")
    assert run("GET", "y") == b"$1\r\nv\r\n"
    assert journal == []


@pytest.mark.parametrize("blob", ["broken", "bug"])
def test_a_failed_run_is_answered_and_counted(run: Any, journal: list[Any], ctx: Context, blob: str) -> None:
    assert run("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", blob) == OK
    journal.clear()
    assert run(*EXECUTE).startswith(b"-")
    stats = ctx.db.get(b"m").stats
    assert (stats.calls, stats.errors) == (1, 1)
    assert journal == []


def test_a_good_run_is_counted(run: Any, journal: list[Any], ctx: Context) -> None:
    run(*EXECUTE)
    stats = ctx.db.get(b"m").stats
    assert (stats.calls, stats.errors, stats.duration_us, stats.samples) == (1, 0, 7, 1)


def step(source: str, target: str) -> list[str]:
    return ["|>", "AI.MODELEXECUTE", "m", "INPUTS", "1", source, "OUTPUTS", "1", target]


def test_a_dag_journals_what_it_persists_once(run: Any, journal: list[Any]) -> None:
    words = ["AI.DAGEXECUTE", "LOAD", "1", "x", "PERSIST", "1", "y", *step("x", "a"), *step("a", "y")]
    assert run(*words, "|>", "AI.TENSORGET", "y", "VALUES") == b"*3\r\n+OK\r\n+OK\r\n*1\r\n$2\r\n12\r\n"
    assert [[effect[:5] for effect in effects] for effects in journal] == [[SET_Y]]


def test_a_dag_without_runs_journals_what_it_persists_once(run: Any, journal: list[Any]) -> None:
    words = ["AI.DAGEXECUTE", "PERSIST", "1", "y", "|>", "AI.TENSORSET", "y", "DOUBLE", "1", "VALUES", "5"]
    assert run(*words) == b"*1\r\n+OK\r\n"
    assert [[effect[:5] for effect in effects] for effects in journal] == [[SET_Y]]


def test_a_dag_that_cannot_persist_says_so(run: Any, journal: list[Any]) -> None:
    run("SET", "y", "v")
    journal.clear()
    reply = run("AI.DAGEXECUTE", "LOAD", "1", "x", "PERSIST", "1", "y", *step("x", "y"))
    assert reply.startswith(b"*2\r\n+OK\r\n-WRONGTYPE")
    assert journal == []


def test_a_long_dag_needs_no_deep_stack(run: Any, journal: list[Any]) -> None:
    run("AI.TENSORSET", "x", "DOUBLE", "1", "VALUES", "0")
    chain = [word for n in range(2000) for word in step(f"t{n}" if n else "x", f"t{n + 1}")]
    assert run("AI.DAGEXECUTE", "LOAD", "1", "x", *chain) == b"*2000\r\n" + 2000 * OK


def test_a_dag_stops_at_the_first_failure(run: Any, journal: list[Any]) -> None:
    run("AI.MODELSTORE", "b", "ONNX", "CPU", "BLOB", "broken")
    broken = ["|>", "AI.MODELEXECUTE", "b", "INPUTS", "1", "x", "OUTPUTS", "1", "a"]
    reply = run("AI.DAGEXECUTE", "LOAD", "1", "x", *broken, *step("a", "c"))
    assert reply == b"*2\r\n-a text of the framework\r\n+NA\r\n"


def test_an_output_that_is_no_tensor_ends_a_dag(run: Any, journal: list[Any]) -> None:
    run("AI.MODELSTORE", "t", "ONNX", "CPU", "BLOB", "two")
    journal.clear()
    two = ["|>", "AI.MODELEXECUTE", "t", "INPUTS", "1", "x", "OUTPUTS", "2", "a", "none"]
    words = ["AI.DAGEXECUTE", "LOAD", "1", "x", "PERSIST", "1", "y", *two, *step("none", "c"), *step("a", "y")]
    reply = run(*words, "|>", "AI.TENSORGET", "c", "|>", "AI.TENSORGET", "a", "VALUES")
    assert reply.startswith(b"*5\r\n+OK\r\n-")
    assert reply.endswith(b"\r\n+NA\r\n+NA\r\n*1\r\n$1\r\n6\r\n")
    assert journal == []


def test_a_failure_does_not_keep_another_device_from_starting(run: Any, journal: list[Any]) -> None:
    run("AI.MODELSTORE", "b", "ONNX", "CPU", "BLOB", "broken")
    run("AI.MODELSTORE", "m", "ONNX", "CPU:1", "BLOB", "double")
    broken = ["|>", "AI.MODELEXECUTE", "b", "INPUTS", "1", "x", "OUTPUTS", "1", "a"]
    reply = run("AI.DAGEXECUTE", "LOAD", "1", "x", *broken, *step("x", "c"), *step("c", "d"))
    assert reply == b"*3\r\n-a text of the framework\r\n+OK\r\n+NA\r\n"


def test_what_is_wrong_with_a_later_step_goes_before_a_name_that_nobody_gives(run: Any, journal: list[Any]) -> None:
    words = ["AI.DAGEXECUTE", "LOAD", "1", "x", *step("nobody", "a")]
    unbound = run(*words)
    assert unbound.startswith(b"-")
    assert run(*words, "|>", "PING") != unbound
    assert run(*words, "|>", "AI.TENSORGET", "a", "VALUES") == unbound


@pytest.mark.parametrize("at_once", range(4))
def test_a_dag_goes_on_with_jobs_where_runs_become_long(
    run: Any, journal: list[Any], scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    run_now, left = scheduler.run_now, at_once

    def some(*args: Any) -> Any:
        nonlocal left
        left -= 1
        return run_now(*args) if left >= 0 else None

    monkeypatch.setattr(scheduler, "run_now", some)
    words = ["AI.DAGEXECUTE", "LOAD", "1", "x", "PERSIST", "1", "y", *step("x", "a"), *step("a", "b"), *step("b", "y")]
    assert run(*words, "|>", "AI.TENSORGET", "y", "VALUES") == b"*4\r\n+OK\r\n+OK\r\n+OK\r\n*1\r\n$2\r\n24\r\n"
    assert [[effect[:5] for effect in effects] for effects in journal] == [[SET_Y]]


def test_staged_dags_run_when_all_are_parsed_and_answer_in_their_order(ctx: Context, scheduler: FakeScheduler) -> None:
    def command(*words: str) -> Blocked:
        reply = start(ctx, *words)
        assert isinstance(reply, Blocked)
        reply.then(lambda _: answered.append(reply))
        return reply

    answered: list[Blocked] = []
    scheduler.short = True
    start(ctx, "AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "double")
    scheduler.work()
    start(ctx, "AI.TENSORSET", "x", "DOUBLE", "1", "VALUES", "3")
    scheduler.stage.is_open = True
    words = [
        "AI.DAGEXECUTE",
        "LOAD",
        "1",
        "x",
        "PERSIST",
        "1",
        "x",
        *step("x", "x"),
        "|>",
        "AI.TENSORGET",
        "x",
        "VALUES",
    ]
    waiting = [command(*words) for _ in range(2)]
    assert (scheduler.ran_now, answered) == (0, [])
    ctx.slow = False
    scheduler.work()
    assert answered == waiting
    assert [finished(reply) for reply in waiting] == 2 * [b"*2\r\n+OK\r\n*1\r\n$1\r\n6\r\n"]
    assert ctx.slow
    assert ctx.db.get(b"m").stats.calls == 2


def test_the_time_of_a_staged_run_is_counted(
    ctx: Context, scheduler: FakeScheduler, run: Any, journal: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ctx.server.table.by_bytes[b"AI.DAGEXECUTE"]
    before, slept = command.ns, 20_000_000
    real = scheduler.run_now

    def slow(*args: Any) -> Any:
        time.sleep(slept / 1e9)
        return real(*args)

    monkeypatch.setattr(scheduler, "run_now", slow)
    run("AI.DAGEXECUTE", "LOAD", "1", "x", *step("x", "a"))
    assert command.ns - before >= slept
