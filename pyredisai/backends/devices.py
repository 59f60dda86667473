"""Devices by their names: CPU, CPU:1, GPU, GPU:0 … in any case."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from functools import cache

_NAME = re.compile(r"(CPU|GPU)(?::(\d{1,9}))?", re.ASCII | re.IGNORECASE)


@dataclass(slots=True)
class Device:
    """`kind` is CPU or GPU; `index` is None where the name has none (a GPU is then the first)."""

    kind: str
    index: int | None = None

    @property
    def name(self) -> str:
        """The device's name as queues have it."""
        return self.kind if self.index is None else f"{self.kind}:{self.index}"

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.kind == "GPU"


def parse_device(text: str) -> Device | None:
    """A device by its name; None where it is no device's name."""
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    return Device(match[1].upper(), int(match[2]) if match[2] else None)


@cache
def gpu_count() -> int:
    """How many CUDA devices the driver sees; 0 without a driver. Loads libcuda, no framework."""
    for library in ("libcuda.so.1", "libcuda.so"):
        try:
            cuda = ctypes.CDLL(library)
            count = ctypes.c_int(0)
            if cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0:
                return count.value
        except (OSError, AttributeError):
            continue
    return 0


def gpu_present(device: Device) -> bool:
    """Whether the machine has this GPU."""
    return (device.index or 0) < gpu_count()
