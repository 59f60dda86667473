"""The GPU's memory: when it does not suffice, and who has it back."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from tests.gpu.support import TensorClient, identity, layers, script_execute
from tests.support.resp import ErrorReply
from tests.support.server import Server
from tests.support.torchscript import module

pytestmark = [pytest.mark.xdist_group("gpu"), pytest.mark.usefixtures("gpu_only")]
Start = Callable[..., tuple[Server, TensorClient]]
MB = 1 << 20
TOO_MUCH = "def forward(self, x):\n  return x + torch.zeros([1 << 40], device=x.device).sum()"


def free_bytes() -> int:
    """The card's free memory, whoever has the rest."""
    import torch

    return torch.cuda.mem_get_info(0)[0]


def until(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within ten seconds."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_out_of_memory_is_an_error_and_passes(client: TensorClient) -> None:
    client.store("m", module(TOO_MUCH))
    client.store("good", layers())
    client.put("x", np.ones((1, 64), np.float32))
    for _ in range(3):
        reply = client.run("m", "x", "y")
        assert isinstance(reply, ErrorReply)
        assert "CUDA out of memory. Tried to allocate 4096.00 GiB" in reply
        client.run_ok("good", "x", "y")
    client.script("s", "return torch.zeros([1 << 40], device=tensors[0].device)")
    reply = client(*script_execute("s", inputs="x", outputs="y"))
    assert isinstance(reply, ErrorReply)
    assert "CUDA out of memory" in reply
    client.run_ok("good", "x", "y")


def test_inputs_and_outputs_that_do_not_fit(client: TensorClient) -> None:
    """Nearly all of the memory is taken; then a tensor of 64 MB does not get there."""
    kind = "dtype=torch.uint8, device=x.device"
    source = f"def forward(self, x):\n  self.kept = torch.zeros([int(x.item())], {kind})\n  return x"
    client.store("keep", module(source, kept=_nothing()))
    client.store("m", identity())
    client.put("small", np.zeros(4, "u1"))
    client.run_ok("m", "small", "y")
    client.put("big", np.zeros(64 * MB, "u1"))
    client.put("n", np.int64([free_bytes() - 48 * MB]))
    client.run_ok("keep", "n", "y")
    reply = client.run("m", "big", "y")
    assert isinstance(reply, ErrorReply)
    assert "out of memory" in reply
    assert not reply.text.startswith("ERR RuntimeError")
    client.run_ok("m", "small", "y")
    client("DEL", "keep")
    client.run_ok("m", "big", "y")


def _nothing() -> object:
    import torch

    return torch.zeros(0, dtype=torch.uint8)


@pytest.mark.parametrize("end", [("DEL", "m"), ("UNLINK", "m"), ("AI.MODELDEL", "m"), ("FLUSHALL",)])
def test_a_model_that_is_gone_gives_its_memory_back(client: TensorClient, end: tuple[str, ...]) -> None:
    """To the card, where another framework or process can have it; what its runs took, too."""
    import torch

    client.store("small", identity())
    client.put("x", np.ones(4, np.float32))
    client.run_ok("small", "x", "y")
    time.sleep(0.3)  # what tests before left goes back
    before = free_bytes()
    source = "def forward(self, x):\n  return x + self.w[:4] + torch.zeros([256 << 20], device=x.device)[:4]"
    client.store("m", module(source, w=torch.zeros(64 * MB)))
    client.run_ok("m", "x", "y")
    assert before - free_bytes() > 1000 * MB
    assert client(*end) in ("OK", 1)
    assert until(lambda: before - free_bytes() < 64 * MB), f"{(before - free_bytes()) / MB:.0f} MB are not back"
    if end != ("FLUSHALL",):
        client.run_ok("small", "x", "y")


def test_a_card_that_an_assertion_has_stopped(start: Start) -> None:
    """CUDA then refuses all that the process asks of the card; the rest of the server goes on."""
    server, client = start()
    with client:
        client.store("m", module("def forward(self, table, i):\n  return table[i]"))
        client.store("cpu", identity(), device="CPU")
        client.put("table", np.ones(4, np.float32))
        client.put("i", np.int64([1]))
        client.run_ok("m", "table i", "y")
        client.put("i", np.int64([1000]))
        for _ in range(2):
            reply = client.run("m", "table i", "y")
            assert isinstance(reply, ErrorReply)
            assert "CUDA error" in reply
            assert not reply.text.startswith("ERR RuntimeError")
        client.run_ok("cpu", "table", "z")
        reply = client("AI.MODELSTORE", "new", "TORCH", "GPU", "BLOB", layers())
        assert isinstance(reply, ErrorReply)
        assert "CUDA error" in reply
        client("FLUSHALL")
        assert client("PING") == "PONG"
        time.sleep(0.3)
    assert server.alive()
