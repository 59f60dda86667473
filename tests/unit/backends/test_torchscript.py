"""Scripts compile, run, reach Redis through the bridge, and never change what they were given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pyredisai.ai.tensor import Tensor
from pyredisai.errors import BackendError, ReplyError

pytest.importorskip("torch", reason="PyTorch is not installed")

from pyredisai.backends.torchscript import ScriptProgram, compile_script

HEAD = "(tensors: List[Tensor], keys: List[str], args: List[str]):\n"


class Bridge:
    """Answers as told; remembers what was asked."""

    def __init__(self, *replies: object) -> None:
        self.replies = list(replies)
        self.calls: list[list[bytes]] = []

    def execute(self, args: list[bytes]) -> object:
        self.calls.append(args)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def run_model(self, key: bytes, inputs: Sequence[Tensor], output_count: int) -> list[Tensor]:
        if key != b"m":
            raise BackendError("no such model")
        return [Tensor.from_array(inputs[0].array * 10)] * output_count


def program(body: str, *more: str) -> ScriptProgram:
    return compile_script(("def f" + HEAD + "    " + body + "\n" + "".join(more)).encode(), "CPU", ["f"])


def run(script: ScriptProgram, *arrays: Any, count: int = 1, bridge: Any = None, **names: Any) -> list[Any]:
    tensors = [Tensor.from_array(np.asarray(a)) for a in arrays]
    outputs = script.run("f", tensors, names.get("keys", []), names.get("args", []), count, bridge or Bridge())
    return [o.array.tolist() for o in outputs]


def test_a_function_computes() -> None:
    assert run(program("return tensors[0] + tensors[1]"), [1.0, 2.0], [3.0, 4.0]) == [[4.0, 6.0]]


def test_an_input_that_the_script_writes_to_stays_as_it_was() -> None:
    tensor = Tensor.from_array(np.ones(2, "f4"))
    script = program("tensors[0].add_(1.0)\n    return tensors[0]")
    assert script.run("f", [tensor], [], [], 1, Bridge())[0].array.tolist() == [2, 2]
    assert tensor.array.tolist() == [1, 1]


def test_commands_run_even_if_nobody_reads_their_reply() -> None:
    bridge = Bridge(b"OK")
    run(program('redis.execute("SET", keys[0], args[0])'), count=0, bridge=bridge, keys=[b"k"], args=[b"v"])
    assert bridge.calls == [[b"SET", b"k", b"v"]]


def test_replies_reach_the_script() -> None:
    body = 'return torch.tensor([int(str(v)) for v in redis.asList(redis.execute("LRANGE", "k"))])'
    assert run(program(body), bridge=Bridge([b"1", 2])) == [[1, 2]]
    nil = 'r = redis.execute("GET", "k")\n    if r is None:\n        return torch.tensor(0)\n    return torch.tensor(1)'
    assert run(program(nil), bridge=Bridge(None)) == [0]
    assert run(program(nil), bridge=Bridge(b"x")) == [1]


def test_a_commands_error_ends_the_script_and_is_told() -> None:
    with pytest.raises(BackendError, match=r"RuntimeError: WRONGTYPE of a key$"):
        run(program('redis.execute("GET", "k")'), count=0, bridge=Bridge(ReplyError("WRONGTYPE of a key")))


def test_models_run_inside() -> None:
    script = program("return redisAI.model_execute(keys[0], [tensors[0]], 1)")
    assert run(script, [1.0], keys=[b"m"]) == [[10.0]]
    with pytest.raises(BackendError, match="no such model"):
        run(script, [1.0], keys=[b"x"])


@pytest.mark.parametrize(
    ("body", "count", "text"),
    [
        ("return 5", 1, "Function returned non-tensor valuesf"),
        ("return tensors[0], tensors[0]", 1, "Function returned unexpected number of outputs - f"),
        ("return tensors[0]", 2, "Function returned unexpected number of outputs - f"),
        ("return tensors[7]", 1, "list index out of range"),
    ],
)
def test_bad_results_are_told(body: str, count: int, text: str) -> None:
    with pytest.raises(BackendError, match=text):
        run(program(body), [1.0], count=count)


@pytest.mark.parametrize(
    ("source", "points", "text"),
    [
        ("def f(:\n", ["f"], "expected ident"),
        ("def f" + HEAD + "    return 1\n", ["g"], "Function g does not exist in the given script."),
        ("def f(a, b):\n    return a\n", ["f"], "Expected 3 but was 2"),
        ("def f(a, b, c):\n    return a\n", ["f"], "Wrong inputs type in function f"),
        ("def f(a):\n    torch.save(a, 'x')\n    return a\n", [], "no access to the server's files"),
        ("def f(a):\n    return torch.from_file('x', False, 1)\n", [], "no access to the server's files"),
        ("def f(a):\n    return os.listdir(a)\n", [], "undefined value os"),
    ],
)
def test_bad_sources_are_refused(source: str, points: list[str], text: str) -> None:
    with pytest.raises(BackendError, match=text):
        compile_script(source.encode(), "CPU", points)


def test_functions_that_are_no_entry_points_take_tensors_only() -> None:
    source = b"def g(a, b: List[Tensor]):\n    return a + b[0] + b[1]\ndef h(a: int):\n    return a\n"
    script = compile_script(source, "CPU", [])
    one = Tensor.from_array(np.ones(1, "f4"))
    assert script.run("g", [one, one, one], [], [], 1, Bridge())[0].array.tolist() == [3]
    with pytest.raises(BackendError, match="Wrong number of inputs provided to function: g"):
        script.run("g", [one], [], [], 1, Bridge())
    with pytest.raises(BackendError, match="Unsupported input type in function definition: h"):
        script.run("h", [one], [], [], 1, Bridge())
    with pytest.raises(BackendError, match="Function does not exist: nope"):
        script.run("nope", [one], [], [], 1, Bridge())


@pytest.mark.parametrize(("code", "text"), [("u2", "Unsupported kUInt bits 16"), (object, "Unsupported code 7")])
def test_dtypes_that_torch_lacks_are_refused(code: Any, text: str) -> None:
    array = np.array([b"a"], object) if code is object else np.ones(1, code)
    with pytest.raises(BackendError, match=text):
        program("return tensors[0]").run("f", [Tensor.from_array(array)], [], [], 1, Bridge())
