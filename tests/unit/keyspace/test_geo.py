"""Geohashes, distances, the cells around a shape, and sorting that is partial."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.keyspace import partial_sort
from pyredisai.keyspace.geo_area import Shape, cells
from pyredisai.keyspace.geo_many import may_be_within, places_of
from pyredisai.keyspace.geohash import (
    LATITUDES,
    Cell,
    Place,
    area_of,
    distance,
    encode,
    place_of,
    score_of,
    text_of,
)

PALERMO, CATANIA = (13.361389, 38.115556), (15.087269, 37.502669)
places = st.tuples(st.floats(-180, 180), st.floats(*LATITUDES))


def test_known_values() -> None:
    """Those of the documentation of GEOADD, GEOHASH and GEODIST."""
    assert score_of(PALERMO) == 3479099956230698
    assert text_of(score_of(PALERMO)) == b"sqc8b49rny0"
    assert text_of(score_of(CATANIA)) == b"sqdtr74hyu0"
    assert distance(place_of(score_of(PALERMO)), place_of(score_of(CATANIA))) == pytest.approx(166274.1516, abs=1e-4)


@given(places, st.integers(1, 26))
def test_a_place_is_in_its_cell(place: Place, step: int) -> None:
    if place[0] == 180 or place[1] == LATITUDES[1]:
        return  # the upper ends belong to the cell behind the last
    area = area_of(encode(place, step))
    slack = 1e-9
    assert area.west - slack <= place[0] <= area.east + slack
    assert area.south - slack <= place[1] <= area.north + slack


@given(places)
def test_a_score_is_near_its_place(place: Place) -> None:
    assert distance(place, place_of(score_of(place))) < 1


@given(st.integers(1, 26), st.data())
def test_neighbours_are_neighbours(step: int, data: st.DataObject) -> None:
    cell = Cell(data.draw(st.integers(0, (1 << 2 * step) - 1)), step)
    assert cell.neighbour(1, 0).neighbour(-1, 0) == cell
    assert cell.neighbour(0, 1).neighbour(0, -1) == cell
    assert cell.neighbour(1, -1) == cell.neighbour(1, 0).neighbour(0, -1)
    here, east = area_of(cell), area_of(cell.neighbour(1, 0))
    assert east.west == pytest.approx(here.east if here.east < 180 else -180)


@pytest.mark.parametrize("score", [-1.0, 1e300, -1e300, math.inf, -math.inf, 0.5, 2.0**63])
def test_any_score_has_a_place(score: float) -> None:
    longitude, latitude = place_of(score)
    assert -180 <= longitude <= 180
    assert LATITUDES[0] <= latitude <= LATITUDES[1]


@given(places, st.lists(places, max_size=20), st.floats(0, 5e6))
def test_cells_hold_what_is_within(centre: Place, others: list[Place], radius: float) -> None:
    """Away from the poles and from the seam at 180 degrees, which redis-server does not search across either."""
    if abs(centre[1]) > 60 or abs(centre[0]) > 100:
        return
    shape = Shape(centre, 1.0, min(radius, 2e6))
    spans = [cell.scores for cell in cells(shape)]
    for place in others:
        score = score_of(place)
        if shape.distance_within(place_of(score)) is not None:
            assert any(low <= score < high for low, high in spans)


@given(st.lists(places, min_size=1, max_size=40), places, st.floats(0, 2e7), st.booleans())
def test_many_at_once_are_as_one_by_one(others: list[Place], centre: Place, size: float, is_box: bool) -> None:
    scores = [score_of(place) for place in others]
    longitudes, latitudes = places_of(scores)
    middles = [place_of(score) for score in scores]
    assert list(zip(longitudes.tolist(), latitudes.tolist(), strict=True)) == middles
    shape = Shape(centre, 1.0, None, size, size / 2) if is_box else Shape(centre, 1.0, size)
    for place, near in zip(middles, may_be_within(shape, longitudes, latitudes).tolist(), strict=True):
        assert near or shape.distance_within(place) is None


@given(st.lists(st.integers(0, 12), max_size=120), st.integers(1, 130), st.booleans())
def test_the_first_few(numbers: list[int], count: int, reverse: bool) -> None:
    items = list(enumerate(numbers))
    found = partial_sort.first(items, count, lambda item: item[1], reverse=reverse)
    assert [number for _, number in found] == sorted(numbers, reverse=reverse)[:count]
    assert len(set(found)) == len(found)
    assert set(found) <= set(items)
