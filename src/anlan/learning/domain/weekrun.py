"""Run an ordinary week through the pure judge and count what it falsely raised.

The same rules, streams, places and words as live, but no database: a hundred weeks
would not be affordable otherwise.  ``tests/learning/test_ordinary_db.py`` holds
that both ways give the same alerts.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from anlan.kernel.scales import WarningLevel
from anlan.learning.domain.ordinary import OrdinaryReport, OrdinaryWeek, instant
from anlan.learning.domain.packworld import PackWorld
from anlan.learning.domain.quiet import loud_streams
from anlan.learning.domain.summary import OrdinaryRow, RuleCount
from anlan.sensing.domain.reports import Recognised, recognise, words_of
from anlan.warning.domain.findings import Finding, What, higher
from anlan.warning.domain.judge import step
from anlan.warning.domain.memory import Memory
from anlan.warning.domain.signs import (
    Batch,
    Observation,
    ReportSign,
    SignalInForce,
    SignalSign,
)

TICK = timedelta(minutes=30)
WEEK = timedelta(days=7)
COUNTED = (WarningLevel.RED.value, WarningLevel.ORANGE.value)

Sign = Observation | ReportSign | SignalSign


@dataclass(frozen=True, slots=True)
class FalseAlert:
    """One alert instance of a week at the highest level it reached."""

    rule: str
    subject: str
    level: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WeekCount:
    """What one week raised, and how much came in."""

    seed: int
    alerts: tuple[FalseAlert, ...]
    readings: int
    reports: int

    def of_level(self, level: str) -> int:
        """Return how many instances reached exactly ``level``."""
        return sum(alert.level == level for alert in self.alerts)


@dataclass(frozen=True, slots=True)
class _Comes:
    """A sign and when it comes in."""

    at: datetime
    sign: Sign

    def __lt__(self, other: _Comes) -> bool:
        return self.at < other.at


def signs_of(
    week: OrdinaryWeek,
    packs: PackWorld,
    hazard: str,
    *,
    start: datetime,
    streams: Collection[str],
) -> list[tuple[datetime, Sign]]:
    """Return what the week brings, as the judge hears it: readings of ``streams`` and the rest."""
    readings = [_readings(code, week, start) for code in week.series if code in streams]
    words = words_of(packs.lexicon)
    # The same wordings come again and again, and the lexicon is long: each is read once.
    seen = {text: recognise(text, words) for text in {item.text for item in week.reports}}
    reports = (
        _report(number, item, seen[item.text], start) for number, item in enumerate(week.reports, 1)
    )
    signals = (
        _Comes(
            instant(start, item.at_s),
            SignalSign(
                id=number,
                at=instant(start, item.at_s),
                hazard=hazard,
                level=WarningLevel.YELLOW.value,
                areas=(packs.root_area,),
            ),
        )
        for number, item in enumerate(week.signals, 1)
    )
    return [(item.at, item.sign) for item in heapq.merge(*readings, reports, signals)]


def _readings(code: str, week: OrdinaryWeek, start: datetime) -> Iterator[_Comes]:
    series = week.series[code]
    for at_s, value in zip(series.at_s.tolist(), series.values.tolist(), strict=True):
        at = instant(start, at_s)
        yield _Comes(at, Observation(stream=code, at=at, value=value, received=at))


def _report(number: int, item: OrdinaryReport, seen: Recognised, start: datetime) -> _Comes:
    at = instant(start, item.at_s)
    sign = ReportSign(
        id=number, at=at, hazard=seen.hazard, lat=item.lat, lon=item.lon, strong=seen.strong
    )
    return _Comes(at, sign)


def _batches(
    signs: Sequence[tuple[datetime, Sign]], start: datetime, tick: timedelta
) -> Iterator[tuple[datetime, Batch]]:
    """Return what came in during each tick, with the instant at its end."""
    index = 0
    now = start
    while now < start + WEEK:
        now += tick
        found: list[Sign] = []
        while index < len(signs) and signs[index][0] <= now:
            found.append(signs[index][1])
            index += 1
        yield (
            now,
            Batch(
                observations=tuple(item for item in found if isinstance(item, Observation)),
                reports=tuple(item for item in found if isinstance(item, ReportSign)),
                signals=tuple(item for item in found if isinstance(item, SignalSign)),
            ),
        )


def _standing(
    week: OrdinaryWeek, packs: PackWorld, hazard: str, now: datetime, start: datetime
) -> tuple[SignalInForce, ...]:
    """Return the week's signal while it is in force; it covers the whole city."""
    found = []
    for number, item in enumerate(week.signals, 1):
        since = instant(start, item.at_s)
        if since <= now < since + timedelta(hours=item.valid_hours):
            found.append(
                SignalInForce(
                    id=number,
                    hazard=hazard,
                    level=WarningLevel.YELLOW,
                    since=since,
                    areas=(packs.root_area,),
                    places=frozenset(place.code for place in packs.world.places),
                )
            )
    return tuple(found)


