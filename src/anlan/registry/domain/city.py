"""What a city pack holds: areas, organisations, posts, duties, places, sensors, ladders.

CSV rows use ``;`` between several values of one cell and leave a cell empty
for "none".  Dates are local days; ``valid_to`` is the first day on which the
row is no longer in force.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Any, Literal

import msgspec

from anlan.kernel.scales import RiskGrade
from anlan.registry.domain.checkspecs import CheckSpec
from anlan.registry.domain.jurisdiction import CalendarKind, CaseKind, ClockRule, IncidentRule
from anlan.registry.domain.packwords import (
    Basis,
    Code,
    Confidence,
    Entry,
    Grounded,
    Latitude,
    LocalTime,
    Longitude,
    PositiveSpan,
    Slug,
    Span,
    Text,
)
from anlan.registry.domain.rulespecs import ResponseAsked, RuleSpec


class CityInfo(Entry, frozen=True, kw_only=True):
    """The head of a city pack."""

    format: Literal[1]
    id: Slug  # never changes; a workspace holds one city
    name: Text
    version: str  # of the city's data, as the keeper counts
    jurisdiction: Slug  # id of the jurisdiction pack on which it stands
    timezone: str  # IANA name; local days and shifts are counted in it
    calendar: Slug  # id of a calendar in the jurisdiction pack
    root_area: Code  # the area that all others lie under
    commander_post: Code  # told of response lag and of red
    system_post: Code  # owns what the system itself is sick of
    arbiter_post: Code  # decides who owns a case that was returned twice
    schematic: bool = False  # 示意: shapes are drawn for the demo, not surveyed


class Area(Entry, frozen=True, kw_only=True):
    """areas.csv: a division or functional zone; ``parent`` is who governs it."""

    code: Code  # 12-digit division code, or any code that is never used again
    kind: Literal["city", "district", "zone", "street", "community", "grid"]
    name_zh: str
    name_en: str = ""
    parent: Code | None = None  # empty for the root only
    # Divisions it lies in beside the one that governs it: a street is not always in one district.
    touches: tuple[Code, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    succeeds: tuple[Code, ...] = ()  # codes that it took the place of
    external_codes: tuple[str, ...] = ()  # codes of other systems


class Organisation(Entry, frozen=True, kw_only=True):
    """organisations.csv: who posts belong to."""

    code: Code
    name_zh: str
    name_en: str = ""
    kind: Literal["government", "street", "community", "department", "enterprise", "service"]
    area: Code  # where it is at home


class Post(Entry, frozen=True, kw_only=True):
    """posts.csv: a seat that bears duties, whoever sits on it."""

    code: Code
    name_zh: str
    name_en: str = ""
    organisation: Code
    area: Code  # what it looks after, with all that lies below
    superior: Code | None = None  # the post that hears when this one misses a deadline


class Holder(Entry, frozen=True, kw_only=True):
    """holders.csv: a person who holds posts; every field but ``code`` is personal data."""

    code: Code
    name: str
    email: str = ""
    phone: str = ""
    webhook: str = ""  # address that signed messages are sent to
    language: Literal["zh", "en"] = "zh"  # in which messages are written


class Shift(Entry, frozen=True, kw_only=True):
    """rosters.csv: a weekly shift of a post; ``end`` before ``start`` runs past midnight."""

    post: Code  # a post may have many shifts
    holder: Code
    deputy: Code | None = None  # stands in when the holder does not answer
    weekdays: tuple[Annotated[int, msgspec.Meta(ge=1, le=7)], ...] = (1, 2, 3, 4, 5, 6, 7)
    start: LocalTime = time(0, 0)
    end: LocalTime = time(0, 0)  # equal to start: round the clock
    valid_from: date
    valid_to: date | None = None


class Duty(Entry, frozen=True, kw_only=True):
    """duties.csv: who answers for which hazard in which area, by what decision."""

    area: Code
    hazard: str  # a hazard slug, a prefix as "met.*", or "*"
    level: str = ""  # a WarningLevel, or empty for every level
    post: Code  # who answers; the nearest area with a fitting line decides
    valid_from: date
    valid_to: date | None = None
    basis: Annotated[str, msgspec.Meta(min_length=1)]


class RiskPoint(Entry, frozen=True, kw_only=True, gc=False):
    """risk_points.csv: a place that can come to harm or do harm."""

    code: Code
    name_zh: str
    name_en: str = ""
    kind: Slug  # a place kind of the jurisdiction
    area: Code
    lat: Latitude | None = None
    lon: Longitude | None = None
    grade: RiskGrade | None = None
    owner_post: Code | None = None  # who answers for the place itself
    plan: Code | None = None  # id of a plan in plans.yaml
    valid_from: date | None = None
    valid_to: date | None = None


class Sensor(Entry, frozen=True, kw_only=True, gc=False):
    """sensors.csv: one row is one stream of readings of one quantity."""

    code: Code
    name_zh: str
    name_en: str = ""
    quantity: Slug  # a quantity of the jurisdiction
    unit: str  # the quantity's unit, or one that it accepts
    interval: PositiveSpan  # how often a reading is expected; for sums, what one reading covers
    area: Code
    risk_point: Code | None = None  # the place it stands at; gives its coordinates when it has none
    lat: Latitude | None = None
    lon: Longitude | None = None
    device: Code | None = None  # serial number of the device; streams of one device share it
    operator: Code | None = None  # the organisation that looks after the device
    gateway: Code | None = None  # through which it speaks: with it, all behind it fall silent
    installed_on: date | None = None  # when this device took its place
    calibration_due: date | None = None  # by when it has to be calibrated again
    valid_from: date | None = None
    valid_to: date | None = None


class Rung(Entry, frozen=True, kw_only=True):
    """One step up: ``after`` counts from the missed deadline, on its calendar."""

    after: Span
    calendar: CalendarKind = "natural"
    # "superior" climbs from the owner; "commander" or a post code names one.
    post: str = "superior"


class Ladder(Grounded, frozen=True, kw_only=True):
    """ladders.yaml: who hears of a missed deadline, in which order."""

    id: Slug
    name: Text
    case: CaseKind | Literal["*"] = "*"  # which kind of case it serves
    hazard: str = "*"  # a slug, a prefix as "met.*", or "*"
    rungs: Annotated[tuple[Rung, ...], msgspec.Meta(min_length=1)]
    repeat: PositiveSpan = "1h"  # on the top rung the reminder comes again and again (I1)


class Plan(Grounded, frozen=True, kw_only=True):
    """plans.yaml: an emergency plan; steps come in a later format."""

    id: Code
    name: Text
    hazards: tuple[str, ...]  # slugs, prefixes as "met.*", or "*"
    reviewed_on: date  # a plan not reviewed for three years is pointed at
    # the response level it asks for at a warning level
    response_asked: tuple[ResponseAsked, ...] = ()


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """areas.geojson: the outline of one area in WGS-84."""

    code: str
    schematic: bool
    geometry: dict[str, Any]


class City(msgspec.Struct, frozen=True, kw_only=True):
    """A whole city pack, parsed."""

    info: CityInfo
    areas: tuple[Area, ...] = ()
    shapes: tuple[Shape, ...] = ()
    organisations: tuple[Organisation, ...] = ()
    posts: tuple[Post, ...] = ()
    holders: tuple[Holder, ...] = ()
    shifts: tuple[Shift, ...] = ()
    duties: tuple[Duty, ...] = ()
    risk_points: tuple[RiskPoint, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    ladders: tuple[Ladder, ...] = ()
    plans: tuple[Plan, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    clocks: tuple[ClockRule, ...] = ()
    incidents: tuple[IncidentRule, ...] = ()
    checks: tuple[CheckSpec, ...] = ()


__all__ = [
    "Area",
    "Basis",
    "CheckSpec",
    "City",
    "CityInfo",
    "Confidence",
    "Duty",
    "Holder",
    "Ladder",
    "Organisation",
    "Plan",
    "Post",
    "RiskPoint",
    "Rung",
    "Sensor",
    "Shape",
    "Shift",
]
