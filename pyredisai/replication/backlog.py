"""The last bytes of the replication stream, by offset: what a replica that was away for a moment still needs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

Chunk = bytes | memoryview
_LITTLE: Final = 1 << 20


class Backlog:
    """At least `size` bytes (where there were so many), in chunks that are shared with the replicas' buffers.

    Of a chunk that is much larger than that the end is kept, as a copy.
    `first` is the offset of the first byte held; the stream's first byte of all has offset 1.
    """

    def __init__(self, size: int, first: int) -> None:
        self.size = size
        self.first = first
        self.length = 0
        self._chunks: deque[Chunk] = deque()

    @property
    def end(self) -> int:
        """The offset of the byte that comes next."""
        return self.first + self.length

    def append(self, chunk: Chunk) -> None:
        """Add what follows; whole chunks that are no longer needed go."""
        self._chunks.append(chunk)
        self.length += len(chunk)
        self._trim()

    def resize(self, size: int) -> None:
        """Hold more from now on, or less at once."""
        self.size = size
        self._trim()

    def _trim(self) -> None:
        while self.length - len(self._chunks[0]) >= self.size if self._chunks else False:
            gone = len(self._chunks.popleft())
            self.first += gone
            self.length -= gone
        excess = self.length - self.size
        if excess > max(self.size, _LITTLE):  # a model's blob, of which the end is needed
            self._chunks[0] = bytes(memoryview(self._chunks[0])[excess:])
            self.first += excess
            self.length -= excess

    def holds(self, offset: int) -> bool:
        """Whether everything from `offset` on is there; nothing at all may be missing yet."""
        return self.first <= offset <= self.end

    def since(self, offset: int) -> Iterator[Chunk]:
        """The bytes from `offset` on, which `holds`."""
        skip = offset - self.first
        for chunk in self._chunks:
            if skip >= len(chunk):
                skip -= len(chunk)
                continue
            yield memoryview(chunk)[skip:] if skip else chunk
            skip = 0
