"""Which incidents happen and which instruments fail in a run, by seed.

An incident goes as far as the limits of the packs in force ask: nothing here knows a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from anlan.kernel.scales import WarningLevel, rank
from anlan.learning.domain.packworld import PackWorld, pack_world
from anlan.learning.domain.simulator.profiles import PROFILES
from anlan.learning.domain.simulator.run import Run, empty_run
from anlan.learning.domain.simulator.weather import storms_of
from anlan.registry.domain.city import City
from anlan.registry.domain.jurisdiction import Jurisdiction
from anlan.registry.domain.rulespecs import Limit, ThresholdRule
from anlan.science.synthesis import MINUTE, Course, Flaw
from anlan.warning.domain.instants import instant, micros
from anlan.warning.domain.rulebook import factor_of

SHORTEST_HOURS = 3.0
DEFAULT_FAULTS = 0.02


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of incident: what shows it, how it comes up, how high it is meant to go."""

    quantities: tuple[str, ...]
    course: Course
    rise: tuple[float, float]  # minutes
    stay: tuple[float, float]
    fall: float = 0.0  # 0: it stays as it is
    level: WarningLevel = WarningLevel.ORANGE
    needs_rain: bool = False


KINDS: Mapping[str, Kind] = {
    "flooded_underpass": Kind(("tunnel_water_depth", "ponding_depth"), Course.SMOOTH, (25, 60),
                              (60, 150), 90, needs_rain=True),
    "flooded_rail": Kind(("yard_water_depth", "flood_board_share"), Course.SMOOTH, (40, 90), (60, 120),
                         120, needs_rain=True),
    "gas_leak": Kind(("gas_lel",), Course.SATURATING, (60, 120), (60, 180), 30),
    "toxic_air": Kind(("carbon_monoxide", "hydrogen_sulfide"), Course.SATURATING, (20, 60), (30, 90), 30,
                      WarningLevel.RED),
    "bridge_settlement": Kind(("bridge_load_share",), Course.STRAIGHT, (180, 480), (240, 480)),
    "excavation_moves": Kind(("pit_alarm_share",), Course.STRAIGHT, (120, 360), (240, 480)),
    "electrical_fire": Kind(("cable_temperature", "leakage_current"), Course.SQUARE, (20, 60), (20, 60),
                            30),
    "crowd_surge": Kind(("crowd_density", "occupancy"), Course.SMOOTH, (40, 90), (30, 90), 45),
    "lift_trapped": Kind(("lift_trapped_minutes",), Course.COUNTING, (1, 1), (25, 55), 0,
                         WarningLevel.YELLOW),
    "burst_main": Kind(("hydrant_pressure",), Course.SATURATING, (5, 15), (90, 240), 60),
}  # fmt: skip
"""Shapes and spans are [assumed]; docs/methods/simulator.md gives the sources of the courses."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One planted incident on one stream; instants in microseconds."""

    kind: str
    stream: int
    begins_us: int
    top_us: int  # from when it is at its worst
    ends_us: int  # when it is over, or the end of the run


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault of one stream; ``size`` in the unit of the stream, seconds for a skewed clock."""

    kind: str
    stream: int
    begins_us: int
    ends_us: int
    size: float = 0.0


@dataclass(frozen=True)
class Planted:
    """A run, what was planted in it, and the world of rules by which it is judged."""

    run: Run
    incidents: tuple[Incident, ...]
    faults: tuple[Fault, ...]
    packs: PackWorld


def plant(
    city: City,
    law: Jurisdiction,
    *,
    begins: datetime,
    hours: float,
    seed: int,
    each: int = 1,
    faults: float = DEFAULT_FAULTS,
) -> Planted:
    """Return a run of ``city`` with ``each`` incidents of every kind it can have, and its faults.

    ``faults`` is the share of streams whose instrument fails.  A run shorter than
    :data:`SHORTEST_HOURS` has no room for incidents and gets none.
    """
    rng = np.random.default_rng([seed, 13])
    storms = storms_of(rng, micros(begins), hours, wanted=each > 0)
    run = empty_run(city, law, begins=begins, hours=hours, seed=seed, storms=storms)
    packs = pack_world(city, law, at=begins)
    streams = run.streams.copy()
    taken: set[int] = set()
    incidents: list[Incident] = []
    for name, kind in KINDS.items() if hours >= SHORTEST_HOURS else ():
        fit = _fitting(run, packs, kind)
        for index in rng.permutation(len(fit))[:each]:
            incidents.append(_happen(run, streams, name, fit[int(index)], rng))
            taken.add(incidents[-1].stream)
    failed = _fail(run, packs, streams, faults, taken, rng)
    return Planted(replace(run, streams=streams), tuple(incidents), failed, packs)


def limit_of(packs: PackWorld, code: str, level: WarningLevel) -> tuple[float, float, str] | None:
    """Return the limit of ``level`` for a stream, how far to go beyond it, and how it compares.

    Without a limit of that level the nearest lower one counts.
    """
    stream = packs.world.streams[code]
    for rule in packs.rules.for_stream(stream):
        factor = factor_of(rule, packs.world.units)
        if not isinstance(rule, ThresholdRule) or factor is None:
            continue
        limits = sorted(rule.limits, key=lambda limit: rank(limit.level))
        at = next((n for n, limit in enumerate(limits) if rank(limit.level) >= rank(level)), None)
        if at is None:
            continue
        return limits[at].raise_at * factor, _beyond(limits, at, code, packs) * factor, rule.compare
    return None


def _beyond(limits: Sequence[Limit], at: int, code: str, packs: PackWorld) -> float:
    """Return a value past a limit and short of the next level's."""
    limit = limits[at].raise_at
    if at > 0:
        return limit + 0.35 * (limits[at - 1].raise_at - limit)
    usual = PROFILES[packs.world.streams[code].quantity]
    return limit + 0.25 * (limit - usual.level - usual.daily / 2)


