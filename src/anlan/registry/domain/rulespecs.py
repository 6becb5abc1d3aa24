"""Judgement rules as data: six kinds, one shape each.

A rule turns signs into alert instances.  What a rule is *about* (a stream, a
place, a cluster, an area) is its subject; each subject has at most one alert
instance of a rule at a time.  Values are in the unit that the rule states.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

import msgspec

from anlan.kernel.scales import ResponseLevel, WarningLevel, at_least
from anlan.registry.domain.packwords import AnySlug, Entry, Grounded, PositiveSpan, Slug, Span, Text

Comparison = Literal[">=", ">", "<=", "<"]
LATENESS = timedelta(minutes=15)
"""How far behind the newest reading of its stream the judge waits for one."""
MOST_KEPT = 20_000
"""Readings of one stream that the judge keeps: of its longest window and of the lateness budget."""
SPARE_READINGS = 4  # beyond what the interval promises
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class TaskSpec(Entry, frozen=True, kw_only=True):
    """One thing to do, given with the case that an alert opens."""

    title: Text
    within: PositiveSpan  # from the opening of the case
    # "owner": the post that owns the case; "superior": the one above it; else a post code.
    post: str = "owner"


class Then(Entry, frozen=True, kw_only=True):
    """What an alert of this rule leads to."""

    # the kind of case that is opened; none: told only
    case: Literal["hidden_danger", "service", "device", "none"] = "hidden_danger"
    tasks: tuple[TaskSpec, ...] = ()  # given with the case
    # Posts told beside the owner: "superior", "commander" or post codes.
    tell: tuple[str, ...] = ()
    # a second person confirms, or only readings do
    evidence_to_close: Literal["second_person", "measurement"] = "second_person"
    # Rules of one matter share one open case on the same subject: a further alert joins and raises it.
    matter: Slug | None = None


class RuleBody(Grounded, frozen=True, kw_only=True):
    """What every rule says, whatever its kind."""

    id: Slug
    title: Text
    hazard: Slug  # what the alert is an alert of; finds the owner
    advice: Text  # what to do: every alert says it
    then: Then = Then()
    only_place_kinds: tuple[Slug, ...] = ()  # empty: wherever the quantity is measured
    replaces: Slug | None = None  # a city's own rule for one of the jurisdiction's


class Limit(Entry, frozen=True, kw_only=True):
    """One level of a threshold, with its hysteresis: raise at one value, clear at another."""

    level: WarningLevel
    raise_at: float
    clear_at: float


class ThresholdRule(RuleBody, frozen=True, kw_only=True, tag="threshold", tag_field="kind"):
    """A reading beyond a limit for a while; clears beyond another for a while."""

    quantity: Slug  # the stream that is judged
    unit: str
    compare: Comparison = ">="
    limits: Annotated[tuple[Limit, ...], msgspec.Meta(min_length=1)]
    hold: Span = "0s"  # beyond the limit without a break for this long
    clear_hold: Span = "0s"


class WindowLimit(Limit, frozen=True, kw_only=True):
    """One level of a window rule; each level may look back over its own window."""

    window: PositiveSpan  # how far back the level looks


class WindowRule(RuleBody, frozen=True, kw_only=True, tag="window", tag_field="kind"):
    """A sum, mean, change or rate of rise over the last while."""

    quantity: Slug
    unit: str  # of the result: for ``rate`` per hour
    function: Literal["sum", "mean", "change", "rate"]
    compare: Comparison = ">="
    limits: Annotated[tuple[WindowLimit, ...], msgspec.Meta(min_length=1)]
    min_coverage: Share = 0.5  # share of the expected readings; with less nothing is cleared
    hold: Span = "0s"  # beyond the limit without a break for this long: one wild reading is not
    clear_hold: Span = "0s"


class SilenceRule(RuleBody, frozen=True, kw_only=True, tag="silence", tag_field="kind"):
    """Nothing heard for several intervals: silence is never taken for calm (I6)."""

    quantity: AnySlug = "*"
    intervals: Annotated[float, msgspec.Meta(gt=1)] = 3.0
    at_least: PositiveSpan = "5m"
    level: WarningLevel = WarningLevel.YELLOW  # raised to the last level of the lost sensor


class ClusterLimit(Entry, frozen=True, kw_only=True):
    """So many reports within so long; ``strong`` of them with a word of danger."""

    level: WarningLevel
    reports: Annotated[int, msgspec.Meta(ge=2)]
    within: PositiveSpan
    strong: Annotated[int, msgspec.Meta(ge=0)] = 0  # how many of them must speak of danger to life


class ClusterRule(RuleBody, frozen=True, kw_only=True, tag="cluster", tag_field="kind"):
    """Reports of one matter close together in place and time (repeat calls are a sign)."""

    # reports this close together belong together (metres)
    within_m: Annotated[float, msgspec.Meta(gt=0)]
    limits: Annotated[tuple[ClusterLimit, ...], msgspec.Meta(min_length=1)]
    clear_after: Span = "2h"  # without a further report


class SignalCondition(Entry, frozen=True, kw_only=True):
    """A relayed warning in force at this level or above, up to ``at_most`` where that is stated.

    The highest warning of the hazard counts: with ``at_most`` a rule gives way to
    the rule for the higher level instead of repeating it.
    """

    hazard: Slug
    at_least: WarningLevel
    at_most: WarningLevel | None = None

    def __post_init__(self) -> None:
        if self.at_most is not None and not at_least(self.at_most, self.at_least):
            raise ValueError("at_most is below at_least: the condition could never hold")

    def risen_above(self, level: WarningLevel) -> bool:
        """Return whether a level is higher than this condition is for."""
        return self.at_most is not None and not at_least(self.at_most, level)


class ReportCondition(Entry, frozen=True, kw_only=True):
    """A report of this hazard near the place."""

    hazard: Slug
    within_m: Annotated[float, msgspec.Meta(gt=0)]
    within: PositiveSpan


class ReadingCondition(Entry, frozen=True, kw_only=True):
    """The latest reading at the place, not older than ``max_age``."""

    quantity: Slug
    compare: Comparison
    value: float
    max_age: PositiveSpan = "30m"


class ConjunctionRule(RuleBody, frozen=True, kw_only=True, tag="conjunction", tag_field="kind"):
    """Danger x kind of place: one alert for each place to which all conditions apply."""

    # kinds of place that the rule is about
    place_kinds: Annotated[tuple[Slug, ...], msgspec.Meta(min_length=1)]
    level: WarningLevel  # the level of each alert
    signal: SignalCondition | None = None  # a relayed warning in force over the place
    report: ReportCondition | None = None  # a report near the place
    reading: ReadingCondition | None = None  # a reading at the place

    def __post_init__(self) -> None:
        if self.signal is None and self.report is None:
            raise ValueError("a conjunction needs a signal or a report to begin with")


class Repeat(Entry, frozen=True, kw_only=True):
    """Signals of that level received at least ``times`` within a span."""

    times: Annotated[int, msgspec.Meta(ge=1)]
    within: PositiveSpan


class LagRule(RuleBody, frozen=True, kw_only=True, tag="lag", tag_field="kind"):
    """A warning is in force and the response is below what the city's plan asks for it."""

    signal: SignalCondition  # the warning with which it begins
    level: WarningLevel
    grace: Span = "0s"  # how long the response may lag before it is told
    repeat: Repeat | None = None  # only when the signal came again so often


RuleSpec = ThresholdRule | WindowRule | SilenceRule | ClusterRule | ConjunctionRule | LagRule


class ResponseAsked(Entry, frozen=True, kw_only=True):
    """A plan's conversion: for this warning level the plan asks this response level (I9)."""

    hazard: Slug
    warning: WarningLevel
    response: ResponseLevel
