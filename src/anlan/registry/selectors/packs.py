"""The packs in force, decoded once per process and city revision."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import msgspec
from django.db import connection

from anlan.infra import recall
from anlan.kernel.scales import WarningLevel
from anlan.kernel.workcalendar import WorkCalendar
from anlan.registry.domain import choice
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.checkspecs import CheckSpec
from anlan.registry.domain.dutymatrix import hazard_match
from anlan.registry.domain.errors import EntryUnknownError, NoCityError
from anlan.registry.domain.parse import CITY_LISTS, JURISDICTION_LISTS
from anlan.registry.domain.rulespecs import ResponseAsked, RuleSpec
from anlan.registry.models import CityState, PackEntry

EntryT = TypeVar("EntryT")
FactT = TypeVar("FactT")
KINDS: Mapping[str, Any] = {**CITY_LISTS, **JURISDICTION_LISTS}
BOOKS_KEPT = 4  # revisions kept decoded: the one in force and those of replays beside it


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one entry with the instants between which it counts."""

    code: str
    version: int
    source: str
    effective_from: datetime
    effective_to: datetime | None
    in_pack: bool
    entry: Any

    def holds(self, at: datetime) -> bool:
        """Return whether this version counts at the instant ``at``."""
        return self.effective_from <= at and (self.effective_to is None or at < self.effective_to)


@dataclass(frozen=True)
class Book:
    """Everything of one city revision that is small enough to stand in memory."""

    info: c.CityInfo
    jurisdiction: j.JurisdictionInfo
    sections: Mapping[str, tuple[Version, ...]]
    calendars: dict[tuple[str, int], WorkCalendar] = field(default_factory=dict)

    @property
    def tz(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.info.timezone)


def decode(section: str, spec: object, version: int | None = None) -> Any:
    """Return the typed entry of a stored spec; ``version`` is the one it is known by here."""
    entry = msgspec.convert(spec, KINDS[section], strict=False)
    if version is not None and hasattr(entry, "version"):
        return msgspec.structs.replace(entry, version=version)
    return entry


def revision() -> str:
    """Return the revision of the city data in force; empty when no city was loaded.

    Asked before nearly every answer, so in plain SQL: compiling it would cost more than it does.
    """
    return recall.recall("registry.revision", _revision)


def _revision() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT revision FROM registry_citystate WHERE id = 1")
        found = cursor.fetchone()
    return str(found[0]) if found else ""


#: Facts of the revision in force that the clockwork asked for, by what was asked.
_facts: dict[Hashable, object] = {}
_facts_of: list[str] = [""]
FACTS_KEPT = 50_000


def fact(key: Hashable, ask: Callable[[], FactT]) -> FactT:
    """Return a fact that only a new revision changes; the clockwork asks once for each.

    Everywhere else it is asked anew: who loads or edits a city must see what was just written.
    """
    if not recall.is_on():
        return ask()
    now = revision()
    if _facts_of[0] != now or len(_facts) >= FACTS_KEPT:
        forget_facts()
        _facts_of[0] = now
    if key not in _facts:
        _facts[key] = ask()
    return cast("FactT", _facts[key])


def forget_facts() -> None:
    """Ask for every fact anew."""
    _facts.clear()


def book() -> Book:
    """Return the packs in force.

    Raises
    ------
    NoCityError
        When no city pack was loaded yet.
    """
    now = revision()
    if not now:
        raise NoCityError
    return _book_of(now)


@lru_cache(maxsize=BOOKS_KEPT)
def _book_of(_revision: str) -> Book:
    state = CityState.objects.get(pk=1)
    sections: dict[str, list[Version]] = {section: [] for section in KINDS}
    for row in PackEntry.objects.order_by("section", "code", "version").iterator(500):
        sections[row.section].append(
            Version(
                code=row.code,
                version=row.version,
                source=row.source,
                effective_from=row.effective_from,
                effective_to=row.effective_to,
                in_pack=row.in_pack,
                entry=decode(row.section, row.spec, row.version),
            )
        )
    return Book(
        info=msgspec.convert(state.info, c.CityInfo, strict=False),
        jurisdiction=msgspec.convert(state.jurisdiction, j.JurisdictionInfo, strict=False),
        sections={section: tuple(found) for section, found in sections.items()},
    )


def _unreplaced(versions: Iterable[Version]) -> Iterator[Version]:
    """Leave out what the city replaces by an entry of the same name or one that says so."""
    found = list(versions)
    replaced = {version.code for version in found if version.source == "city"}
    replaced |= {
        version.entry.replaces
        for version in found
        if version.source == "city" and getattr(version.entry, "replaces", None)
    }
    for version in found:
        if version.source == "city" or version.code not in replaced:
            yield version


def in_force(section: str, at: datetime) -> tuple[Any, ...]:
    """Return the entries of a section that count at the instant ``at``."""
    holding = (item for item in book().sections[section] if item.holds(at))
    return tuple(item.entry for item in _unreplaced(holding))


def current(section: str) -> tuple[Any, ...]:
    """Return the entries of a section as the packs loaded last hold them, whatever the time."""
    return currents(section)[0]


def currents(*sections: str) -> tuple[tuple[Any, ...], ...]:
    """Return :func:`current` of several sections, all of one revision (one small query)."""
    held = book().sections
    found = []
    for section in sections:
        last = {(item.source, item.code): item for item in held[section] if item.in_pack}
        found.append(tuple(item.entry for item in _unreplaced(last.values())))
    return tuple(found)


