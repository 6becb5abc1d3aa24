"""The truth about a run: what was planted, and when each rule of the packs should first raise.

The instants come from reading the finished data plainly, one reading after another, and not from
the judge: the two can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec
import numpy as np

from anlan.kernel.durations import parse_span
from anlan.kernel.scales import rank
from anlan.learning.domain.packworld import PackWorld
from anlan.learning.domain.simulator.planting import Planted, when
from anlan.learning.domain.simulator.run import Readings, Run, readings
from anlan.registry.domain.rulespecs import ThresholdRule, WindowLimit, WindowRule
from anlan.science.synthesis import MINUTE, Floats, Ints
from anlan.warning.domain.rulebook import StreamRule, compares, factor_of, scaled

VERSION = 1
NOTE = (
    "Simulated (模拟数据): made up by seed, of no real place, person or event. "
    "A stream that is named here in no incident and no fault should raise nothing."
)
_MICROSECOND = timedelta(microseconds=1)


class ShouldRaise(msgspec.Struct, frozen=True):
    """One level of one rule that the data reach, and the first instant at which they do."""

    rule: str
    hazard: str
    stream: str
    level: str
    at: datetime


class TrueIncident(msgspec.Struct, frozen=True):
    """A planted incident; ``expected`` the highest level, ``should_raise`` every level of every rule."""

    kind: str
    streams: tuple[str, ...]
    place: str
    area: str
    begins: datetime
    top: datetime
    ends: datetime
    expected: str
    first: datetime | None
    should_raise: tuple[ShouldRaise, ...]


class TrueFault(msgspec.Struct, frozen=True):
    """A planted fault; no danger may be told of, a device alert may."""

    kind: str
    stream: str
    place: str
    begins: datetime
    ends: datetime
    size: float


class Truth(msgspec.Struct, frozen=True):
    """What is true of a run."""

    version: int
    note: str
    city: str
    seed: int
    begins: datetime
    ends: datetime
    streams: int
    incidents: tuple[TrueIncident, ...]
    faults: tuple[TrueFault, ...]


def truth_of(planted: Planted, *, city: str) -> Truth:
    """Return the truth about a run, by making and reading the streams of its incidents alone."""
    run = planted.run
    incidents = []
    for one in planted.incidents:
        sensor = run.sensors[one.stream]
        found = reached(planted.packs, run, one.stream)
        incidents.append(
            TrueIncident(
                kind=one.kind,
                streams=(sensor.code,),
                place=sensor.risk_point or "",
                area=sensor.area,
                begins=when(one.begins_us, run),
                top=when(one.top_us, run),
                ends=when(one.ends_us, run),
                expected=_highest(found),
                first=min((row.at for row in found), default=None),
                should_raise=found,
            )
        )
    faults = tuple(
        TrueFault(
            kind=one.kind,
            stream=run.sensors[one.stream].code,
            place=run.sensors[one.stream].risk_point or "",
            begins=when(one.begins_us, run),
            ends=when(one.ends_us, run),
            size=one.size,
        )
        for one in planted.faults
    )
    return Truth(
        version=VERSION,
        note=NOTE,
        city=city,
        seed=run.seed,
        begins=run.begins,
        ends=run.ends,
        streams=len(run.sensors),
        incidents=tuple(incidents),
        faults=faults,
    )


def _highest(found: Sequence[ShouldRaise]) -> str:
    order = ("red", "orange", "yellow", "blue")
    return min((row.level for row in found), key=order.index, default="")


def series_of(run: Run, stream: int) -> tuple[Ints, Floats]:
    """Return what one stream says, in the order of the instants of measurement, each once."""
    parts: Iterable[Readings] = readings(run.only([stream]), step=timedelta(hours=6))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    at_us, value = columns[1], columns[2]
    _, last = np.unique(at_us[::-1], return_index=True)
    kept = at_us.size - 1 - last
    return at_us[kept], value[kept]


def reached(packs: PackWorld, run: Run, stream: int) -> tuple[ShouldRaise, ...]:
    """Return every level of every threshold and window rule that the stream's data reach."""
    code = run.sensors[stream].code
    at_us, value = series_of(run, stream)
    found = []
    for rule in packs.rules.for_stream(packs.world.streams[code]):
        factor = factor_of(rule, packs.world.units)
        if factor is None:
            continue
        for limit in sorted(rule.limits, key=lambda one: rank(one.level)):
            window = _us(limit.window) if isinstance(limit, WindowLimit) else 0
            shown = _looked_at(rule, window, at_us, value)
            beyond = [
                bool(compares(rule.compare, one, scaled(limit.raise_at, factor))) for one in shown
            ]
            first = first_held(at_us, beyond, hold=_us(rule.hold), fresh=_fresh(run, stream))
            if first is not None:
                found.append(
                    ShouldRaise(rule.id, rule.hazard, code, limit.level.value, when(first, run))
                )
    return tuple(found)


def first_held(at_us: Ints, beyond: Sequence[bool], *, hold: int, fresh: int) -> int | None:
    """Return the first instant up to which the readings were beyond for ``hold`` without a break.

    A reading stands for ``fresh`` at most; after that the while begins anew.
    """
    since: int | None = None
    last = 0
    for at, is_beyond in zip(at_us.tolist(), beyond, strict=True):
        if since is not None and since + hold <= min(at, last + fresh):
            return since + hold
        if since is not None and at - last > fresh:
            since = None
        if not is_beyond:
            since = None
        elif since is None:
            since = at
        last = at
    return since + hold if since is not None and since + hold <= last else None


def _fresh(run: Run, stream: int) -> int:
    return max(3 * int(run.streams[stream]["interval"]), 5 * MINUTE)


def _us(span: str) -> int:
    return parse_span(span) // _MICROSECOND


def _looked_at(rule: StreamRule, window: int, at_us: Ints, value: Floats) -> list[float]:
    """Return what the rule looks at, at each reading; NaN where it may not raise."""
    if isinstance(rule, ThresholdRule):
        return list(map(float, value))
    return [_over(rule, window, at_us, value, last) for last in range(at_us.size)]


def _over(rule: WindowRule, window: int, at_us: Ints, value: Floats, last: int) -> float:
    """Return a window rule's figure at one reading."""
    begins = int(at_us[last]) - window
    side: Literal["left", "right"] = "right" if rule.function in {"sum", "mean"} else "left"
    first = int(np.searchsorted(at_us, begins, side=side))
    inside = value[first : last + 1]
    if rule.function == "sum":
        return round(float(inside.sum()), 9)
    if rule.function == "mean":
        return float(inside.mean())
    span = float(at_us[last] - at_us[first])
    if first == last:
        return float("nan")
    change = float(value[last] - value[first])
    if rule.function == "change":
        return change
    return change * 60 * MINUTE / span if span >= rule.min_coverage * window else float("nan")
