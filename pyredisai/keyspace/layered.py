"""A dictionary over another one that stays as it is: what a picture of the keys is made with, without a copy.

What is written goes to the layer (`own`), what was there before is read through it. When nobody reads what lies
under a layer any more, `merge` moves its entries down in slices, until the plain dictionary is back. Values are
never None. All of this runs on the loop; threads may read a mapping that has a layer over it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, ItemsView, Iterator, MutableMapping, ValuesView
from itertools import chain, filterfalse
from typing import Any, Final, Generic, TypeVar

V = TypeVar("V")

_GONE: Final[Any] = object()
_RAISE: Final[Any] = object()
_STEP: Final = 64


class Hold:
    """What one picture reads stays as it is while `active`."""

    __slots__ = ("active",)

    def __init__(self) -> None:
        self.active = True


class Layered(MutableMapping[bytes, V], Generic[V]):
    """A mapping over `base`, which nobody changes while `hold` is active."""

    __slots__ = ("_count", "base", "hold", "own")

    def __init__(self, base: MutableMapping[bytes, V], hold: Hold) -> None:
        self.base = base
        self.hold = hold
        self.own: dict[bytes, V] = {}
        self._count = len(base)

    def get(self, key: bytes, default: Any = None) -> Any:
        """Of Mapping."""
        value = self.own.get(key)
        if value is None:
            return self.base.get(key, default)
        return default if value is _GONE else value

    def __getitem__(self, key: bytes) -> V:
        value = self.own.get(key)
        if value is None:
            return self.base[key]
        if value is _GONE:
            raise KeyError(key)
        return value

    def __contains__(self, key: object) -> bool:
        value = self.own.get(key)  # type: ignore[call-overload]  # as of any mapping: whatever can be a key
        return key in self.base if value is None else value is not _GONE

    def __setitem__(self, key: bytes, value: V) -> None:
        old = self.own.get(key)
        if old is _GONE or (old is None and key not in self.base):
            self._count += 1
        self.own[key] = value

    def __delitem__(self, key: bytes) -> None:
        self.pop(key)

    def pop(self, key: bytes, default: Any = _RAISE) -> Any:
        """Of MutableMapping."""
        own = self.own
        value = own.get(key)
        under = self.base.get(key)
        if value is _GONE or (value is None and under is None):
            if default is _RAISE:
                raise KeyError(key)
            return default
        if under is None:
            del own[key]
        else:
            own[key] = _GONE
        self._count -= 1
        return under if value is None else value

    def clear(self) -> None:
        """Of MutableMapping; takes no time for what lies under the layer."""
        self.base, self.own, self._count = {}, {}, 0

    def __len__(self) -> int:
        return self._count

    def __bool__(self) -> bool:
        return self._count > 0

    def __iter__(self) -> Iterator[bytes]:
        own = self.own
        if not own:
            return iter(self.base)
        return chain(filterfalse(own.__contains__, self.base), (k for k, v in own.items() if v is not _GONE))

    def items(self) -> ItemsView[bytes, V]:
        """Of Mapping."""
        return _Items(self)

    def values(self) -> ValuesView[V]:
        """Of Mapping."""
        return _Values(self)

    def parts(self) -> list[MutableMapping[bytes, V]]:
        """What it is made of."""
        return [self.own, self.base]

    def __sizeof__(self) -> int:
        return self.own.__sizeof__() + self.base.__sizeof__()

    def settle(self, deadline: float, discard: Callable[[V], None] | None = None) -> bool:
        """Move entries down to `base` until `deadline` (of `perf_counter`); whether all are there.

        `discard(value)` is given what they take the place of.
        """
        own, base = self.own, self.base
        while own:
            for _ in range(min(_STEP, len(own))):
                key, value = own.popitem()
                old = base.get(key) if discard is not None else None
                if value is _GONE:
                    base.pop(key, None)
                else:
                    base[key] = value
                if discard is not None and old is not None:
                    discard(old)
            if time.perf_counter() >= deadline:
                break
        return not own


class _Items(ItemsView[bytes, V]):
    """The pairs, without a look-up for each."""

    __slots__ = ()
    _mapping: Layered[V]

    def __iter__(self) -> Iterator[tuple[bytes, V]]:
        own, base = self._mapping.own, self._mapping.base
        if not own:
            return iter(base.items())
        under = (item for item in base.items() if item[0] not in own)
        return chain(under, (item for item in own.items() if item[1] is not _GONE))


class _Values(ValuesView[V]):
    """The values, without a look-up for each."""

    __slots__ = ()
    _mapping: Layered[V]

    def __iter__(self) -> Iterator[V]:
        return (value for _, value in self._mapping.items())


def bottom(mapping: MutableMapping[bytes, V]) -> MutableMapping[bytes, V]:
    """The plain dictionary under all layers: the same one before layers come and when they have gone."""
    while type(mapping) is Layered:
        mapping = mapping.base
    return mapping


def chain_of(mapping: MutableMapping[bytes, V]) -> list[MutableMapping[bytes, V]]:
    """A mapping and all that lies under it."""
    found = [mapping]
    while type(mapping) is Layered:
        mapping = mapping.base
        found.append(mapping)
    return found


def flattened(mapping: MutableMapping[bytes, V]) -> dict[bytes, V]:
    """A copy as a plain dictionary; faster than passing over a mapping of many layers."""
    flat = dict(bottom(mapping))
    for layer in reversed(chain_of(mapping)):
        if type(layer) is Layered:
            flat.update(layer.own)
            for key in [key for key, value in layer.own.items() if value is _GONE]:
                del flat[key]
    return flat


def merge(
    top: MutableMapping[bytes, V], deadline: float, discard: Callable[[V], None] | None = None
) -> tuple[MutableMapping[bytes, V], bool]:
    """Take away layers that nobody reads through, the lowest first, until `deadline` (of `perf_counter`).

    What is the top now, and whether no more can be done at present. `discard`: see `Layered.settle`.
    """
    while type(top) is Layered and not top.hold.active:
        above, layer = None, top
        while type(layer.base) is Layered and not layer.base.hold.active:
            above, layer = layer, layer.base
        if not layer.settle(deadline, discard):
            return top, False
        if above is None:
            top = layer.base
        else:
            above.base = layer.base
    return top, True
