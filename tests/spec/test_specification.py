"""The specification (RedisAI's configuration page), sentence by sentence: each docstring names what its test holds.

The command lines are the page's own, with `pyredisai-server` in place of `redis-server`. `conftest` starts the servers.
The performance claim of THREADS_PER_QUEUE is measured in `benchmarks/`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pyredisai.errors import ai_texts
from tests.support.resp import ErrorReply, RespClient
from tests.support.server import Server, StartError

MODULES = "/usr/lib/redis/modules/"
Start = Callable[..., Server]

BACKEND = '''"""A backend of the user's own: models are lines of text."""

from pyredisai.backends.stub import load
'''
OPTIONS = {
    "THREADS_PER_QUEUE": 1,
    "MODEL_CHUNK_SIZE": 511 * 1024 * 1024,
    "MODEL_EXECUTION_TIMEOUT": 5000,
    "INTER_OP_PARALLELISM": 0,
    "INTRA_OP_PARALLELISM": 0,
    "BACKEND_MEMORY_LIMIT": 0,
}
AT_START = ["THREADS_PER_QUEUE", "MODEL_EXECUTION_TIMEOUT", "INTER_OP_PARALLELISM", "INTRA_OP_PARALLELISM"]
AT_START += ["BACKEND_MEMORY_LIMIT"]


def own_backend(folder: Path) -> Path:
    """A directory that holds a backend of the user's own."""
    folder.mkdir(parents=True)
    (folder / "backend.py").write_text(BACKEND)
    return folder


def option(server: Server, name: str) -> object:
    with server.client() as client:
        return client("AI.CONFIG", "GET", name)


def refused(start: Start, *args: str | int) -> str:
    """The output of a start that is refused with exit code 1."""
    with pytest.raises(StartError) as caught:
        start(*args)
    assert caught.value.code == 1
    return caught.value.output


def test_options_on_the_command_line(start_server: Start) -> None:
    """Bootstrap configuration, "options can be set when the module is loaded": names and values; first example."""
    server = start_server("--loadmodule", MODULES, "THREADS_PER_QUEUE", 3, "intra_op_parallelism", 2)
    assert option(server, "THREADS_PER_QUEUE") == 3
    assert option(server, "INTRA_OP_PARALLELISM") == 2


def test_options_in_a_conf_file(start_server: Start, tmp_path: Path) -> None:
    """Bootstrap configuration, the example of a ".conf file": a loadmodule line with options."""
    path = tmp_path / "redis.conf"
    path.write_text(f"# a comment\nloadmodule {MODULES} THREADS_PER_QUEUE 3 BACKENDSPATH '/a b'\n")
    server = start_server(str(path))
    assert option(server, "THREADS_PER_QUEUE") == 3
    assert option(server, "BACKENDSPATH") == b"/a b"


def test_options_with_module_load(start_server: Start) -> None:
    """Bootstrap configuration, "as well as via the Redis MODULE LOAD command", and its example."""
    server = start_server()
    with server.client() as client:
        assert client("MODULE", "LOAD", MODULES, "THREADS_PER_QUEUE", "3") == "OK"
        assert client("AI.CONFIG", "GET", "THREADS_PER_QUEUE") == 3
        listed = client("MODULE", "LIST")[0]
        assert listed[listed.index(b"path") + 1] == MODULES.encode()
        assert listed[listed.index(b"args") + 1] == [b"THREADS_PER_QUEUE", b"3"]


def test_some_options_at_run_time(start_server: Start) -> None:
    """Runtime configuration, "some … may be set at runtime via the AI.CONFIG command"; the others cannot."""
    server = start_server("--loadmodule", MODULES)
    with server.client() as client:
        assert client("AI.CONFIG", "MODEL_CHUNK_SIZE", 10) == "OK"
        for name in AT_START:
            before = client("AI.CONFIG", "GET", name)
            assert "at start" in client("AI.CONFIG", name, 4).text
            assert "immutable" in client("CONFIG", "SET", f"ai.{name.lower().replace('_', '-')}", 4).text
            assert client("AI.CONFIG", "GET", name) == before


@pytest.mark.parametrize(("name", "default"), OPTIONS.items())
def test_default_values(name: str, default: int, server: Server) -> None:
    """ "Default Value" of each option that is a number; 511 * 1024 * 1024 for MODEL_CHUNK_SIZE."""
    assert option(server, name) == default


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("MODEL_CHUNK_SIZE", 1),
        ("MODEL_EXECUTION_TIMEOUT", 1000),
        ("INTER_OP_PARALLELISM", 0),
        ("INTRA_OP_PARALLELISM", 0),
        ("BACKEND_MEMORY_LIMIT", 0),
        ("THREADS_PER_QUEUE", 1),
    ],
)
def test_expected_values(name: str, least: int, start_server: Start) -> None:
    """ "Expected Value" of each option that is a number: greater than zero, from 1000, from zero."""
    server = start_server("--loadmodule", MODULES, name, least)
    assert option(server, name) == least
    for value in (str(least - 1), "many", "1.5", ""):
        output = refused(start_server, "--loadmodule", MODULES, name, value)
        assert f"ERR error processing argument: {name} {value}" in output


def test_chunks_of_a_model(start_server: Start, models: Path) -> None:
    """MODEL_CHUNK_SIZE "sets the size of chunks" of blobs for MODELGET; it can be set at run time."""
    blob = (models / "mul_1.onnx").read_bytes()
    server = start_server("--loadmodule", MODULES, "MODEL_CHUNK_SIZE", 100)
    with server.client() as client:
        assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", blob) == "OK"
        assert client("AI.MODELGET", "m", "BLOB") == [blob[:100], blob[100:]]
        assert client("AI.CONFIG", "MODEL_CHUNK_SIZE", len(blob) + 1) == "OK"
        assert client("AI.MODELGET", "m", "BLOB") == blob


def test_execution_timeout(start_server: Start, models: Path) -> None:
    """MODEL_EXECUTION_TIMEOUT is "the maximum time"; a run that takes longer is "terminated" with an error."""
    server = start_server("--loadmodule", MODULES, "MODEL_EXECUTION_TIMEOUT", 1000)
    with server.client() as client:
        loop = (models / "model_with_infinite_loop.onnx").read_bytes()
        assert client("AI.MODELSTORE", "loop", "ONNX", "CPU", "BLOB", loop) == "OK"
        client("AI.TENSORSET", "iterations", "INT64", 1, "VALUES", 2**63 - 1)
        client("AI.TENSORSET", "cond", "BOOL", 1, "VALUES", 1)
        client("AI.TENSORSET", "x", "FLOAT", 1, "VALUES", 42)
        inputs = ("INPUTS", 4, "x", "iterations", "cond", "x", "OUTPUTS", 2, "a", "b")
        start = time.monotonic()
        reply = client("AI.MODELEXECUTE", "loop", *inputs)
        assert time.monotonic() - start >= 1.0
        assert isinstance(reply, ErrorReply)
        assert "Exiting due to terminate flag being set to true" in reply.text
        run_double(client, models)  # the worker goes on


def run_double(client: RespClient, models: Path) -> None:
    """Store and run a small ONNX model."""
    blob = (models / "mul_1.onnx").read_bytes()
    assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", blob) == "OK"
    client("AI.TENSORSET", "in", "FLOAT", 3, 2, "VALUES", 1, 2, 3, 4, 5, 6)
    assert client("AI.MODELEXECUTE", "m", "INPUTS", 1, "in", "OUTPUTS", 1, "out") == "OK"
    assert client("AI.TENSORGET", "out", "VALUES") == [b"1", b"4", b"9", b"16", b"25", b"36"]


def has_imported(server: Server, package: str) -> bool:
    """Whether the process has mapped a library of this package."""
    return f"/{package}/" in Path(f"/proc/{server.pid}/maps").read_text()


def test_backends_are_loaded_lazily(start_server: Start, models: Path) -> None:
    """ "By default RedisAI doesn't load any of its backend libraries"; they "are then loaded lazily"."""
    server = start_server("--loadmodule", MODULES)
    assert not has_imported(server, "onnxruntime")
    with server.client() as client:
        run_double(client, models)
    assert has_imported(server, "onnxruntime")
    assert not has_imported(server, "torch")


def test_backends_are_loaded_at_start(start_server: Start, tmp_path: Path) -> None:
    """Options "preemptively load" backends; the example of TORCH with a path relative to BACKENDSPATH."""
    own_backend(tmp_path / "backends" / "torch_custom")
    server = start_server("--loadmodule", MODULES, "TORCH", "torch_custom/", "BACKENDSPATH", tmp_path / "backends")
    assert "TORCH backend loaded from torch_custom/" in server.log
    with server.client() as client:
        assert client("AI.MODELSTORE", "m", "TORCH", "CPU", "BLOB", "multiply 2") == "OK"
        client("AI.TENSORSET", "x", "FLOAT", 2, "VALUES", 3, 4)
        assert client("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 1, "y") == "OK"
        assert client("AI.TENSORGET", "y", "VALUES") == [b"6", b"8"]


@pytest.mark.parametrize("name", ["TF", "TFLITE", "TORCH", "ONNX"])
def test_absolute_path_of_a_backend(name: str, start_server: Start, tmp_path: Path) -> None:
    """TF, TFLITE, TORCH, ONNX: "an absolute path … is used as is"; the expected value is "a path"."""
    path = own_backend(tmp_path / "mine")
    server = start_server("--loadmodule", MODULES, name, path)
    assert f"{name} backend loaded from {path}" in server.log
    assert option(server, name) == str(path).encode()
    for written in (name, name.lower()):
        output = refused(start_server, "--loadmodule", MODULES, written, tmp_path / "missing")
        assert f"ERR error processing argument: {written} {tmp_path / 'missing'}" in output


DIRECTORIES = {
    "TF": "redisai_tensorflow",
    "TFLITE": "redisai_tflite",
    "TORCH": "redisai_torch",
    "ONNX": "redisai_onnxruntime",
}


@pytest.mark.parametrize(("name", "directory"), DIRECTORIES.items())
def test_default_paths_of_backends(name: str, directory: str, start_server: Start, tmp_path: Path) -> None:
    """TF, TFLITE, TORCH, ONNX: the list of "default values", each a directory in BACKENDSPATH."""
    own_backend(tmp_path / directory)
    server = start_server("--loadmodule", MODULES, "BACKENDSPATH", tmp_path)
    ports = ("INPUTS", 1, "a", "OUTPUTS", 1, "b") if name == "TF" else ()
    with server.client() as client:
        assert client("AI.MODELSTORE", "m", name, "CPU", *ports, "BLOB", "names a -> b") == "OK"


def test_backends_at_run_time(start_server: Start, tmp_path: Path) -> None:
    """TF, TFLITE, TORCH, ONNX: their runtime configurability, with AI.CONFIG LOADBACKEND."""
    own_backend(tmp_path / "mine")
    server = start_server("--loadmodule", MODULES, "BACKENDSPATH", tmp_path)
    with server.client() as client:
        assert client("AI.CONFIG", "LOADBACKEND", "TORCH", "mine") == "OK"
        assert client("AI.CONFIG", "LOADBACKEND", "ONNX", "missing").text == "ERR error loading backend"
        assert client("AI.MODELSTORE", "m", "TORCH", "CPU", "BLOB", "identity") == "OK"


def test_backends_path(start_server: Start, tmp_path: Path) -> None:
    """BACKENDSPATH is "the default base path"; its default for the example's module; it can be set at run time."""
    own_backend(tmp_path / "redisai_torch")
    server = start_server("--loadmodule", MODULES)
    with server.client() as client:
        assert client("AI.CONFIG", "GET", "BACKENDSPATH") == b"/usr/lib/redis/modules/backends"
        assert client("AI.CONFIG", "BACKENDSPATH", tmp_path) == "OK"
        assert client("AI.CONFIG", "GET", "BACKENDSPATH") == str(tmp_path).encode()
        assert client("AI.MODELSTORE", "m", "TORCH", "CPU", "BLOB", "identity") == "OK"


@pytest.mark.parametrize("module", ["/a/redisai.so", "/a/redisai", "/a/"])
def test_backends_path_follows_the_module(module: str, start_server: Start) -> None:
    """BACKENDSPATH "is initialized with the module's path suffixed by '/backends'"."""
    assert option(start_server("--loadmodule", module), "BACKENDSPATH") == b"/a/backends"


@pytest.mark.parametrize("name", ["INTRA_OP_PARALLELISM", "INTER_OP_PARALLELISM"])
def test_parallelism(name: str, start_server: Start, models: Path) -> None:
    """INTER_OP_PARALLELISM and INTRA_OP_PARALLELISM set "the number of threads used"; ONNX makes as many."""
    threads = {}
    other = ("INTRA_OP_PARALLELISM", 1) if name == "INTER_OP_PARALLELISM" else ()
    for count in (1, 5):
        server = start_server("--loadmodule", MODULES, *other, name, count)
        with server.client() as client:
            run_double(client, models)
        threads[count] = len(list(Path(f"/proc/{server.pid}/task").iterdir()))
    assert threads[5] - threads[1] >= 4


def test_memory_limit(start_server: Start) -> None:
    """BACKEND_MEMORY_LIMIT is "the maximum amount of memory in MB"; "0 means that there will be no" limit."""
    blob = large_model(3 * 2**20)
    limited = start_server("--loadmodule", MODULES, "BACKEND_MEMORY_LIMIT", 2)
    with limited.client() as client:
        assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", blob).text == ai_texts.ONNX_MEMORY_LIMIT_AT_CREATION
    with start_server("--loadmodule", MODULES, "BACKEND_MEMORY_LIMIT", 0).client() as client:
        assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", blob) == "OK"


def large_model(size: int) -> bytes:
    """An ONNX model with constants of `size` bytes."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(np.ones(size // 4, np.float32), "w")
    node = helper.make_node("Add", ["x", "w"], ["y"])
    ports = [helper.make_tensor_value_info(name, kind, [size // 4]) for name in "xy"]
    graph = helper.make_graph([node], "g", ports[:1], ports[1:], [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(made.SerializeToString())


def test_threads_of_each_queue(start_server: Start, models: Path) -> None:
    """THREADS_PER_QUEUE: "one job queue per device", each "consumed by THREADS_PER_QUEUE threads"."""
    server = start_server("--loadmodule", MODULES, "THREADS_PER_QUEUE", 4)
    with server.client() as client:
        blob = (models / "mul_1.onnx").read_bytes()
        assert client("AI.MODELSTORE", "m", "ONNX", "CPU:1", "BLOB", blob) == "OK"
        info = client("INFO", "ai_cpu").decode()
    for device in ("CPU", "CPU:1"):
        assert info.count(f"ai_queue_{device}_bthread_n") == 4


def test_threads_run_at_the_same_time(start_server: Start, tmp_path: Path) -> None:
    """THREADS_PER_QUEUE: "Multiple threads can be used for executing different independent operations in parallel"."""
    path = own_backend(tmp_path / "mine")
    server = start_server("--loadmodule", MODULES, "THREADS_PER_QUEUE", 2, "TORCH", path)
    with server.client() as slow, server.client() as quick:
        quick("AI.TENSORSET", "x", "FLOAT", 1, "VALUES", 1)
        assert quick("AI.MODELSTORE", "slow", "TORCH", "CPU", "BLOB", "sleep 3") == "OK"
        assert quick("AI.MODELSTORE", "quick", "TORCH", "CPU", "BLOB", "identity") == "OK"
        slow.send("AI.MODELEXECUTE", "slow", "INPUTS", 1, "x", "OUTPUTS", 1, "late")
        time.sleep(0.2)
        assert quick("AI.MODELEXECUTE", "quick", "INPUTS", 1, "x", "OUTPUTS", 1, "early") == "OK"
        assert quick("EXISTS", "early", "late") == 1
        assert slow.read() == "OK"
