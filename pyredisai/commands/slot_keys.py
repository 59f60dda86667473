"""Which keys lie in which slot, for CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT and for slots that change their owner.

Resharding asks this often, and all other times nobody does. So the first question goes through the keys once, then the
index follows every change, and when nobody has asked for a while it is dropped: until then a write pays nothing.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from pyredisai import clock
from pyredisai.cluster.slots import slot_of
from pyredisai.commands.context import Services

KEPT_NS: Final = 60_000_000_000


class SlotKeys:
    """The keys of database 0, the only one of cluster mode, by their slots, in the order in which they came."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.databases[0]
        self._slots: dict[int, dict[bytes, None]] | None = None
        self._asked_ns = 0
        services.cron.append(self.round)

    def count(self, slot: int) -> int:
        """How many keys there are."""
        return len(self._asked().get(slot, ()))

    def newest(self, slot: int, count: int) -> list[bytes]:
        """As many keys at most, the newest first."""
        return list(islice(reversed(self._asked().get(slot, {})), count))

    @property
    def is_kept(self) -> bool:
        """Whether there is an index at present."""
        return self._slots is not None

    def round(self) -> None:
        """By the clock: drop what nobody has asked for."""
        if self._slots is not None and clock.monotonic_ns() - self._asked_ns > KEPT_NS:
            self._drop()

    def forget(self) -> None:
        """The keys have been exchanged as a whole."""
        if self._slots is not None:
            self._drop()

    def _asked(self) -> dict[int, dict[bytes, None]]:
        self._asked_ns = clock.monotonic_ns()
        if self._slots is None:
            found: dict[int, dict[bytes, None]] = {}
            for key in self._database.data:
                found.setdefault(slot_of(key), {})[key] = None
            self._slots = found
            self._services.events.on_key.append(self._changed)
            self._services.events.on_flush.append(self._flushed)
        return self._slots

    def _drop(self) -> None:
        self._slots = None
        self._services.events.on_key.remove(self._changed)
        self._services.events.on_flush.remove(self._flushed)

    def _changed(self, database: int, key: bytes) -> None:
        slots = self._slots
        if database or slots is None:
            return
        slot = slot_of(key)
        if key in self._database.data:
            slots.setdefault(slot, {})[key] = None
        elif (keys := slots.get(slot)) is not None:
            keys.pop(key, None)
            if not keys:
                del slots[slot]

    def _flushed(self, database: int) -> None:
        if not database and self._slots is not None:
            self._slots.clear()


def slot_keys(services: Services) -> SlotKeys:
    """The server's index; made at the first call."""
    found: SlotKeys | None = services.extra.get("slot-keys")
    if found is None:
        found = services.extra["slot-keys"] = SlotKeys(services)
    return found
