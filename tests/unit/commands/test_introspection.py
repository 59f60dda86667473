"""Key specifications, syntax lines and durations: the pure parts behind COMMAND and LATENCY."""

from __future__ import annotations

import pytest

from pyredisai.commands.key_specs import KeySpec, legacy_range
from pyredisai.commands.syntax import parse_syntax
from pyredisai.commands.table import build_table
from pyredisai.commands.timing import (
    LINEAR_NS,
    LINEAR_SHIFT,
    bucket_above_linear,
    cumulative_by_doubling,
    new_histogram,
    percentile,
    upper_bound,
)


def words(text: str) -> list[bytes]:
    return text.encode().split()


@pytest.mark.parametrize(
    ("spec", "request_", "keys"),
    [
        (KeySpec.span("RO", 1, 1, 1), "get a", "a"),
        (KeySpec.span("RO", 1, -1, 1), "mget a b c", "a b c"),
        (KeySpec.span("RO", 1, -1, 2), "mset a 1 b 2", "a b"),
        (KeySpec.span("RO", 1, -2, 1), "blpop a b 0", "a b"),
        (KeySpec.span("RO", 2, 2, 1), "object encoding a", "a"),
        (KeySpec.number("RO", 2), "eval x 2 a b c", "a b"),
        (KeySpec.number("RO", 2), "eval x 0 a", ""),
        (KeySpec("RO", keyword="STREAMS", start=1, range=(-1, 1, 2)), "xread count 2 streams a b 0 0", "a b"),
        (KeySpec("RO", keyword="STORE", start=6, range=(0, 1, 0)), "georadius k 1 2 3 m store d", "d"),
        (KeySpec("RO", keyword="KEYS", start=-2, range=(-1, 1, 0)), "migrate h p k 0 5 keys a b", "a b"),
        (KeySpec("RO", keyword="STORE", start=2, range=(0, 1, 0)), "sort k limit 0 1", ""),
    ],
)
def test_key_specifications(spec: KeySpec, request_: str, keys: str) -> None:
    assert spec.find(words(request_)) == words(keys)


@pytest.mark.parametrize("request_", ["eval x 3 a b", "eval x y a", "eval x -1 a"])
def test_counts_that_are_wrong(request_: str) -> None:
    assert KeySpec.number("RO", 2).find(words(request_)) is None


def test_specifications_that_tell_nothing() -> None:
    assert KeySpec("RO").find(words("sort a by b")) == []


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ([KeySpec.span("RO", 1, 1, 1)], ((1, 1, 1), False)),
        ([KeySpec.span("RO", 1, 1, 1), KeySpec.span("OW", 2, 2, 1)], ((1, 2, 1), False)),
        ([KeySpec.span("OW", 1, 1, 1), KeySpec.span("RO", 2, -1, 1)], ((1, -1, 1), False)),
        ([KeySpec.number("RO", 2)], ((0, 0, 0), True)),
        ([KeySpec.span("OW", 1, 1, 1), KeySpec.number("RO", 2)], ((1, 1, 1), True)),
    ],
)
def test_legacy_range(specs: list[KeySpec], expected: tuple[tuple[int, int, int], bool]) -> None:
    assert legacy_range(specs) == expected


def described(line: str) -> list[object]:
    return [plain(argument.describe()) for argument in parse_syntax(line)]


def plain(value: object) -> object:
    if isinstance(value, dict):
        return {key.decode(): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return getattr(value, "text", value)


def test_syntax_of_set() -> None:
    line = "key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]"
    key, value, condition, get, expiry = described(line)
    assert key == {"name": "key", "type": "key", "key_spec_index": 0}
    assert value == {"name": "value", "type": "string"}
    assert condition == {
        "name": "nx_xx",
        "type": "oneof",
        "flags": ["optional"],
        "arguments": [
            {"name": "nx", "type": "pure-token", "token": "NX"},
            {"name": "xx", "type": "pure-token", "token": "XX"},
        ],
    }
    assert get == {"name": "get", "type": "pure-token", "token": "GET", "flags": ["optional"]}
    assert isinstance(expiry, dict)
    assert expiry["arguments"][0] == {"name": "seconds", "type": "integer", "token": "EX"}


def test_syntax_of_repetition() -> None:
    assert described("key [key ...]") == [
        {"name": "key", "type": "key", "key_spec_index": 0, "flags": ["multiple"]},
    ]
    [block] = described("field value [field value ...]")
    assert isinstance(block, dict)
    assert (block["type"], block["flags"]) == ("block", ["multiple"])
    [limit] = described("[LIMIT offset count]")
    assert isinstance(limit, dict)
    assert (limit["type"], limit["token"], limit["flags"]) == ("block", "LIMIT", ["optional"])


@pytest.mark.parametrize("line", ["[key", "key]", "(a | b", "a)"])
def test_malformed_syntax(line: str) -> None:
    with pytest.raises(ValueError, match="syntax"):
        parse_syntax(line)


def test_every_declared_syntax_can_be_read() -> None:
    for command in build_table().all():
        parse_syntax(command.syntax)


def test_buckets_hold_their_durations() -> None:
    for ns in [0, 1, 511, 512, 65_535, 65_536, 65_537, 100_000, 131_071, 131_072, 10**6, 10**9, 10**12]:
        bucket = ns >> LINEAR_SHIFT if ns < LINEAR_NS else bucket_above_linear(ns)
        upper = upper_bound(bucket)
        assert ns < upper or bucket == len(new_histogram()) - 1
        assert upper <= max(512, ns * 1.13) + 512 or ns < 512


def test_percentiles() -> None:
    histogram = new_histogram()
    histogram[1000 >> LINEAR_SHIFT] = 98
    histogram[bucket_above_linear(1_000_000)] = 2
    assert 1.0 <= percentile(histogram, 50) < 1.6
    assert 1000 <= percentile(histogram, 99) < 1130
    assert percentile(new_histogram(), 50) == 0


def test_doublings_add_up() -> None:
    histogram = new_histogram()
    for ns in (600, 1500, 3_000, 3_100, 70_000):
        histogram[ns >> LINEAR_SHIFT if ns < LINEAR_NS else bucket_above_linear(ns)] += 1
    steps = list(cumulative_by_doubling(histogram))
    assert steps[-1][1] == 5
    assert [bound for bound, _ in steps] == sorted({bound for bound, _ in steps})
    assert all(bound & (bound - 1) == 0 for bound, _ in steps)
