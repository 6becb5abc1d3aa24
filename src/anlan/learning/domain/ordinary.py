"""Ordinary weeks (平常周): what a city sends in when nothing bad is going to happen.

Every red or orange alert in such a week is false by construction.  The numbers
below are the whole distribution; docs/explanation/replays.md repeats them with
their sources and marks.  They were set before any rule was run on them and are
not tuned to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from anlan.learning.domain.complaints import KINDS, ComplaintKind, Language

Floats = NDArray[np.float64]
WEEK = timedelta(days=7)
HOURS = 7 * 24
WEEK_S = HOURS * 3600

# Rain of an ordinary summer week in a northern Chinese city.
RAIN_SPELLS_MEAN = 2.0  # Poisson; [assumed]
RAIN_SPELL_HOURS_MEAN = 5.0  # exponential, at least 1 h; [assumed]
RAIN_SPELL_TOTAL_MM = (1.2, 12.0)  # gamma shape and scale: mean 14.4 mm; [assumed, see the page]
RAIN_GAUGE_SPREAD = 0.35  # sigma of the lognormal factor of each gauge; [assumed]

# Faults of one stream in one week; [assumed].
STUCK_CHANCE, STUCK_HOURS = 0.02, (2.0, 24.0)  # the last value again and again
GAP_CHANCE, GAP_HOURS_MEAN = 0.10, 2.0  # nothing arrives
SPIKE_CHANCE = 0.03  # one reading far off

# Where complaints come from; [assumed].
HOTSPOTS = 6  # stations, markets, schools
HOTSPOT_SHARE = 0.4
HOTSPOT_SPREAD_M = 120.0
YELLOW_VALID_HOURS = 12.0

M_PER_DEGREE = 111_195.0  # one degree of latitude on the mean sphere


@dataclass(frozen=True, slots=True)
class Usual:
    """How the readings of one quantity run in an ordinary week, in the quantity's unit."""

    level: float
    daily: float = 0.0  # amplitude of the daily wave, highest in the late afternoon
    noise: float = 0.0  # standard deviation of slow noise (AR(1), one-hour memory)
    per_mm: float = 0.0  # rise per mm of rain in the hour before
    floor: float = 0.0
    spike: float = 0.0  # what a spike adds


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """One stream to make readings for."""

    code: str
    quantity: str
    interval: timedelta


