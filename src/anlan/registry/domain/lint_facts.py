"""What the governance linter looks at: both packs, indexed, and the day for which it asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from anlan.registry.domain.city import (
    Area,
    City,
    Holder,
    Organisation,
    Plan,
    Post,
    RiskPoint,
    Sensor,
)
from anlan.registry.domain.entries import key_of
from anlan.registry.domain.findings import Finding, finding
from anlan.registry.domain.jurisdiction import ClockRule, HazardKind, Jurisdiction, Quantity
from anlan.registry.domain.packwords import Grounded
from anlan.registry.domain.parse import Parsed
from anlan.registry.domain.rulespecs import RuleSpec


class Dated(Protocol):
    """A row with a period of validity in local days."""

    @property
    def valid_from(self) -> date | None: ...
    @property
    def valid_to(self) -> date | None: ...


class Sourced(NamedTuple):
    """A grounded entry and the pack it stands in."""

    section: str
    entry: Any
    in_city: bool


@dataclass(frozen=True)
class Packs:
    """A city pack and the jurisdiction pack it stands on, as of one local day."""

    parsed_city: Parsed[City]
    parsed_law: Parsed[Jurisdiction]
    today: date

    @property
    def city(self) -> City:
        """The city pack."""
        return self.parsed_city.pack

    @property
    def law(self) -> Jurisdiction:
        """The jurisdiction pack."""
        return self.parsed_law.pack

    @cached_property
    def areas(self) -> dict[str, Area]:
        """Areas by code."""
        return {item.code: item for item in self.city.areas}

    @cached_property
    def organisations(self) -> dict[str, Organisation]:
        """Organisations by code."""
        return {item.code: item for item in self.city.organisations}

    @cached_property
    def posts(self) -> dict[str, Post]:
        """Posts by code."""
        return {item.code: item for item in self.city.posts}

    @cached_property
    def holders(self) -> dict[str, Holder]:
        """Holders by code."""
        return {item.code: item for item in self.city.holders}

    @cached_property
    def risk_points(self) -> dict[str, RiskPoint]:
        """Risk points by code."""
        return {item.code: item for item in self.city.risk_points}

    @cached_property
    def standing_points(self) -> list[RiskPoint]:
        """Risk points that have not ended."""
        return [item for item in self.city.risk_points if not is_past(item, self.today)]

    @cached_property
    def standing_sensors(self) -> list[Sensor]:
        """Sensors that have not ended."""
        return [item for item in self.city.sensors if not is_past(item, self.today)]

    @cached_property
    def measuring(self) -> dict[str, list[Sensor]]:
        """Sensors that have not ended, by what they measure: of those alike to a rule the first."""
        first: dict[tuple[str, str, str | None], Sensor] = {}
        for item in self.standing_sensors:
            kind = self.kinds_at.get(item.risk_point)
            first.setdefault((item.quantity, item.interval, kind), item)
        found: dict[str, list[Sensor]] = {}
        for item in first.values():
            found.setdefault(item.quantity, []).append(item)
        return found

    @cached_property
    def kinds_at(self) -> dict[str | None, str]:
        """The kinds of the risk points by code; none for a sensor that stands at none."""
        return {item.code: item.kind for item in self.city.risk_points}

    @cached_property
    def plans(self) -> dict[str, Plan]:
        """Plans in force by id."""
        return {item.id: item for item in self.city.plans if in_force(item, self.today)}

    @cached_property
    def hazards(self) -> dict[str, HazardKind]:
        """Kinds of hazard by slug."""
        return {item.id: item for item in self.law.hazards}

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """Quantities by slug."""
        return {item.id: item for item in self.law.quantities}

    @cached_property
    def place_kinds(self) -> frozenset[str]:
        """Slugs of the kinds of place."""
        return frozenset(item.id for item in self.law.place_kinds)

    @cached_property
    def rules(self) -> tuple[tuple[RuleSpec, bool], ...]:
        """Rules that judge today, each with whether it is the city's own."""
        return tuple(self._standing(self.law.rules, self.city.rules))

    @cached_property
    def clocks(self) -> tuple[tuple[ClockRule, bool], ...]:
        """Clocks that run today, each with whether it is the city's own."""
        return tuple(self._standing(self.law.clocks, self.city.clocks))

    def _standing(self, law: Iterable[Any], own: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
        """Yield entries in force: the city's own, and the law's that none of them replaces."""
        mine = [entry for entry in own if in_force(entry, self.today)]
        replaced = {entry.replaces for entry in mine} | {entry.id for entry in mine}
        for entry in law:
            if in_force(entry, self.today) and entry.id not in replaced:
                yield entry, False
        for entry in mine:
            yield entry, True

    def grounded(self) -> Iterator[Sourced]:
        """Yield every entry that states a ground, of both packs."""
        law = (
            "rules",
            "clocks",
            "incidents",
            "checks",
            "accident_tables",
            "risk_methods",
            "signals",
        )
        for section in law:
            for entry in getattr(self.law, section):
                yield Sourced(section, entry, in_city=False)
        for section in ("rules", "clocks", "incidents", "checks", "ladders", "plans"):
            for entry in getattr(self.city, section):
                yield Sourced(section, entry, in_city=True)

    def found(self, code: str, section: str, entry: object, /, **params: object) -> Finding:
        """Return a finding at an entry of the city pack."""
        file, line = self.parsed_city.where(section, key_of(section, entry))
        return finding(code, file, line, **params)

    def found_in_law(self, code: str, section: str, entry: object, /, **params: object) -> Finding:
        """Return a finding at an entry of the jurisdiction pack; its file names the pack."""
        file, line = self.parsed_law.where(section, key_of(section, entry))
        return finding(code, f"{self.law.info.id}/{file}", line, **params)

    def found_at(self, code: str, at: Sourced, /, **params: object) -> Finding:
        """Return a finding at an entry of either pack."""
        find = self.found if at.in_city else self.found_in_law
        return find(code, at.section, at.entry, **params)

    def found_in_info(self, code: str, key: str, /, **params: object) -> Finding:
        """Return a finding at a key of city.yaml; at the file's head when there is no such key."""
        head = self.parsed_city.where("info", "")
        file, line = self.parsed_city.places.get(("info", key), head)
        return finding(code, file, line, **params)


def in_force(entry: Grounded, day: date) -> bool:
    """Return whether a grounded entry is in force on ``day``."""
    return entry.effective_from <= day and (entry.effective_to is None or day < entry.effective_to)


def is_over(entry: Grounded, day: date) -> bool:
    """Return whether a grounded entry has ended by ``day``."""
    return entry.effective_to is not None and entry.effective_to <= day


def is_valid(row: Dated, day: date) -> bool:
    """Return whether a dated row counts on ``day``."""
    return (row.valid_from is None or row.valid_from <= day) and not is_past(row, day)


def is_past(row: Dated, day: date) -> bool:
    """Return whether a dated row has ended by ``day``."""
    return row.valid_to is not None and row.valid_to <= day


def overlap(a_from: date | None, a_to: date | None, b_from: date | None, b_to: date | None) -> bool:
    """Return whether two periods, each without its end day, share a day."""
    start = max(a_from or date.min, b_from or date.min)
    return start < min(a_to or date.max, b_to or date.max)
