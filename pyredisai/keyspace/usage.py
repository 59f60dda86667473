"""When keys were last used, or how often: what OBJECT tells, what eviction goes by and what RDB files keep.

One such record for each database, and only while somebody wants it. A key without a note counts as one that came, or
was last used, when the record began.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from pyredisai import clock

NEW_KEY_FREQUENCY: Final = 5
MAX_FREQUENCY: Final = 255
USAGE_BITS: Final = 0xFFFFFF  # Redis keeps either in 24 bits of a value, and DEBUG OBJECT shows them


class Usage(ABC):
    """`notes` holds a number for each key. `stored`: RDB files keep it, as they do under a policy that goes by it.

    `now` is the time as of the last `tick`, in a unit of the subclass: to ask for it at each use would cost more than
    all the rest. The server's clock calls `tick`.
    """

    __slots__ = ("_since", "notes", "now", "stored")

    def __init__(self, *, stored: bool) -> None:
        self.notes: dict[bytes, int] = {}
        self.stored = stored
        self.now = 0
        self.tick()
        self._since = self.now

    @abstractmethod
    def tick(self) -> None:
        """Look at the clock."""

    @abstractmethod
    def use(self, key: bytes) -> None:
        """A command reads or changes the value of a key."""

    @abstractmethod
    def add(self, key: bytes) -> None:
        """There is a new key."""

    @abstractmethod
    def order(self, key: bytes) -> int:
        """What eviction goes by: of the keys that it looks at, the lowest goes."""

    @abstractmethod
    def emptied(self) -> Usage:
        """A record of the same kind without notes."""

    @abstractmethod
    def bits(self, key: bytes) -> int:
        """The 24 bits that Redis would show."""

    @abstractmethod
    def restore(self, key: bytes, idle_s: int | None, frequency: int | None) -> None:
        """Note what a file or RESTORE tells of a key; only one of the two is noted here, if it is given."""


class IdleTimes(Usage):
    """The time of the last use, for LRU. Monotonic seconds."""

    __slots__ = ()

    def __init__(self, *, stored: bool = False) -> None:
        super().__init__(stored=stored)

    def tick(self) -> None:
        """Of Usage."""
        self.now = int(time.monotonic())

    def use(self, key: bytes) -> None:
        """Of Usage."""
        self.notes[key] = self.now

    def add(self, key: bytes) -> None:
        """Of Usage."""
        self.notes[key] = self.now

    def order(self, key: bytes) -> int:
        """Of Usage."""
        return self.notes.get(key, self._since)

    def emptied(self) -> IdleTimes:
        """Of Usage."""
        return IdleTimes(stored=self.stored)

    def bits(self, key: bytes) -> int:
        """Of Usage."""
        return (int(time.time()) - self.idle_s(key)) & USAGE_BITS

    def restore(self, key: bytes, idle_s: int | None, frequency: int | None) -> None:
        """Of Usage."""
        if idle_s is not None:
            self.notes[key] = self.now - idle_s

    def idle_s(self, key: bytes) -> int:
        """Seconds since the last use."""
        return self.now - self.order(key)


@dataclass(slots=True)
class FrequencyScale:
    """lfu-log-factor and lfu-decay-time (minutes; 0: never)."""

    log_factor: int = 10
    decay_minutes: int = 1


class Frequencies(Usage):
    """How often keys are used, for LFU: a counter up to 255 that rises ever more seldom, and falls with time.

    Use raises it with the probability 1 / (f * log_factor + 1), f being how far it is above that of a new key (5);
    each `decay_minutes` without use take one away (Redis' documentation, "Key eviction"). A note holds the counter
    in its low byte, as it was in the minute (of Unix time) above that.
    """

    __slots__ = ("_scale",)

    def __init__(self, scale: FrequencyScale, *, stored: bool = True) -> None:
        super().__init__(stored=stored)
        self._scale = scale
        self._since = self.now << 8 | NEW_KEY_FREQUENCY

    def tick(self) -> None:
        """Of Usage."""
        self.now = clock.now_ms() // 60_000

    def use(self, key: bytes) -> None:
        """Of Usage."""
        note, now = self.notes.get(key, self._since), self.now
        counter = note & MAX_FREQUENCY if note >> 8 == now else self._fallen(note)
        above = counter - NEW_KEY_FREQUENCY
        if above <= 0 or (counter < MAX_FREQUENCY and random.random() * (above * self._scale.log_factor + 1) < 1):
            counter += 1
        self.notes[key] = now << 8 | counter

    def add(self, key: bytes) -> None:
        """Of Usage."""
        self.notes[key] = self.now << 8 | NEW_KEY_FREQUENCY

    def order(self, key: bytes) -> int:
        """Of Usage: the counter."""
        return self._fallen(self.notes.get(key, self._since))

    def emptied(self) -> Frequencies:
        """Of Usage."""
        return Frequencies(self._scale, stored=self.stored)

    def bits(self, key: bytes) -> int:
        """Of Usage."""
        return self.notes.get(key, self._since) & USAGE_BITS

    def restore(self, key: bytes, idle_s: int | None, frequency: int | None) -> None:
        """Of Usage."""
        if frequency is not None:
            self.notes[key] = self.now << 8 | frequency

    def _fallen(self, note: int) -> int:
        """The counter of a note, as it is now."""
        counter, decay = note & MAX_FREQUENCY, self._scale.decay_minutes
        passed = self.now - (note >> 8)
        return counter if not decay or passed < decay else max(0, counter - passed // decay)
