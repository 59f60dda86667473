"""Models on GPUs: CUDA streams of the threads, and memory that goes back to the card.

Each thread that runs models has a stream of its own, so that runs of several threads overlap on the card. Whoever
uses the card on a thread says first on which stream; that stays so. Nothing of a run is left on the card when it
ends: what it used may be freed, or used on another stream.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import one_line
from pyredisai.backends.torch_session import TorchSession
from pyredisai.errors import BackendError

_WAIT = 0.01  # seconds: FLUSHALL ends many models


class StreamKey(NamedTuple):
    """A stream of the calling thread: a device's default stream, which all threads share, or its own."""

    place: torch.device
    own: bool


class _Thread(threading.local):
    def __init__(self) -> None:
        self.key: StreamKey | None = None
        self.streams: dict[StreamKey, Any] = {}


_thread = _Thread()


def use_stream(key: StreamKey) -> Any:
    """Make a stream the calling thread's current one, and its device too; the stream."""
    thread = _thread
    stream = thread.streams.get(key)
    if stream is None:
        stream = torch.cuda.Stream(key.place) if key.own else torch.cuda.default_stream(key.place)
        thread.streams[key] = stream
    if thread.key != key:
        torch.cuda.set_stream(stream)
        thread.key = key
    return stream


def stream_in_use() -> StreamKey | None:
    """The calling thread's current stream; None as long as it never said."""
    return _thread.key


def return_to(key: StreamKey | None) -> None:
    """Make the stream current again that `stream_in_use` named."""
    present = _thread.key
    if present is not None and present != key:
        use_stream(key if key is not None else StreamKey(present.place, False))


def end_of(stream: Any) -> None:
    """Wait for what runs on a stream; that a card has stopped was told to whoever asked for a result."""
    try:
        if not stream.query():  # seldom: whoever fetched a result has waited
            stream.synchronize()
    except RuntimeError:
        return


class CardMemory:
    """The memory that PyTorch's allocator holds on cards for its next use, though nobody has it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = False

    def release(self) -> None:
        """Give it back to the cards soon, on a thread of its own: the driver waits for what runs there.

        May be called from any thread.
        """
        with self._lock:
            if self._due:
                return
            self._due = True
        try:
            threading.Thread(target=self._release, name="gpu_memory", daemon=True).start()
        except RuntimeError:  # the interpreter ends, and all memory with it
            return

    def _release(self) -> None:
        time.sleep(_WAIT)
        with self._lock:
            self._due = False
        try:
            torch.cuda.empty_cache()
        except RuntimeError:  # a card that an assertion has stopped gives nothing back before the process ends
            return


card_memory = CardMemory()


class GpuSession(TorchSession):
    """A module on a GPU. One with a state runs on the default stream: its runs see each other's writes in order."""

    def __init__(
        self, torch: Any, tensors: Any, module: Any, schema: Any, place: Any, copies: bool, stateless: bool
    ) -> None:
        super().__init__(torch, tensors, module, schema, place, copies, stateless)
        self._from_torch = tensors.fetched
        self._key = StreamKey(place, stateless)
        torch.cuda.current_stream(place).synchronize()  # the weights are there before another stream reads them

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run the module's `forward`. Raises BackendError."""
        try:
            stream = use_stream(self._key)
        except RuntimeError as error:
            raise BackendError(one_line(str(error))) from error
        try:
            return super().run(inputs)
        finally:
            end_of(stream)

    def __del__(self) -> None:
        self._module = self._forward = None
        card_memory.release()