def _fitting(run: Run, packs: PackWorld, kind: Kind) -> list[tuple[int, float]]:
    """Return the streams on which such an incident can show, with the value it goes to."""
    found = []
    for number, sensor in enumerate(run.sensors):
        if sensor.quantity not in kind.quantities:
            continue
        if kind.needs_rain and not run.amounts[number].max(initial=0.0) > 0.0:
            continue
        limit = limit_of(packs, sensor.code, kind.level)
        if limit is not None:
            found.append((number, limit[1]))
    return found


def _happen(
    run: Run, streams: Any, name: str, where: tuple[int, float], rng: np.random.Generator
) -> Incident:
    """Write one incident into its stream; ``where`` is the stream and the value it goes to."""
    kind, (stream, target) = KINDS[name], where
    begins, ends = micros(run.begins), micros(run.ends)
    length = ends - begins
    rise = min(rng.uniform(*kind.rise) * MINUTE, 0.3 * length)
    stay = min(rng.uniform(*kind.stay) * MINUTE, 0.3 * length)
    at = begins + rng.uniform(0.1, 0.35) * length
    if kind.needs_rain:  # the drain is blocked: what falls here stays
        wettest = int(run.amounts[stream].argmax())
        at = min(max(int(run.arrivals[stream, wettest]), begins), begins + 0.35 * length)
        at += 10 * MINUTE
    one = streams[stream]
    one["course"], one["target"], one["begins"] = kind.course, target, int(at)
    one["rise"], one["stay"], one["fall"] = int(rise), int(stay), int(kind.fall * MINUTE)
    top = int(at + (rise + stay if kind.course is Course.COUNTING else rise))
    over = int(at + rise + stay + kind.fall * MINUTE)
    lasts = kind.fall == 0 and kind.course is not Course.COUNTING
    return Incident(name, stream, int(at), top, ends if lasts else min(over, ends))


FAULT_KINDS = {
    "stuck": Flaw.STUCK, "spike": Flaw.SPIKE, "drift": Flaw.DRIFT, "gap": Flaw.GAP,
    "clock_skew": Flaw.SKEW, "duplicates": Flaw.DOUBLED, "out_of_range": Flaw.BEYOND,
    "battery": Flaw.BATTERY,
}  # fmt: skip


def _fail(
    run: Run, packs: PackWorld, streams: Any, share: float, taken: set[int],
    rng: np.random.Generator,
) -> tuple[Fault, ...]:  # fmt: skip
    """Let so many instruments fail that are not part of an incident, each kind in turn."""
    free = np.array([n for n in range(len(run.sensors)) if n not in taken], np.int64)
    chosen = rng.permutation(free)[: round(share * len(run.sensors))]
    begins, length = micros(run.begins), micros(run.ends) - micros(run.begins)
    found = []
    for turn, stream in enumerate(chosen.tolist()):
        name = tuple(FAULT_KINDS)[turn % len(FAULT_KINDS)]
        start = int(begins + rng.uniform(0.1, 0.5) * length)
        end = int(start + rng.uniform(0.15, 0.4) * length)
        if name == "spike":
            end = start + int(streams[stream]["interval"])
        if name == "battery":
            end = begins + length
        size = _size(run, packs, name, stream, rng)
        one = streams[stream]
        one["flaw"], one["flawed_from"], one["flawed_to"] = FAULT_KINDS[name], start, end
        one["flaw_size"] = size * 1e6 if name == "clock_skew" else size
        if name == "battery":  # nothing is left two thirds of the way
            one["flawed_to"] = start + (end - start) * 2 // 3
        found.append(Fault(name, stream, start, end, size))
    return tuple(found)


def _size(run: Run, packs: PackWorld, name: str, stream: int, rng: np.random.Generator) -> float:
    sensor = run.sensors[stream]
    usual, one = PROFILES[sensor.quantity], run.streams[stream]
    if name == "spike":
        return usual.spike
    if name == "clock_skew":
        return float(rng.choice([-300.0, -180.0, 120.0, 300.0]))
    if name == "out_of_range":
        high = float(one["ceiling"])
        return high * 1.5 + 100.0 if high < 1e9 else -9999.0
    if name != "drift":
        return 0.0
    limit = limit_of(packs, sensor.code, WarningLevel.YELLOW)
    # A third of the way to the limit: wrong, and no danger.
    room = (limit[0] - usual.level - usual.daily) / 3 if limit else usual.spike / 10
    return float(np.sign(usual.spike) * abs(room))


def when(us: int, run: Run) -> datetime:
    """Return an instant of a run in its own time zone."""
    return instant(us).astimezone(run.begins.tzinfo)
