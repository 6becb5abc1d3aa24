"""What a jurisdiction pack holds: law, scales, clocks, calendars, words, as data."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from anlan.kernel.scales import AccidentGrade, RiskGrade, WarningLevel
from anlan.registry.domain.checkspecs import CheckSpec
from anlan.registry.domain.packwords import (
    AnySlug,
    Code,
    Entry,
    Grounded,
    LocalTime,
    PositiveSpan,
    Slug,
    Text,
)
from anlan.registry.domain.rulespecs import RuleSpec

CaseKind = Literal["hidden_danger", "service", "device"]
CalendarKind = Literal["natural", "working_hours", "working_days"]
# Which stretch of a case's life a clock measures (see response/domain/words.py); "report" and
# "investigate" are clocks of the law that run outside cases.
Stage = Literal[
    "accept", "handle", "check", "arbitrate", "task", "suspend", "report", "investigate"
]


class JurisdictionInfo(Entry, frozen=True, kw_only=True):
    """The head of a jurisdiction pack."""

    format: Literal[1]
    id: Slug
    name: Text
    version: str
    timezone: str
    emergency_numbers: dict[str, str]  # service -> number to call


class HazardKind(Entry, frozen=True, kw_only=True):
    """A kind of danger (hazards.yaml); codes of outside schemes are kept beside our slug."""

    id: Slug
    name: Text
    event_class: Literal["natural", "accident", "health", "security", "system"]
    # scheme -> codes: cn12379, weathercn, same, cap_category
    codes: dict[str, tuple[str, ...]] = {}


class PlaceKind(Entry, frozen=True, kw_only=True):
    """A kind of place (place_kinds.yaml)."""

    id: Slug
    name: Text


class Quantity(Entry, frozen=True, kw_only=True):
    """What is measured, and the only unit in which it is kept (quantities.yaml)."""

    id: Slug
    name: Text
    unit: str  # readings are kept in it
    accepts: dict[str, float] = {}  # other units -> factor into `unit`
    low: float | None = None  # beyond these a reading is flagged, not judged
    high: float | None = None


class Unit(Entry, frozen=True, kw_only=True):
    """How a unit is written for people (units.yaml); the code is what programs exchange."""

    id: str
    name: Text


class Domain(Entry, frozen=True, kw_only=True):
    """A part of the city's lifelines that is looked at by itself (domains.yaml)."""

    id: Slug
    name: Text
    quantities: tuple[Slug, ...] = ()  # whose streams belong to it
    hazards: tuple[Slug, ...] = ()  # whose cases belong to it


class ClockRule(Grounded, frozen=True, kw_only=True):
    """A deadline (clocks.yaml): from what event, how long, on which calendar, by what law."""

    id: Slug
    title: Text
    case: CaseKind | Literal["*"] = "*"
    stage: Stage
    hazard: AnySlug = "*"
    priority: tuple[Annotated[int, msgspec.Meta(ge=1, le=4)], ...] = ()  # empty: any; 1 is highest
    starts_on: str  # name of the event from which time runs
    limit: PositiveSpan  # how long
    calendar: CalendarKind
    replaces: Slug | None = None  # a city's own clock for one of the jurisdiction's


class IncidentRule(Grounded, frozen=True, kw_only=True):
    """incidents.yaml: from when on alarms of one hazard in one small area are one incident.

    Alarms of sensors and places only; what people report is never held together by it.  With ``by:
    carrier`` silent sensors behind one gateway are apart from the others, wherever they lie; of
    those without one, those of one operator in one small area.
    """

    id: Slug
    name: Text
    hazard: AnySlug = "*"
    case: CaseKind | Literal["*"] = "*"
    area: Literal["city", "district", "street", "community", "grid"] = "street"  # how small
    by: Literal["area", "carrier"] = "area"  # what else they share
    at_least: Annotated[int, msgspec.Meta(ge=2)]  # so many sensors or places alarm...
    within: PositiveSpan  # ...inside some stretch of this length, by the time of the readings
    tell_again: PositiveSpan  # members that come later are told together after so long
    duty: PositiveSpan  # by then another post has looked after its own places among them
    replaces: Slug | None = None  # a city's own rule for one of the jurisdiction's


class DayRange(Entry, frozen=True, kw_only=True):
    """Days from ``first`` to ``last``, both included."""

    first: date
    last: date
    name: str


class CalendarYear(Entry, frozen=True, kw_only=True):
    """One year of public holidays and make-up workdays (调休)."""

    year: int
    published: bool  # False: projected from the statute; no make-up days are known yet
    source: str  # the notice that announced it
    holidays: tuple[DayRange, ...]
    makeup_workdays: tuple[date, ...] = ()


