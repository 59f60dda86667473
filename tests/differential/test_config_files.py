"""Conf files and command lines: what redis-server 7.0 takes, what it refuses and in which words.

The real server reads each configuration from a last line on that nobody knows, so that it always ends; where it
complains of that line, it has taken everything before it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyredisai.commands.acl.loading import check_user
from pyredisai.commands.table import build_table
from pyredisai.config.argv import parse_argv
from pyredisai.config.conffile import Loader, MissingFile
from pyredisai.config.registry import Registry
from pyredisai.config.rewrite import SIGNATURE, updated
from pyredisai.errors import ConfigError
from tests.support.resp import RespClient
from tests.support.server import REDIS_SERVER, free_port

pytestmark = pytest.mark.skipif(REDIS_SERVER is None, reason="redis-server is not installed")
TABLE = build_table()
END = "no-such-directive"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inc.conf").write_text("timeout 7\n")
    (tmp_path / "inc2.conf").write_text("# fine\n\nmaxmemory 5x\n")
    yield tmp_path
    os.chdir(tmp_path)


def ours(argv: list[str], stdin: bytes = b"") -> str:
    """What our parser says to the standard error or log; nothing where all is taken."""
    line = parse_argv(argv)
    loader = Loader(Registry(), lambda: TABLE.commands, lambda: stdin, partial(check_user, TABLE))
    try:
        loader.load(line.file, stdin=line.stdin, options=line.options)
    except MissingFile as error:
        return str(error)
    except ConfigError as error:
        return str(error)
    return ""


def theirs(argv: list[str], stdin: bytes = b"") -> str:
    """What redis-server says; the head of log lines is cut off."""
    assert REDIS_SERVER is not None
    try:
        done = subprocess.run([REDIS_SERVER, *argv], input=stdin, capture_output=True, timeout=20)
    except subprocess.TimeoutExpired:
        return ""
    if done.stderr:
        return done.stderr.decode("utf-8", "surrogateescape")
    return done.stdout.decode("utf-8", "surrogateescape").strip().rpartition(" # ")[2]


LINES = [
    "port 0", "PORT 0", "  port   0  ", "port", "port 1 2", "port x", 'port "0"', "port '0'", 'port "0', 'port "0"x',
    'requirepass "a\\x41\\n\\"b"', "requirepass 'it\\'s'", "requirepass a b", 'requirepass ""', "requirepass",
    "bind 127.0.0.1", "bind 127.0.0.1 -::1", "bind", 'bind ""', 'bind "127.0.0.1 ::1"', "save 1 1", "save 1 1 2 2",
    'save ""', "save", "save 1", "save 0 1", 'save "1 1"', "save a b", "client-output-buffer-limit normal 1 1 1",
    "client-output-buffer-limit normal 1 1", "client-output-buffer-limit foo 1 1 1", "maxmemory 1gb", "maxmemory 1x",
    "maxmemory 1 gb", "include inc.conf", "include inc2.conf", "include nosuch.conf", "include nosuch*.conf",
    "include inc*.conf", "include", "include a b", "loadmodule", "loadmodule /x.so a b", "user", "user bob on nopass",
    "rename-command get", 'rename-command get ""', "rename-command get set", "rename-command nosuch x",
    "rename-command GET got", "rename-command a b c", "sentinel monitor x", "slaveof no one", "replicaof a b c",
    "replicaof a", "replicaof a x", "slave-read-only maybe", "notify-keyspace-events KEA", "notify-keyspace-events Q",
    "notify-keyspace-events", "unixsocketperm 777", "unixsocketperm 8", "unixsocketperm 1000", "dir .", "dir /nosuch",
    "dir a b", "logfile ''", "logfile /nosuch/x.log", "hz 7", "hz -1", "# comment", "#", "", "   ", "\t", "'", '"',
    "list-max-ziplist-entries 5", "list-max-ziplist-entries",
    "lua-replicate-commands yes", "hash-max-ziplist-value 5",
    "oom-score-adj-values 1 2", "oom-score-adj-values 1 2 3", 'oom-score-adj-values "1 2 3"', "daemonize maybe",
    "latency-tracking-info-percentiles 5 6",
    'latency-tracking-info-percentiles ""', "latency-tracking-info-percentiles",
    "shutdown-on-sigint save now", "shutdown-on-sigint save nosave", "shutdown-on-sigint", "appendfilename a/b",
    "appendfilename ''", "appenddirname a/b", "dbfilename a/b",
    "io-threads 0", "databases 0", "foo.bar", "tls-port x",
    "supervised x", "enable-module-command maybe", "proc-title-template {x}", "maxmemory-clients 101%", "é ü",
    "cluster-announce-hostname a_b", "port\t0", "port 0 # not a comment", "aclfile a b", "timeout 5\r",
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_line(line: str, folder: Path) -> None:
    """One line between others: taken, or refused with the same words at the same place."""
    (folder / "t.conf").write_text(f"port 0\n{line}\n{END}\n")
    assert ours(["t.conf"]) == theirs(["t.conf"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(LINES), max_size=5))
def test_files(folder: Path, lines: list[str]) -> None:
    """Several lines: the first that is refused decides."""
    os.chdir(folder)
    text = "\n".join([*lines, END])
    (folder / "t.conf").write_text(text)
    expected = theirs([str(folder / "t.conf")])
    os.chdir(folder)
    assert ours([str(folder / "t.conf")]) == expected


QUOTING = st.text("ab \t\"'\\xn07\x01", max_size=14)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(QUOTING)
def test_quoting(folder: Path, text: str) -> None:
    """The words of a line: their number, and whether its quotes are balanced."""
    (folder / "q.conf").write_text(f"requirepass {text}\n{END}\n")
    assert ours(["q.conf"]) == theirs(["q.conf"])


ARGUMENTS = [
    "t.conf", "nosuch.conf", "-", "--", "---", "-x", "x",
    "--port", "0", "--port 0", "--port 0 1", "--PORT", "--hz", "5",
    "--save", "", "1 1", "1", "--SAVE", '--save ""', "--save 1 1", "--bind", "127.0.0.1", "127.0.0.1 ::1",
    "--bind 127.0.0.1 ::1", "--timeout=5", "--loglevel", "--loglevel debug",
    "--loadmodule", "/x.so", "A 1", "--version",
    "--maxmemory", "1gb", "--requirepass", "--a.b", "--a.b 1", 'q"uo',
    "'", "--user", "bob", "--include", "inc.conf", "é",
    "--hz 'x", '--"hz"', "--rename-command", "get", "--notify-keyspace-events", "--no-such",
]  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(ARGUMENTS), max_size=6), st.sampled_from([b"", b"hz 20", b"hz x\n", b"timeout 3\n"]))
@example(["--user", "bob", ""], b"")
@example(["--include", ""], b"")
def test_command_lines(folder: Path, argv: list[str], stdin: bytes) -> None:
    """Arguments in any order and number, before one that ends the start."""
    (folder / "t.conf").write_text("timeout 1\n")
    if argv and argv[0] == "--version":
        return
    argv = [*argv, "--port", "0", f"--{END}", "1"]
    assert ours(argv, stdin) == theirs(argv, stdin)


OPEN_ENDS = [
    "--port x --save",
    "t.conf --save",
    "--hz",
    "t.conf -",
    "-",
    "- --hz x",
    "--hz x -",
    "--port x --SAVE --hz",
]


@pytest.mark.parametrize("line", OPEN_ENDS)
@pytest.mark.parametrize("stdin", [f"hz 7\n{END}\n", f"{END}", "hz x"])
def test_command_lines_that_end_openly(line: str, stdin: str, folder: Path) -> None:
    argv = line.split()
    (folder / "t.conf").write_text("hz 5\n" if "-" in argv else f"hz 5\n{END}\n")
    assert ours(argv, stdin.encode()) == theirs(argv, stdin.encode())


FILES = {
    "a full one": """# top comment
