"""What the bus of a node is given: its links, the server around it, and what it puts off to the end of a turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntFlag
from typing import Any, Final, Protocol

from pyredisai.cluster.state import Node


class Link(Protocol):
    """A connection on the bus. `node` is who is at its other end, when that is known; `inbound`: he opened it."""

    node: Node | None
    inbound: bool
    created_ms: int
    peer_ip: str
    local_ip: str

    def send(self, data: bytes) -> None:
        """Send a packet."""

    def close(self) -> None:
        """Close it; nothing comes from it any more."""

    @property
    def send_buffer_used(self) -> int:
        """Bytes that wait to be sent."""


class Host(Protocol):
    """What the bus asks of the server."""

    def now_ms(self) -> int:
        """Unix milliseconds."""

    def log(self, level: str, text: str) -> None:
        """Write to the server's log."""

    def wake(self, settle: Callable[[], None]) -> None:
        """Call `settle` at the end of this turn of the loop."""

    def connect(self, node: Node) -> Link:
        """Open a link to a node; it calls `opened`, or `lost`."""

    def write(self, text: str, then: Callable[[], None]) -> None:
        """Write nodes.conf in the background, and call `then` when it is on the disk."""

    def follow(self, ip: str, port: int) -> None:
        """Be a replica of that server."""

    def promote(self) -> None:
        """Be a primary, with the data that is here."""

    def following(self) -> tuple[str, int] | None:
        """Which server this one is a replica of."""

    def offset(self) -> int:
        """How far the stream is, that this server sends or has applied."""

    def data_age_ms(self) -> int:
        """How long ago the primary has last been heard."""

    def count_keys(self, slot: int) -> int:
        """How many keys of the slot are here."""

    def delete_keys(self, slots: Iterable[int]) -> None:
        """Delete the keys of these slots."""

    def empty(self) -> None:
        """Delete all keys."""

    def pause(self, milliseconds: int) -> None:
        """Hold clients' writes back."""

    def unpause(self) -> None:
        """Let them go on."""

    def publish(self, channel: bytes, message: bytes, *, sharded: bool) -> None:
        """Deliver a message to the subscribers of this server."""


class Todo(IntFlag):
    """What `settle` is to do."""

    STATE = 1
    ELECTION = 2
    MANUAL = 4


NOTHING: Final = Todo(0)


class Config(Protocol):
    """The configuration: parsed values by name."""

    def __getitem__(self, name: str) -> Any:
        """The value of a parameter."""
