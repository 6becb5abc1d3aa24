"""Storms that pass over a city, and how its drains answer them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anlan.learning.domain.simulator.profiles import RESPONSES
from anlan.science.synthesis import MINUTE, Floats, Ints

RESPONSE_MINUTES = 48 * 60
STORM_MINUTES = 120
PEAK_AT = 0.4  # of the storm: r of Keifer and Chu (1957) as Chinese design storms commonly take it
SHARPNESS = (
    0.75  # exponent of their curve, and minutes that blunt it; [assumed], in the usual range
)
BLUNT_MINUTES = 12.0


@dataclass(frozen=True, slots=True)
class Storm:
    """One storm: it crosses the city in a straight line, strongest along its axis."""

    begins_us: int  # when its front is at the middle of the city
    total_mm: float  # on the axis
    toward: float  # direction of travel in radians from east
    speed_kmh: float
    width_km: float  # standard deviation across the axis
    off_km: float  # how far the axis passes the middle


def hyetograph() -> Floats:
    """Return the share of a storm that falls in each of its minutes (Keifer and Chu 1957)."""
    minutes = np.arange(STORM_MINUTES) + 0.5
    peak = PEAK_AT * STORM_MINUTES
    apart = np.where(minutes < peak, (peak - minutes) / PEAK_AT, (minutes - peak) / (1.0 - PEAK_AT))
    rate = ((1.0 - SHARPNESS) * apart + BLUNT_MINUTES) / (apart + BLUNT_MINUTES) ** (1 + SHARPNESS)
    return np.asarray(rate / rate.sum())


def responses() -> Floats:
    """Return what 1 mm of a storm leaves at each minute since its front, one row for each answer.

    The first row is the sum fallen so far; the others are linear reservoirs (Nash 1957) of the time
    constants in :data:`RESPONSES`.
    """
    shares = hyetograph()
    rows = np.zeros((len(RESPONSES), RESPONSE_MINUTES))
    for row, constant in enumerate(RESPONSES.values()):
        if not constant:
            rows[row, 1:] = np.minimum(np.cumsum(np.pad(shares, (0, RESPONSE_MINUTES)))[:-1], 1.0)[
                : RESPONSE_MINUTES - 1
            ]
            continue
        keep, held = float(np.exp(-1.0 / constant)), 0.0
        for minute in range(1, RESPONSE_MINUTES):
            came = float(shares[minute - 1]) if minute <= STORM_MINUTES else 0.0
            held = held * keep + came
            rows[row, minute] = held
    # A table is read beyond its end by its last value: what is left runs off in the last hours.
    rows[1:] *= np.minimum(1.0, (RESPONSE_MINUTES - 1 - np.arange(RESPONSE_MINUTES)) / 360.0)
    return rows


def at_places(storms: tuple[Storm, ...], x_km: Floats, y_km: Floats) -> tuple[Ints, Floats]:
    """Return when each storm reaches each place, and how many mm of it fall there."""
    arrivals = np.zeros((x_km.size, len(storms)), np.int64)
    amounts = np.zeros((x_km.size, len(storms)))
    for number, storm in enumerate(storms):
        along = x_km * np.cos(storm.toward) + y_km * np.sin(storm.toward)
        across = y_km * np.cos(storm.toward) - x_km * np.sin(storm.toward) - storm.off_km
        hours = along / storm.speed_kmh
        arrivals[:, number] = storm.begins_us + np.round(hours * 60 * MINUTE).astype(np.int64)
        amounts[:, number] = storm.total_mm * np.exp(-0.5 * (across / storm.width_km) ** 2)
    return arrivals, amounts


def storms_of(
    rng: np.random.Generator, begins_us: int, hours: float, *, wanted: bool
) -> tuple[Storm, ...]:
    """Return the harmless storms of a run: about one in two days, one early on when ``wanted``."""
    found = []
    days = int(np.ceil(hours / 24))
    for day in range(days):
        chance, at = rng.random(), rng.uniform(0.1, 0.9)
        total, toward = rng.uniform(8.0, 22.0), rng.uniform(0, 2 * np.pi)
        speed, width, off = rng.uniform(20, 40), rng.uniform(6, 12), rng.uniform(-4, 4)
        stretch = min(24.0, hours - 24 * day)
        if day == 0 and wanted:
            at = min(at, 0.2)
        elif chance > 0.5:
            continue
        start = begins_us + round((24 * day + at * stretch) * 60 * MINUTE)
        found.append(Storm(start, total, toward, speed, width, off))
    return tuple(found)
