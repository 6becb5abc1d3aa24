"""One rule sitting over one stream: every limit a latch, every reading a point."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from anlan.registry.domain.rulespecs import ThresholdRule
from anlan.warning.domain import latches as fold
from anlan.warning.domain.instants import span_micros
from anlan.warning.domain.latches import BETWEEN, BEYOND, Fold, Point
from anlan.warning.domain.memory import Latch, Reading, RuleOnStream
from anlan.warning.domain.rulebook import StreamRule, classify, factor_of, holds_of, scaled
from anlan.warning.domain.signs import Stream, Units
from anlan.warning.domain.telling import Told, to_tell
from anlan.warning.domain.windows import Readings, Windowed, may_raise, over_window

FRESH_INTERVALS = 3  # a reading stands for this many intervals, like the silence default
FRESH_AT_LEAST = timedelta(minutes=5)


def stale_after(stream: Stream) -> int:
    """Return for how long one reading stands, in microseconds."""
    return max(span_micros(stream.interval) * FRESH_INTERVALS, span_micros(FRESH_AT_LEAST))


class Bench:
    """One rule of one version sitting over one stream in one step."""

    def __init__(
        self,
        stream: Stream,
        rule: StreamRule,
        units: Mapping[str, Units],
        valued: tuple[Reading, ...],
        settled: tuple[int | None, int | None],
    ) -> None:
        """``settled`` is the settled instant before this step, and after it."""
        factor = factor_of(rule, units)
        # A rule without a known unit is left out by `unusable` before it comes here.
        self.stream, self.rule, self.factor = stream, rule, 1.0 if factor is None else factor
        self.times = [item.at for item in valued]
        self.values = [item.value or 0.0 for item in valued]
        self.readings = Readings(self.times, self.values, span_micros(stream.interval))
        self.settled_before, self.settled = settled
        self.holds = holds_of(rule, stale_after(stream))
        self.bounds = [
            (scaled(limit.raise_at, self.factor), scaled(limit.clear_at, self.factor))
            for limit in rule.limits
        ]
        self.due: int | None = None

    def sit(self, start: RuleOnStream | None, *, until: int) -> tuple[RuleOnStream, list[Told]]:
        """Return how the rule stands at ``until``, and the turns to tell."""
        fresh = start is None or len(start.latches) != len(self.rule.limits)
        latches = tuple(Latch() for _ in self.rule.limits) if fresh else start.latches  # type: ignore[union-attr]
        told, level = (start.turns, start.level) if start is not None else ((), "")
        base = Fold(latches, level, self.settled_before)
        # A clock set back takes nothing back that was told.
        until = max([until, *(turn.at for turn in told[-1:])])
        done = base
        if self.settled is not None:
            done = fold.take(self.holds, base, self._points(self.settled_before, self.settled))
        ahead = fold.take(
            self.holds, Fold(done.latches, done.level, done.last), self._points(self.settled)
        )
        ahead = fold.run_on(self.holds, ahead, until)
        self.due = self._next(ahead, until)
        turns = done.turns + ahead.turns
        item = RuleOnStream(
            rule=self.rule.id,
            version=self.rule.version,
            latches=done.latches,
            level=done.level,
            turns=ahead.turns,
            phase=fold.phase_of(self.holds, ahead, until),
        )
        return item, to_tell(level, told, turns)

    def _next(self, ahead: Fold, after: int) -> int | None:
        """Return when time alone may next turn a latch."""
        if ahead.last is None:
            return None
        end = ahead.last + self.holds.stale
        due = [self.holds.due(latch) for latch in ahead.latches]
        return min((at for at in due if at is not None and after < at <= end), default=None)

    def _points(self, after: int | None, upto: int | None = None) -> list[Point]:
        return [
            Point(at=at, classes=self._classes(index))
            for index, at in enumerate(self.times)
            if (after is None or at > after) and (upto is None or at <= upto)
        ]

    def value_at(self, index: int, limit: int) -> Windowed:
        """Return what one limit sees at a reading: a value and its coverage."""
        if isinstance(self.rule, ThresholdRule):
            return Windowed(self.values[index], 1.0)
        window = span_micros(self.rule.limits[limit].window)
        return over_window(self.rule.function, self.readings, index, window=window)

    def _classes(self, index: int) -> tuple[int, ...]:
        return tuple(self._class(index, number) for number in range(len(self.rule.limits)))

    def _class(self, index: int, number: int) -> int:
        rule, (raise_at, clear_at) = self.rule, self.bounds[number]
        if isinstance(rule, ThresholdRule):
            return classify(rule.compare, self.values[index], raise_at, clear_at)
        found = self.value_at(index, number)
        if found.value is None:
            return BETWEEN
        seen = classify(rule.compare, found.value, raise_at, clear_at)
        enough = may_raise(rule, found) if seen == BEYOND else found.coverage >= rule.min_coverage
        return seen if enough else BETWEEN
