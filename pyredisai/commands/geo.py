"""Places in sorted sets: GEOADD, GEODIST, GEOHASH, GEOPOS; see `geo_search` for what looks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pyredisai.commands.args import parse_float
from pyredisai.commands.context import Context
from pyredisai.commands.sorted_sets import AddOptions, add
from pyredisai.commands.spec import Args, Family, Handler
from pyredisai.commands.typed import read_sorted_set
from pyredisai.errors import ReplyError, geo_texts, texts
from pyredisai.keyspace.geohash import LATITUDES, LONGITUDES, Place, distance, place_of, score_of, text_of
from pyredisai.resp.replies import NULL_ARRAY, Raw, Reply

family = Family("geo")

_UNITS: Final = {b"m": 1.0, b"km": 1000.0, b"ft": 0.3048, b"mi": 1609.34}


def declare(family: Family, name: str, arity: int, flags: str, **rest: Any) -> Callable[[Handler], Handler]:
    """A geo command, on the one key after its name unless `key_specs` say otherwise."""
    rest.setdefault("since", "3.2.0")
    if "key_specs" not in rest:
        rest["keys"] = (1, 1, 1)
    return family.command(name, arity=arity, flags=flags, categories="geo", **rest)


def parse_unit(text: bytes) -> float:
    """The metres of a unit. Raises ReplyError."""
    unit = _UNITS.get(text.lower())
    if unit is None:
        raise ReplyError(geo_texts.UNIT)
    return unit


def parse_place(longitude: bytes, latitude: bytes) -> Place:
    """Degrees within the ranges. Raises ReplyError."""
    place = parse_float(longitude), parse_float(latitude)
    if not (LONGITUDES[0] <= place[0] <= LONGITUDES[1] and LATITUDES[0] <= place[1] <= LATITUDES[1]):
        raise ReplyError(geo_texts.place(*place))
    return place


def shown_distance(metres: float) -> bytes:
    """Four decimals."""
    return b"%.4f" % metres


def shown_place(ctx: Context, place: Place) -> Reply:
    """Longitude and latitude with 17 decimals, less the zeros at the end: doubles in RESP3."""
    shown = [(b"%.17f" % degrees).rstrip(b"0").rstrip(b".") for degrees in place]
    return [Raw(b",%b\r\n" % text) for text in shown] if ctx.client.resp == 3 else shown


_ADD_WORDS = {b"NX": "nx", b"XX": "xx", b"CH": "ch"}


@declare(
    family,
    "geoadd",
    -5,
    "write denyoom",
    key_flags="RW update",
    syntax="key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
    summary="Add members with their places, or move them.",
    complexity="O(log N) for each member",
)
def geoadd(ctx: Context, args: Args) -> Reply:
    """GEOADD key … longitude latitude member…: how many are new (CH: or moved)."""
    options, at = AddOptions(), 2
    while at < len(args) and (word := _ADD_WORDS.get(args[at].upper())) is not None:
        setattr(options, word, True)
        at += 1
    if (len(args) - at) % 3 or (options.nx and options.xx):
        raise ReplyError(texts.SYNTAX)
    scores = [score_of(parse_place(*args[i : i + 2])) for i in range(at, len(args), 3)]
    members = args[at + 2 :: 3]
    if not members:
        raise ReplyError(texts.SYNTAX)
    reply = add(ctx, args[1], scores, members, options)
    if ctx.journaled:
        pairs = [word for score, member in zip(scores, members, strict=True) for word in (b"%d" % score, member)]
        ctx.propagate([b"ZADD", *args[1:at], *pairs])
    return reply


@declare(
    family,
    "geodist",
    -4,
    "readonly",
    syntax="key member1 member2 [M | KM | FT | MI]",
    summary="The distance of two members.",
    complexity="O(1)",
)
def geodist(ctx: Context, args: Args) -> Reply:
    """GEODIST key member member [unit]: the distance, or null."""
    if len(args) > 5:
        raise ReplyError(texts.SYNTAX)
    unit = parse_unit(args[4]) if len(args) == 5 else 1.0
    value = read_sorted_set(ctx, args[1])
    if value is None:
        return None
    one, other = (value.scores.get(member) for member in args[2:4])
    if one is None or other is None:
        return None
    return shown_distance(distance(place_of(one), place_of(other)) / unit)


@declare(
    family,
    "geohash",
    -2,
    "readonly",
    syntax="key [member [member ...]]",
    summary="The standard geohashes of members.",
    complexity="O(1) for each member",
)
def geohash(ctx: Context, args: Args) -> Reply:
    """GEOHASH key [member…]: texts of 11 letters, null for those that are not there."""
    value = read_sorted_set(ctx, args[1])
    scores = {} if value is None else value.scores
    return [None if (score := scores.get(member)) is None else text_of(score) for member in args[2:]]


@declare(
    family,
    "geopos",
    -2,
    "readonly",
    syntax="key [member [member ...]]",
    summary="The longitudes and latitudes of members.",
    complexity="O(1) for each member",
)
def geopos(ctx: Context, args: Args) -> Reply:
    """GEOPOS key [member…]: pairs of degrees, null for those that are not there."""
    value = read_sorted_set(ctx, args[1])
    scores = {} if value is None else value.scores
    found = [scores.get(member) for member in args[2:]]
    return [NULL_ARRAY if score is None else shown_place(ctx, place_of(score)) for score in found]
