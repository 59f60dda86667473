"""The main thread is there for others while models are opened and run."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from tests.gpu.support import TensorClient, execute, identity, much, patience
from tests.support.server import Server

pytestmark = pytest.mark.xdist_group("gpu")
Start = Callable[..., tuple[Server, TensorClient]]


def pings_until(other: TensorClient, waiting: TensorClient) -> list[float]:
    """PINGs on one connection until another's reply arrives; the seconds of each."""
    times = []
    while True:
        began = time.perf_counter()
        assert other("PING") == "PONG"
        times.append(time.perf_counter() - began)
        if not waiting.quiet(0.001):
            return times


def test_others_are_served_while_the_framework_and_the_device_start(start: Start, device: str) -> None:
    server, one = start()
    with one, TensorClient(server.port, device=device) as two:
        began = time.perf_counter()
        one.send("AI.MODELSTORE", "m", "TORCH", device, "BLOB", identity())
        times = pings_until(two, one)
        assert one.read() == "OK"
        stored = time.perf_counter() - began
        two.put("x", np.float32([1]))
        one.send(*execute("m", "x", "y"))
        first = pings_until(two, one)
        assert one.read() == "OK"
        print(f"\nfirst MODELSTORE on {device}: {stored:.2f} s, {len(times)} PINGs beside it, the longest")
        print(f"{max(times) * 1e3:.1f} ms; first run: {len(first)} PINGs, the longest {max(first) * 1e3:.1f} ms")
        assert len(times) > 10


@pytest.mark.parametrize("inline_us", [120, 1_000_000])
def test_a_model_that_turns_slow_leaves_the_loop(start: Start, device: str, inline_us: int) -> None:
    """Its short runs may be the main thread's; after one long run there, long ones are the workers'.

    On a GPU the thread sleeps through a run: its CPU time would say that it was short.
    """
    server, client = start("INLINE_RUN_US", inline_us)
    with client, TensorClient(server.port, device=device) as other:
        client.store("m", patience())
        client.put("x", np.float32([1, 2]))
        client.put("few", np.int64([0]))
        client.put("n", np.int64([much(device)]))
        for _ in range(100):
            client.run_ok("m", "x few", "y")
        client.run_ok("m", "x n", "y")
        client.send(*execute("m", "x n", "y"))
        assert other("PING") == "PONG"
        assert client.quiet(0.001), "PING waited for the run"
        assert client.read() == "OK"


def test_a_busy_gpu_keeps_no_other_queue(client: TensorClient, gpu_server: Server, device: str) -> None:
    client.store("m", patience())
    client.store("other", identity(), device="CPU:7")
    client.put("x", np.float32([1, 2]))
    client.put("few", np.int64([1]))
    client.put("n", np.int64([2 * much(device)]))
    client.run_ok("m", "x few", "y")
    client.run_ok("other", "x", "z")
    with TensorClient(gpu_server.port, device=device) as busy:
        busy.send(*execute("m", "x n", "y"))
        for _ in range(20):
            client.run_ok("other", "x", "z")
        assert busy.quiet(0.001), "the other queue waited for the run"
        assert busy.read() == "OK"
