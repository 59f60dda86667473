"""LCS: the longest common subsequence of two strings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import Reply

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

family = Family("string")


@dataclass(slots=True)
class LcsOptions:
    """LEN, IDX, MINMATCHLEN and WITHMATCHLEN."""

    length: bool = False
    indexes: bool = False
    shortest: int = 0
    lengths: bool = False


def _parse(words: Args) -> LcsOptions:
    options = LcsOptions()
    rest = iter(words)
    for word in rest:
        name = word.upper()
        if name == b"LEN":
            options.length = True
        elif name == b"IDX":
            options.indexes = True
        elif name == b"WITHMATCHLEN":
            options.lengths = True
        elif name == b"MINMATCHLEN" and (value := next(rest, None)) is not None:
            options.shortest = max(0, parse_int(value))
        else:
            raise ReplyError(texts.SYNTAX)
    if options.length and options.indexes:
        raise ReplyError(texts.LCS_LEN_AND_IDX)
    return options


@family.command(
    "lcs",
    arity=-3,
    flags="readonly",
    keys=(1, 2, 1),
    key_flags="RO access",
    categories="string",
    since="7.0.0",
    summary="The longest common subsequence of two strings.",
    complexity="O(N*M) in the strings' lengths",
    syntax="key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
)
def lcs(ctx: Context, args: Args) -> Reply:
    """LCS key1 key2 …: the subsequence; with LEN its length, with IDX where it stands in both."""
    values = [ctx.db.lookup(key) for key in args[1:3]]
    if any(value is not None and not isinstance(value, bytes | memoryview) for value in values):
        raise ReplyError(texts.LCS_NOT_STRINGS)
    options = _parse(args[3:])
    one, other = (b"" if value is None else bytes(value) for value in values)
    if (len(one) + 1) * (len(other) + 1) * 4 > ctx.server.config["proto-max-bulk-len"]:
        raise ReplyError(texts.LCS_MEMORY)
    table = lengths(one, other)
    length = int(table[-1, -1])
    if options.length:
        return length
    if options.indexes:
        return {"matches": _matches(one, other, table, options), "len": length}
    return bytes(one[i] for i, _ in reversed(path(one, other, table)))


def lengths(one: bytes, other: bytes) -> npt.NDArray[np.uint32]:
    """The lengths of the subsequences of all prefixes, shape (len(one) + 1, len(other) + 1)."""
    import numpy as np  # not with the module: it is a third of the start

    table = np.zeros((len(one) + 1, len(other) + 1), np.uint32)
    letters = np.frombuffer(other, np.uint8)
    for i, letter in enumerate(one):
        row = np.maximum(table[i, 1:], table[i, :-1] + (letters == letter))
        np.maximum.accumulate(row, out=table[i + 1, 1:])
    return table


def path(one: bytes, other: bytes, table: npt.NDArray[np.uint32]) -> list[tuple[int, int]]:
    """The positions of the subsequence in both strings, from the end."""
    found = []
    i, j = len(one), len(other)
    while i and j:
        if one[i - 1] == other[j - 1]:
            i, j = i - 1, j - 1
            found.append((i, j))
        elif table[i - 1, j] > table[i, j - 1]:
            i -= 1
        else:
            j -= 1
    return found


def _matches(one: bytes, other: bytes, table: npt.NDArray[np.uint32], options: LcsOptions) -> list[Reply]:
    """Runs that are unbroken in both strings, from the end: [[start, end], [start, end]] and perhaps the length."""
    runs: list[list[int]] = []
    for i, j in path(one, other, table):
        if runs and runs[-1][0] == i + 1 and runs[-1][2] == j + 1:
            runs[-1][0], runs[-1][2] = i, j
        else:
            runs.append([i, i, j, j])
    return [
        [[a, b], [c, d], *([b - a + 1] if options.lengths else [])]
        for a, b, c, d in runs
        if b - a + 1 >= options.shortest
    ]
