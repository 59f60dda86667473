"""What the C library's allocator holds free, how much of that lies in memory, and giving it back to the system."""

from __future__ import annotations

import ctypes
import mmap
import time
from typing import Any, Final

_WORTH_LOOKING: Final = 8 << 20
_LOOK_SECONDS: Final = 1.0


class _MallInfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()  # noqa: SIM905 (shorter)
    ]


class Allocator:
    """glibc's malloc from 2.33 on. Elsewhere nothing is told, and nothing given back. Bytes throughout.

    malloc counts as free what it never touched, or gave back already: that part is in no page, so it must not be
    taken off the resident set. How much it is only the page tables know: they are read when much has been freed since
    the last time, and once a second.
    """

    def __init__(self) -> None:
        self._info: Any = None
        self._libc: Any = None
        self._heap = 0
        self._absent = 0
        self._seen = 0
        self._looked = 0.0
        try:
            self._libc = libc = ctypes.CDLL(None)
            info, libc.sbrk.restype = libc.mallinfo2, ctypes.c_void_p
            libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
            info.restype = _MallInfo2
            self._heap = _heap_start()
            self._info = info
        except (OSError, AttributeError, ValueError):
            pass

    def free(self) -> int:
        """What is free in the allocator and in memory."""
        if self._info is None:
            return 0
        info = self._info()
        free = int(info.fordblks)
        if free < _WORTH_LOOKING:
            return free
        now = time.monotonic()
        self._seen = min(self._seen, free)
        if now - self._looked >= _LOOK_SECONDS or free - self._seen >= max(_WORTH_LOOKING, int(info.arena) >> 5):
            self._looked, self._seen = now, free
            present = self._present() - int(info.uordblks)
            self._absent = free - min(max(present, 0), free)
        return max(0, free - self._absent)

    def trim(self) -> None:
        """Give what is free back to the system, in whole pages."""
        trim = getattr(self._libc, "malloc_trim", None)
        if trim is not None:
            trim(0)
            self._looked = 0.0

    def _present(self) -> int:
        """How much of the heap is in memory."""
        pages = -(-(int(self._libc.sbrk(0)) - self._heap) // mmap.PAGESIZE)
        table = ctypes.create_string_buffer(max(pages, 1))
        if self._libc.mincore(self._heap, pages * mmap.PAGESIZE, table) != 0:
            return 0
        return (pages - table.raw[:pages].count(0)) * mmap.PAGESIZE


def _heap_start() -> int:
    """Where the heap begins. Raises OSError or ValueError where that cannot be told."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            if line.rstrip().endswith("[heap]"):
                return int(line.partition("-")[0], 16)
    raise ValueError("no heap")
