"""Replies of connection and server commands, right and wrong ones, equal redis-server's; and field names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.resp import RespClient
from tests.support.server import Server

DIALOGUES = {
    "greeting": """
        PING; PING a; PING a b; ECHO; ECHO a; ECHO a b; HELLO 4; HELLO x; HELLO 2 FOO; HELLO 2 SETNAME
        HELLO 2 AUTH default; HELLO 2 SETNAME a\\x20b; HELLO 2 AUTH nouser x; AUTH x; AUTH a b c; AUTH nouser x
        SELECT 16; SELECT x; SELECT -1; SELECT 99999999999999999999; SELECT 3; RESET; foo; foo a b; QUIT
    """,
    "client": """
        CLIENT; CLIENT FOO; CLIENT GETNAME; CLIENT SETNAME a; CLIENT GETNAME; CLIENT SETNAME a\\x20b
        CLIENT ID x; CLIENT LIST TYPE foo; CLIENT LIST TYPE pubsub; CLIENT LIST ID x; CLIENT LIST ID 99999999
        CLIENT LIST ID; CLIENT LIST FOO; CLIENT KILL; CLIENT KILL foo; CLIENT KILL 1.2.3.4:80; CLIENT KILL ID x
        CLIENT KILL ID 0; CLIENT KILL ID 999999; CLIENT KILL TYPE foo; CLIENT KILL ADDR 1.1.1.1:1
        CLIENT KILL LADDR 1.1.1.1:1; CLIENT KILL USER foo; CLIENT KILL SKIPME maybe; CLIENT KILL FOO BAR
        CLIENT KILL ID; CLIENT KILL ID 1 TYPE; CLIENT KILL TYPE master; CLIENT PAUSE x; CLIENT PAUSE -1
        CLIENT PAUSE 10 foo; CLIENT PAUSE 1 WRITE; CLIENT UNPAUSE; CLIENT REPLY foo; CLIENT REPLY ON
        CLIENT NO-EVICT foo; CLIENT NO-EVICT on; CLIENT NO-EVICT off; CLIENT NO-TOUCH on; CLIENT GETREDIR
        CLIENT UNBLOCK x; CLIENT UNBLOCK 99999; CLIENT UNBLOCK 99999 TIMEOUT; CLIENT UNBLOCK 99999 FOO
        CLIENT TRACKINGINFO
    """,
    "acl": """
        ACL; ACL WHOAMI; ACL LIST; ACL USERS; ACL GETUSER default; ACL GETUSER nobody; ACL CAT foo; ACL CAT
        ACL SETUSER a; ACL LIST; ACL SETUSER a on >p1 ~x* %R~y* %W~z* %RW~w &chan* +@all -@dangerous +get
        ACL LIST; ACL GETUSER a; ACL SETUSER a allkeys; ACL SETUSER a ~b; ACL SETUSER a resetkeys ~b
        ACL SETUSER a (+@write ~q*) (%R~m -@all); ACL GETUSER a; ACL SETUSER a clearselectors
        ACL SETUSER a +@foo; ACL SETUSER a +foo; ACL SETUSER a +config|foo; ACL SETUSER a foo; ACL SETUSER a <p2
        ACL SETUSER a !xx; ACL SETUSER a #xx; ACL SETUSER a reset; ACL LIST; ACL SETUSER a %foo
        ACL SETUSER a (+get; ACL SETUSER a (foo); ACL SETUSER a allchannels; ACL SETUSER a &x
        ACL SETUSER a\\x20b; ACL SETUSER a -client|setname|foo; ACL SETUSER a -get|x; ACL SETUSER a +@all
        ACL LIST; ACL DRYRUN a get x; ACL DRYRUN nobody get x; ACL DRYRUN a foo x; ACL DRYRUN a get
        ACL DRYRUN a set x 1; ACL SETUSER b on nopass ~x* +get +set +config|get &c*; ACL DRYRUN b get x
        ACL DRYRUN b get y; ACL DRYRUN b del x; ACL DRYRUN b config set a b; ACL DRYRUN b publish z a
        ACL GENPASS x; ACL GENPASS 5000; AUTH b anything; ACL WHOAMI; GET y; DEL x; CONFIG SET a b; GET x
        SUBSCRIBE z; AUTH default x; ACL LOG x; ACL LOG RESET; ACL DELUSER default; ACL DELUSER nobody a b
        ACL LOAD; ACL SAVE; ACL FOO
    """,
    "server": """
        TIME x; ROLE; ROLE x; LOLWUT VERSION; SHUTDOWN FOO; SHUTDOWN ABORT; SHUTDOWN SAVE NOSAVE
        SHUTDOWN NOW ABORT; DEBUG; DEBUG FOO; DEBUG SLEEP; DEBUG SLEEP 0.001; DEBUG SLEEP x; DEBUG OBJECT nokey
        DEBUG JMAP; DEBUG SET-ACTIVE-EXPIRE 1; DEBUG SET-ACTIVE-EXPIRE; DEBUG CHANGE-REPL-ID
        DEBUG PROTOCOL string; DEBUG PROTOCOL integer; DEBUG PROTOCOL double; DEBUG PROTOCOL null
        DEBUG PROTOCOL array; DEBUG PROTOCOL set; DEBUG PROTOCOL map; DEBUG PROTOCOL attrib; DEBUG PROTOCOL push
        DEBUG PROTOCOL verbatim; DEBUG PROTOCOL true; DEBUG PROTOCOL false; DEBUG PROTOCOL bignum
        DEBUG PROTOCOL foo; DEBUG LOG x; DEBUG ERROR foo; DEBUG POPULATE 3 pre 4; GET pre:2; DEBUG POPULATE 1
        GET key:0; SLOWLOG; SLOWLOG RESET; SLOWLOG LEN; SLOWLOG GET; SLOWLOG GET -2; SLOWLOG GET x
        SLOWLOG GET 1 2; SLOWLOG FOO; LATENCY; LATENCY LATEST; LATENCY HISTORY; LATENCY HISTORY command
        LATENCY RESET; LATENCY RESET foo; LATENCY GRAPH; LATENCY GRAPH foo; LATENCY HISTOGRAM nosuch
        LATENCY FOO; MEMORY; MEMORY USAGE nokey; MEMORY USAGE key:0 SAMPLES; MEMORY USAGE key:0 SAMPLES x
        MEMORY USAGE key:0 SAMPLES -1; MEMORY USAGE key:0 FOO 1; MEMORY PURGE; MEMORY FOO; CLUSTER; CLUSTER INFO
        CLUSTER NODES; CLUSTER SLOTS; CLUSTER SHARDS; CLUSTER MYID; CLUSTER KEYSLOT a; CLUSTER HELP; CLUSTER FOO
        CLUSTER COUNTKEYSINSLOT 1; READONLY; READWRITE; ASKING; WAIT 0 0; WAIT x 0; WAIT 0 x; WAIT 0 -1
        INFO nosuch; INFO cluster nosuch; INFO KEYSPACE cluster; COMMAND COUNT x; COMMAND FOO
        COMMAND INFO nosuch; COMMAND DOCS nosuch; COMMAND LIST FILTERBY FOO bar; COMMAND LIST FILTERBY PATTERN
        COMMAND LIST foo; COMMAND LIST FILTERBY MODULE nosuch; COMMAND LIST FILTERBY ACLCAT nosuch
        COMMAND GETKEYS; COMMAND GETKEYSANDFLAGS ping
    """,
}


def requests(text: str) -> list[list[bytes]]:
    lines = [part.strip() for line in text.strip().splitlines() for part in line.split(";")]
    return [[word.replace("\\x20", " ").encode() for word in line.split()] for line in lines]


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", DIALOGUES)
def test_replies_equal(client: RespClient, redis_client: RespClient, name: str, protocol: int) -> None:
    if protocol == 3:
        for one in (client, redis_client):
            one("HELLO", 3)
    different = []
    for request in requests(DIALOGUES[name]):
        ours, theirs = answer(client, request), answer(redis_client, request)
        if ours != theirs:
            different.append(f"{request}\n  ours  {ours!r}\n  redis {theirs!r}")
    assert not different, "\n".join(different)


def answer(client: RespClient, request: list[bytes]) -> Any:
    client.send(*request)
    reply = client.read_raw()
    return b"\r\n".join(sorted(reply.split(b"\r\n"))) if request[:2] == [b"ACL", b"CAT"] else reply


def fields(line: str) -> list[str]:
    return re.findall(r"(?:^| )([a-z-]+)=", line)


def test_client_list_has_the_same_fields(client: RespClient, redis_client: RespClient) -> None:
    ours = fields(client("CLIENT", "INFO").decode())
    assert ours[-2:] == ["lib-name", "lib-ver"], "of a later Redis: clients of today tell it"
    assert ours[:-2] == fields(redis_client("CLIENT", "INFO").decode())


# Fields of redis-server that describe parts of it that have no counterpart here.
WITHOUT_COUNTERPART = {
    "Memory": r"allocator_.*|rss_overhead_.*",
    "Stats": r"expired_(stale|time).*|expire_cycle.*|.*eviction_exceeded_time|.*active_defrag.*|dump_payload.*|"
    r"total_(reads|writes)_processed|io_threaded.*|reply_buffer.*",
}
OWN = {"Server": ["pyredisai_version", "pyredisai_build", "python_version"]}


def sections(client: RespClient) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in client("INFO", "everything").decode().splitlines():
        if line.startswith("# "):
            names = found.setdefault(line[2:], [])
        elif line:
            names.append(line.split(":", 1)[0])
    return found


def test_info_has_the_same_sections_and_fields(client: RespClient, redis_client: RespClient) -> None:
    ours, theirs = sections(client), sections(redis_client)
    assert [name for name in ours if not name.startswith("ai_")] == list(theirs)
    for name in ("Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Cluster"):
        left_out = re.compile(WITHOUT_COUNTERPART.get(name, r"(?!)"))
        wanted = [field for field in theirs[name] if not left_out.fullmatch(field)]
        assert [field for field in ours[name] if field not in OWN.get(name, ())] == wanted, name


def test_command_list_has_the_subcommands_too(client: RespClient, redis_client: RespClient) -> None:
    ours, theirs = (set(one("COMMAND", "LIST")) for one in (client, redis_client))
    wanted = {name for name in theirs if b"|" in name and name.partition(b"|")[0] in ours}
    of_redis_7_2 = {b"client|setinfo"}  # clients send it when they connect
    assert {name for name in ours if b"|" in name} == wanted | of_redis_7_2


def test_noauth_and_protected_commands(start_server: Callable[..., Server], start_redis: Callable[..., Server]) -> None:
    with start_server(password="pw").client() as ours, start_redis(password="pw").client() as theirs:
        for one in (ours, theirs):
            one("CONFIG", "SET", "requirepass", "pw")
            one("RESET")
        for request in requests(
            "GET a; DEBUG SLEEP 0; HELLO; HELLO 3; HELLO 3 SETNAME x; GET; nosuch; PING; AUTH wrong; AUTH pw; GET a"
        ):
            assert answer(ours, request) == answer(theirs, request), request
