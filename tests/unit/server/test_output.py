"""Replies of one turn are written together, at its end or when somebody has waited for too long."""

from __future__ import annotations

import asyncio

from pyredisai.execution.staging import Stage
from pyredisai.server import output
from pyredisai.server.output import Turn


class FakeOutlet:
    def __init__(self, written: list[str], name: str) -> None:
        self.flush_planned = False
        self._written, self._name = written, name

    def flush(self) -> None:
        self._written.append(self._name)

    def catch_up(self) -> None:
        self._written.append(f"{self._name} runs")


def test_all_are_written_at_the_end_of_the_turn() -> None:
    async def turn() -> None:
        written: list[str] = []
        turn, outlets = Turn(), [FakeOutlet(written, name) for name in "abc"]
        for outlet in outlets:
            turn.add(outlet)
        assert written == []
        assert all(outlet.flush_planned for outlet in outlets)
        await asyncio.sleep(0)
        assert written == ["a", "b", "c"]
        assert not any(outlet.flush_planned for outlet in outlets)

    asyncio.run(turn())


def test_nobody_waits_for_long() -> None:
    now = [0]

    async def turn() -> None:
        written: list[str] = []
        turn = Turn(lambda: now[0])
        turn.add(FakeOutlet(written, "a"))
        now[0] += output.WAIT_NS
        turn.add(FakeOutlet(written, "b"))
        assert written == []
        now[0] += 1
        turn.add(FakeOutlet(written, "c"))
        assert written == ["a", "b", "c"]
        turn.add(FakeOutlet(written, "d"))
        await asyncio.sleep(0)
        assert written == ["a", "b", "c", "d"]

    asyncio.run(turn())


def test_one_that_fails_leaves_the_others_their_replies() -> None:
    class Broken(FakeOutlet):
        def flush(self) -> None:
            raise ZeroDivisionError("oops")

    async def turn() -> None:
        written: list[str] = []
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
        turn = Turn()
        for outlet in (FakeOutlet(written, "a"), Broken(written, "b"), FakeOutlet(written, "c")):
            turn.add(outlet)
        await asyncio.sleep(0)
        assert written == ["a", "c"]
        assert [type(error) for error in told] == [ZeroDivisionError]

    asyncio.run(turn())


def test_the_slow_run_when_the_others_have_their_replies_and_give_way_again_after_a_slice() -> None:
    written: list[str] = []
    now = [0]

    class Slow(FakeOutlet):
        def catch_up(self) -> None:
            super().catch_up()
            now[0] += output.SHORT_SLICE_NS // 2
            turn.add(self)

    turn = Turn(lambda: now[0], lambda: written.append("begin"))

    async def turns() -> None:
        for name in "abc":
            turn.put_off(Slow(written, name))
        turn.add(FakeOutlet(written, "quick"))
        assert written == []
        await asyncio.sleep(0)
        assert written == ["quick", "begin", "a runs", "b runs", "a", "b"]
        turn.add(FakeOutlet(written, "next"))
        await asyncio.sleep(0)
        assert written[6:] == ["next", "begin", "c runs", "c"]
        await asyncio.sleep(0)
        assert len(written) == 10

    asyncio.run(turns())


def test_slices_are_longer_when_there_is_nobody_quick() -> None:
    ran: list[str] = []
    now = [10 * output.QUICK_NS]

    class Slow(FakeOutlet):
        def catch_up(self) -> None:
            ran.append("slow")
            now[0] += output.SHORT_SLICE_NS
            turn.add(self)

    turn = Turn(lambda: now[0])

    async def in_one_slice() -> int:
        ran.clear()
        for _ in range(20):
            turn.put_off(Slow([], ""))
        await asyncio.sleep(0)
        found = len(ran)
        while len(ran) < 20:
            await asyncio.sleep(0)
        return found

    async def turns() -> None:
        assert await in_one_slice() == output.SLICE_NS // output.SHORT_SLICE_NS
        turn.add(FakeOutlet([], "quick"))
        assert await in_one_slice() == 1
        now[0] += output.QUICK_NS
        assert await in_one_slice() == output.SLICE_NS // output.SHORT_SLICE_NS

    asyncio.run(turns())


def test_what_is_staged_takes_its_part_of_the_slice_and_answers_before_the_writes() -> None:
    written: list[str] = []
    now = [10 * output.QUICK_NS]
    stage = Stage(lambda: now[0])

    class Run:
        def __init__(self, outlet: FakeOutlet) -> None:
            self.outlet = outlet

        def run(self) -> None:
            written.append("run")
            now[0] += output.STAGED_SLICE_NS // 4

        def finish(self) -> None:
            turn.add(self.outlet)

    class Slow(FakeOutlet):
        def catch_up(self) -> None:
            super().catch_up()
            if stage.is_open:
                stage.add(Run(self))
            else:
                turn.add(self)

    turn = Turn(lambda: now[0], stage=stage)

    async def turns() -> None:
        for name in "ab":
            turn.put_off(Slow(written, name))
        await asyncio.sleep(0)
        assert written == ["a runs", "b runs", "run", "run", "a", "b"]
        assert not stage.is_open
        written.clear()
        for name in "abcdef":
            turn.put_off(Slow(written, name))
        await asyncio.sleep(0)
        assert written == [*(f"{name} runs" for name in "abcd"), *["run"] * 4, *"abcd"]
        await asyncio.sleep(0)
        assert written[12:] == ["e runs", "f runs", "run", "run", "e", "f"]
        turn.put_off(Slow(written, "alone"))
        await asyncio.sleep(0)
        assert written[18:] == ["alone runs", "alone"]
        turn.add(FakeOutlet(written, "quick"))
        for name in "ab":
            turn.put_off(Slow(written, name))
        await asyncio.sleep(0)
        assert written[20:] == ["quick", "a runs", "b runs", "a", "b"]

    asyncio.run(turns())