@dataclass(frozen=True, slots=True)
class Ground:
    """A rectangle in which people live, in WGS-84 degrees."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True, slots=True)
class Setting:
    """The city of an ordinary week."""

    streams: tuple[StreamPlan, ...]
    usual: Mapping[str, Usual]  # by quantity
    ground: Ground
    complaints_per_week: float
    language: Language
    rain_quantity: str
    exaggeration: float = 0.0  # share of callers who tell a matter in words of danger


@dataclass(frozen=True, slots=True)
class OrdinaryReport:
    """One complaint: seconds since the week began, place, text."""

    at_s: float
    lat: float
    lon: float
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class OrdinarySignal:
    """The week's one real but harmless yellow rainstorm signal."""

    at_s: float
    valid_hours: float


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one stream: seconds since the week began, and values."""

    at_s: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class OrdinaryWeek:
    """Everything that comes in during one week."""

    seed: int
    rain_mm: Floats  # areal rain of each hour, (168,)
    series: dict[str, Series]
    reports: tuple[OrdinaryReport, ...]
    signals: tuple[OrdinarySignal, ...]


def ordinary_week(setting: Setting, seed: int) -> OrdinaryWeek:
    """Return the ordinary week of ``seed``: the same seed and setting give the same week."""
    rng = np.random.default_rng(seed)
    rain = rain_of_week(rng)
    series = {}
    for plan in setting.streams:
        made = _series(plan, setting, rain, rng)
        series[plan.code] = _with_faults(made, _spike_of(plan, setting), rng)
    return OrdinaryWeek(
        seed=seed,
        rain_mm=rain,
        series=series,
        reports=complaints_of_week(setting, rain, rng),
        signals=(_yellow(rain, rng),),
    )


def rain_of_week(rng: np.random.Generator) -> Floats:
    """Return mm of rain for each of the 168 hours."""
    rain = np.zeros(HOURS)
    for _ in range(rng.poisson(RAIN_SPELLS_MEAN)):
        length = int(max(1, round(rng.exponential(RAIN_SPELL_HOURS_MEAN))))
        start = int(rng.integers(0, HOURS))
        total = rng.gamma(*RAIN_SPELL_TOTAL_MM)
        shares = rng.dirichlet(np.full(length, 1.5))
        stop = min(HOURS, start + length)
        rain[start:stop] += total * shares[: stop - start]
    return rain


def _yellow(rain: Floats, rng: np.random.Generator) -> OrdinarySignal:
    """Issue the signal in the hour before the wettest one; on a dry week it simply misses."""
    hour = int(rain.argmax()) if rain.any() else int(rng.integers(1, HOURS))
    return OrdinarySignal(
        at_s=max(0, hour - 1) * 3600 + float(rng.uniform(0, 3600)), valid_hours=YELLOW_VALID_HOURS
    )


def _series(plan: StreamPlan, setting: Setting, rain: Floats, rng: np.random.Generator) -> Series:
    step = plan.interval.total_seconds()
    at_s: Floats = np.arange(1, int(WEEK_S // step) + 1).astype(np.float64) * step
    if plan.quantity == setting.rain_quantity:
        return Series(at_s, _gauge(at_s, rain * rng.lognormal(0.0, RAIN_GAUGE_SPREAD)))
    usual = setting.usual[plan.quantity]
    daily = usual.daily * np.sin(2 * np.pi * (at_s / 86400 - 10 / 24))  # highest at 16:00
    wet = usual.per_mm * rain[np.minimum((at_s // 3600).astype(int), HOURS - 1)]
    noise = usual.noise * _slow_noise(len(at_s), step, rng)
    return Series(at_s, np.maximum(usual.floor, usual.level + daily + wet + noise))


def _gauge(at_s: Floats, rain: Floats) -> Floats:
    """Return the rain that fell between one reading and the next, in tenths of a mm."""
    fallen = np.concatenate(([0.0], np.cumsum(rain)))
    hours = np.arange(HOURS + 1) * 3600.0
    totals = np.interp(np.concatenate(([0.0], at_s)), hours, fallen)
    return np.round(np.diff(totals), 1)


def _slow_noise(count: int, step: float, rng: np.random.Generator) -> Floats:
    """Return noise of unit variance that forgets within about an hour."""
    keep = float(np.exp(-step / 3600))
    fresh = rng.standard_normal(count) * np.sqrt(1 - keep**2)
    noise = np.empty(count)
    last = float(rng.standard_normal())
    for index, value in enumerate(fresh):
        last = keep * last + float(value)
        noise[index] = last
    return noise


def _spike_of(plan: StreamPlan, setting: Setting) -> float:
    # A rain gauge that is knocked tips its bucket many times at once.
    if plan.quantity == setting.rain_quantity:
        return 40.0
    return setting.usual[plan.quantity].spike


def _with_faults(series: Series, spike: float, rng: np.random.Generator) -> Series:
    at_s, values = series.at_s, series.values.copy()
    if rng.random() < STUCK_CHANCE:
        start = rng.uniform(0, WEEK_S)
        end = start + 3600 * rng.uniform(*STUCK_HOURS)
        inside = np.flatnonzero((at_s >= start) & (at_s < end))
        if inside.size:
            values[inside] = values[inside[0]]
    if rng.random() < SPIKE_CHANCE and values.size:
        values[rng.integers(0, values.size)] += spike
    if rng.random() < GAP_CHANCE:
        start = rng.uniform(0, WEEK_S)
        kept = (at_s < start) | (at_s >= start + 3600 * rng.exponential(GAP_HOURS_MEAN))
        at_s, values = at_s[kept], values[kept]
    return Series(at_s, values)


def complaints_of_week(
    setting: Setting, rain: Floats, rng: np.random.Generator
) -> tuple[OrdinaryReport, ...]:
    """Return the complaints in the order of time."""
    spots = _points(HOTSPOTS, setting.ground, rng)
    reports: list[OrdinaryReport] = []
    total = sum(kind.weight for kind in KINDS)
    for kind in KINDS:
        mean = setting.complaints_per_week * kind.weight / total
        for _ in range(rng.poisson(mean)):
            at_s = (rng.integers(0, 7) * 24 + _hour(kind, rng)) * 3600
            reports += _matter(kind, float(at_s), setting, spots, rng)
        for hour in np.flatnonzero(rain) if kind.per_mm else ():
            for _ in range(rng.poisson(kind.per_mm * rain[hour] * setting.complaints_per_week)):
                at_s = (hour + rng.uniform(0, 1)) * 3600
                reports += _matter(kind, float(at_s), setting, spots, rng)
    inside = [report for report in reports if report.at_s < WEEK_S]
    return tuple(sorted(inside, key=lambda report: report.at_s))


def _hour(kind: ComplaintKind, rng: np.random.Generator) -> float:
    """Return an hour of the day after the kind's own habit."""
    return float(rng.normal(rng.choice(np.array(kind.hours)), kind.hours_spread) % 24)


def _matter(
    kind: ComplaintKind,
    at_s: float,
    setting: Setting,
    spots: Sequence[tuple[float, float]],
    rng: np.random.Generator,
) -> list[OrdinaryReport]:
    """Return all the reports about one matter: mostly one, sometimes several callers."""
    if rng.random() < HOTSPOT_SHARE:
        lat, lon = _near(spots[int(rng.integers(0, len(spots)))], rng)
    else:
        lat, lon = _points(1, setting.ground, rng)[0]
    callers = 1 + (int(rng.geometric(0.5)) if rng.random() < kind.several else 0)
    times = [at_s, *(at_s + rng.exponential(900.0, callers - 1))]
    return [
        OrdinaryReport(
            at_s=float(time),
            lat=lat,
            lon=lon,
            text=_text(kind, setting, rng),
            kind=kind.name,
        )
        for time in times
    ]


def _text(kind: ComplaintKind, setting: Setting, rng: np.random.Generator) -> str:
    texts = kind.texts[setting.language]
    heated = kind.exaggerated.get(setting.language, ()) if setting.exaggeration else ()
    if heated and rng.random() < setting.exaggeration:
        texts = heated
    return texts[int(rng.integers(0, len(texts)))]


def _points(count: int, ground: Ground, rng: np.random.Generator) -> list[tuple[float, float]]:
    lats = rng.uniform(ground.south, ground.north, count)
    lons = rng.uniform(ground.west, ground.east, count)
    return [(float(lat), float(lon)) for lat, lon in zip(lats, lons, strict=True)]


def _near(spot: tuple[float, float], rng: np.random.Generator) -> tuple[float, float]:
    north, east = rng.normal(0.0, HOTSPOT_SPREAD_M, 2) / M_PER_DEGREE
    return spot[0] + float(north), spot[1] + float(east / np.cos(np.radians(spot[0])))


def instant(start: datetime, at_s: float) -> datetime:
    """Return an instant of a week that began at ``start``, to the millisecond."""
    return start + timedelta(milliseconds=round(at_s * 1000))
