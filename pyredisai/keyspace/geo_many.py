"""Many places at once, with numpy: the same degrees to the last bit, and a first look at who may be within a shape.

The sines of numpy differ from those of the C library in the last digits, so the first look lets in what is near the
edge; `Shape.distance_within` decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pyredisai.keyspace.geo_area import Shape
from pyredisai.keyspace.geohash import EARTH_RADIUS, LATITUDES, LONGITUDES, MAX_STEP, gathered

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Degrees: TypeAlias = "npt.NDArray[np.float64]"
_SIZE = float(1 << MAX_STEP)
_SLACK, _SLACK_METRES = 1e-7, 0.01


def places_of(scores: list[float]) -> tuple[Degrees, Degrees]:
    """Longitudes and latitudes of scores from 0 up to 2**53, as `geohash.place_of` tells them."""

    import numpy as np

    bits = np.array(scores).astype(np.uint64)
    return _middles(gathered(bits >> np.uint64(1)), LONGITUDES), _middles(gathered(bits), LATITUDES)


def _middles(numbers: npt.NDArray[np.uint64], limits: tuple[float, float]) -> Degrees:
    import numpy as np

    low, high = limits
    numbers_as_floats = numbers.astype(np.float64)
    lower = low + (numbers_as_floats / _SIZE) * (high - low)
    upper = low + ((numbers_as_floats + 1) / _SIZE) * (high - low)
    middles: Degrees = np.clip((lower + upper) / 2, low, high)
    return middles


def may_be_within(shape: Shape, longitudes: Degrees, latitudes: Degrees) -> npt.NDArray[np.bool_]:
    """False for places that are certainly outside."""

    import numpy as np

    longitude, latitude = shape.centre
    if shape.radius is not None:
        return _is_near(_distances(longitude, latitude, longitudes, latitudes), shape.radius * shape.unit)
    up = EARTH_RADIUS * np.abs(np.radians(latitudes - latitude))
    aside = _distances(longitude, latitudes, longitudes, latitudes)
    return _is_near(up, shape.height * shape.unit / 2) & _is_near(aside, shape.width * shape.unit / 2)


def _is_near(distances: Degrees, limit: float) -> npt.NDArray[np.bool_]:
    return ~(distances > limit * (1 + _SLACK) + _SLACK_METRES)


def _distances(longitude: float, latitude: float | Degrees, longitudes: Degrees, latitudes: Degrees) -> Degrees:
    import numpy as np

    u = np.sin(np.radians(latitudes - latitude) / 2)
    v = np.sin(np.radians(longitudes - longitude) / 2)
    root = np.sqrt(u * u + np.cos(np.radians(latitude)) * np.cos(np.radians(latitudes)) * v * v)
    found: Degrees = 2 * EARTH_RADIUS * np.arcsin(np.minimum(root, 1))
    return found
