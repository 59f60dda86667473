"""What a script's redis.execute makes of a reply."""

from __future__ import annotations

import pytest

from pyredisai.commands.ai.script_bridge import plain
from pyredisai.errors import ReplyError
from pyredisai.resp.replies import NO_REPLY, NULL_ARRAY, OK, Blocked, Error, Reply, RespSet, Status, Verbatim


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (None, None),
        (NULL_ARRAY, None),
        (NO_REPLY, None),
        (OK, b"OK"),
        (Status("none"), b"none"),
        ("caf\u00e9", "caf\u00e9".encode()),
        (memoryview(b"\0\xff"), b"\0\xff"),
        (b"x" * 5000, b"x" * 5000),
        (True, 1),
        (0.5, b"0.5"),
        (3.0, b"3"),
        ({b"a": [1, None]}, [b"a", [1, None]]),
        (RespSet([b"m"]), [b"m"]),
        (Verbatim(b"text"), b"text"),
    ],
)
def test_a_reply_is_what_a_client_of_resp2_reads(reply: Reply, value: object) -> None:
    assert plain(reply) == value


@pytest.mark.parametrize("reply", [Error("ERR no"), [1, Error("ERR no")]])
def test_an_error_anywhere_is_raised(reply: Reply) -> None:
    with pytest.raises(ReplyError, match="ERR no"):
        plain(reply)


def test_a_reply_that_has_come_counts_and_one_that_comes_later_is_refused() -> None:
    blocked = Blocked()
    with pytest.raises(ReplyError):
        plain(blocked)
    blocked.resolve(7)
    assert plain(blocked) == 7
