"""Commands in stages: their order, and one that fails."""

from __future__ import annotations

import asyncio

from pyredisai.execution.staging import Stage


class Command:
    def __init__(self, seen: list[str], name: str, takes_ns: int = 0) -> None:
        self.seen, self.name, self.takes_ns = seen, name, takes_ns

    def run(self) -> None:
        if self.name == "broken run":
            raise ZeroDivisionError("oops")
        now[0] += self.takes_ns
        self.seen.append(f"run {self.name}")

    def finish(self) -> None:
        if self.name == "broken":
            raise ZeroDivisionError("oops")
        self.seen.append(f"finish {self.name}")


now = [0]


def test_all_run_before_the_first_is_finished() -> None:
    seen: list[str] = []
    stage = Stage()
    stage.is_open = True
    for name in "ab":
        stage.add(Command(seen, name))
    stage.close()
    stage.close()
    assert seen == ["run a", "run b", "finish a", "finish b"]
    assert not stage.is_open


def test_one_that_fails_leaves_the_others_their_replies() -> None:
    seen: list[str] = []
    told: list[object] = []

    async def close() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
        stage = Stage()
        for name in ("a", "broken", "broken run", "c"):
            stage.add(Command(seen, name))
        stage.close()

    asyncio.run(close())
    assert seen == ["run a", "run broken", "run c", "finish a", "finish broken run", "finish c"]
    assert [type(error) for error in told] == [ZeroDivisionError] * 2


def test_what_is_due_follows_what_commands_took() -> None:
    stage = Stage(lambda: now[0])

    def close_after(takes_ns: int) -> int:
        for _ in range(2):
            stage.add(Command([], "", takes_ns))
        due = stage.due_ns
        stage.close()
        assert stage.due_ns == 0
        return due

    assert [close_after(takes_ns) for takes_ns in (100, 100, 500, 100)] == [0, 200, 200, 400]