def run_week(
    week: OrdinaryWeek,
    packs: PackWorld,
    *,
    hazard: str,
    start: datetime,
    tick: timedelta = TICK,
    streams: Collection[str] | None = None,
) -> WeekCount:
    """Return the alerts of one week; ``hazard`` is the slug of the relayed rainstorm signal.

    The judge sits every ``tick``; evidence times do not depend on it, but a silence
    shorter than a tick is not noticed.  Only ``streams`` are judged: by default those
    that can raise a red or an orange alert at all, so that yellow ones may be missing.
    """
    judged = loud_streams(week, packs, COUNTED) if streams is None else streams
    signs = signs_of(week, packs, hazard, start=start, streams=judged)
    base = msgspec.structs.replace(
        packs.world,
        streams={code: item for code, item in packs.world.streams.items() if code in judged},
    )
    memory = Memory()
    findings: list[Finding] = []
    for now, batch in _batches(signs, start, tick):
        world = msgspec.structs.replace(base, signals=_standing(week, packs, hazard, now, start))
        after = step(packs.rules, memory, batch, world, now=now)
        memory = after.memory
        findings += after.findings
    return WeekCount(
        seed=week.seed,
        alerts=tuple(instances(findings)),
        readings=sum(len(series.at_s) for series in week.series.values()),
        reports=len(week.reports),
    )


def instances(findings: Iterable[Finding]) -> Iterator[FalseAlert]:
    """Return each alert instance once, at its peak, in the order in which they were raised."""
    peaks: dict[tuple[str, str], Finding] = {}
    done: list[tuple[Finding, str]] = []
    levels: dict[tuple[str, str], str] = {}
    for finding in findings:
        key = (finding.rule, finding.subject)
        if finding.what is What.CLEARED:
            first = peaks.pop(key, None)
            if first is not None:
                done.append((first, levels.pop(key)))
            continue
        peaks.setdefault(key, finding)
        levels[key] = higher(levels.get(key, ""), finding.level)
    done += [(first, levels[key]) for key, first in peaks.items()]
    for first, level in sorted(done, key=lambda item: (item[0].at, item[0].rule, item[0].subject)):
        yield FalseAlert(rule=first.rule, subject=first.subject, level=level, at=first.at)


def tally(city: str, counts: Sequence[WeekCount]) -> OrdinaryRow:
    """Return the false reds and oranges of all weeks, in all and by rule."""
    if not counts:
        raise ValueError("no ordinary week was run")
    reds = [count.of_level(WarningLevel.RED.value) for count in counts]
    oranges = [count.of_level(WarningLevel.ORANGE.value) for count in counts]
    by_rule = Counter(
        (alert.rule, alert.level)
        for count in counts
        for alert in count.alerts
        if alert.level in COUNTED
    )
    rows = sorted(by_rule.items(), key=lambda item: (COUNTED.index(item[0][1]), -item[1], item[0]))
    return OrdinaryRow(
        city=city,
        weeks=len(counts),
        first_seed=min(count.seed for count in counts),
        red_mean=sum(reds) / len(counts),
        red_max=max(reds),
        orange_mean=sum(oranges) / len(counts),
        orange_max=max(oranges),
        rules=tuple(
            RuleCount(rule=rule, level=level, total=total, per_week=total / len(counts))
            for (rule, level), total in rows
        ),
        readings=sum(count.readings for count in counts),
        reports=sum(count.reports for count in counts),
    )
