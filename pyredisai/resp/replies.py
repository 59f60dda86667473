"""The values that a command handler may return; `encoder` turns them into RESP.

    None                 null (RESP2: the null bulk string)
    bytes, memoryview    bulk string; a large one is sent without a copy, so it must not change
    str                  bulk string, in UTF-8
    int                  integer            bool    RESP3 boolean, RESP2 integer
    float                RESP3 double, RESP2 bulk string
    list, tuple          array              dict    RESP3 map, RESP2 flat array
    Status Raw Error NULL_ARRAY Verbatim                as below
    RespSet Pairs Push Several                          as in `aggregates`
    NO_REPLY             nothing is sent
    Blocked              the reply comes later (dispatch and connection handle it, not the encoder)

A ready numpy buffer is passed as `memoryview(array).cast("B")`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

Reply: TypeAlias = object


class Raw:
    """Bytes that are RESP already and the same in both versions: constants of the hot path, a replica's stream."""

    __slots__ = ("data",)

    def __init__(self, data: bytes | memoryview) -> None:
        self.data: Final = data


class Status:
    """A simple string, such as the reply of TYPE."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text: Final = text


class Error:
    """An error as an element of a larger reply (EXEC, DAG); alone, raise ReplyError instead."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text: Final = text


class Verbatim:
    """RESP3 verbatim string (`format` is three letters), RESP2 bulk string."""

    __slots__ = ("data", "format")

    def __init__(self, data: bytes, format: bytes = b"txt") -> None:
        self.data: Final = data
        self.format: Final = format


class _NullArray:
    """RESP2 null array, RESP3 null."""


class _NoReply:
    """Nothing is sent."""


class Blocked:
    """A reply that comes later.

    The handler keeps the object and calls `resolve(reply)` or `fail(error)` once, on the loop.
    The client's further requests wait for it; everybody else's go on. `on_cancel` is called
    when the client goes away first (a blocked pop leaves its queue; a run goes on). `on_unblock(error)`
    ends the waiting for CLIENT UNBLOCK, with an error or as if its time had run out; a run has none.
    `args` is the request that waits, `timed` tells that it does not wait for ever. `background_ns` is the time that
    others worked for it, which `account(background_ns)` is told when it is resolved.
    """

    __slots__ = ("_waiter", "account", "args", "background_ns", "on_cancel", "on_unblock", "reply", "resolved", "timed")

    def __init__(self, on_cancel: Callable[[], None] | None = None) -> None:
        self.resolved = False
        self.reply: Reply = None
        self.on_cancel = on_cancel
        self.on_unblock: Callable[[bool], None] | None = None
        self.args: list[Any] | None = None
        self.timed = False
        self.background_ns = 0
        self.account: Callable[[int], None] | None = None
        self._waiter: Callable[[Reply], None] | None = None

    def resolve(self, reply: Reply) -> None:
        """Give the reply; an `Error` value is sent as an error. Later calls change nothing."""
        if self.resolved:
            return
        self.resolved = True
        self.reply = reply
        if self.account is not None:
            self.account(self.background_ns)
        if self._waiter is not None:
            self._waiter(reply)

    def then(self, waiter: Callable[[Reply], None]) -> None:
        """Call `waiter(reply)` when resolved, at once if it is already; one waiter only."""
        if self.resolved:
            waiter(self.reply)
        else:
            self._waiter = waiter

    def cancel(self) -> None:
        """The client is gone: nobody waits any more."""
        self._waiter = None
        if not self.resolved and self.on_cancel is not None:
            self.on_cancel()


NULL_ARRAY: Final = _NullArray()
NO_REPLY: Final = _NoReply()
OK: Final = Raw(b"+OK\r\n")
PONG: Final = Raw(b"+PONG\r\n")
QUEUED: Final = Raw(b"+QUEUED\r\n")
EMPTY_ARRAY: Final = Raw(b"*0\r\n")
