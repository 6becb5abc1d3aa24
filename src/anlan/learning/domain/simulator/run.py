"""One simulated run: its streams with everything planted, and their readings in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.durations import parse_span
from anlan.learning.domain.packworld import ground_of
from anlan.learning.domain.simulator.profiles import PROFILES, RESPONSES, SHAPES
from anlan.learning.domain.simulator.weather import Storm, at_places, responses
from anlan.registry.domain.city import City, Sensor
from anlan.registry.domain.jurisdiction import Jurisdiction
from anlan.science.synthesis import (
    DAY,
    LINE,
    MINUTE,
    MOST_MILLISECONDS,
    MOST_STREAMS,
    STREAM,
    Floats,
    Ints,
    slow_noise,
    synthesise,
)
from anlan.warning.domain.instants import micros

KM_PER_DEGREE = 111.195
STEP = timedelta(minutes=1)
RAIN = "rainfall"
_MICROSECOND = timedelta(microseconds=1)
WARMTH_SWING = 4.5  # degrees between the day's mean and its warmest hour; [assumed]
WARMTH_NOISE = 1.0
#: Shares of a working wireless network, [assumed]; none is later than the judge still takes in order.
ORDINARY_LINE = (0.001, 0.004, 0.001, 10 * MINUTE)


class Readings(NamedTuple):
    """Readings in the order of their arrival; instants in microseconds, values in the quantity's unit."""

    stream: Ints  # place in the codes of the run
    at_us: Ints
    value: Floats
    received_us: Ints


@dataclass(frozen=True)
class Run:
    """Everything that makes the readings of one run; what is planted stands in ``streams``."""

    seed: int
    begins: datetime
    ends: datetime
    sensors: tuple[Sensor, ...]
    storms: tuple[Storm, ...]
    streams: NDArray[Any]
    arrivals: Ints
    amounts: Floats
    shared: tuple[Any, ...]
    line: tuple[float, float, float, int] = ORDINARY_LINE

    @property
    def codes(self) -> tuple[str, ...]:
        """The sensors' codes; ``Readings.stream`` counts in them."""
        return tuple(sensor.code for sensor in self.sensors)

    def only(self, numbers: Sequence[int]) -> Run:
        """Return the same run reduced to some streams, which keep their numbers and readings."""
        chosen = np.array(numbers, np.int64)
        return replace(
            self,
            streams=self.streams[chosen],
            arrivals=self.arrivals[chosen],
            amounts=self.amounts[chosen],
        )


def empty_run(
    city: City,
    law: Jurisdiction,
    *,
    begins: datetime,
    hours: float,
    seed: int,
    storms: tuple[Storm, ...] = (),
) -> Run:
    """Return a run of every sensor of ``city`` whose quantity is known here, with nothing planted.

    Raises
    ------
    ValueError
        When it is longer than 49 days or has more than two million streams.
    """
    sensors = tuple(one for one in city.sensors if one.quantity in PROFILES)
    if hours * 3_600_000 >= MOST_MILLISECONDS or len(sensors) >= MOST_STREAMS:
        raise ValueError("a run has at most 49 days and two million streams")
    begins_us = micros(begins)
    arrivals, amounts = at_places(storms, *_kilometres(city, sensors))
    streams = _streams(sensors, law, seed, begins_us)
    per_mm = [PROFILES[one.quantity].per_mm or 1.0 for one in sensors]
    return Run(
        seed=seed,
        begins=begins,
        ends=begins + timedelta(hours=hours),
        sensors=sensors,
        storms=storms,
        streams=streams,
        arrivals=arrivals,
        amounts=amounts * np.array(per_mm).reshape(-1, 1),
        shared=_shared(city, law, begins, hours, seed),
    )


def readings(run: Run, *, step: timedelta = STEP) -> Iterator[Readings]:
    """Yield the readings of a run in the order of arrival, ``step`` after ``step``.

    The readings that come out are the same, in the same order, whatever the step; memory holds
    those of one step and those still under way.  What is under way at the end comes last.
    """
    begins, ends, span = micros(run.begins), micros(run.ends), step // _MICROSECOND
    line = np.array([run.line], LINE)[0]
    waiting = _nothing()
    for start in range(begins, ends, span):
        end = min(start + span, ends)
        made = _made(run, line, start, end)
        found = [np.concatenate(pair) for pair in zip(waiting, made, strict=True)]
        turn = np.argsort(found[0])
        order, stream, at_us, value, received = (column[turn] for column in found)
        gone = int(np.searchsorted(received, end)) if end < ends else received.size
        waiting = tuple(column[gone:] for column in (order, stream, at_us, value, received))
        yield Readings(stream[:gone], at_us[:gone], value[:gone], received[:gone])


def _nothing() -> tuple[NDArray[Any], ...]:
    none = np.empty(0, np.int64)
    return none, none, none, np.empty(0, np.float64), none


