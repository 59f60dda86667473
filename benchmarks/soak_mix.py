"""What the soak sends: kinds of work, each a function that makes a few commands on a bounded set of keys."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator, Sequence

from benchmarks import models
from benchmarks.load import Unavailable
from tests.support.resp import Argument, ErrorReply, encode
from tests.support.server import Server

Command = tuple[Argument, ...]
Batch = list[Command]
Kind = Callable[[random.Random], Batch]

KEYS = 200
PICKS = 24  # kinds in a batch
RARE = 0.01  # the share of dear kinds in what is picked
TORCH_SCRIPT = """
def twice(tensors: List[Tensor], keys: List[str], args: List[str]):
    return tensors[0] + tensors[0]
"""


def name(rng: random.Random, kind: str) -> str:
    """One of the kind's keys."""
    return f"{kind}:{rng.randrange(KEYS)}"


def word(rng: random.Random) -> bytes:
    """A value of up to 400 bytes."""
    return b"v%d-" % rng.randrange(100) * rng.randrange(1, 80)


def strings(rng: random.Random) -> Batch:
    """Strings, counters and bits."""
    key, number = name(rng, "string"), name(rng, "number")
    return [
        ("SET", key, word(rng)), ("GET", key), ("APPEND", key, b"more"), ("GETRANGE", key, 0, 5), ("STRLEN", key),
        ("INCR", number), ("INCRBYFLOAT", name(rng, "float"), "0.5"), ("SETBIT", name(rng, "bits"), 99, 1),
        ("BITCOUNT", name(rng, "bits")), ("MSET", key, b"1", name(rng, "string"), b"2"), ("MGET", key, "nothing"),
    ]  # fmt: skip


def expiring(rng: random.Random) -> Batch:
    """Keys that go by themselves."""
    key = f"expiring:{rng.randrange(20 * KEYS)}"
    return [
        ("SET", key, word(rng), "PX", rng.randrange(1, 500)), ("PEXPIRE", key, rng.randrange(1, 300)), ("PTTL", key),
        ("GET", f"expiring:{rng.randrange(20 * KEYS)}"),
    ]  # fmt: skip


def hashes(rng: random.Random) -> Batch:
    """Hashes."""
    key, field = name(rng, "hash"), f"f{rng.randrange(30)}"
    return [("HSET", key, field, word(rng)), ("HGETALL", key), ("HINCRBY", key, "n", 1), ("HDEL", key, field)]


def lists(rng: random.Random) -> Batch:
    """Lists that are cut, and a move."""
    key = name(rng, "list")
    return [
        ("RPUSH", key, word(rng), b"x"), ("LPUSH", key, b"y"), ("LRANGE", key, 0, 9), ("LTRIM", key, -30, -1),
        ("LMOVE", key, "list:moved", "LEFT", "RIGHT"), ("LPOP", "list:moved"), ("BLPOP", key, 1),
    ]  # fmt: skip


def sets(rng: random.Random) -> Batch:
    """Sets and their algebra."""
    key = name(rng, "set")
    return [
        ("SADD", key, rng.randrange(50), word(rng)), ("SPOP", key), ("SMEMBERS", key), ("SCARD", key),
        ("SUNIONSTORE", "set:union", key, name(rng, "set")), ("SSCAN", key, 0), ("DEL", name(rng, "set")),
    ]  # fmt: skip


def sorted_sets(rng: random.Random) -> Batch:
    """Sorted sets."""
    key = name(rng, "zset")
    return [
        ("ZADD", key, rng.random(), f"m{rng.randrange(50)}"), ("ZRANGE", key, 0, 5, "WITHSCORES"), ("ZRANK", key, "m1"),
        ("ZINCRBY", key, 1, "m2"), ("ZPOPMIN", key), ("ZREM", key, f"m{rng.randrange(50)}"),
    ]  # fmt: skip


def streams(rng: random.Random) -> Batch:
    """Streams of bounded length, read by a group."""
    key = f"stream:{rng.randrange(10)}"
    return [
        ("XADD", key, "MAXLEN", 50, "*", "field", word(rng)), ("XRANGE", key, "-", "+", "COUNT", 3), ("XLEN", key),
        ("XGROUP", "DESTROY", key, "group"), ("XGROUP", "CREATE", key, "group", "0"),
        ("XREADGROUP", "GROUP", "group", f"c{rng.randrange(5)}", "COUNT", 2, "STREAMS", key, ">"),
    ]  # fmt: skip


def transactions(rng: random.Random) -> Batch:
    """MULTI with EXEC and with DISCARD, watched keys."""
    key = name(rng, "string")
    return [
        ("WATCH", key), ("MULTI",), ("SET", key, b"in a transaction"), ("GET", key), ("EXEC",),
        ("MULTI",), ("PING",), ("DISCARD",), ("WATCH", key), ("UNWATCH",),
    ]  # fmt: skip


