"""One rule over a stretch of the past: the real judge, nothing written, nobody told.

The judge is stepped only where something can turn.  A threshold or a window folds its
readings by their own times, so a day of them is one step; silence is looked for where a
gap is; rules of several signs are stepped at each sign.  A sensor that says nothing in the
day before the period either is taken as silent already when the period begins.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from anlan.registry.domain.rulespecs import RuleSpec, SilenceRule, ThresholdRule, WindowRule
from anlan.warning.domain.findings import Finding, What, higher
from anlan.warning.domain.instants import instant, micros
from anlan.warning.domain.judge import step
from anlan.warning.domain.memory import Memory, StreamMemory
from anlan.warning.domain.rulebook import RuleBook, lookback_of
from anlan.warning.domain.signs import Batch, Observation, ReportSign, SignalSign, World
from anlan.warning.domain.silence import patience

MOST_STEPS = 4_000
LUMP = timedelta(days=1)  # of readings that are folded at once
BEFORE = timedelta(days=1)  # looked at before the period: what stood already is not raised in it
_TICK = timedelta(microseconds=1)


class TooManyStepsError(ValueError):
    """The period holds more signs than can be played at once."""


class Past(msgspec.Struct, frozen=True):
    """What came in, each sign with the instant at which it was known."""

    observations: tuple[Observation, ...] = ()
    reports: tuple[tuple[datetime, ReportSign], ...] = ()
    signals: tuple[tuple[datetime, SignalSign], ...] = ()
    moments: tuple[datetime, ...] = ()  # at which a warning or a response began, changed or ended


class Would(NamedTuple):
    """An alert that the rule would have raised."""

    subject: str
    area: str
    place: str
    level: str  # the highest it reached
    raised_at: datetime
    cleared_at: datetime | None
    found: Finding  # with which it was raised


def lookback(rule: RuleSpec) -> timedelta:
    """Return how long before a period signs must be known for it to be judged rightly."""
    window = instant(lookback_of(rule)) - instant(0) if isinstance(rule, WindowRule) else BEFORE
    return max(window, BEFORE)


def play(
    rule: RuleSpec,
    past: Past,
    world: Callable[[datetime], World],
    *,
    start: datetime,
    end: datetime,
) -> tuple[Would, ...]:
    """Return what ``rule`` alone would have raised between ``start`` and ``end``, oldest first.

    Raises
    ------
    TooManyStepsError
        When more than :data:`MOST_STEPS` steps would be needed.
    """
    began = start - lookback(rule)
    moments = sorted({began, end, *_moments(rule, past, world(began), began, end)})
    if len(moments) > MOST_STEPS:
        raise TooManyStepsError
    findings = _Player(rule, past, world).run(moments, end)
    return tuple(item for item in _alerts(findings) if start <= item.raised_at < end)


def _moments(
    rule: RuleSpec, past: Past, world: World, began: datetime, end: datetime
) -> Iterator[datetime]:
    """Yield when the judge has to be stepped for this rule."""
    match rule:
        case ThresholdRule() | WindowRule():
            now = began + LUMP
            while now < end:
                yield now
                now += LUMP
        case SilenceRule():
            yield from (at for at in _gaps(rule, past, world, began, end) if began < at < end)
        case _:
            yield from past.moments
            yield from (at for at, _ in past.reports)
            yield from (at for at, _ in past.signals)
            if getattr(rule, "reading", None) is not None:
                yield from (item.at for item in past.observations)


def _gaps(
    rule: SilenceRule, past: Past, world: World, began: datetime, end: datetime
) -> Iterator[datetime]:
    """Yield when a stream's silence would be found, and when it is heard again."""
    last = dict.fromkeys(world.streams, began)
    waits = {
        code: instant(patience(rule, stream)) - instant(0) for code, stream in world.streams.items()
    }
    for item in past.observations:
        if item.value is None or item.stream not in last:
            continue
        due = last[item.stream] + waits[item.stream] + _TICK
        if item.at >= due:
            yield due
            yield item.at
        last[item.stream] = item.at
    for code, at in last.items():
        if at + waits[code] + _TICK < end:
            yield at + waits[code] + _TICK


class _Player:
    """Steps one rule through the past, taking up only what has news or is due."""

    def __init__(self, rule: RuleSpec, past: Past, world: Callable[[datetime], World]) -> None:
        self.book = RuleBook(in_force=(rule,))
        self.past, self.world = past, world
        self.lumped = isinstance(rule, ThresholdRule | WindowRule | SilenceRule)
        self.times = [item.at for item in past.observations]
        self.memory = Memory()
        self.streams: dict[str, StreamMemory] = {}
        self.taken = 0

    def run(self, moments: list[datetime], end: datetime) -> list[Finding]:
        """Return what the judge finds from the first moment to ``end``."""
        findings: list[Finding] = []
        before: datetime | None = None
        ahead = iter(moments)
        following = next(ahead, None)
        for _ in range(2 * MOST_STEPS):
            now = self._next(before, following, end)
            if now is None:
                return findings
            if now == following:
                following = next(ahead, None)
            findings += self._step(before, now)
            before = now
        raise TooManyStepsError

    def _next(
        self, before: datetime | None, following: datetime | None, end: datetime
    ) -> datetime | None:
        due = [] if following is None else [following]
        alone = self.memory.city.next_at
        if not self.lumped and alone is not None and before is not None:
            at = instant(alone)
            due += [at] if before < at < end else []
        return min(due, default=None)

    def _step(self, before: datetime | None, now: datetime) -> Iterable[Finding]:
        upto = bisect_right(self.times, now)
        fresh = self.past.observations[self.taken : upto]
        self.taken = upto
        batch = Batch(
            observations=fresh,
            reports=tuple(x for at, x in self.past.reports if _between(before, at, now)),
            signals=tuple(x for at, x in self.past.signals if _between(before, at, now)),
        )
        touched = {item.stream for item in fresh} | self._due(now)
        known = {code: self.streams[code] for code in touched & self.streams.keys()}
        done = step(self.book, Memory(self.memory.city, known), batch, self.world(now), now=now)
        self.memory = done.memory
        self.streams |= done.memory.streams
        return done.findings

    def _due(self, now: datetime) -> set[str]:
        limit = micros(now)
        return {
            code
            for code, item in self.streams.items()
            if item.next_at is not None and item.next_at <= limit
        }


def _between(before: datetime | None, at: datetime, now: datetime) -> bool:
    return at <= now and (before is None or at > before)


def _alerts(findings: Iterable[Finding]) -> list[Would]:
    """Return findings as alerts from raising to clearing, in order of raising."""
    open_ones: dict[str, Would] = {}
    done: list[Would] = []
    for item in findings:
        now = open_ones.get(item.subject)
        if item.what is What.RAISED:
            open_ones[item.subject] = Would(
                item.subject, item.area, item.place, item.level, item.at, None, item
            )
        elif now is not None and item.what is What.LEVEL:
            open_ones[item.subject] = now._replace(level=higher(now.level, item.level))
        elif now is not None:
            done.append(
                open_ones.pop(item.subject)._replace(cleared_at=max(item.at, now.raised_at))
            )
    return sorted([*done, *open_ones.values()], key=lambda item: (item.raised_at, item.subject))
