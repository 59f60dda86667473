"""The ACL file: ACL LOAD and SAVE answer as redis-server does, for files that are right and files that are not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.support.resp import Closed, RespClient
from tests.support.server import Server, StartError

Start = Callable[..., Server]
NAME = "users.acl"
USERS = "\n  user alice on nopass ~a* +@all &*  \nuser bob off #%s (+set ~b)\nuser default on nopass ~* &* +@all\n" % (
    "a1" * 32
)
FILES = [
    "user x +nosuch\n",
    "foo\n",
    "user\n",
    "user x on\nuser x on\n",
    "user x foo\nuser y bar\nzz\n",
    "user x on ~a (+get ~b)\n",
    'user "a b" on\n',
    "user x  on   +get\n",
    "user x on >p\r\n",
    "USER x on\n",
    "# a remark\n",
    "user x #12\n",
    "user x on\n\n\nuser y foo bar\n",
    "user x on foo +nosuch bar\n",
    "user x on +get|a|b %x~a\n",
    "user x on +@nosuch -nosuch\n",
    "",
]


def start(make: Start, text: str, *args: str) -> Server:
    """A server with this file."""
    server = make(*args)
    server.stop(keep_folder=True)
    (server.dir / NAME).write_text(text)
    server.args += ["--aclfile", NAME]
    server.start()
    return server


def seen(server: Server, client: RespClient, *words: str) -> Any:
    """The reply, without the folder, as bytes."""
    return client.raw(*words).replace(str(server.dir).encode() + b"/", b"")


def test_load_and_save_equal_redis(start_server: Start, start_redis: Start) -> None:
    ours, real = start(start_server, USERS), start(start_redis, USERS)
    with ours.client() as mine, real.client() as theirs:
        pairs = ((ours, mine), (real, theirs))
        for words in (("ACL", "LIST"), ("ACL", "SETUSER", "carl", "on", ">pw", "+get", "~c"), ("ACL", "SAVE")):
            assert seen(ours, mine, *words) == seen(real, theirs, *words)
        assert (ours.dir / NAME).read_text() == (real.dir / NAME).read_text()
        for text in FILES:
            for server, _ in pairs:
                (server.dir / NAME).write_text(text)
            for words in (("ACL", "LOAD"), ("ACL", "LIST")):
                assert seen(ours, mine, *words) == seen(real, theirs, *words), text
        for server, _ in pairs:
            (server.dir / NAME).unlink()
        assert seen(ours, mine, "ACL", "LOAD") == seen(real, theirs, "ACL", "LOAD")
        for server, _ in pairs:
            (server.dir / NAME).mkdir()
        assert seen(ours, mine, "ACL", "SAVE") == seen(real, theirs, "ACL", "SAVE")


def test_users_of_the_file_are_disconnected_by_load(start_server: Start) -> None:
    server = start(start_server, USERS)
    with server.client() as alice, server.client() as plain:
        alice.ok("AUTH", "alice", "any")
        assert plain("ACL", "LOAD") == "OK"
        with pytest.raises((Closed, OSError)):
            alice("PING")
        assert plain("ACL", "WHOAMI") == b"default"
    with server.client() as alice:
        alice.ok("AUTH", "alice", "any")
        assert alice("ACL", "LOAD") == "OK"
        assert alice.closed()


def test_an_open_selector_is_refused(start_server: Start) -> None:
    """redis-server crashes."""
    server = start(start_server, USERS)
    with server.client() as client:
        (server.dir / NAME).write_text("user x on (+get\n")
        assert "Unmatched parenthesis" in client("ACL", "LOAD").text
        assert client("ACL", "USERS") == [b"alice", b"bob", b"default"]


def test_a_saved_file_is_read_at_the_next_start_and_rewrite_leaves_users_to_it(start_server: Start) -> None:
    server = start(start_server, USERS)
    conf = server.dir / "redis.conf"
    conf.write_text(f"aclfile {NAME}\n")
    server.args = [str(conf)]
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        client.ok("ACL", "SETUSER", "carl", "on", "nopass", "+get", "~c")
        client.ok("ACL", "SAVE")
        client.ok("CONFIG", "REWRITE")
    assert "user" not in conf.read_text().replace(NAME, "")
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        client.ok("AUTH", "carl", "any")
        assert client("GET", "c1") != b""
        assert "NOPERM" in client("SET", "c", 1).text


@pytest.mark.parametrize("text", ["user x +nosuch\n", None])
def test_a_wrong_file_stops_the_start(start_server: Start, text: str | None) -> None:
    begin = partial(start_server, "--aclfile", NAME) if text is None else partial(start, start_server, text)
    with pytest.raises(StartError) as caught:
        begin()
    assert caught.value.code == 1
    assert "because of ACL errors" in caught.value.output


def test_a_file_beside_user_lines_stops_the_start(start_server: Start) -> None:
    with pytest.raises(StartError) as caught:
        start_server("--aclfile", NAME, "--user", "x on")
    assert "aclfile is set as well" in caught.value.output