def _made(run: Run, line: Any, start: int, end: int) -> tuple[NDArray[Any], ...]:
    planned = (end - start) // run.streams["interval"] + 1
    size = 2 * int(planned.sum())
    out = tuple(np.empty(size, kind) for kind in ("i8", "i8", "i8", "f8", "i8"))
    count = synthesise(
        run.streams, run.shared, (run.arrivals, run.amounts), line, (start, end), out
    )
    return tuple(column[:count] for column in out)


def _streams(
    sensors: Sequence[Sensor], law: Jurisdiction, seed: int, begins_us: int
) -> NDArray[Any]:
    """Return the streams as they are when nothing is wrong."""
    rng = np.random.default_rng([seed, 12])
    limits = {item.id: (item.low, item.high) for item in law.quantities}
    shapes, answers = list(SHAPES), list(RESPONSES)
    found = np.zeros(len(sensors), STREAM)
    found["key"] = rng.integers(0, 2**63, len(sensors), np.uint64)
    found["number"] = np.arange(len(sensors))
    spread = rng.uniform(-1.0, 1.0, (2, len(sensors)))
    share = rng.random(len(sensors))
    spans = {text: parse_span(text) // _MICROSECOND for text in {one.interval for one in sensors}}
    found["interval"] = [spans[sensor.interval] for sensor in sensors]
    found["phase"] = begins_us + (share * found["interval"]).astype(np.int64)
    found["jitter"] = np.minimum(found["interval"] // 20, 5_000_000)
    quantities = np.array([sensor.quantity for sensor in sensors])
    for name in sorted(set(quantities.tolist())):
        here, usual = np.flatnonzero(quantities == name), PROFILES[name]
        low, high = limits.get(name, (None, None))
        same: dict[str, float] = {
            "shape": shapes.index(usual.shape),
            "response": answers.index(usual.response),
        }
        same |= {part: getattr(usual, part) for part in ("slow", "fast", "root", "warmth")}
        same |= {"sums": name == RAIN, "per_unit": usual.steps}
        same["floor"] = max(usual.floor, -np.inf if low is None else low)
        same["ceiling"] = min(usual.ceiling, np.inf if high is None else high)
        for part, value in same.items():
            found[part][here] = value
        found["level"][here] = usual.level * (1 + usual.spread * spread[0, here])
        found["daily"][here] = usual.daily * (1 + usual.spread * spread[1, here])
    return found


def _shared(
    city: City, law: Jurisdiction, begins: datetime, hours: float, seed: int
) -> tuple[Any, ...]:
    """Return what all streams have in common."""
    local = begins.astimezone(ZoneInfo(city.info.timezone))
    offset = local.utcoffset() or timedelta()
    first = micros(begins + offset) // DAY * DAY - offset // _MICROSECOND
    days = int(hours // 24) + 2
    resting = [_is_rest(city, law, local, day) for day in range(days)]
    begins_us, minutes = micros(begins), int(hours * 60) + 60
    at = np.arange(minutes) * MINUTE + begins_us
    slow = slow_noise(seed, begins_us, minutes, 360 * MINUTE)
    day = 2 * np.pi * ((at - first) / DAY - 9 / 24)
    warm = WARMTH_SWING * np.sin(day) + WARMTH_NOISE * slow
    shapes = np.array([[working, rest] for working, rest in SHAPES.values()])
    return shapes, np.array(resting, np.int64), warm, responses(), first, begins_us


def _is_rest(city: City, law: Jurisdiction, local: datetime, after: int) -> bool:
    """Return whether nobody works that day, by the city's calendar as far as it is known."""
    day = (local + timedelta(days=after)).date()
    calendar = next((one for one in law.calendars if one.id == city.info.calendar), None)
    if calendar is None:
        return day.isoweekday() > 5
    year = next((one for one in calendar.years if one.year == day.year), None)
    if year is not None and day in year.makeup_workdays:
        return False
    holidays = year.holidays if year is not None else ()
    return day.isoweekday() in calendar.weekend or any(
        one.first <= day <= one.last for one in holidays
    )


def _kilometres(city: City, sensors: Sequence[Sensor]) -> tuple[Floats, Floats]:
    """Return how far east and north of the city's middle each sensor stands."""
    points = {point.code: point for point in city.risk_points}
    spots = np.full((len(sensors), 2), np.nan)
    for index, sensor in enumerate(sensors):
        for place in (sensor, points.get(sensor.risk_point or "")):
            if place is not None and place.lat is not None and place.lon is not None:
                spots[index] = place.lat, place.lon
                break
    if not city.shapes and np.isnan(spots).all():
        return np.zeros(len(sensors)), np.zeros(len(sensors))
    ground = ground_of(city)
    middle = ((ground.south + ground.north) / 2, (ground.west + ground.east) / 2)
    spots = np.where(np.isnan(spots), middle, spots)
    north = (spots[:, 0] - middle[0]) * KM_PER_DEGREE
    east = (spots[:, 1] - middle[1]) * KM_PER_DEGREE * np.cos(np.radians(middle[0]))
    return east, north
