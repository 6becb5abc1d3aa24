"""One stream, judged: late and repeated readings, threshold and window rules, silence.

The level of a rule is a fold over the readings in order of their instants.
Readings older than the newest by more than :data:`LATENESS` are settled; the
rest is folded again at each step, so that a late, repeated or corrected
reading inside that budget gives exactly what it would have given on time.  Of more than
:data:`MOST_KEPT` readings the oldest go, and coverage falls.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from anlan.registry.domain import rulespecs
from anlan.registry.domain.rulespecs import ThresholdRule, WindowRule
from anlan.warning.domain.bench import Bench
from anlan.warning.domain.evidence import finding_of_turn, without_rule
from anlan.warning.domain.findings import Finding, higher
from anlan.warning.domain.instants import micros, span_micros
from anlan.warning.domain.memory import Reading, RuleOnStream, StreamMemory
from anlan.warning.domain.rulebook import RuleBook, StreamRule, lookback_of
from anlan.warning.domain.signs import Observation, Stream, Units
from anlan.warning.domain.telling import only_now

LATENESS, MOST_KEPT = rulespecs.LATENESS, rulespecs.MOST_KEPT


class StreamStep(NamedTuple):
    """A stream after a step."""

    memory: StreamMemory
    findings: tuple[Finding, ...]
    due: int | None  # when time alone may next change something


def heard(memory: StreamMemory, new: Iterable[Observation]) -> tuple[StreamMemory, int]:
    """Return ``memory`` with new readings in their places, and how many came too late."""
    kept = {item.at: item for item in memory.readings}
    too_late = 0
    for item in new:
        reading = _reading(item)
        earlier = kept.get(reading.at)
        if memory.settled is not None and reading.at <= memory.settled:
            too_late += earlier is None or earlier.value != reading.value
        elif earlier is None or _standing(reading) > _standing(earlier):
            kept[reading.at] = reading
    readings = tuple(kept[at] for at in sorted(kept))[-MOST_KEPT:]
    valued = [item.at for item in readings if item.value is not None]
    last = valued[-1] if valued else memory.settled
    return replace(memory, readings=readings, last=last), too_late


def _reading(item: Observation) -> Reading:
    value = item.value if item.value is not None and math.isfinite(item.value) else None
    return Reading(at=micros(item.at), received=micros(item.received), value=value)


def _standing(reading: Reading) -> tuple[int, bool, float]:
    """Order two readings of one instant: the later received stands, then the higher."""
    return (reading.received, reading.value is not None, reading.value or 0.0)


def judge_rules(
    memory: StreamMemory,
    stream: Stream,
    rules: RuleBook,
    units: Mapping[str, Units],
    *,
    now: datetime,
) -> StreamStep:
    """Return the stream with every threshold and window rule brought up to ``now``."""
    valued = tuple(item for item in memory.readings if item.value is not None)
    settled = _settled(memory, valued)
    current = {rule.id: rule for rule in rules.for_stream(stream)}
    before = {item.rule: item for item in memory.rules}
    findings: list[Finding] = []
    after: list[RuleOnStream] = []
    due: list[int | None] = []
    spans = [0]
    for rule_id in sorted(current.keys() | before.keys()):
        earlier = before.get(rule_id)
        item = None
        for rule, start in _versions(earlier, current.get(rule_id), rules):
            bench = Bench(stream, rule, units, valued, (memory.settled, settled))
            item, turns = bench.sit(start, until=micros(now))
            if start is None and earlier is not None:
                turns = only_now(turns)
            findings += (finding_of_turn(bench, turn) for turn in turns)
            if item.told or rule is current.get(rule_id):
                after.append(item)
                due.append(bench.due)
                spans.append(lookback_of(rule))
                break
        if item is None and earlier is not None and earlier.told:
            findings.append(without_rule(stream, earlier, now=now))
    floor = None if settled is None else settled - max(spans)
    readings = tuple(item for item in memory.readings if floor is None or item.at >= floor)
    memory = replace(memory, rules=tuple(after), readings=readings, settled=settled)
    first = min((at for at in due if at is not None), default=None)
    return StreamStep(memory, tuple(findings), first)


def _versions(
    before: RuleOnStream | None, current: StreamRule | None, rules: RuleBook
) -> list[tuple[StreamRule, RuleOnStream | None]]:
    """Return which versions of a rule to judge by, in turn, until one of them stays.

    What is open keeps the version it began with; once it has cleared, the
    version in force takes over.
    """
    found: list[tuple[StreamRule, RuleOnStream | None]] = []
    if before is not None:
        if current is not None and before.version == current.version:
            return [(current, before)]
        kept = rules.version(before.rule, before.version) if before.told else None
        if isinstance(kept, ThresholdRule | WindowRule):
            found.append((kept, before))
    if current is not None:
        found.append((current, None))
    return found


def _settled(memory: StreamMemory, valued: tuple[Reading, ...]) -> int | None:
    if not valued:
        return memory.settled
    line = valued[-1].at - span_micros(LATENESS)
    done = [item.at for item in valued if item.at <= line]
    return max([*done[-1:], *([] if memory.settled is None else [memory.settled])], default=None)


def levels_seen(memory: StreamMemory) -> str:
    """Return the highest level that any rule has open on the stream."""
    level = ""
    for item in memory.rules:
        level = higher(level, item.told)
    return level
