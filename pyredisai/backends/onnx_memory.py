"""BACKEND_MEMORY_LIMIT for ONNX Runtime, and the figures that INFO shows of its memory.

The limit (in 10^6 bytes) is that of an arena which all CPU sessions of the process share. Runs allocate from
it by themselves. Initializers do not, so each session that is opened also reserves its initializers' size in
the arena: an array of that size is made there and its pages are given back to the system at once. So what is
open and what runs are bounded together, and a refused model leaves nothing behind.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
from typing import Any, Final

import numpy as np

from pyredisai.errors import BackendError, ai_texts

_REFUSALS: Final = ("Available memory of", "Failed to allocate memory for requested buffer")
_CHUNK: Final = 4096


class OnnxMemory:
    """What open sessions hold, and the arena where there is a limit. Any thread.

    `bytes_in_use`: initializers of the open sessions, each rounded up to 256 bytes as the arena does.
    `accesses`: one for each initializer, input and output name of a model opened or closed, two for each
    input and output name and each output of a run: what the original's allocator counts for them.
    """

    def __init__(self, ort: Any, limit_mb: int) -> None:
        self.bytes_in_use = 0
        self.accesses = 0
        self.limited = limit_mb > 0
        self._ort = ort
        self._limit = limit_mb * 1_000_000
        self._lock = threading.Lock()
        self._reserver: Any = None
        if self.limited:
            self._register()

    def open(self, size: int, accesses: int) -> Any:
        """Account for a model; the result is held as long as its session. Raises BackendError over the limit."""
        with self._lock:
            if self.limited and self.bytes_in_use + size > self._limit:
                raise BackendError(ai_texts.ONNX_MEMORY_LIMIT_AT_CREATION)
            held = self._reserve(size) if self.limited and size else None
            self.bytes_in_use += size
            self.accesses += accesses
            return held

    def close(self, size: int, accesses: int) -> None:
        """A model is gone."""
        with self._lock:
            self.bytes_in_use -= size
            self.accesses += accesses

    def shrink(self) -> None:
        """Give back what ended runs left in the arena: the one that holds a result cannot do it itself."""
        with self._lock:
            if self._reserver is not None:
                self._zeros(4)

    def _register(self) -> None:
        kind, memory = self._ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, self._ort.OrtMemType.DEFAULT
        info = self._ort.OrtMemoryInfo("Cpu", kind, 0, memory)
        config = {"max_mem": self._limit, "arena_extend_strategy": 1, "initial_chunk_size_bytes": _CHUNK}
        self._ort.create_and_register_allocator(info, self._ort.OrtArenaCfg(config))

    def _reserve(self, size: int) -> Any:
        if self._reserver is None:
            options = self._ort.SessionOptions()
            options.add_session_config_entry("session.use_env_allocators", "1")
            options.intra_op_num_threads = 1
            options.log_severity_level = 4
            self._reserver = self._ort.InferenceSession(_zeros_model(), options, providers=["CPUExecutionProvider"])
        try:
            try:
                held = self._zeros(size)
            except Exception as error:
                if not is_refusal(str(error)):
                    raise
                self._zeros(4)
                held = self._zeros(size)
        except Exception as error:
            if is_refusal(str(error)):
                raise BackendError(ai_texts.ONNX_MEMORY_LIMIT_AT_CREATION) from error
            raise
        _give_back(held.data_ptr(), size)
        return held

    def _zeros(self, size: int) -> Any:
        """An array of so many bytes in the arena, which gives its free regions back after that."""
        count = self._ort.OrtValue.ortvalue_from_numpy(np.array([-(-size // 4)], np.int64))
        return self._reserver.run_with_ort_values(["y"], {"n": count}, run_options(self._ort))[0]


def is_refusal(text: str) -> bool:
    """Whether an error of ONNX Runtime says that the arena is full."""
    return any(words in text for words in _REFUSALS)


def run_options(ort: Any) -> Any:
    """Options of a run under a limit: the arena shrinks back after it."""
    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    options.log_severity_level = 4
    return options


def _give_back(address: int, size: int) -> None:
    """Return the whole pages of a block to the system; they read as zeros if anybody looks."""
    page = mmap.PAGESIZE
    start = -(-address // page) * page
    length = (address + size) // page * page - start
    dont_need = getattr(mmap, "MADV_DONTNEED", None)
    if length > 0 and dont_need is not None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), dont_need)


def _zeros_model() -> bytes:
    """An ONNX model y = ConstantOfShape(n): float zeros, as many as n says."""

    def message(field: int, payload: bytes) -> bytes:
        return bytes([field << 3 | 2, len(payload)]) + payload

    def number(field: int, value: int) -> bytes:
        return bytes([field << 3, value])

    def port(name: bytes, element: int) -> bytes:
        dimension = message(1, message(2, b"k") if element == 1 else number(1, 1))
        tensor = number(1, element) + message(2, dimension)
        return message(1, name) + message(2, message(1, tensor))

    node = message(1, b"n") + message(2, b"y") + message(4, b"ConstantOfShape")
    graph = message(1, node) + message(2, b"g") + message(11, port(b"n", 7)) + message(12, port(b"y", 1))
    return number(1, 8) + message(7, graph) + message(8, number(2, 13))
