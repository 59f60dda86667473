"""The manifest: which files make up the log, in which order."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from pyredisai.errors import PersistenceError
from pyredisai.persistence.disk import sync_directory

BASE: Final = "b"
INCREMENTAL: Final = "i"
HISTORY: Final = "h"


class Entry(NamedTuple):
    """One file: its name without a directory, its sequence number, its type (b, i, h)."""

    name: str
    sequence: int
    kind: str

    def line(self) -> str:
        """The entry as the manifest has it."""
        name = f'"{self.name}"' if any(c in " \"'\\" for c in self.name) else self.name
        return f"file {name} seq {self.sequence} type {self.kind}\n"


class Manifest(NamedTuple):
    """The files of a log: at most one base, then the incremental ones in order; the history is what they replaced."""

    base: Entry | None = None
    incremental: tuple[Entry, ...] = ()
    history: tuple[Entry, ...] = ()

    @property
    def files(self) -> list[Entry]:
        """What is loaded, in order."""
        return [*([self.base] if self.base else []), *self.incremental]

    @property
    def last_sequence(self) -> int:
        """The highest number in use."""
        return max((entry.sequence for entry in self.files), default=0)

    def text(self) -> str:
        """The manifest file's contents."""
        return "".join(entry.line() for entry in (*self.files[:1], *self.history, *self.files[1:]))

    def with_incremental(self, name: str) -> Manifest:
        """With one more incremental file, which is the one to write to."""
        number = max((entry.sequence for entry in self.incremental), default=0) + 1
        return self._replace(incremental=(*self.incremental, Entry(f"{name}.{number}.incr.aof", number, INCREMENTAL)))

    def rebased(self, name: str, *, rdb: bool, keep: Entry) -> Manifest:
        """With a new base that holds all before the incremental file `keep`."""
        number = (self.base.sequence if self.base else 0) + 1
        base = Entry(f"{name}.{number}.base.{'rdb' if rdb else 'aof'}", number, BASE)
        at = self.incremental.index(keep)
        old = [*([self.base] if self.base else []), *self.incremental[:at]]
        history = (*self.history, *(entry._replace(kind=HISTORY) for entry in old))
        return Manifest(base, self.incremental[at:], history)


def parse(text: str) -> Manifest:
    """A manifest from its file's contents. Raises PersistenceError for anything that is none."""
    base: Entry | None = None
    incremental: list[Entry] = []
    history: list[Entry] = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        entry = _entry(line)
        if entry.kind == BASE:
            if base is not None:
                raise PersistenceError("the AOF manifest names two base files")
            base = entry
        elif entry.kind == INCREMENTAL:
            if incremental and incremental[-1].sequence >= entry.sequence:
                raise PersistenceError("the AOF manifest's files are not in order")
            incremental.append(entry)
        else:
            history.append(entry)
    return Manifest(base, tuple(incremental), tuple(history))


def _entry(line: str) -> Entry:
    name, _, rest = _name_first(line)
    words = rest.split()
    fields = dict(zip(words[::2], words[1::2], strict=False))
    number, kind = fields.get("seq", ""), fields.get("type", "")
    if not name or "/" in name or not number.isdigit() or kind not in (BASE, INCREMENTAL, HISTORY):
        raise PersistenceError(f"the AOF manifest has a line that cannot be read: {line}")
    return Entry(name, int(number), kind)


def _name_first(line: str) -> tuple[str, str, str]:
    rest = line.removeprefix("file ").strip()
    if not line.startswith("file "):
        return "", "", ""
    if rest.startswith('"'):
        return rest[1:].partition('"')
    return rest.partition(" ")


def store(path: str, manifest: Manifest) -> None:
    """Put the manifest in the place of the old one, at once. Raises OSError."""
    temporary = f"{path}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(manifest.text())
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_directory(os.path.dirname(path))
