"""ACL rules: what they allow, what ACL LIST says of them, which are refused."""

from __future__ import annotations

import pytest

from pyredisai.commands.acl import describe, rules
from pyredisai.commands.acl.permissions import ALLOWED, is_unlimited, verdict
from pyredisai.commands.acl.users import User, digest
from pyredisai.commands.table import build_table

TABLE = build_table()


def user(*words: str) -> User:
    made = User("u")
    for rule in rules.join_selectors([word.encode() for word in words]):
        rules.apply(TABLE, made, rule)
    return made


def judged(made: User, request: str) -> tuple[str, str]:
    words = request.encode().split()
    command = TABLE.find(words[0])
    assert command is not None
    if command.subcommands:
        command = command.subcommands[words[1].decode()]
    return verdict(made, command, words)


@pytest.mark.parametrize(
    ("words", "request_", "refused"),
    [
        ("", "get a", ("command", "get")),
        ("+get ~a*", "get ab", ALLOWED),
        ("+get ~a*", "get b", ("key", "b")),
        ("+@all ~a*", "mget a b", ("key", "b")),
        ("+@all allkeys -@write", "set a 1", ("command", "set")),
        ("+@all allkeys -@write +set", "set a 1", ALLOWED),
        ("+@read ~*", "ai.tensorget t", ("command", "ai.tensorget")),
        ("+@all ~*", "ai.tensorget t", ALLOWED),
        ("+config|get", "config get x", ALLOWED),
        ("+config|get", "config set x y", ("command", "config|set")),
        ("+config -config|set", "config set x y", ("command", "config|set")),
        ("+select|1", "select 1", ALLOWED),
        ("+select|1", "select 2", ("command", "select")),
        ("+@all %R~a", "get a", ALLOWED),
        ("+@all %R~a", "set a 1", ("key", "a")),
        ("+@all %W~a", "get a", ("key", "a")),
        ("+@all %W~a %R~a", "getdel a", ALLOWED),
        ("+@all %R~a %W~b", "rename a b", ("key", "a")),
        ("+@all ~*", "publish c x", ("channel", "c")),
        ("+@all &c*", "publish cc x", ALLOWED),
        ("+@all &c*", "psubscribe c*", ALLOWED),
        ("+@all &c*", "psubscribe cc*", ("channel", "cc*")),
        ("+get ~a (+set ~b)", "set b 1", ALLOWED),
        ("+get ~a (+set ~b)", "set a 1", ("key", "a")),
        ("", "auth x", ALLOWED),
        ("+@all ~*", "ping", ALLOWED),
    ],
)
def test_verdicts(words: str, request_: str, refused: tuple[str, str]) -> None:
    assert judged(user(*words.split()), request_) == refused


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "off resetchannels -@all"),
        ("on nopass ~* &* +@all", "on nopass ~* &* +@all"),
        ("on +@all -@dangerous", "on resetchannels +@all -@dangerous"),
        ("~x %R~y %W~y &c -@all +get", "off ~x ~y resetchannels &c -@all +get"),
        ("+client -client|kill", None),
        ("+@read (~q +@write)", "off resetchannels -@all +@read (~q resetchannels -@all +@write)"),
        ("reset", "off sanitize-payload resetchannels -@all"),
    ],
)
def test_description(words: str, line: str | None) -> None:
    made = user(*rules_of(words))
    shown = describe.user_line(TABLE, made).removeprefix("user u ")
    if line is not None:
        assert shown == line
    again = user(*rules_of(shown))
    assert again.root.commands == made.root.commands, "a description leads to the same commands"
    assert describe.user_line(TABLE, again).removeprefix("user u ") == shown


def rules_of(line: str) -> list[str]:
    return line.split()


def test_passwords() -> None:
    made = user("on", ">one", ">two")
    assert made.accepts(b"one")
    assert made.accepts(b"two")
    rules.apply(TABLE, made, b"<one")
    assert not made.accepts(b"one")
    rules.apply(TABLE, made, b"#" + digest(b"three").encode())
    assert made.accepts(b"three")
    rules.apply(TABLE, made, b"off")
    assert not made.accepts(b"two")
    rules.apply(TABLE, made, b"nopass")
    rules.apply(TABLE, made, b"on")
    assert made.accepts(b"anything")


def test_a_pattern_may_end_before_its_tilde() -> None:
    """So it is in redis-server 7.0: `%R` is `%R~`."""
    assert user("%R").root.keys == user("%R~").root.keys == [(rules.READ, b"")]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("+nosuch", rules.UNKNOWN_COMMAND),
        ("+", rules.UNKNOWN_COMMAND),
        ("-", rules.UNKNOWN_COMMAND),
        ("+get|", rules.SYNTAX),
        ("+config|", rules.SYNTAX),
        ("-get|", rules.UNKNOWN_COMMAND),
        ("+nosuch|", rules.UNKNOWN_COMMAND),
        ("+@nosuch", rules.UNKNOWN_COMMAND),
        ("-get|x", rules.UNKNOWN_COMMAND),
        ("+config|nosuch", rules.UNKNOWN_COMMAND),
        ("nosuch", rules.SYNTAX),
        ("%X~a", rules.SYNTAX),
        ("%", rules.SYNTAX),
        ("%~a", rules.SYNTAX),
        ("%RR", rules.SYNTAX),
        ("<nosuch", rules.NO_SUCH_PASSWORD),
        ("#abc", rules.BAD_HASH),
        ("~* ~a", rules.KEYS_AFTER_ALL),
        ("&* &a", rules.CHANNELS_AFTER_ALL),
        ("(+nosuch)", rules.UNKNOWN_COMMAND),
        ("(+get", "(+get"),
    ],
)
def test_refused(words: str, reason: str) -> None:
    with pytest.raises(rules.RuleError) as caught:
        user(*words.split())
    assert str(caught.value) == reason


def test_only_the_unlimited_are_not_asked() -> None:
    assert is_unlimited(user("+@all", "~*", "&*"))
    assert not is_unlimited(user("+@all", "~*"))
    assert not is_unlimited(user("+@all", "~*", "&*", "-get"))
