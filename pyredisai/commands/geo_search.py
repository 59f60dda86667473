"""GEOSEARCH, GEOSEARCHSTORE, and GEORADIUS with its siblings: the members within a circle or a rectangle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter

from pyredisai.commands.args import parse_float, parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.geo import declare, parse_place, parse_unit, shown_distance, shown_place
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.sorted_set_ranges import store
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import read_sorted_set
from pyredisai.errors import ReplyError, geo_texts, texts
from pyredisai.keyspace.geo_area import Shape, cells
from pyredisai.keyspace.geo_many import may_be_within, places_of
from pyredisai.keyspace.geohash import Place, place_of
from pyredisai.keyspace.partial_sort import first
from pyredisai.keyspace.sorted_set import ScoreRange, SortedSet
from pyredisai.resp.replies import EMPTY_ARRAY, Reply

family = Family("geo")

# How many places are looked at together; below the first number it is quicker one by one.
_FEW, _AT_ONCE = 24, 4096
_WITH = {b"WITHDIST": "with_distance", b"WITHHASH": "with_score", b"WITHCOORD": "with_place"}


@dataclass(slots=True)
class _Found:
    distance: float
    score: float
    place: Place
    member: bytes


@dataclass(slots=True)
class _Query:
    """What is asked for. `source` is None where there is no such key: the other words are checked all the same.

    `centre` and `area` are the words that gave them: each may come again, but not beside its rival.
    """

    source: SortedSet | None
    shape: Shape = field(default_factory=Shape)
    centre: bytes = b""
    area: bytes = b""
    with_distance: bool = False
    with_score: bool = False
    with_place: bool = False
    order: bytes = b""
    count: int = 0
    any: bool = False
    destination: bytes | None = None
    store_distances: bool = False

    def take_member(self, member: bytes) -> None:
        """The centre is where a member is. Raises ReplyError."""
        if self.source is not None:
            score = self.source.scores.get(member)
            if score is None:
                raise ReplyError(geo_texts.NO_MEMBER)
            self.shape.centre = place_of(score)

    def take_circle(self, radius: bytes, unit: bytes) -> None:
        """Raises ReplyError."""
        number = parse_float(radius, geo_texts.RADIUS)
        if number < 0:
            raise ReplyError(geo_texts.NEGATIVE_RADIUS)
        self.shape.radius, self.shape.unit = number, parse_unit(unit)

    def take_box(self, width: bytes, height: bytes, unit: bytes) -> None:
        """Raises ReplyError."""
        self.shape.width = parse_float(width, geo_texts.WIDTH)
        self.shape.height = parse_float(height, geo_texts.HEIGHT)
        if self.shape.width < 0 or self.shape.height < 0:
            raise ReplyError(geo_texts.NEGATIVE_BOX)
        self.shape.unit = parse_unit(unit)

    def take_common(self, words: Args) -> int:
        """An option that all commands have, at the head of `words`: how many words it has, 0 for others."""
        word = words[0].upper()
        if word in _WITH:
            setattr(self, _WITH[word], True)
        elif word == b"ANY":
            self.any = True
        elif word in (b"ASC", b"DESC"):
            self.order = word
        elif word == b"COUNT" and len(words) > 1:
            self.count = parse_int(words[1])
            if self.count <= 0:
                raise ReplyError(geo_texts.COUNT)
            return 2
        else:
            return 0
        return 1

    def check(self, command: str) -> None:
        """Raises ReplyError for options that do not go together; `command` names who cannot store."""
        if self.destination is not None and (self.with_distance or self.with_score or self.with_place):
            raise ReplyError(geo_texts.store_with(command))

    def check_any(self) -> None:
        """Raises ReplyError for ANY without COUNT."""
        if self.any and not self.count:
            raise ReplyError(geo_texts.ANY)


def _search(query: _Query, source: SortedSet) -> Iterator[_Found]:
    """The members within the shape, in the order of the cells."""
    for cell in cells(query.shape):
        low, high = cell.scores
        start, stop = source.span_of_scores(ScoreRange(low, high, high_open=True))
        for at in range(start, stop, _AT_ONCE):
            for score, place, member in _candidates(query.shape, source.by_rank(at, min(stop, at + _AT_ONCE))):
                distance = query.shape.distance_within(place)
                if distance is not None:
                    yield _Found(distance, score, place, member)


def _candidates(shape: Shape, items: list[tuple[float, bytes]]) -> Iterable[tuple[float, Place, bytes]]:
    """Those that are not far outside, with their places."""
    if len(items) < _FEW:
        return [(score, place_of(score), member) for score, member in items]
    longitudes, latitudes = places_of([score for score, _ in items])
    near = may_be_within(shape, longitudes, latitudes).nonzero()[0]
    places = zip(longitudes[near].tolist(), latitudes[near].tolist(), strict=True)
    return [(items[at][0], place, items[at][1]) for at, place in zip(near.tolist(), places, strict=True)]


def _chosen(query: _Query, source: SortedSet) -> list[_Found]:
    found = []
    limit = query.count if query.any else 0
    for item in _search(query, source):
        found.append(item)
        if len(found) == limit:
            break
    if query.order or (query.count and not query.any):
        count = query.count or len(found)
        return first(found, count, attrgetter("distance"), reverse=query.order == b"DESC")
    return found[: query.count] if query.count else found


def _run(ctx: Context, query: _Query, event: str) -> Reply:
    """Search; the reply, or how many were stored."""
    destination = query.destination
    if query.source is None:
        return EMPTY_ARRAY if destination is None else store(ctx, destination, SortedSet(), event)
    found = _chosen(query, query.source)
    unit = query.shape.unit
    if destination is None:
        return [_shown(ctx, query, item) for item in found]
    items = ((item.member, item.distance / unit if query.store_distances else item.score) for item in found)
    return store(ctx, destination, SortedSet(items), event)


def _shown(ctx: Context, query: _Query, item: _Found) -> Reply:
    shown: list[Reply] = [item.member]
    if query.with_distance:
        shown.append(shown_distance(item.distance / query.shape.unit))
    if query.with_score:
        shown.append(int(item.score))
    if query.with_place:
        shown.append(shown_place(ctx, item.place))
    return shown if len(shown) > 1 else item.member


def _geosearch(ctx: Context, args: Args, *, stores: bool) -> Reply:
    """GEOSEARCH key …: members; GEOSEARCHSTORE destination key …: how many were stored."""
    at = 3 if stores else 2
    query = _Query(read_sorted_set(ctx, args[at - 1]), destination=args[1] if stores else None)
    while at < len(args):
        words = args[at:]
        word, left = words[0].upper(), len(words) - 1
        if taken := query.take_common(words):
            at += taken
        elif word == b"FROMMEMBER" and left >= 1 and query.centre in (b"", word):
            query.take_member(words[1])
            query.centre = word
            at += 2
        elif word == b"FROMLONLAT" and left >= 2 and query.centre in (b"", word):
            query.shape.centre, query.centre = parse_place(*words[1:3]), word
            at += 3
        elif word == b"BYRADIUS" and left >= 2 and query.area in (b"", word):
            query.take_circle(*words[1:3])
            query.area = word
            at += 3
        elif word == b"BYBOX" and left >= 3 and query.area in (b"", word):
            query.take_box(*words[1:4])
            query.area = word
            at += 4
        elif word == b"STOREDIST" and stores:
            query.store_distances = True
            at += 1
        else:
            raise ReplyError(texts.SYNTAX)
    query.check("GEOSEARCHSTORE")
    name = args[0].decode("latin-1")
    if not query.centre:
        raise ReplyError(geo_texts.one_of("FROMMEMBER or FROMLONLAT", name))
    if not query.area:
        raise ReplyError(geo_texts.one_of("BYRADIUS and BYBOX", name))
    query.check_any()
    return _run(ctx, query, "geosearchstore")


def _georadius(ctx: Context, args: Args, *, by_member: bool, stores: bool) -> Reply:
    """GEORADIUS key longitude latitude radius unit …, GEORADIUSBYMEMBER key member radius unit …."""
    query = _Query(read_sorted_set(ctx, args[1]))
    at = 5 if by_member else 6
    if not by_member:
        query.shape.centre = parse_place(*args[2:4])
        query.take_circle(*args[4:6])
    elif query.source is not None:
        query.take_member(args[2])
        query.take_circle(*args[3:5])
    while at < len(args):
        words = args[at:]
        word = words[0].upper()
        if taken := query.take_common(words):
            at += taken
        elif word in (b"STORE", b"STOREDIST") and len(words) > 1 and stores:
            query.destination, query.store_distances = words[1], word == b"STOREDIST"
            at += 2
        else:
            raise ReplyError(texts.SYNTAX)
    query.check("STORE option in GEORADIUS")
    query.check_any()
    return _run(ctx, query, "georadiusstore")


_COST = "O(N+log(M)) in the members of the cells around the shape and of the set"
_CENTRE = "(FROMMEMBER member | FROMLONLAT longitude latitude)"
_UNIT = "(M | KM | FT | MI)"
_WHERE = f"{_CENTRE} (BYRADIUS radius {_UNIT} | BYBOX width height {_UNIT}) [ASC | DESC] [COUNT count [ANY]]"
_SHOWN = " [WITHCOORD] [WITHDIST] [WITHHASH]"

declare(
    family,
    "geosearch",
    -7,
    "readonly",
    since="6.2.0",
    syntax=f"key {_WHERE}{_SHOWN}",
    summary="The members within a circle or a rectangle.",
    complexity=_COST,
)(partial(_geosearch, stores=False))
declare(
    family,
    "geosearchstore",
    -8,
    "write denyoom",
    since="6.2.0",
    syntax=f"destination source {_WHERE} [STOREDIST]",
    summary="Store the members within a circle or a rectangle.",
    complexity=_COST,
    key_specs=(KeySpec.span("OW update", 1, 1, 1), KeySpec.span("RO access", 2, 2, 1)),
)(partial(_geosearch, stores=True))

for _name, _centre, _arity in (("georadius", "longitude latitude", -6), ("georadiusbymember", "member", -5)):
    _syntax = f"key {_centre} radius {_UNIT}{_SHOWN} [COUNT count [ANY]] [ASC | DESC]"
    _source = KeySpec.span("RO access", 1, 1, 1)
    _targets = [KeySpec("OW update", keyword=word, start=-_arity, range=(0, 1, 0)) for word in ("STORE", "STOREDIST")]
    _by_member = _name == "georadiusbymember"
    declare(
        family,
        _name,
        _arity,
        "write denyoom",
        syntax=f"{_syntax} [STORE key | STOREDIST key]",
        summary="The members within a circle, or store them.",
        complexity=_COST,
        key_specs=(_source, *_targets),
    )(partial(_georadius, by_member=_by_member, stores=True))
    declare(
        family,
        f"{_name}_ro",
        _arity,
        "readonly",
        since="3.2.10",
        syntax=_syntax,
        summary="The members within a circle.",
        complexity=_COST,
        key_specs=(_source,),
    )(partial(_georadius, by_member=_by_member, stores=False))
