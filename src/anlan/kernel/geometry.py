"""Distances on the ground and points in areas, in WGS-84 degrees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG 1980


@dataclass(frozen=True, slots=True)
class Point:
    """A place in WGS-84 degrees; ``lat`` in [-90, 90], ``lon`` in [-180, 180]."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise ValueError(f"not a place on Earth: lat={self.lat}, lon={self.lon}")


def distance_m(a: Point, b: Point) -> float:
    """Return the great-circle distance in metres (haversine)."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_lat = (lat_b - lat_a) / 2
    half_lon = math.radians(b.lon - a.lon) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


Ring = tuple[tuple[float, float], ...]  # (lon, lat) pairs as in GeoJSON, closed


def ring_contains(ring: Ring, point: Point) -> bool:
    """Return whether ``point`` lies in the closed ``ring`` (even-odd rule)."""
    inside = False
    for (lon_a, lat_a), (lon_b, lat_b) in pairwise(ring):
        if (lat_a > point.lat) != (lat_b > point.lat):
            crossing = lon_a + (point.lat - lat_a) / (lat_b - lat_a) * (lon_b - lon_a)
            if point.lon < crossing:
                inside = not inside
    return inside
