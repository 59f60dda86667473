"""DAGs over CPU and GPU, and scripts on a GPU with what they reach: Redis commands and models."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gpu.support import TensorClient, execute, identity, layers, product, script_execute
from tests.support.resp import ErrorReply
from tests.support.torchscript import module

pytestmark = pytest.mark.xdist_group("gpu")


def test_a_dag_over_both(client: TensorClient, device: str) -> None:
    """CPU, GPU, a script on the GPU, CPU."""
    client.store("cpu", product(), device="CPU")
    client.store("gpu", product())
    client.script("s", "return tensors[0] + tensors[1]")
    client.put("a", np.float32([1, 2]))
    client.put("b", np.float32([3, 4]))
    steps = (
        *("|>", *execute("cpu", "a b", "c")),
        *("|>", *execute("gpu", "c b", "d")),
        *("|>", *script_execute("s", inputs="c d", outputs="e")),
        *("|>", *execute("cpu", "e a", "f")),
        *("|>", "AI.TENSORGET", "f", "VALUES"),
    )
    for _ in range(5):
        replies = client("AI.DAGEXECUTE", "LOAD", 2, "a", "b", "PERSIST", 2, "d", "f", *steps)
        assert replies == ["OK", "OK", "OK", "OK", [b"12", b"80"]]
    assert client.get("d").tolist() == [9, 32]
    assert client.get("f").tolist() == [12, 80]


def test_branches_run_beside_each_other(client: TensorClient) -> None:
    client.store("cpu", layers(1), device="CPU")
    client.store("gpu", layers(1))
    client.store("mean", module("def forward(self, a, b):\n  return (a + b) / 2"))
    client.put("x", np.random.default_rng(3).standard_normal((5, 64), np.float32))
    steps = ("|>", *execute("cpu", "x", "a"), "|>", *execute("gpu", "x", "b"), "|>", *execute("mean", "a b", "c"))
    assert client("AI.DAGEXECUTE", "LOAD", 1, "x", "PERSIST", 3, "a", "b", "c", *steps) == ["OK"] * 3
    np.testing.assert_allclose(client.get("a"), client.get("b"), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(client.get("c"), client.get("a"), rtol=1e-3, atol=1e-5)


def test_a_step_that_fails_ends_the_dag(client: TensorClient) -> None:
    client.store("cpu", identity(), device="CPU")
    client.store("gpu", module("def forward(self, a):\n  return a @ a"))
    client.put("a", np.ones((2, 3), np.float32))
    steps = ("|>", *execute("cpu", "a", "b"), "|>", *execute("gpu", "b", "c"), "|>", *execute("cpu", "c", "d"))
    replies = client("AI.DAGEXECUTE", "LOAD", 1, "a", "PERSIST", 1, "d", *steps)
    assert replies[0] == "OK"
    assert isinstance(replies[1], ErrorReply)
    assert replies[2] == "NA"
    assert client("EXISTS", "d") == 0
    assert client("PING") == "PONG"


def test_a_script(client: TensorClient, device: str) -> None:
    body = "return [tensors[0] * 2, torch.tensor([int(tensors[0].is_cuda)]), tensors[0].add_(1)]"
    client.script("s", body)
    client.put("x", np.float32([1, 2]))
    for _ in range(3):
        reply = client(*script_execute("s", inputs="x", outputs="double where more"))
        assert reply == "OK", reply
    assert client.get("double").tolist() == [2, 4]
    assert client.get("where").tolist() == [int(device == "GPU")]
    assert client.get("more").tolist() == [2, 3]
    assert client.get("x").tolist() == [1, 2]
    assert client("AI.SCRIPTGET", "s", "META")[1] == device.encode()


@pytest.mark.parametrize("place", ["CPU", ""])
def test_a_model_in_a_script(client: TensorClient, place: str) -> None:
    """What a model gives a script is where the script's inputs are."""
    client.store("m", product(), device=place or None)
    body = "r = redisAI.model_execute(keys[0], [tensors[0], tensors[1]], 1)\nreturn r[0] + tensors[0]"
    client.script("s", body)
    client.put("a", np.float32([1, 2]))
    client.put("b", np.float32([3, 4]))
    for _ in range(3):
        reply = client(*script_execute("s", keys="m", inputs="a b", outputs="c"))
        assert reply == "OK", reply
        assert client.get("c").tolist() == [4, 10]
    reply = client(*script_execute("s", keys="none", inputs="a b", outputs="c"))
    assert isinstance(reply, ErrorReply)


def test_redis_in_a_script(client: TensorClient) -> None:
    body = (
        'redis.execute("SET", keys[0], args[0])\nn = int(str(redis.execute("STRLEN", keys[0])))\nreturn tensors[0] * n'
    )
    client.script("s", body)
    client.put("x", np.float32([1, 2]))
    reply = client(*script_execute("s", keys="k", args="abc", inputs="x", outputs="y"))
    assert reply == "OK", reply
    assert client("GET", "k") == b"abc"
    assert client.get("y").tolist() == [3, 6]


def test_a_script_that_raises(client: TensorClient) -> None:
    client.script("s", "return tensors[0] @ tensors[1]")
    client.script("sparse", "return tensors[0].to_sparse()")
    client.put("a", np.ones((2, 3), np.float32))
    for key in ("s", "sparse"):
        reply = client(*script_execute(key, inputs="a a", outputs="c"))
        assert isinstance(reply, ErrorReply)
        assert not reply.text.startswith("ERR RuntimeError")
    client.put("b", np.ones((3, 1), np.float32))
    assert client(*script_execute("s", inputs="a b", outputs="c")) == "OK"
    assert client.get("c").tolist() == [[3], [3]]
