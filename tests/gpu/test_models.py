"""TORCH models on a GPU: stored, described, run, counted."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from tests.gpu.support import TensorClient, execute, fields, identity, info, layers, much, patience, product
from tests.support.resp import ErrorReply
from tests.support.server import Server
from tests.support.torchscript import module

pytestmark = pytest.mark.xdist_group("gpu")
NO_CUDA = "GPU requested but Torch couldn't find CUDA"


@pytest.mark.parametrize("spelling", ["{0}", "{0}:0", "{1}", "{1}:0"])
def test_a_device_in_any_spelling(client: TensorClient, device: str, spelling: str) -> None:
    name = spelling.format(device, device.lower())
    client.store("m", product(), "TAG", "t", device=name)
    client.put("a", np.float32([1, 2, 3]))
    client.put("b", np.float32([4, 5, 6]))
    client.run_ok("m", "a b", "c")
    assert client.get("c").tolist() == [4, 10, 18]
    meta = fields(client("AI.MODELGET", "m", "META"))
    assert (meta["device"], meta["backend"], meta["inputs"]) == (name.encode(), b"TORCH", [b"a", b"b"])
    counts = fields(client("AI.INFO", "m"))
    assert (counts["device"], counts["samples"], counts["calls"], counts["errors"]) == (name.encode(), 3, 1, 0)


def test_results_are_those_of_the_cpu(client: TensorClient, device: str) -> None:
    blob = layers()
    client.store("m", blob)
    client.store("cpu", blob, device="CPU")
    rng = np.random.default_rng(1)
    for rows in (1, 7, 300):
        client.put("x", rng.standard_normal((rows, 64), np.float32))
        for _ in range(3):  # TorchScript compiles at the second run
            client.run_ok("m", "x", "y")
        client.run_ok("cpu", "x", "z")
        assert client.get("y").shape == (rows, 10)
        np.testing.assert_allclose(client.get("y"), client.get("z"), rtol=1e-3, atol=1e-5)
    assert client("AI.MODELGET", "m", "BLOB") == blob


def test_it_computes_on_its_device(client: TensorClient, device: str) -> None:
    client.store("m", module("def forward(self, x):\n  return torch.tensor([int(x.is_cuda)]), self.b * 1", b=_ones()))
    client.put("x", np.float32([1]))
    client.run_ok("m", "x", "where state")
    assert client.get("where").tolist() == [int(device == "GPU")]
    assert client.get("state").tolist() == [1, 1]


def _ones() -> Any:
    import torch

    return torch.ones(2)


@pytest.mark.parametrize(
    "source",
    ["def forward(self, a, b):\n  return a + b, a - b, a", "def forward(self, a, b):\n  return [a + b, a - b, a]"],
)
def test_several_inputs_and_outputs(client: TensorClient, source: str) -> None:
    client.store("m", module(source))
    client.put("a", np.arange(6, dtype="f8").reshape(2, 3))
    client.put("b", np.float64([1, 2, 3]))
    client.run_ok("m", "a b", "sum difference same")
    assert client.get("sum").tolist() == [[1, 3, 5], [4, 6, 8]]
    assert client.get("difference").tolist() == [[-1, -1, -1], [2, 2, 2]]
    assert client.get("same").tolist() == [[0, 1, 2], [3, 4, 5]]
    reply = client.run("m", "a", "x y z")
    assert isinstance(reply, ErrorReply)


@pytest.mark.parametrize("code", ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "b1"])
def test_every_data_type(client: TensorClient, code: str) -> None:
    client.store("m", module("def forward(self, x):\n  return x, torch.logical_not(x), x.view([-1])[1:]"))
    array = np.array([[0, 1], [1, 0]], code)
    client.put("x", array)
    client.run_ok("m", "x", "same not part")
    assert client.get("same").tobytes() == array.tobytes()
    assert client.get("same").dtype == array.dtype
    assert client.get("not").tolist() == [[True, False], [False, True]]
    assert client.get("part").tolist() == [1, 1, 0]
    assert client.get("x").tobytes() == array.tobytes()


def test_bfloat16(client: TensorClient) -> None:
    client.store("m", module("def forward(self, x):\n  return x * 2"))
    assert client("AI.TENSORSET", "x", "BFLOAT16", 2, "VALUES", 1.5, -3) == "OK"
    client.run_ok("m", "x", "y")
    assert client("AI.TENSORGET", "y", "META", "VALUES")[1::2] == [b"BFLOAT16", [2], [b"3", b"-6"]]


@pytest.mark.parametrize(("name", "text"), [("UINT16", "Unsupported kUInt bits 16"), ("STRING", "Unsupported code 7")])
def test_data_types_that_it_lacks(client: TensorClient, name: str, text: str) -> None:
    client.store("m", identity())
    assert client("AI.TENSORSET", "x", name, 1, "VALUES", 1) == "OK"
    assert text in client.run("m", "x", "y")


def test_shapes_of_nothing_and_strides(client: TensorClient) -> None:
    client.store("m", module("def forward(self, x):\n  return x.t(), x.sum(), x[:0]"))
    client.put("x", np.float32([[1, 2, 3], [4, 5, 6]]))
    client.run_ok("m", "x", "t sum none")
    assert client.get("t").tolist() == [[1, 4], [2, 5], [3, 6]]
    assert client.get("sum").tolist() == 21
    assert client.get("none").shape == (0, 3)


def test_state_stays_on_the_device(client: TensorClient) -> None:
    source = "def forward(self, x):\n  self.total.add_(x)\n  x.zero_()\n  return self.total"
    client.store("m", module(source, total=_ones()))
    client.put("x", np.float32([1, 2]))
    for result in ([2, 3], [3, 5], [4, 7]):
        client.run_ok("m", "x", "y")
        assert client.get("y").tolist() == result
    assert client.get("x").tolist() == [1, 2]


def test_batches_of_several_clients(client: TensorClient, gpu_server: Server, device: str) -> None:
    """The model tells how many rows it got."""
    source = "def forward(self, x):\n  return x * 2, torch.full_like(x, x.size(0))"
    client.store("m", module(source), "BATCHSIZE", 4, "MINBATCHSIZE", 4)
    others = [TensorClient(gpu_server.port, device=device) for _ in range(4)]
    for number, other in enumerate(others):
        client.put(f"x{number}", np.float32([[number, 1]]))
        other.send(*execute("m", f"x{number}", f"y{number} rows{number}"))
    assert [other.read() for other in others] == ["OK"] * 4
    for number, other in enumerate(others):
        assert client.get(f"y{number}").tolist() == [[2 * number, 2]]
        assert client.get(f"rows{number}").tolist() == [[4, 4]]
        other.close()


def test_eight_clients_at_once(client: TensorClient, gpu_server: Server, device: str) -> None:
    client.store("m", layers())
    client.store("wide", layers(2, 256))
    rng = np.random.default_rng(2)
    for number in range(8):
        client.put(f"x{number}", rng.standard_normal((number + 1, 64), np.float32))
        client.put(f"w{number}", rng.standard_normal((number + 1, 256), np.float32))
        client.run_ok("m", f"x{number}", f"y{number}")
        client.run_ok("wide", f"w{number}", f"z{number}")
    errors: list[object] = []

    def work(number: int) -> None:
        with TensorClient(gpu_server.port, device=device) as own:
            expected = own.get(f"y{number}"), own.get(f"z{number}")
            for _ in range(50):
                own.run_ok("m", f"x{number}", f"a{number}")
                own.run_ok("wide", f"w{number}", f"b{number}")
                got = own.get(f"a{number}"), own.get(f"b{number}")
                for left, right in zip(got, expected, strict=True):
                    if not np.allclose(left, right, rtol=1e-3, atol=1e-5):
                        errors.append((number, left, right))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    counts = fields(client("AI.INFO", "m"))
    assert (counts["calls"], counts["errors"]) == (408, 0)


def test_runs_with_a_state_do_not_miss_each_other(client: TensorClient, gpu_server: Server, gpu_only: None) -> None:
    client.store("n", module("def forward(self, x):\n  self.total.add_(x)\n  return self.total", total=_ones()))
    client.put("x", np.float32([1, 2]))

    def work(number: int) -> None:
        with TensorClient(gpu_server.port, device="GPU") as own:
            for _ in range(50):
                own.run_ok("n", "x", f"y{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.run_ok("n", "x", "y")
    assert client.get("y").tolist() == [402, 803]


def test_a_model_may_be_replaced_while_it_runs(client: TensorClient, gpu_server: Server, device: str) -> None:
    client.put("x", np.float32([1, 2]))
    client.put("few", np.int64([1]))
    client.put("n", np.int64([much(device)]))
    client.store("m", patience())
    client.run_ok("m", "x few", "y")
    with TensorClient(gpu_server.port, device=device) as other:
        other.send(*execute("m", "x n", "y"))
        time.sleep(0.02)  # it runs
        client.store("m", product())
        client.put("n2", np.float32([3, 4]))
        client.run_ok("m", "x n2", "z")
        assert client("DEL", "m") == 1
        assert other.read() == "OK"
    assert client.get("y").tolist() == [1, 2]
    assert client.get("z").tolist() == [3, 8]


def test_the_deprecated_commands(client: TensorClient, device: str) -> None:
    client.put("a", np.float32([1, 2]))
    client.put("b", np.float32([3, 4]))
    assert client("AI.MODELSET", "m", "TORCH", device, "BLOB", product()) == "OK"
    assert client("AI.MODELRUN", "m", "INPUTS", "a", "b", "OUTPUTS", "c") == "OK"
    assert client.get("c").tolist() == [3, 8]
    source = "def g(a, b: List[Tensor]):\n    return a + b[0] + b[1]\n"
    assert client("AI.SCRIPTSET", "s", device, "SOURCE", source) == "OK"
    assert client("AI.SCRIPTRUN", "s", "g", "INPUTS", "a", "$", "b", "c", "OUTPUTS", "d") == "OK"
    assert client.get("d").tolist() == [7, 14]


def test_a_run_that_raises(client: TensorClient) -> None:
    client.store("m", module("def forward(self, a, b):\n  return a @ b"))
    client.put("a", np.ones((2, 3), np.float32))
    client.put("b", np.ones((4, 5), np.float32))
    for _ in range(3):
        reply = client.run("m", "a b", "c")
        assert isinstance(reply, ErrorReply)
        assert "mat1 and mat2 shapes cannot be multiplied" in reply
        assert not reply.text.startswith("ERR RuntimeError")
    client.put("b", np.ones((3, 5), np.float32))
    client.run_ok("m", "a b", "c")
    assert client.get("c").tolist() == [[3] * 5] * 2
    assert fields(client("AI.INFO", "m"))["errors"] == 3


def test_a_result_that_no_tensor_can_be_made_of(client: TensorClient) -> None:
    client.store("m", module("def forward(self, x):\n  return x.to_sparse()"))
    client.put("x", np.ones((2, 2), np.float32))
    reply = client.run("m", "x", "y")
    assert isinstance(reply, ErrorReply)
    assert not reply.text.startswith("ERR RuntimeError")
    assert client("EXISTS", "y") == 0


def test_a_gpu_that_is_not_there(client: TensorClient, device: str) -> None:
    absent = "GPU:99"
    reply = client("AI.MODELSTORE", "m", "TORCH", absent, "BLOB", identity())
    assert reply == NO_CUDA
    source = "def f(tensors: List[Tensor], keys: List[str], args: List[str]):\n    return tensors\n"
    reply = client("AI.SCRIPTSTORE", "s", absent, "ENTRY_POINTS", 1, "f", "SOURCE", source)
    assert reply == NO_CUDA
    assert client("EXISTS", "m", "s") == 0
    assert not [name for name in info(client, "ai_cpu") if absent in name]


def test_the_second_of_one(client: TensorClient, gpu_only: None) -> None:
    import torch

    count = torch.cuda.device_count()
    assert client("AI.MODELSTORE", "m", "TORCH", f"GPU:{count}", "BLOB", identity()) == NO_CUDA
    client.store("m", identity(), device=f"GPU:{count - 1}")


def test_onnx_needs_its_own_package(client: TensorClient, gpu_only: None) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this is onnxruntime-gpu")
    assert client("AI.MODELSTORE", "m", "ONNX", "GPU", "BLOB", b"?") == "ERR GPU requested but ONNX couldn't find CUDA"


def test_the_queues_of_the_devices(client: TensorClient, device: str) -> None:
    client.store("m", identity())
    client.store("n", identity(), device=f"{device}:0")
    client.put("x", np.float32([1]))
    client.run_ok("m", "x", "y")
    client.run_ok("n", "x", "y")
    cpu, backends = info(client, "ai_cpu"), info(client, "modules")
    for name in (device, f"{device}:0"):
        used = [cpu[f"ai_queue_{name}_bthread_n{number}_used_cpu_total"] for number in (1, 2)]
        assert sum(map(float, used)) > 0
    assert "ai_Torch_version" in backends


def test_a_timeout_that_passes_in_the_queue(client: TensorClient, gpu_server: Server, device: str) -> None:
    """Both workers are busy for longer than the third may wait."""
    client.store("m", patience())
    client.put("x", np.float32([1, 2]))
    client.put("few", np.int64([1]))
    client.put("n", np.int64([much(device)]))
    client.run_ok("m", "x few", "y")
    others = [TensorClient(gpu_server.port, device=device) for _ in range(2)]
    for number, other in enumerate(others):
        assert other("PING") == "PONG"
        other.send(*execute("m", "x n", f"y{number}"))
    time.sleep(0.02)  # they are with the workers now
    assert client.run("m", "x n", "late", "TIMEOUT", 5) == "TIMEDOUT"
    assert client("EXISTS", "late") == 0
    for number, other in enumerate(others):
        assert other.read() == "OK"
        other.close()
        assert client.get(f"y{number}").tolist() == [1, 2]
