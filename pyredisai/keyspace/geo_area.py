"""What GEOSEARCH looks at: a circle or a rectangle, and the nine cells of the grid that cover it.

The order in which cells are searched is the order of unsorted results.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pyredisai.keyspace.geohash import (
    EARTH_RADIUS,
    MAX_STEP,
    Area,
    Cell,
    Place,
    area_of,
    cosine,
    degrees,
    distance,
    encode,
    latitude_distance,
    radians,
)

_MERCATOR_HALF = 20037726.37
_HERE = (0, 0)
_ORDER = (_HERE, (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))  # (east, north)


@dataclass(slots=True)
class Shape:
    """A circle where `radius` is given, else a rectangle; `unit` is the metres of their unit."""

    centre: Place = (0.0, 0.0)
    unit: float = 1.0
    radius: float | None = None
    width: float = 0.0
    height: float = 0.0

    def distance_within(self, place: Place) -> float | None:
        """The distance of a place from the centre, or None for one outside."""
        if self.radius is not None:
            found = distance(self.centre, place)
            return None if found > self.radius * self.unit else found
        latitude = place[1]
        if latitude_distance(latitude, self.centre[1]) > self.height * self.unit / 2:
            return None
        if distance(place, (self.centre[0], latitude)) > self.width * self.unit / 2:
            return None
        return distance(self.centre, place)

    def bounds(self) -> Area:
        """The box of longitudes and latitudes around it."""
        longitude, latitude = self.centre
        if self.radius is not None:
            width = height = self.unit * self.radius
        else:
            width, height = self.unit * (self.width / 2), self.unit * (self.height / 2)
        up = degrees(height / EARTH_RADIUS)
        edge = latitude - up if latitude < 0 else latitude + up
        aside = degrees(width / EARTH_RADIUS / cosine(radians(edge)))
        return Area(longitude - aside, longitude + aside, latitude - up, latitude + up)

    def reach(self) -> float:
        """Metres from the centre to the farthest place."""
        if self.radius is not None:
            return self.radius * self.unit
        return math.sqrt((self.width / 2) * (self.width / 2) + (self.height / 2) * (self.height / 2)) * self.unit


def _estimated_step(reach: float, latitude: float) -> int:
    """How fine the grid may be, so that nine cells cover the shape: coarser towards the poles."""
    if reach == 0:
        return MAX_STEP
    step = 1
    while reach < _MERCATOR_HALF:
        reach *= 2
        step += 1
    step -= 2
    if abs(latitude) > 66:
        step -= 2 if abs(latitude) > 80 else 1
    return min(max(step, 1), MAX_STEP)


def _is_too_fine(cell: Cell, box: Area) -> bool:
    """Whether the neighbours of the centre's cell end before the box does."""
    return (
        area_of(cell.neighbour(0, 1)).north < box.north
        or area_of(cell.neighbour(0, -1)).south > box.south
        or area_of(cell.neighbour(1, 0)).east < box.east
        or area_of(cell.neighbour(-1, 0)).west > box.west
    )


def cells(shape: Shape) -> Iterator[Cell]:
    """The cells to search, in order; each once, unless they repeat in another order than the grid's."""
    box = shape.bounds()
    step = _estimated_step(shape.reach(), shape.centre[1])
    centre = encode(shape.centre, step)
    if step > 1 and _is_too_fine(centre, box):
        step -= 1
        centre = encode(shape.centre, step)
    area = area_of(centre)
    last: Cell | None = None
    for east, north in _ORDER:
        if step >= 2 and _is_needless(area, box, east, north):
            continue
        cell = centre.neighbour(east, north)
        if last is not None and cell == last:
            continue
        yield cell
        if (east, north) != _HERE:
            last = cell


def _is_needless(area: Area, box: Area, east: int, north: int) -> bool:
    """Whether the box ends within the centre's cell on this side."""
    return (
        (north < 0 and area.south < box.south)
        or (north > 0 and area.north > box.north)
        or (east < 0 and area.west < box.west)
        or (east > 0 and area.east > box.east)
    )
