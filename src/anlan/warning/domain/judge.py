"""The judge: ``step(rules, memory, batch, world, now=)`` gives the memory after, and findings.

Pure: no clock, no database, no randomness.  What it remembers is a value that
can be stored, so a judge that starts again goes on where it stopped, and one
that hears a batch twice finds nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from anlan.warning.domain import clusters, conjunctions, lags
from anlan.warning.domain.evidence import ended
from anlan.warning.domain.findings import Finding, Phase, higher
from anlan.warning.domain.instants import micros
from anlan.warning.domain.memory import (
    CityMemory,
    KeptReport,
    KeptSignal,
    Memory,
    RuleOnStream,
    StreamMemory,
)
from anlan.warning.domain.rulebook import RuleBook, unusable
from anlan.warning.domain.signs import Batch, Observation, Stream, World
from anlan.warning.domain.silence import judge_silence, silence_due
from anlan.warning.domain.streams import heard, judge_rules, levels_seen

MOST_REMEMBERED = 5_000  # reports for conjunctions, messages for repetitions


class Step(NamedTuple):
    """What a step leaves behind."""

    memory: Memory
    findings: tuple[Finding, ...]
    too_late: int = 0  # readings older than the lateness budget: kept by sensing, not judged
    unusable: tuple[str, ...] = ()  # rules whose unit is unknown to their quantity


def step(rules: RuleBook, memory: Memory, batch: Batch, world: World, *, now: datetime) -> Step:
    """Judge what is new and what time alone has changed, as of ``now``.

    ``memory.streams`` may leave out streams that have no news and nothing due
    (``next_at``); they stay as they are.  Streams that the judge does not know
    yet begin their silence at ``now``.  Findings come in order of their
    evidence times within each subject.
    """
    useless = unusable(rules.in_force, world.units)
    if useless:
        usable = tuple(rule for rule in rules.in_force if rule.id not in useless)
        rules = RuleBook(in_force=usable, older=rules.older)
    streams, findings, too_late = _streams(rules, memory, batch, world, now=now)
    latest = _latest(rules, memory.city, world, streams)
    city, found = judge_city(rules, memory.city, batch, world, latest, now=now)
    city = replace(city, known=frozenset(world.streams))
    return Step(Memory(city, streams), (*findings, *found), too_late, useless)


def _streams(
    rules: RuleBook, memory: Memory, batch: Batch, world: World, *, now: datetime
) -> tuple[dict[str, StreamMemory], list[Finding], int]:
    new: dict[str, list[Observation]] = {}
    for item in batch.observations:
        new.setdefault(item.stream, []).append(item)
    after: dict[str, StreamMemory] = {}
    findings: list[Finding] = []
    too_late = 0
    fresh = {code for code in world.streams if code not in memory.city.known}
    for code in sorted(memory.streams.keys() | fresh | (new.keys() & world.streams.keys())):
        stream = world.streams.get(code)
        before = memory.streams.get(code) or StreamMemory(since=micros(now))
        if stream is None:
            findings += _ended_stream(code, before, now=now)
            continue
        judged, found, late = judge_stream(rules, before, stream, new.get(code, []), world, now=now)
        after[code] = judged
        findings += found
        too_late += late
    return after, findings, too_late


def judge_stream(
    rules: RuleBook,
    memory: StreamMemory,
    stream: Stream,
    new: list[Observation],
    world: World,
    *,
    now: datetime,
) -> tuple[StreamMemory, list[Finding], int]:
    """Return one stream after its news and the passing of time."""
    memory, late = heard(memory, new)
    memory, findings, due = judge_rules(memory, stream, rules, world.units, now=now)
    silence, more = judge_silence(memory, stream, rules, levels_seen(memory), now=now)
    memory = replace(memory, silence=silence)
    quiet_at = silence_due(memory, stream, rules)
    memory = replace(memory, next_at=_first(due, quiet_at))
    return memory, [*findings, *more], late


def _ended_stream(code: str, memory: StreamMemory, *, now: datetime) -> list[Finding]:
    stream = Stream(code=code, quantity="", interval=now - now)
    open_ones = [(item.rule, item.version, item.told) for item in memory.rules if item.told]
    if memory.silence is not None:
        open_ones.append((memory.silence.rule, memory.silence.version, memory.silence.level))
    return [
        ended(stream, rule, version, level, code="subject.ended", now=now)
        for rule, version, level in open_ones
    ]


def judge_city(
    rules: RuleBook,
    memory: CityMemory,
    batch: Batch,
    world: World,
    latest: Mapping[str, tuple[int, float]],
    *,
    now: datetime,
) -> tuple[CityMemory, list[Finding]]:
    """Return what concerns no single stream after its news: clusters, conjunctions and lags.

    ``latest`` has the newest reading with a value of each stream that conjunctions may ask for;
    of ``world.streams`` only those count.
    """
    reports = [clusters.keep(report, now=now) for report in batch.reports]
    gathered = clusters.judge_clusters(rules, memory.clusters, memory.loose, reports, now=now)
    memory = CityMemory(
        known=memory.known,
        loose=gathered.loose,
        clusters=gathered.clusters,
        reports=_reports(rules, memory, reports, now=now),
        signals=_signals(rules, memory, batch, now=now),
        latest=dict(latest),
        standing=memory.standing,
    )
    at_places, found = conjunctions.judge_conjunctions(rules, memory, world, now=now)
    behind, more = lags.judge_lags(rules, memory, world, now=now)
    due = _first(
        clusters.clusters_due(rules, gathered.clusters),
        conjunctions.reports_due(rules, memory, now=micros(now)),
        lags.lags_due(rules, behind),
    )
    values = {name: getattr(memory, name) for name in memory.__struct_fields__}
    values |= {"standing": (*at_places, *behind), "next_at": due}
    return CityMemory(**values), [*gathered.findings, *found, *more]


def _reports(
    rules: RuleBook, memory: CityMemory, new: list[KeptReport], *, now: datetime
) -> tuple[KeptReport, ...]:
    wanted = {rule.report.hazard for rule in rules.conjunctions() if rule.report is not None}
    floor = micros(now) - conjunctions.reports_span(rules)
    kept = {item.id: item for item in (*memory.reports, *new)}
    found = [item for item in kept.values() if item.hazard in wanted and item.at >= floor]
    return tuple(sorted(found, key=lambda item: (item.at, item.id))[-MOST_REMEMBERED:])


def _signals(
    rules: RuleBook, memory: CityMemory, batch: Batch, *, now: datetime
) -> tuple[KeptSignal, ...]:
    span = lags.signals_span(rules)
    if not span:
        return ()
    kept = {item.id: item for item in memory.signals}
    for sign in batch.signals:
        kept[sign.id] = KeptSignal(
            id=sign.id,
            at=micros(sign.at),
            hazard=sign.hazard,
            level=sign.level,
            areas=sign.areas,
        )
    found = [item for item in kept.values() if item.at >= micros(now) - span]
    return tuple(sorted(found, key=lambda item: (item.at, item.id))[-MOST_REMEMBERED:])


def asked_streams(rules: RuleBook, streams: Mapping[str, Stream]) -> dict[str, Stream]:
    """Return the streams whose latest reading conjunctions may ask for."""
    asked = {rule.reading.quantity for rule in rules.conjunctions() if rule.reading is not None}
    return {code: item for code, item in streams.items() if item.place and item.quantity in asked}


def _latest(
    rules: RuleBook, memory: CityMemory, world: World, streams: Mapping[str, StreamMemory]
) -> dict[str, tuple[int, float]]:
    wanted = asked_streams(rules, world.streams).keys()
    latest = {code: value for code, value in memory.latest.items() if code in wanted}
    for code in wanted & streams.keys():
        valued = [item for item in streams[code].readings if item.value is not None]
        if valued and valued[-1].value is not None:
            latest[code] = (valued[-1].at, valued[-1].value)
    return latest


def _first(*instants: int | None) -> int | None:
    return min((at for at in instants if at is not None), default=None)


def phase_of(memory: Memory, rule: str, subject: str) -> Phase:
    """Return the named state of a rule on a subject; what is not remembered is normal."""
    kind, _, code = subject.partition(":")
    if kind == "stream":
        stream = memory.streams.get(code)
        if stream is None:
            return Phase.NORMAL
        if stream.silence is not None and stream.silence.rule == rule:
            return Phase.RAISED
        return next((item.phase for item in stream.rules if item.rule == rule), Phase.NORMAL)
    if kind == "cluster":
        found = any(x.rule == rule and x.subject == subject for x in memory.city.clusters)
        return Phase.RAISED if found else Phase.NORMAL
    standing = (x for x in memory.city.standing if x.rule == rule and x.subject == subject)
    return next((item.phase for item in standing), Phase.NORMAL)


def level_now(memory: Memory, rule: str, subject: str) -> str:
    """Return the level of the open alert instance of a rule on a subject, or empty."""
    kind, _, code = subject.partition(":")
    level = ""
    if kind == "stream" and code in memory.streams:
        stream = memory.streams[code]
        open_rules: list[RuleOnStream] = [x for x in stream.rules if x.rule == rule]
        level = open_rules[0].told if open_rules else ""
        if stream.silence is not None and stream.silence.rule == rule:
            level = higher(level, stream.silence.level)
    for cluster in memory.city.clusters:
        if cluster.rule == rule and cluster.subject == subject:
            level = cluster.level
    for item in memory.city.standing:
        if (item.rule, item.subject) == (rule, subject) and item.phase is not Phase.PENDING:
            level = item.level
    return level
