"""Modules on a GPU are freed on another thread, when the card has done with them."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

import pytest

from pyredisai.backends.torch_memory import CardMemory


class Module:
    """Stands for one on a card."""


class Card:
    """Stands for torch and torch.cuda; remembers what it was told, and on which thread."""

    def __init__(self, *, stopped: bool = False) -> None:
        self.cuda = self
        self.stopped = stopped
        self.calls: list[Any] = []
        self.alive: weakref.WeakSet[Module] = weakref.WeakSet()
        self.threads: set[threading.Thread] = set()

    def _note(self, call: str) -> None:
        self.calls.append((call, len(self.alive)))
        self.threads.add(threading.current_thread())
        if self.stopped:
            raise RuntimeError("CUDA error: device-side assert triggered")

    def synchronize(self, place: str) -> None:
        self._note(place)

    def empty_cache(self) -> None:
        self._note("empty")


def until(condition: Any) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_many_at_once() -> None:
    card = Card()
    memory = CardMemory(card)
    for place in ("one", "one", "one", "two"):
        module = Module()
        card.alive.add(module)
        memory.free(module, place)
        del module
    until(lambda: len(card.calls) == 3)
    assert sorted(card.calls[:2]) == [("one", 4), ("two", 4)]
    assert card.calls[2] == ("empty", 0)
    assert threading.current_thread() not in card.threads
    memory.free(Module(), "one")
    until(lambda: len(card.calls) == 5)


@pytest.mark.parametrize("again", [False, True])
def test_a_card_that_has_stopped(again: bool) -> None:
    card = Card(stopped=True)
    memory = CardMemory(card)
    for _ in range(1 + again):
        module = Module()
        card.alive.add(module)
        memory.free(module, "one")
        del module
        until(lambda: not card.alive)