def entry_of(section: str, code: str, version: int) -> Any:
    """Return one version of an entry, in force or not.

    Raises
    ------
    EntryUnknownError
        When there never was such a version.
    """
    for item in book().sections[section]:
        if item.code == code and item.version == version:
            return item.entry
    raise EntryUnknownError(section=section, id=code, version=version)


def named(section: str, wanted: str, name: Callable[[Any], str]) -> Any:
    """Return the entry of a section whose name is wanted, or say that there is none."""
    for entry in current(section):
        if name(entry) == wanted:
            return entry
    raise EntryUnknownError(section=section, id=wanted)


def city() -> c.CityInfo:
    """Return the head of the city pack in force: its posts, calendar, time zone."""
    return book().info


def city_name(language: str) -> str:
    """Return the city's name in "zh" or "en"; empty when no city was loaded."""
    try:
        name = book().info.name
    except NoCityError:
        return ""
    return name.en if language == "en" else name.zh


def jurisdiction_info() -> j.JurisdictionInfo:
    """Return the head of the jurisdiction pack in force."""
    return book().jurisdiction


def timezone() -> ZoneInfo:
    """Return the city's time zone: local days and shifts are counted in it."""
    return book().tz


def local_day(at: datetime) -> date:
    """Return the city's local day at an instant."""
    return at.astimezone(timezone()).date()


def rules_in_force(*, at: datetime) -> tuple[RuleSpec, ...]:
    """Return the rules that count at ``at``; each carries the version it is known by."""
    return in_force("rules", at)


def rule(id: str, version: int) -> RuleSpec:  # noqa: A002  the pack's own word
    """Return one version of a rule, old ones too."""
    return cast("RuleSpec", entry_of("rules", id, version))


def rule_versions(id: str = "") -> tuple[Version, ...]:  # noqa: A002  the pack's own word
    """Return every version of every rule, or of one, that any load brought; old ones too."""
    return tuple(item for item in book().sections["rules"] if id in ("", item.code))


def versions_of(section: str, code: str) -> tuple[Version, ...]:
    """Return every version of one entry that any load or edit brought; old ones too."""
    return tuple(item for item in book().sections[section] if item.code == code)


def replaced_by(section: str, code: str) -> str:
    """Return the entry of the city's own, of another name, that stands in the place of one."""
    for item in book().sections[section]:
        other = item.code != code and item.source == "city" and item.in_pack
        if other and getattr(item.entry, "replaces", None) == code:
            return item.code
    return ""


def clocks_in_force(hazard: str = "*", *, at: datetime) -> tuple[j.ClockRule, ...]:
    """Return the clocks that count at ``at``; with a hazard or group, those that can run for it."""
    counting: tuple[j.ClockRule, ...] = in_force("clocks", at)
    return tuple(
        clock
        for clock in counting
        if clock.hazard == "*" or hazard_match(hazard, clock.hazard) is not None
    )


def checks_in_force(*, at: datetime) -> tuple[CheckSpec, ...]:
    """Return the checks of sensors that count at ``at``."""
    return in_force("checks", at)


def check(id: str, version: int) -> CheckSpec:  # noqa: A002  the pack's own word
    """Return one version of a check of sensors, old ones too."""
    return cast("CheckSpec", entry_of("checks", id, version))


def rule_titles(versions: Collection[tuple[str, int]]) -> dict[tuple[str, int], dict[str, str]]:
    """Return the titles of some versions of rules by language; one that never was is left out."""
    return {
        (item.code, item.version): {"zh": item.entry.title.zh, "en": item.entry.title.en}
        for item in (book().sections["rules"] if versions else ())
        if (item.code, item.version) in versions
    }


def clock_rule(
    case: str, stage: str, hazard: str, priority: int, *, at: datetime
) -> j.ClockRule | None:
    """Return the clock that counts for such a case at ``at``, or None when no rule sets one."""
    return choice.closest_clock(in_force("clocks", at), case, stage, hazard, priority)


def clock_rule_by_id(id: str, version: int) -> j.ClockRule:  # noqa: A002  the pack's own word
    """Return one version of a clock, old ones too."""
    return cast("j.ClockRule", entry_of("clocks", id, version))


def ladder_for(case: str, hazard: str, *, at: datetime) -> c.Ladder | None:
    """Return the escalation ladder for such a case at ``at``, or None when there is none."""
    return choice.closest_ladder(in_force("ladders", at), case, hazard)


def incident_rule(case: str, hazard: str, *, at: datetime) -> j.IncidentRule | None:
    """Return the rule by which such alarms are one incident at ``at``; None: none ever are.

    Devices of a city whose packs have no rule for them have Anlan's own.
    """
    return choice.closest_incident_rule(in_force("incidents", at), case, hazard)


def response_asked(hazard: str, level: WarningLevel, *, at: datetime) -> ResponseAsked | None:
    """Return the response that the city's plans ask for a warning, or None."""
    return choice.asked_of(in_force("plans", at), hazard, WarningLevel(level))


def risk_methods(*, at: datetime) -> tuple[j.RiskMethod, ...]:
    """Return the methods by which a standing danger is graded, as they count at ``at``."""
    return in_force("risk_methods", at)


def plan(code: str) -> c.Plan:
    """Return an emergency plan of the city as loaded last."""
    return cast("c.Plan", named("plans", code, lambda entry: entry.id))


def plans() -> tuple[c.Plan, ...]:
    """Return every emergency plan of the city as loaded last."""
    return current("plans")


def is_loaded() -> bool:
    """Return whether a city pack was loaded into this workspace."""
    return bool(revision())
