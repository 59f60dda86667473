"""Streams of threads and the memory of cards, with stand-ins for CUDA."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch

from pyredisai.backends import torch_gpu
from pyredisai.backends.torch_gpu import CardMemory, StreamKey

ONE, TWO = torch.device("cuda", 0), torch.device("cuda", 1)


class Cuda:
    """Remembers which stream is whose."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.made = 0

    def Stream(self, place: torch.device) -> str:
        self.made += 1
        return f"own {self.made} of {place}"

    def default_stream(self, place: torch.device) -> str:
        return f"default of {place}"

    def set_stream(self, stream: str) -> None:
        self.calls.append(stream)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    cuda = Cuda()
    for name in ("Stream", "default_stream", "set_stream"):
        monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    return cuda


def in_thread(function: Any) -> None:
    """What a thread knows of streams stays its own."""
    errors = []

    def work() -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def test_a_thread_has_one_stream_a_card_and_changes_only_when_it_must(cuda: Cuda) -> None:
    def work() -> None:
        first = torch_gpu.use_stream(StreamKey(ONE, True))
        assert torch_gpu.use_stream(StreamKey(ONE, True)) is first
        torch_gpu.use_stream(StreamKey(ONE, False))
        torch_gpu.use_stream(StreamKey(TWO, True))
        assert torch_gpu.use_stream(StreamKey(ONE, True)) is first

    in_thread(work)
    own = "own 1 of cuda:0"
    assert cuda.calls == [own, "default of cuda:0", "own 2 of cuda:1", own]
    in_thread(work)
    assert cuda.calls[4:] == ["own 3 of cuda:0", "default of cuda:0", "own 4 of cuda:1", "own 3 of cuda:0"]


def test_back_to_where_it_was(cuda: Cuda) -> None:
    def work() -> None:
        torch_gpu.return_to(torch_gpu.stream_in_use())  # it never said
        assert cuda.calls == []
        before = torch_gpu.stream_in_use()
        torch_gpu.use_stream(StreamKey(ONE, True))
        torch_gpu.return_to(before)
        before = torch_gpu.stream_in_use()
        torch_gpu.use_stream(StreamKey(ONE, True))
        torch_gpu.return_to(before)
        torch_gpu.return_to(torch_gpu.stream_in_use())

    in_thread(work)
    own = "own 1 of cuda:0"
    assert cuda.calls == [own, "default of cuda:0", own, "default of cuda:0"]


@pytest.mark.parametrize("stopped", [False, True])
def test_memory_goes_back_on_another_thread_once_for_many(monkeypatch: pytest.MonkeyPatch, stopped: bool) -> None:
    threads: list[threading.Thread] = []

    def empty_cache() -> None:
        threads.append(threading.current_thread())
        if stopped:
            raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "empty_cache", empty_cache)
    monkeypatch.setattr(torch_gpu, "_WAIT", 0.1)
    memory = CardMemory()
    for turn in (1, 2):
        for _ in range(5):
            memory.release()
        end = time.monotonic() + 10
        while len(threads) < turn:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert len(threads) == 2
    assert threading.current_thread() not in threads