def messages(rng: random.Random) -> Batch:
    """Publishing, and a subscription that is taken and given up."""
    return [
        ("SUBSCRIBE", "channel:1", f"channel:{rng.randrange(1000)}"), ("PSUBSCRIBE", "chan*"), ("UNSUBSCRIBE",),
        ("PUNSUBSCRIBE",), ("PUBLISH", "channel:1", word(rng)),
    ]  # fmt: skip


def keyspace(rng: random.Random) -> Batch:
    """Commands on keys whatever they hold."""
    key, copy = name(rng, "string"), name(rng, "copy")
    return [
        ("COPY", key, copy, "REPLACE"), ("EXISTS", copy), ("TYPE", copy), ("DEL", copy), ("OBJECT", "ENCODING", key),
        ("SCAN", 0), ("SELECT", 1), ("SET", name(rng, "other"), b"x"), ("SELECT", 0), ("INFO", "memory"),
        ("CLIENT", "LIST"), ("HELLO", 3), ("HELLO", 2), ("CONFIG", "GET", "max*"),
    ]  # fmt: skip


def errors(rng: random.Random) -> Batch:
    """Errors of all sorts, each of which is expected."""
    return [
        ("GET",), ("NOSUCH", rng.randrange(1000)), ("LPUSH", "errors:string", 1), ("SET", "k", "v", "EX", "none"),
        ("EXEC",), ("AI.TENSORGET", "nothing"), ("AI.TENSORSET", "k", "FLOAT", 2, "BLOB", b"short"),
        ("AI.TENSORSET", "k", "FLOAT", 2, "VALUES", 1, "x"), ("AI.MODELSTORE", "k", "ONNX", "CPU", "BLOB", b"no model"),
        ("AI.MODELEXECUTE", "soak:model", "INPUTS", 1, "nothing", "OUTPUTS", 1, "k"), ("AI.DAGEXECUTE", "|>", "NOSUCH"),
        ("EVAL", "return nonsense(", 0), ("EVAL", "error('x')", 0), ("RESTORE", "k", 0, b"no payload"),
    ]  # fmt: skip


def tensors(rng: random.Random) -> Batch:
    """Tensors of 4 bytes to 16 KB, as bytes and as values."""
    count = rng.choice((1, 4, 16, 64, 4096))
    key, small = f"tensor:{count}:{rng.randrange(KEYS // 4)}", name(rng, "tensor:values")
    return [
        ("AI.TENSORSET", key, "FLOAT", count, "BLOB", rng.randbytes(4 * count)), ("AI.TENSORGET", key, "META", "BLOB"),
        ("AI.TENSORSET", small, "INT64", 2, 2, "VALUES", 1, 2, 3, rng.randrange(100)),
        ("AI.TENSORGET", small, "VALUES"), ("AI.TENSORSET", name(rng, "tensor:text"), "STRING", 2, "VALUES", "a", "b"),
    ]  # fmt: skip


def models_run(rng: random.Random) -> Batch:
    """Runs of one model, with and without batches, and as a DAG."""
    out = name(rng, "tensor:out")
    run = ("INPUTS", 2, "soak:in", "soak:in", "OUTPUTS", 1)
    return [
        ("AI.MODELEXECUTE", "soak:model", *run, out), ("AI.TENSORGET", out, "BLOB"),
        ("AI.MODELEXECUTE", "soak:batched", *run, out), ("AI.TENSORGET", out, "VALUES"),
        ("AI.DAGEXECUTE", "LOAD", 1, "soak:in", "PERSIST", 1, out, "|>", "AI.MODELEXECUTE", "soak:model", *run, out,
         "|>", "AI.TENSORGET", out, "BLOB"),
    ]  # fmt: skip


def lua(rng: random.Random) -> Batch:
    """Lua, one of a hundred scripts."""
    text = f"redis.call('SET', KEYS[1], ARGV[1]); return {{1, {rng.randrange(100)}, redis.call('GET', KEYS[1])}}"
    return [("EVAL", text, 1, name(rng, "string"), word(rng))]


def lua_flushed(rng: random.Random) -> Batch:
    """All Lua scripts go, and one is new."""
    return [("SCRIPT", "FLUSH"), *lua(rng)]


def stored_models(rng: random.Random) -> Batch:
    """A model comes and goes. Each has a tag of its own; equal blobs share a session."""
    key = f"model:{rng.randrange(4)}"
    blob = models.tiny().blob
    if rng.random() < 0.5:  # a further doc string, so another blob
        blob += b"\x32\x04s%03d" % rng.randrange(1000)
    return [
        ("AI.MODELSTORE", key, "ONNX", "CPU", "TAG", word(rng), "BLOB", blob), ("AI.MODELGET", key, "META", "BLOB"),
        ("AI.MODELEXECUTE", key, "INPUTS", 2, "soak:in", "soak:in", "OUTPUTS", 1, "tensor:out"), ("AI.INFO", key),
        ("AI.MODELDEL", key),
    ]  # fmt: skip


