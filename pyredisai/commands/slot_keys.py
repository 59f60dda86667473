"""Which keys lie in which slot, for CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT and for slots that change their owner.

Resharding asks this often, and all other times nobody does. So the first question goes through the keys once, then the
index follows every change, and when nobody has asked for a while it is dropped: until then a write pays nothing.
"""

from __future__ import annotations

from itertools import islice
from typing import Final, TypeAlias

from pyredisai import clock
from pyredisai.cluster.slots import SLOTS, slot_of
from pyredisai.commands.context import Services

KEPT_NS: Final = 60_000_000_000

Slot: TypeAlias = "dict[bytes, None]"


class SlotKeys:
    """The keys of database 0, the only one of cluster mode, by their slots, in the order in which they came.

    A slot is a plain list until somebody asks for it or changes it: most are neither.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.databases[0]
        self._slots: list[Slot | list[bytes]] = []
        self._asked_ns = 0
        services.cron.append(self.round)

    def count(self, slot: int) -> int:
        """How many keys there are."""
        return len(self._asked(slot))

    def newest(self, slot: int, count: int) -> list[bytes]:
        """As many keys at most, the newest first."""
        return list(islice(reversed(self._asked(slot)), count))

    @property
    def is_kept(self) -> bool:
        """Whether there is an index at present."""
        return bool(self._slots)

    def round(self) -> None:
        """By the clock: drop what nobody has asked for."""
        if self._slots and clock.monotonic_ns() - self._asked_ns > KEPT_NS:
            self.forget()

    def forget(self) -> None:
        """Drop the index: nobody asks, or the keys have been exchanged as a whole."""
        if self._slots:
            self._slots = []
            self._services.events.on_key.remove(self._changed)
            self._services.events.on_flush.remove(self._flushed)

    def _asked(self, slot: int) -> Slot:
        self._asked_ns = clock.monotonic_ns()
        if not self._slots:
            slots: list[list[bytes]] = [[] for _ in range(SLOTS)]
            for key in self._database.data:
                slots[slot_of(key)].append(key)
            self._slots = [*slots]
            self._services.events.on_key.append(self._changed)
            self._services.events.on_flush.append(self._flushed)
        return self._slot(slot)

    def _slot(self, slot: int) -> Slot:
        keys = self._slots[slot]
        if type(keys) is list:
            keys = self._slots[slot] = dict.fromkeys(keys)
        assert type(keys) is dict
        return keys

    def _changed(self, database: int, key: bytes) -> None:
        if database:
            return
        keys = self._slot(slot_of(key))
        if key in self._database.data:
            keys[key] = None
        else:
            keys.pop(key, None)

    def _flushed(self, database: int) -> None:
        if not database:
            self._slots = [[] for _ in range(SLOTS)]


def forget_slot_keys(services: Services) -> None:
    """Drop the index if there is one: keys have come of which nobody was told."""
    found: SlotKeys | None = services.extra.get("slot-keys")
    if found is not None:
        found.forget()


def slot_keys(services: Services) -> SlotKeys:
    """The server's index; made at the first call."""
    found: SlotKeys | None = services.extra.get("slot-keys")
    if found is None:
        found = services.extra["slot-keys"] = SlotKeys(services)
    return found