port PORT
   HZ   15

# a save comment
save 900 1
save 300 10 60 1000
# bind here
bind 127.0.0.1   -::1
maxmemory 100mb
masterauth "a b\\x00c"
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica 256mb 64mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
slave-read-only no
loglevel   verbose
appendonly no
zset-max-ziplist-entries 128
notify-keyspace-events ""
rename-command flushall ""
include inc.conf


# end
""",
    "nothing": "port PORT\n",
    "signed": 'port PORT\n\n\n\nsave ""\n# Generated by CONFIG REWRITE\nhz 20\n',
    "no newline": "port PORT\ntimeout 5\nsave 5 5\ntimeout 6",
}
CHANGES = {
    "none": [],
    "save": [("save", "10 1")],
    "no save": [("save", "")],
    "defaults": [("hz", "10"), ("maxmemory", "0"), ("save", "3600 1 300 100 60 10000"), ("bind", "* -::*")],
    "many": [
        ("maxmemory", "1500"),
        ("timeout", "9"),
        ("client-output-buffer-limit", "slave 1 1 1 normal 1kb 1536 0"),
        ("notify-keyspace-events", "KEA"),
        ("bind", "127.0.0.1"),
        ("loglevel", "notice"),
        ("replica-read-only", "yes"),
        ("set-max-intset-entries", "5"),
        ("masterauth", "x\ny"),
        ("maxmemory-clients", "5%"),
        ("proto-max-bulk-len", "1gb"),
        ("latency-tracking-info-percentiles", "50 99.95"),
        ("oom-score-adj-values", "1 2 3"),
        ("shutdown-on-sigint", "nosave now"),
        ("min-slaves-to-write", "2"),
        ("masteruser", ""),
    ],
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_rewrite(text: str, changes: list[tuple[str, str]], folder: Path) -> None:
    """CONFIG REWRITE keeps, changes, drops and adds the same lines; only the order of the added ones is ours."""
    assert REDIS_SERVER is not None
    path, port = folder / "redis.conf", free_port()
    text = text.replace("PORT", str(port))
    path.write_text(text)
    registry = Registry()
    Loader(registry, lambda: TABLE.commands).load(str(path))
    registry.set(changes)
    with subprocess.Popen([REDIS_SERVER, str(path)], stdout=subprocess.DEVNULL) as process:
        with connected(port) as client:
            if changes:
                assert client("CONFIG", "SET", *(word for pair in changes for word in pair)) == "OK"
            assert client("CONFIG", "REWRITE") == "OK"
        process.kill()
    head, _, added = path.read_text().partition(SIGNATURE)
    own_head, _, own_added = updated(text, registry).partition(SIGNATURE)
    assert own_head == head
    theirs_added = [line for line in added.split("\n") if not line.startswith("user ")]
    assert sorted(own_added.split("\n")) == sorted(theirs_added)


def connected(port: int) -> RespClient:
    """A connection to a server that is starting."""
    for _ in range(200):
        try:
            return RespClient(port)
        except OSError:
            time.sleep(0.02)
    raise AssertionError("redis-server does not listen")
