"""A warning is in force and the response is below what the city's plan asks for it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from anlan.kernel.scales import ResponseLevel, WarningLevel, at_least, rank
from anlan.registry.domain.rulespecs import LagRule, SignalCondition
from anlan.warning.domain.findings import Evidence, Finding, Phase, Reason, What
from anlan.warning.domain.instants import instant, micros, span_micros
from anlan.warning.domain.memory import CityMemory, Standing
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import ResponseStanding, SignalInForce, Spoken, World, spoken

RAISING = frozenset({"lag.behind", "lag.repeated"})  # reasons with which an instance begins


class Lag(NamedTuple):
    """What the plan asks in an area and what is in force there."""

    signals: tuple[SignalInForce, ...]
    asked: ResponseLevel
    reached: ResponseStanding | None
    since: int

    @property
    def behind(self) -> bool:
        """Whether the response is below what is asked."""
        return self.reached is None or rank(self.reached.level) > rank(self.asked)


def judge_lags(
    rules: RuleBook, memory: CityMemory, world: World, *, now: datetime
) -> tuple[list[Standing], list[Finding]]:
    """Return the pending and open instances of every lag rule, and what to tell."""
    items = {
        (item.rule, item.subject): item
        for item in memory.standing
        if item.subject.startswith("area:")
    }
    areas = {area for signal in world.signals for area in signal.areas}
    asked = {(rule.id, f"area:{area}") for rule in rules.lags() for area in areas}
    after: list[Standing] = []
    findings: list[Finding] = []
    for rule_id, subject in sorted(asked | set(items)):
        item = items.get((rule_id, subject))
        open_one = item if item is not None and item.phase is not Phase.PENDING else None
        rule = rules.version(rule_id, open_one.version) if open_one else rules.current(rule_id)
        area = subject.removeprefix("area:")
        if not isinstance(rule, LagRule):
            if open_one is not None:
                findings.append(_finding(open_one, None, None, area, "rule.gone", at=micros(now)))
            continue
        lag = lag_of(rule, world, area)
        ended = "lag.signal_rose" if said_in(rule, world, area).rose else "lag.warning_ended"
        decision = Decision(rule, area, memory, ended=ended, now=micros(now))
        standing, found = decision.of(open_one, lag)
        after += [standing] if standing else []
        findings += [found] if found else []
    return after, findings


def said_in(rule: LagRule, world: World, area: str) -> Spoken:
    """Return the warnings of a rule's condition in one area."""
    return spoken(rule.signal, (signal for signal in world.signals if area in signal.areas))


def lag_of(rule: LagRule, world: World, area: str) -> Lag | None:
    """Return how the response stands to the warnings in one area; None without a warning."""
    signals = said_in(rule, world, area).signals
    if not signals:
        return None
    highest: WarningLevel = min((signal.level for signal in signals), key=rank)
    asked = world.asked.get((rule.signal.hazard, highest.value))
    if asked is None:
        return None
    path = world.area_paths.get(area, area)
    covering = [
        item for item in world.responses if item.hazard == rule.signal.hazard and item.covers(path)
    ]
    standing = [item for item in covering if item.ended is None]
    reached = min(standing, key=lambda item: rank(item.level), default=None)
    began = min(micros(signal.since) for signal in signals if signal.level is highest)
    # A response that was high enough and ended began the lag anew.
    ended = [
        micros(item.ended)
        for item in covering
        if item.ended is not None and rank(item.level) <= rank(asked)
    ]
    return Lag(signals, asked, reached, max([began, *ended]))


class Decision:
    """One lag rule in one area."""

    def __init__(
        self, rule: LagRule, area: str, memory: CityMemory, *, ended: str, now: int
    ) -> None:
        """``ended`` is the reason's code should the condition not hold any more."""
        self.rule, self.area, self.memory, self.ended, self.now = rule, area, memory, ended, now

    def of(
        self, open_one: Standing | None, lag: Lag | None
    ) -> tuple[Standing | None, Finding | None]:
        """Return the instance after this step, and what to tell."""
        if lag is None or not lag.behind:
            if open_one is None:
                return None, None
            code = self.ended if lag is None else "lag.response_reached"
            return None, _finding(open_one, self.rule, lag, self.area, code, at=self.now)
        if open_one is not None:
            return open_one, None
        since = self._since(lag)
        if since is None:
            return None, None
        due = since + span_micros(self.rule.grace)
        phase = Phase.RAISED if due <= self.now else Phase.PENDING
        item = Standing(
            rule=self.rule.id,
            version=self.rule.version,
            subject=f"area:{self.area}",
            level=self.rule.level.value,
            since=since,
            phase=phase,
        )
        if phase is Phase.PENDING:
            return item, None
        code = "lag.repeated" if self.rule.repeat is not None else "lag.behind"
        return item, _finding(item, self.rule, lag, self.area, code, at=due)

    def _since(self, lag: Lag) -> int | None:
        repeat = self.rule.repeat
        if repeat is None:
            return min(lag.since, self.now)
        asked = self.rule.signal
        heard = sorted(
            signal.at
            for signal in self.memory.signals
            if signal.hazard == asked.hazard
            and signal.level
            and _fits(asked, WarningLevel(signal.level))
            and (self.area in signal.areas or not signal.areas)
            and self.now - span_micros(repeat.within) <= signal.at <= self.now
        )
        if len(heard) < repeat.times:
            return None
        return max(min(lag.since, self.now), heard[repeat.times - 1])


def _fits(asked: SignalCondition, level: WarningLevel) -> bool:
    return at_least(level, asked.at_least) and not asked.risen_above(level)


def _finding(
    item: Standing,
    rule: LagRule | None,
    lag: Lag | None,
    area: str,
    code: str,
    *,
    at: int,
) -> Finding:
    what = What.RAISED if code in RAISING else What.CLEARED
    params: dict[str, str | int | float] = {}
    if lag is not None:
        params = {
            "asked": lag.asked.value,
            "in_force": lag.reached.level.value if lag.reached is not None else "",
        }
    return Finding(
        what=what,
        rule=item.rule,
        version=item.version,
        subject=item.subject,
        hazard=rule.hazard if rule is not None else "",
        level=item.level,
        before="" if what is What.RAISED else item.level,
        area=area,
        since=instant(item.since if what is What.RAISED else at),
        at=instant(at),
        reason=Reason(code, params),
        evidence=Evidence(
            signals=tuple(sorted(x.id for x in lag.signals)) if lag is not None else (),
            responses=(lag.reached.id,) if lag is not None and lag.reached is not None else (),
        ),
    )


def signals_span(rules: RuleBook) -> int:
    """Return for how long messages must be remembered for repetitions."""
    spans = [span_micros(rule.repeat.within) for rule in rules.lags() if rule.repeat is not None]
    return max(spans, default=0)


def lags_due(rules: RuleBook, standing: list[Standing]) -> int | None:
    """Return when the next pending lag has had its grace."""
    due = []
    for item in standing:
        rule = rules.current(item.rule)
        if item.phase is Phase.PENDING and isinstance(rule, LagRule):
            due.append(item.since + span_micros(rule.grace))
    return min(due, default=None)