def stored_scripts(rng: random.Random) -> Batch:
    """A TorchScript comes, runs and goes."""
    key = f"script:{rng.randrange(4)}"
    run = ("AI.SCRIPTEXECUTE", key, "twice", "INPUTS", 1, "soak:in", "OUTPUTS", 1, "tensor:out")
    return [
        ("AI.SCRIPTSTORE", key, "CPU", "ENTRY_POINTS", 1, "twice", "SOURCE", TORCH_SCRIPT), run, ("AI.SCRIPTDEL", key),
    ]  # fmt: skip


PLAIN: Sequence[Kind] = (
    strings, expiring, hashes, lists, sets, sorted_sets, streams, transactions, messages, keyspace, errors, tensors,
)  # fmt: skip
SETUP: Batch = [
    ("SET", "errors:string", b"a string"),
    ("AI.TENSORSET", "soak:in", "FLOAT", 1, 2, "VALUES", 2, 3),
]


def farewells() -> Iterator[Batch]:
    """What a connection last says: it is closed while it waits, subscribes, watches, or is in a transaction."""
    yield [("BLPOP", "nothing", 0)]
    yield [("SUBSCRIBE", "channel:1", "channel:2"), ("PSUBSCRIBE", "chan*")]
    yield [("WATCH", "string:1"), ("MULTI",), ("GET", "string:1")]
    yield [("XREAD", "BLOCK", 0, "STREAMS", "nothing", "$")]
    yield [("CLIENT", "TRACKING", "ON"), ("GET", "string:1")]
    yield [("MONITOR",)]
    yield [("CLIENT", "SETNAME", "soaked"), ("QUIT",)]
    yield [("AI.TENSORSET", "half", "FLOAT", 100_000, "BLOB", bytes(400_000))]


def pack(batch: Batch, token: bytes) -> bytes:
    """The bytes of a batch, with a PING of `token` at its end."""
    return b"".join([encode(*command) for command in batch] + [encode("PING", token)])


def talk(sock: socket.socket, packed: bytes, token: bytes) -> bytes:
    """Send what `pack` made of a batch and read until the token comes back; what came."""
    sock.sendall(packed)
    end, parts, tail = token + b"\r\n", [], b""
    while not tail.endswith(end):
        data = sock.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        parts.append(data)
        tail = (tail + data)[-len(end) :]
    return b"".join(parts)


class Mix:
    """Batches for one server, of what can be had there."""

    def __init__(self, server: Server, rng: random.Random) -> None:
        self._server = server
        self._rng = rng
        self.plain = list(PLAIN)
        self.rare: list[Kind] = []
        with server.client(timeout=120) as client:
            for command in SETUP:
                client(*command)
            self._add_models(client)
            if not isinstance(client("EVAL", "return 1", 0), ErrorReply):
                self.plain.append(lua)
                self.rare.append(lua_flushed)

    def _add_models(self, client: Callable[..., object]) -> None:
        try:
            blob = models.tiny().blob
        except Unavailable:
            return
        for key, options in (("soak:model", ()), ("soak:batched", ("BATCHSIZE", 8))):
            if isinstance(client("AI.MODELSTORE", key, "ONNX", "CPU", *options, "BLOB", blob), ErrorReply):
                return
        self.plain += [models_run, models_run]
        self.rare.append(stored_models)
        (script, *_) = stored_scripts(self._rng)
        if not isinstance(client(*script), ErrorReply):
            self.rare.append(stored_scripts)

    @property
    def names(self) -> list[str]:
        """The kinds of work."""
        return list(dict.fromkeys(kind.__name__ for kind in (*self.plain, *self.rare)))

    def batch(self) -> Batch:
        """Some commands, of several kinds."""
        commands: Batch = []
        for _ in range(PICKS):
            kinds = self.rare if self.rare and self._rng.random() < RARE else self.plain
            commands += self._rng.choice(kinds)(self._rng)
        return commands

    def check(self) -> None:
        """Each kind works: no error is soaked as if it were work. Raises Unavailable."""
        for kind in (*self.plain, *self.rare):
            batch = kind(self._rng)
            with socket.create_connection((self._server.host, self._server.port), timeout=120) as sock:
                data = talk(sock, pack(batch, b"checked"), b"checked")
            failed = (b"\r\n" + data).count(b"\r\n-")
            if failed != (len(batch) if kind is errors else 0):
                raise Unavailable(f"{kind.__name__}: {failed} errors in {data[:2000]!r}")