class WorkHours(Entry, frozen=True, kw_only=True):
    """A stretch of working time on a working day."""

    start: LocalTime
    end: LocalTime


class Calendar(Entry, frozen=True, kw_only=True):
    """calendars.yaml: which days and hours are worked."""

    id: Slug
    name: Text
    weekend: tuple[Annotated[int, msgspec.Meta(ge=1, le=7)], ...]  # ISO weekdays
    hours: tuple[WorkHours, ...]
    years: tuple[CalendarYear, ...]


class Lexicon(Entry, frozen=True, kw_only=True):
    """Words by which a report's hazard is recognised (lexicon.yaml)."""

    hazard: Slug
    words: dict[str, tuple[str, ...]]  # language -> words
    strong: dict[str, tuple[str, ...]] = {}  # words that speak of danger to life


class Reason(Entry, frozen=True, kw_only=True):
    """A reason from a list (reasons.yaml)."""

    id: Slug
    # the act that it gives a reason for
    use: Literal["return", "false_alarm", "suspend", "extend", "merge", "reopen", "priority"]
    name: Text
    of_rule: bool = True  # a dismissal for it speaks against the rule that raised the alert


class GradeRow(Entry, frozen=True, kw_only=True):
    """One row of the accident table: lower bounds, inclusive; the highest criterion wins."""

    grade: AccidentGrade
    deaths: Annotated[int, msgspec.Meta(ge=0)]
    serious_injuries: Annotated[int, msgspec.Meta(ge=0)]
    loss_cny: Annotated[int, msgspec.Meta(ge=0)]


class AccidentTable(Grounded, frozen=True, kw_only=True):
    """The severity table of 国务院令第493号 Art 3."""

    id: Slug
    rows: tuple[GradeRow, ...]
    revise_days: int  # how long the grade may change after the accident
    revise_days_road_fire: int  # the same for road accidents and fires


class Factor(Entry, frozen=True, kw_only=True):
    """One allowed value of a grading factor and its meaning."""

    value: float
    name: Text


class RiskBand(Entry, frozen=True, kw_only=True):
    """A band of a grading score: ``at_least`` <= score (or < when ``open``), and its grade."""

    at_least: float
    open: bool = False  # True: the bound itself belongs to the band below
    grade: RiskGrade
    name: Text


class RiskMethod(Grounded, frozen=True, kw_only=True):
    """LEC, LS or another product of factors."""

    id: Slug
    name: Text
    factors: dict[str, tuple[Factor, ...]]  # letter -> allowed values; the score is their product
    bands: tuple[RiskBand, ...]  # highest first


class SignalLevel(Grounded, frozen=True, kw_only=True):
    """One weather signal of the jurisdiction's table: what a relayed colour means."""

    id: Slug
    hazard: Slug
    level: WarningLevel
    window: PositiveSpan  # what the signal looks ahead or back over
    millimetres: float | None = None
    meaning: Text


class LevelName(Entry, frozen=True, kw_only=True):
    """The official words of one level of one scale."""

    scale: Literal["warning", "response", "risk", "accident"]
    level: str
    name: Text
    colour: str = ""  # only where the scale has official colours


class Jurisdiction(msgspec.Struct, frozen=True, kw_only=True):
    """A whole jurisdiction pack, parsed."""

    info: JurisdictionInfo
    hazards: tuple[HazardKind, ...] = ()
    place_kinds: tuple[PlaceKind, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    units: tuple[Unit, ...] = ()
    domains: tuple[Domain, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    clocks: tuple[ClockRule, ...] = ()
    incidents: tuple[IncidentRule, ...] = ()
    checks: tuple[CheckSpec, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    lexicon: tuple[Lexicon, ...] = ()
    reasons: tuple[Reason, ...] = ()
    accident_tables: tuple[AccidentTable, ...] = ()
    risk_methods: tuple[RiskMethod, ...] = ()
    signals: tuple[SignalLevel, ...] = ()
    level_names: tuple[LevelName, ...] = ()


__all__ = [
    "AccidentTable",
    "Calendar",
    "CalendarKind",
    "CalendarYear",
    "CaseKind",
    "CheckSpec",
    "ClockRule",
    "Code",
    "DayRange",
    "Domain",
    "Factor",
    "GradeRow",
    "HazardKind",
    "IncidentRule",
    "Jurisdiction",
    "JurisdictionInfo",
    "LevelName",
    "Lexicon",
    "PlaceKind",
    "Quantity",
    "Reason",
    "RiskBand",
    "RiskMethod",
    "SignalLevel",
    "Stage",
    "Unit",
    "WorkHours",
]
