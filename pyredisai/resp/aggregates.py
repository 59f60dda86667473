"""Reply values of several elements that a list does not tell apart; `encoder` turns them into RESP."""

from __future__ import annotations

from pyredisai.resp.replies import Reply


class RespSet(list[Reply]):
    """RESP3 set, RESP2 array."""


class Pairs(list[tuple[Reply, Reply]]):
    """RESP3 map whose keys may come several times, RESP2 array of arrays of two."""


class Push(list[Reply]):
    """RESP3 push, RESP2 array: out-of-band messages."""


class Several(list[Reply]):
    """Replies one after another to one command, as SUBSCRIBE gives."""
