"""The ordered effects of commands. AOF and replicas subscribe; with no subscriber it costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

Effect: TypeAlias = "Sequence[bytes | memoryview]"
Subscriber: TypeAlias = Callable[[int, list[Effect]], None]


class Journal:
    """Hands each command's effects, in the order in which they happened, to its subscribers.

    A subscriber is called with the database's index and the effects (argument vectors) of one
    command; more than one effect is to be kept together, as in MULTI/EXEC.
    """

    def __init__(self) -> None:
        self.subscribers: list[Subscriber] = []

    def append(self, database: int, effects: list[Effect]) -> None:
        """Pass the effects of one command on."""
        for subscriber in self.subscribers:
            subscriber(database, effects)
