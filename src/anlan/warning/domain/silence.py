"""Silence is never taken for calm: a lost stream counts at least as its last level (I6)."""

from __future__ import annotations

from datetime import datetime

from anlan.registry.domain.rulespecs import SilenceRule
from anlan.warning.domain.evidence import subject_of
from anlan.warning.domain.findings import Finding, Reason, What, higher
from anlan.warning.domain.instants import instant, micros, span_micros
from anlan.warning.domain.memory import SilenceOnStream, StreamMemory
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Stream


def patience(rule: SilenceRule, stream: Stream) -> int:
    """Return how long a stream may say nothing, in microseconds."""
    several = round(span_micros(stream.interval) * rule.intervals)
    return max(several, span_micros(rule.at_least))


def judge_silence(
    memory: StreamMemory, stream: Stream, rules: RuleBook, last_level: str, *, now: datetime
) -> tuple[SilenceOnStream | None, list[Finding]]:
    """Return the open silence alert of a stream, and what to tell of it.

    Only readings with a value count as heard: a sensor that says "no value" is
    blind.  It clears when a reading comes that is itself fresh; a clock that
    is set back clears nothing.
    """
    open_one = memory.silence
    rule: SilenceRule | None = rules.silence_for(stream)
    if open_one is not None:
        kept = rules.version(open_one.rule, open_one.version)
        rule = kept if isinstance(kept, SilenceRule) else rule
    if rule is None:
        return None, [_finding(What.CLEARED, open_one, stream, now=now)] if open_one else []
    last = memory.since if memory.last is None else memory.last
    due = last + patience(rule, stream)
    if open_one is None:
        if micros(now) <= due or stream.in_maintenance:
            return None, []
        level = higher(rule.level.value, last_level)
        raised = SilenceOnStream(rule.id, rule.version, level, last, due)
        return raised, [_finding(What.RAISED, raised, stream, rule=rule, now=now)]
    if last > open_one.last and micros(now) <= due:
        return None, [_finding(What.CLEARED, open_one, stream, rule=rule, at=last, now=now)]
    level = higher(open_one.level, last_level)
    if level == open_one.level:
        return open_one, []
    risen = SilenceOnStream(open_one.rule, open_one.version, level, open_one.last, due)
    return risen, [_finding(What.LEVEL, risen, stream, rule=rule, before=open_one.level, now=now)]


def silence_due(memory: StreamMemory, stream: Stream, rules: RuleBook) -> int | None:
    """Return the first instant at which silence would be found, if none is open."""
    rule = rules.silence_for(stream)
    if rule is None or memory.silence is not None or stream.in_maintenance:
        return None
    last = memory.since if memory.last is None else memory.last
    return last + patience(rule, stream) + 1


def _finding(
    what: What,
    item: SilenceOnStream,
    stream: Stream,
    *,
    now: datetime,
    rule: SilenceRule | None = None,
    before: str = "",
    at: int | None = None,
) -> Finding:
    code = {
        What.RAISED: "silence.nothing_heard",
        What.LEVEL: "silence.last_level",
        What.CLEARED: "silence.heard_again" if rule is not None else "rule.gone",
    }[what]
    moment = instant(item.raised_at) if what is What.RAISED else now
    if at is not None:
        moment = instant(at)
    return Finding(
        what=what,
        rule=item.rule,
        version=item.version,
        subject=subject_of(stream),
        hazard=rule.hazard if rule is not None else "",
        level=item.level,
        before=before or ("" if what is What.RAISED else item.level),
        area=stream.area,
        place=stream.place,
        carrier=stream.carrier,
        since=instant(item.last) if what is What.RAISED else moment,
        at=moment,
        reason=Reason(
            code, {"quantity": stream.quantity, "interval": stream.interval.total_seconds()}
        ),
    )
