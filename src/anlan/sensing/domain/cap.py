"""CAP messages as values (通用警报协议), after OASIS CAP 1.2 (2010-07-01); 1.0 and 1.1 fit in.

The words are the standard's own.  Nothing is interpreted here: see capmeaning.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from anlan.kernel.geometry import EARTH_RADIUS_M

STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
MSG_TYPES = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPES = ("Public", "Restricted", "Private")
CATEGORIES = (
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
)
RESPONSE_TYPES = (
    "Shelter",
    "Evacuate",
    "Prepare",
    "Execute",
    "Avoid",
    "Monitor",
    "Assess",
    "AllClear",
    "None",
)
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")

Position = tuple[float, float]  # (lat, lon), as CAP writes them
Named = tuple[str, str]  # (valueName, value)


@dataclass(frozen=True, slots=True)
class CapReference:
    """An earlier message that this one updates, cancels or answers."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True, slots=True)
class CapCircle:
    """A circle on the ground; radius in kilometres as CAP states it."""

    centre: Position
    radius_km: float


@dataclass(frozen=True, slots=True)
class CapArea:
    """Where the message applies."""

    desc: str
    polygons: tuple[tuple[Position, ...], ...] = ()
    circles: tuple[CapCircle, ...] = ()
    geocodes: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class CapInfo:
    """One information block: what happens, how bad, where, what to do."""

    language: str
    categories: tuple[str, ...]
    event: str
    urgency: str
    severity: str
    certainty: str
    response_types: tuple[str, ...] = ()
    event_codes: tuple[Named, ...] = ()
    parameters: tuple[Named, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    headline: str = ""
    description: str = ""
    instruction: str = ""
    areas: tuple[CapArea, ...] = ()


@dataclass(frozen=True, slots=True)
class CapAlert:
    """A whole message, as received."""

    version: str  # "1.0", "1.1" or "1.2"
    identifier: str
    sender: str
    sent: datetime
    status: str
    msg_type: str
    scope: str
    references: tuple[CapReference, ...] = ()
    infos: tuple[CapInfo, ...] = ()
    signed: bool = False  # a signature element came with it; nobody has checked it


def polygon_text(polygon: tuple[Position, ...]) -> str:
    """Return a polygon as CAP writes it: ``lat,lon lat,lon ...``."""
    return " ".join(f"{lat:.9g},{lon:.9g}" for lat, lon in polygon)


def ring_of(circle: CapCircle, *, corners: int = 36) -> tuple[Position, ...]:
    """Return a closed polygon through points on ``circle``, on a spherical Earth.

    Corners lie on the circle, so the polygon is at most 0.4 % of the radius
    inside it at 36 corners.  A radius of zero gives a point repeated.
    """
    lat, lon = (math.radians(value) for value in circle.centre)
    arc = circle.radius_km * 1000 / EARTH_RADIUS_M
    ring = []
    for corner in range(corners):
        bearing = 2 * math.pi * corner / corners
        sine = math.sin(lat) * math.cos(arc) + math.cos(lat) * math.sin(arc) * math.cos(bearing)
        to_lat = math.asin(max(-1.0, min(1.0, sine)))
        to_lon = lon + math.atan2(
            math.sin(bearing) * math.sin(arc) * math.cos(lat),
            math.cos(arc) - math.sin(lat) * math.sin(to_lat),
        )
        ring.append((math.degrees(to_lat), (math.degrees(to_lon) + 540) % 360 - 180))
    return (*ring, ring[0])
