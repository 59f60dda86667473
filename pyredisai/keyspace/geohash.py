"""Places as numbers of 52 bits that sort near to each other: Redis' form of the geohash, and distances on the sphere.

A cell is made by halving the ranges of longitude and latitude in turn, `step` times each; its bits tell which halves
(latitude in the even bits, longitude in the odd ones). Latitudes end where the Mercator projection is square.
Longitudes and latitudes are in degrees, distances in metres, by the haversine formula. All arithmetic is that of C
doubles in the order in which redis-server does it, because replies show every digit.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple, TypeAlias

Place: TypeAlias = "tuple[float, float]"  # longitude, latitude

LONGITUDES: Final = (-180.0, 180.0)
LATITUDES: Final = (-85.05112878, 85.05112878)
FULL_LATITUDES: Final = (-90.0, 90.0)
MAX_STEP: Final = 26
EARTH_RADIUS: Final = 6372797.560856
_RADIAN = math.pi / 180.0
_EVEN = 0x5555555555555555
_ODD = _EVEN << 1
_ALPHABET = b"0123456789bcdefghjkmnpqrstuvwxyz"


class Cell(NamedTuple):
    """A cell of the grid with 2**step columns and rows."""

    bits: int
    step: int

    @property
    def scores(self) -> tuple[float, float]:
        """The scores of the places in it, from the first up to the second, which is not one of them."""
        shift = 52 - 2 * self.step
        return float(self.bits << shift), float((self.bits + 1) << shift)

    def neighbour(self, east: int, north: int) -> Cell:
        """The cell beside it, one step (1, -1 or 0) to the east and one to the north; the grid has no edges."""
        columns, rows = self.bits & _ODD, self.bits & _EVEN
        unused = 64 - 2 * self.step
        every_row, every_column = _EVEN >> unused, _ODD & ((1 << 2 * self.step) - 1)
        if east:
            columns = columns + every_row + 1 if east > 0 else (columns | every_row) - (every_row + 1)
            columns &= every_column
        if north:
            step = (_ODD >> unused) + 1
            rows = rows + step if north > 0 else (rows | (_ODD >> unused)) - step
            rows &= every_row
        return Cell(columns | rows, self.step)


class Area(NamedTuple):
    """What a cell covers."""

    west: float
    east: float
    south: float
    north: float


def _spread(number: int) -> int:
    """The bits of a 32-bit number at the even places."""
    number = (number | number << 16) & 0x0000FFFF0000FFFF
    number = (number | number << 8) & 0x00FF00FF00FF00FF
    number = (number | number << 4) & 0x0F0F0F0F0F0F0F0F
    number = (number | number << 2) & 0x3333333333333333
    return (number | number << 1) & _EVEN


def gathered(number: Any) -> Any:
    """The bits at the even places as a 32-bit number; of one number, or of an array of numpy's."""
    number &= _EVEN
    number = (number | number >> 1) & 0x3333333333333333
    number = (number | number >> 2) & 0x0F0F0F0F0F0F0F0F
    number = (number | number >> 4) & 0x00FF00FF00FF00FF
    number = (number | number >> 8) & 0x0000FFFF0000FFFF
    return (number | number >> 16) & 0xFFFFFFFF


def encode(place: Place, step: int = MAX_STEP, latitudes: tuple[float, float] = LATITUDES) -> Cell:
    """The cell that holds a place; the place must be within the ranges."""
    longitude, latitude = place
    columns = (longitude - LONGITUDES[0]) / (LONGITUDES[1] - LONGITUDES[0]) * (1 << step)
    rows = (latitude - latitudes[0]) / (latitudes[1] - latitudes[0]) * (1 << step)
    return Cell(_spread(int(rows)) | _spread(int(columns)) << 1, step)


def area_of(cell: Cell) -> Area:
    """The ranges of a cell."""
    rows, columns = gathered(cell.bits), gathered(cell.bits >> 1)
    size = float(1 << cell.step)
    (west, east), (south, north) = LONGITUDES, LATITUDES
    width, height = east - west, north - south
    return Area(
        west + (columns / size) * width,
        west + ((columns + 1) / size) * width,
        south + (rows / size) * height,
        south + ((rows + 1) / size) * height,
    )


def score_of(place: Place) -> float:
    """The score under which a place is kept."""
    return float(encode(place).bits)


def place_of(score: float) -> Place:
    """The middle of the cell that a score stands for; any score is taken for one."""
    west, east, south, north = area_of(Cell(_unsigned(score), MAX_STEP))
    longitude = min(max((west + east) / 2, LONGITUDES[0]), LONGITUDES[1])
    latitude = min(max((south + north) / 2, LATITUDES[0]), LATITUDES[1])
    return longitude, latitude


def _unsigned(score: float) -> int:
    """A double as 64 bits, as x86-64 converts those that are out of range."""
    if -(2.0**63) <= score < 2.0**63:
        return int(score) & (2**64 - 1)
    if 0 < score < 2.0**64:
        return int(score)
    return 0 if score > 0 else 1 << 63


def text_of(score: float) -> bytes:
    """The standard geohash of a score: 11 letters, the last always 0 for want of bits."""
    bits = encode(place_of(score), MAX_STEP, FULL_LATITUDES).bits
    return bytes(_ALPHABET[bits >> (52 - 5 * at) & 31] for at in range(1, 11)) + b"0"


def sine(angle: float) -> float:
    """C's sin: not a number for infinity."""
    return math.sin(angle) if math.isfinite(angle) else math.nan


def cosine(angle: float) -> float:
    """C's cos: not a number for infinity."""
    return math.cos(angle) if math.isfinite(angle) else math.nan


def latitude_distance(one: float, other: float) -> float:
    """The distance of two latitudes on a meridian."""
    return EARTH_RADIUS * abs(other * _RADIAN - one * _RADIAN)


def distance(one: Place, other: Place) -> float:
    """The distance of two places on the surface."""
    (longitude, latitude), (other_longitude, other_latitude) = one, other
    v = math.sin((other_longitude * _RADIAN - longitude * _RADIAN) / 2)
    if v == 0.0:
        return latitude_distance(latitude, other_latitude)
    south, north = latitude * _RADIAN, other_latitude * _RADIAN
    u = math.sin((north - south) / 2)
    root = math.sqrt(u * u + math.cos(south) * math.cos(north) * v * v)
    return 2.0 * EARTH_RADIUS * math.asin(root) if root <= 1 else math.nan


def degrees(radians: float) -> float:
    """Radians to degrees."""
    return radians / _RADIAN


def radians(angle: float) -> float:
    """Degrees to radians."""
    return angle * _RADIAN
