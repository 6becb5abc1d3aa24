"""Danger × kind of place: one alert instance for each place to which all conditions apply."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from anlan.kernel.geometry import Point, distance_m
from anlan.kernel.scales import at_least
from anlan.registry.domain.rulespecs import (
    ConjunctionRule,
    ReadingCondition,
    ReportCondition,
    SignalCondition,
)
from anlan.warning.domain.findings import Evidence, Finding, Phase, Reason, What
from anlan.warning.domain.instants import instant, micros, span_micros
from anlan.warning.domain.memory import CityMemory, KeptReport, Standing
from anlan.warning.domain.rulebook import RuleBook, compares
from anlan.warning.domain.signs import Place, World, spoken

MOST_EVIDENCE = 50  # reports named by one finding


class Seen(NamedTuple):
    """Whether one condition holds (None: cannot be told), since when, and by which signs."""

    holds: bool | None
    since: int = 0
    evidence: Evidence = Evidence()
    why: str = ""


def judge_conjunctions(
    rules: RuleBook, memory: CityMemory, world: World, *, now: datetime
) -> tuple[list[Standing], list[Finding]]:
    """Return the open instances of every conjunction rule, and what to tell.

    A condition that cannot be told (no fresh reading) raises nothing and
    clears nothing.
    """
    places = {place.code: place for place in world.places}
    open_ones = {
        (item.rule, item.subject): item
        for item in memory.standing
        if item.subject.startswith("place:")
    }
    asked = _asked(rules, open_ones, places, world)
    streams = _streams_at(world)
    after: list[Standing] = []
    findings: list[Finding] = []
    for rule_id, subject in sorted(asked):
        item = open_ones.get((rule_id, subject))
        rule = rules.version(rule_id, item.version) if item else rules.current(rule_id)
        place = places.get(subject.removeprefix("place:"))
        if not isinstance(rule, ConjunctionRule) or place is None:
            if item is not None:
                findings.append(_gone(item, place, now=now))
            continue
        conditions = Conditions(memory, world, streams, now=micros(now)).of(rule, place)
        standing, found = _decide(rule, place, item, conditions, now=micros(now))
        after += [standing] if standing else []
        findings += [found] if found else []
    return after, findings


def _asked(
    rules: RuleBook,
    open_ones: dict[tuple[str, str], Standing],
    places: dict[str, Place],
    world: World,
) -> set[tuple[str, str]]:
    """Return the rules and places worth looking at."""
    asked = set(open_ones)
    for rule in rules.conjunctions():
        codes: set[str] = set(places)
        if rule.signal is not None:
            codes = {
                code
                for signal in world.signals
                if signal.hazard == rule.signal.hazard
                and at_least(signal.level, rule.signal.at_least)
                for code in signal.places
            }
        asked |= {
            (rule.id, f"place:{code}")
            for code in codes
            if code in places and places[code].kind in rule.place_kinds
        }
    return asked


def _streams_at(world: World) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for stream in world.streams.values():
        if stream.place:
            found.setdefault((stream.place, stream.quantity), []).append(stream.code)
    return found


class Conditions:
    """The conditions of conjunction rules as they stand in one step."""

    def __init__(
        self,
        memory: CityMemory,
        world: World,
        streams: dict[tuple[str, str], list[str]],
        *,
        now: int,
    ) -> None:
        self.memory, self.world, self.streams, self.now = memory, world, streams, now

    def of(self, rule: ConjunctionRule, place: Place) -> list[Seen]:
        """Return every condition that a rule states, at one place."""
        found = []
        if rule.signal is not None:
            found.append(self._signal(rule.signal, place))
        if rule.report is not None:
            found.append(self._report(rule.report, place))
        if rule.reading is not None:
            found.append(self._reading(rule.reading, place))
        return found

    def _signal(self, asked: SignalCondition, place: Place) -> Seen:
        over = (signal for signal in self.world.signals if place.code in signal.places)
        said = spoken(asked, over)
        if said.rose:
            return Seen(holds=False, why="signal_rose")
        if not said.signals:
            return Seen(holds=False, why="signal_ended")
        since = min(micros(signal.since) for signal in said.signals)
        ids = tuple(sorted(signal.id for signal in said.signals))
        return Seen(holds=True, since=since, evidence=Evidence(signals=ids))

    def _report(self, asked: ReportCondition, place: Place) -> Seen:
        within = span_micros(asked.within)
        reports = [
            report
            for report in self.memory.reports
            if report.hazard == asked.hazard
            and report.at >= self.now - within
            and _report_near(report, place, asked.within_m)
        ]
        if not reports:
            return Seen(holds=False, why="reports_past")
        ids = tuple(sorted(report.id for report in reports))
        since = min(report.at for report in reports)
        return Seen(holds=True, since=since, evidence=Evidence(reports=ids[-MOST_EVIDENCE:]))

    def _reading(self, asked: ReadingCondition, place: Place) -> Seen:
        codes = sorted(self.streams.get((place.code, asked.quantity), []))
        seen = [self._latest(asked, code) for code in codes]
        for wanted in (True, None):
            fitting = [item for item in seen if item.holds is wanted]
            if fitting:
                return fitting[0]
        return seen[0] if seen else Seen(None, why="no_reading")

    def _latest(self, asked: ReadingCondition, stream: str) -> Seen:
        latest = self.memory.latest.get(stream)
        if latest is None or latest[0] < self.now - span_micros(asked.max_age):
            return Seen(None, why="no_reading")
        at, value = latest
        holds = compares(asked.compare, value, asked.value)
        return Seen(
            holds, at, Evidence(readings=((stream, instant(at), value),)), "" if holds else "calm"
        )


def _report_near(report: KeptReport, place: Place, within_m: float) -> bool:
    if report.lat is None or report.lon is None or place.lat is None or place.lon is None:
        return bool(place.area) and place.area in {report.spot, report.area}
    return distance_m(Point(report.lat, report.lon), Point(place.lat, place.lon)) <= within_m


def _decide(
    rule: ConjunctionRule,
    place: Place,
    item: Standing | None,
    conditions: Sequence[Seen],
    *,
    now: int,
) -> tuple[Standing | None, Finding | None]:
    broken = next((seen for seen in conditions if seen.holds is False), None)
    if broken is not None:
        if item is None:
            return None, None
        reason = Reason(f"conjunction.{broken.why}")
        return None, _finding(rule, place, What.CLEARED, reason, conditions, since=now, at=now)
    lost = any(seen.holds is None for seen in conditions)
    phase = Phase.LOST if lost else Phase.RAISED
    if item is not None:
        return _standing(rule, place, item.since, phase, version=item.version), None
    if lost:
        return None, None
    since = min(now, max(seen.since for seen in conditions))
    params: dict[str, str | int | float] = {"place_kind": place.kind, "conditions": len(conditions)}
    reason = Reason("conjunction.all_hold", params)
    found = _finding(rule, place, What.RAISED, reason, conditions, since=since, at=since)
    return _standing(rule, place, since, phase, version=rule.version), found


def _standing(
    rule: ConjunctionRule, place: Place, since: int, phase: Phase, *, version: int
) -> Standing:
    return Standing(
        rule=rule.id,
        version=version,
        subject=f"place:{place.code}",
        level=rule.level.value,
        since=since,
        phase=phase,
    )


def _finding(
    rule: ConjunctionRule,
    place: Place,
    what: What,
    reason: Reason,
    conditions: Sequence[Seen],
    *,
    since: int,
    at: int,
) -> Finding:
    return Finding(
        what=what,
        rule=rule.id,
        version=rule.version,
        subject=f"place:{place.code}",
        hazard=rule.hazard,
        level=rule.level.value,
        before="" if what is What.RAISED else rule.level.value,
        area=place.area,
        place=place.code,
        since=instant(since),
        at=instant(at),
        reason=reason,
        evidence=Evidence(
            readings=tuple(x for seen in conditions for x in seen.evidence.readings),
            reports=tuple(x for seen in conditions for x in seen.evidence.reports),
            signals=tuple(x for seen in conditions for x in seen.evidence.signals),
        ),
    )


def _gone(item: Standing, place: Place | None, *, now: datetime) -> Finding:
    code = "rule.gone" if place is not None else "subject.ended"
    return Finding(
        what=What.CLEARED,
        rule=item.rule,
        version=item.version,
        subject=item.subject,
        hazard="",
        level=item.level,
        before=item.level,
        area=place.area if place is not None else "",
        place=item.subject.removeprefix("place:"),
        since=now,
        at=now,
        reason=Reason(code),
    )


def reports_span(rules: RuleBook) -> int:
    """Return for how long reports must be remembered for conjunctions."""
    asked = [rule.report for rule in rules.conjunctions() if rule.report is not None]
    return max((span_micros(item.within) for item in asked), default=0)


def reports_due(rules: RuleBook, memory: CityMemory, *, now: int) -> int | None:
    """Return when a report that a conjunction may rest on next becomes too old."""
    due = [
        report.at + span_micros(rule.report.within) + 1
        for rule in rules.conjunctions()
        if rule.report is not None
        for report in memory.reports
        if report.hazard == rule.report.hazard
    ]
    return min((at for at in due if at > now), default=None)
