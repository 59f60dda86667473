"""Invariant: whatever follows the name of an AI command, the client gets one reply, and it is never an internal error.

The keyspace holds a tensor, a model and a string all the time; models run on a backend without a framework.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyredisai.commands.context import Context
from pyredisai.server.dispatch import without_views
from tests.unit.commands.ai.conftest import FakeScheduler, ctx, finished, run, scheduler, services, start

__all__ = ["ctx", "run", "scheduler", "services"]

WORDS = [
    "FLOAT",
    "double",
    "INT8",
    "INT16",
    "int32",
    "INT64",
    "UINT8",
    "UINT16",
    "BOOL",
    "STRING",
    "BLOB",
    "values",
    "META",
    "TF",
    "TFLITE",
    "TORCH",
    "ONNX",
    "FOO",
    "CPU",
    "cpu:1",
    "GPU",
    "CPU:123456",
    "TAG",
    "BATCHSIZE",
    "MINBATCHSIZE",
    "MINBATCHTIMEOUT",
    "INPUTS",
    "OUTPUTS",
    "TIMEOUT",
    "RESETSTAT",
    "tensor",
    "model",
    "string",
    "nokey",
]
NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "01",
    "1.0",
    "0x1",
    "1e400",
    "nan",
    "-nan",
    "inf",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999",
]
COMMANDS = ["TENSORSET", "TENSORGET", "MODELSTORE", "MODELGET", "MODELDEL", "MODELEXECUTE", "_MODELSCAN", "INFO"]

argument = st.one_of(
    st.sampled_from(WORDS).map(str.encode),
    st.sampled_from(NUMBERS).map(str.encode),
    st.binary(max_size=24),
    st.binary(max_size=24).map(memoryview),
)
plain = st.lists(argument, max_size=12)
tensors = st.tuples(
    st.sampled_from([b"tensor", b"nokey", b"string"]),
    st.sampled_from(WORDS[:10]).map(str.encode),
    st.lists(st.sampled_from([b"1", b"2", b"3"]), max_size=3),
    st.sampled_from([b"BLOB", b"VALUES"]),
    st.lists(argument, max_size=6),
).map(lambda parts: [parts[0], parts[1], *parts[2], parts[3], *parts[4]])
stores = st.tuples(
    st.sampled_from([b"model", b"nokey", b"string"]),
    st.sampled_from([b"TF", b"ONNX"]),
    st.sampled_from([b"CPU", b"GPU:1"]),
    st.lists(argument, max_size=8),
    st.sampled_from([b"double", b"two", b"garbage", b"bug"]),
).map(lambda parts: [*parts[:3], *parts[3], b"BLOB", parts[4]])
runs = st.tuples(st.lists(argument, max_size=3), st.lists(argument, max_size=3), plain).map(
    lambda parts: [
        b"model",
        *(b"INPUTS", b"%d" % len(parts[0]), *parts[0]),
        *(b"OUTPUTS", b"%d" % len(parts[1]), *parts[1]),
        *parts[2],
    ]
)
vectors = st.one_of(
    st.tuples(st.sampled_from(COMMANDS), plain),
    st.tuples(st.just("TENSORSET"), tensors),
    st.tuples(st.just("MODELSTORE"), stores),
    st.tuples(st.just("MODELEXECUTE"), runs),
)


@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(vector=vectors, in_exec=st.booleans())
@example(vector=("TENSORSET", [b"t", b"STRING", b"1", b"BLOB", b""]), in_exec=False)
@example(vector=("TENSORSET", [b"t", b"FLOAT", b"1" * 5000]), in_exec=False)
@example(vector=("MODELSTORE", [b"m", b"ONNX", b"CPU", b"TAG", b"BLOB", b"BATCHSIZE"]), in_exec=False)
def test_every_request_gets_a_reply(
    run: Any, ctx: Context, scheduler: FakeScheduler, vector: tuple[str, list[Any]], in_exec: bool
) -> None:
    for setup in (
        ["FLUSHALL"],
        ["SET", "string", "v"],
        ["AI.TENSORSET", "tensor", "FLOAT", "2", "VALUES", "1", "2"],
        ["AI.MODELSTORE", "model", "ONNX", "CPU", "BLOB", "double"],
    ):
        assert run(*setup) == b"+OK\r\n"
    name, arguments = vector
    ctx.client.in_exec = in_exec
    reply = start(ctx, *without_views(ctx, [f"AI.{name}".encode(), *arguments]))
    ctx.client.in_exec = False
    scheduler.work()
    text = finished(reply)
    assert text[:1] in b"+-:$*"
    assert text.endswith(b"\r\n")
    assert not text.startswith(b"-ERR internal error")
    assert ctx.server.stats.unexpected_errors == 0
    assert run("GET", "string") == b"$1\r\nv\r\n"
