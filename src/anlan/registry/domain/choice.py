"""Which of several clocks, ladders or plans fits a case most closely."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from anlan.kernel.durations import parse_span
from anlan.kernel.scales import WarningLevel, rank
from anlan.registry.domain.city import Ladder, Plan
from anlan.registry.domain.dutymatrix import hazard_match
from anlan.registry.domain.jurisdiction import ClockRule, IncidentRule
from anlan.registry.domain.packwords import Basis, Confidence, Text
from anlan.registry.domain.rulespecs import ResponseAsked

_NO_FIT = -1

# For packs that hold no rule for devices, as those of a city that was loaded before there was one:
# a gateway that dies must not become a case for each sensor behind it.
DEVICES = IncidentRule(
    id="anlan.default.devices",
    name=Text(zh="多台设备同时失联", en="Many devices silent at once"),
    case="device",
    by="carrier",
    at_least=5,
    within="15m",
    tell_again="30m",
    duty="30m",
    basis=Basis(
        title="Anlan default",
        note="The jurisdiction and city packs hold no rule of incidents for devices.",
    ),
    confidence=Confidence.DEFAULT,
    effective_from=date(2000, 1, 1),
)


def _fit(pattern: str, wanted: str) -> int:
    match = hazard_match(pattern, wanted)
    return _NO_FIT if match is None else match


def closest_clock(
    clocks: Iterable[ClockRule], case: str, stage: str, hazard: str, priority: int
) -> ClockRule | None:
    """Return the clock whose words are closest: kind of case, then hazard, then priority.

    Of two that are equally close the stricter one counts (the shorter limit).
    """
    fitting = [
        clock
        for clock in clocks
        if clock.stage == stage
        and _fit(clock.case, case) != _NO_FIT
        and _fit(clock.hazard, hazard) != _NO_FIT
        and (not clock.priority or priority in clock.priority)
    ]
    return max(
        fitting,
        key=lambda clock: (
            _fit(clock.case, case),
            _fit(clock.hazard, hazard),
            bool(clock.priority),
            -parse_span(clock.limit),
            clock.id,
        ),
        default=None,
    )


def closest_ladder(ladders: Iterable[Ladder], case: str, hazard: str) -> Ladder | None:
    """Return the ladder whose words are closest: hazard first, then kind of case."""
    fitting = [
        ladder
        for ladder in ladders
        if _fit(ladder.case, case) != _NO_FIT and _fit(ladder.hazard, hazard) != _NO_FIT
    ]
    return max(
        fitting,
        key=lambda ladder: (_fit(ladder.hazard, hazard), _fit(ladder.case, case), ladder.id),
        default=None,
    )


def closest_incident_rule(
    rules: Iterable[IncidentRule], case: str, hazard: str
) -> IncidentRule | None:
    """Return the rule of incidents whose words are closest: hazard first, then kind of case.

    None where none fits: such alarms are never one incident.  Devices then have Anlan's own.
    """
    fitting = [
        rule
        for rule in rules
        if _fit(rule.case, case) != _NO_FIT and _fit(rule.hazard, hazard) != _NO_FIT
    ]
    return max(
        fitting,
        key=lambda rule: (_fit(rule.hazard, hazard), _fit(rule.case, case), rule.id),
        default=DEVICES if case == DEVICES.case else None,
    )


def asked_of(plans: Iterable[Plan], hazard: str, level: WarningLevel) -> ResponseAsked | None:
    """Return the highest response that a plan asks for a warning at this level or a lower one.

    What a plan asks for orange it asks for red too, where it says nothing of red.
    """
    lines = [
        line
        for plan in plans
        for line in plan.response_asked
        if line.hazard == hazard and rank(line.warning) >= rank(level)
    ]
    return min(lines, key=lambda line: (rank(line.response), rank(line.warning)), default=None)
