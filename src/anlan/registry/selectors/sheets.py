"""How the rows of a city pack stand in tables, and how they come back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec
from django.db.models import QuerySet

from anlan.registry import models as m
from anlan.registry.domain import city as c
from anlan.registry.domain.entries import key_of


@dataclass(frozen=True)
class Sheet:
    """One section of a city pack and its table."""

    section: str
    model: type[m.PackRow]
    kind: type[msgspec.Struct]
    # Pack field -> column, where the two differ (references keep the code in the key column).
    columns: Mapping[str, str] = field(default_factory=dict)
    # Columns that say "none" by an empty text.
    blank: frozenset[str] = frozenset()

    def values(self, entry: Any) -> dict[str, object]:
        """Return the columns of an entry."""
        found: dict[str, object] = {}
        for name in self.kind.__struct_fields__:
            column = self.columns.get(name, name)
            value = _stored(getattr(entry, name))
            found[column] = "" if value is None and column in self.blank else value
        return found

    def entry(self, row: m.PackRow) -> Any:
        """Return the pack entry for which ``row`` stands."""
        return self._made([getattr(row, column) for _, column in self._fields])

    def entries(self, rows: QuerySet[Any]) -> Iterator[Any]:
        """Yield the pack entries for which many rows stand, without making an object of each row."""
        columns = (column for _, column in self._fields)
        for values in rows.values_list(*columns).iterator(2000):
            yield self._made(values)

    @cached_property
    def _fields(self) -> tuple[tuple[str, str], ...]:
        """The fields of the pack, each with its column."""
        return tuple((name, self.columns.get(name, name)) for name in self.kind.__struct_fields__)

    def _made(self, values: Iterable[object]) -> Any:
        found = {
            name: value
            for (name, column), value in zip(self._fields, values, strict=True)
            if value is not None and (value != "" or column not in self.blank)
        }
        return msgspec.convert(found, self.kind, strict=False)

    def key(self, entry: Any) -> str:
        """Return the key that tells an entry from the others of its section."""
        return key_of(self.section, entry)


def _stored(value: object) -> object:
    if isinstance(value, tuple):
        return [_stored(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    return value


AREAS = Sheet("areas", m.Area, c.Area, {"parent": "parent_id"})
# In the order in which they refer to one another.
CODED = (
    Sheet("organisations", m.Organisation, c.Organisation, {"area": "area_id"}),
    Sheet(
        "posts",
        m.Post,
        c.Post,
        {"organisation": "organisation_id", "area": "area_id", "superior": "superior_id"},
    ),
)
PLACED = (
    Sheet(
        "risk_points",
        m.RiskPoint,
        c.RiskPoint,
        {"area": "area_id", "owner_post": "owner_post_id"},
        frozenset({"grade", "plan"}),
    ),
    Sheet(
        "sensors",
        m.Sensor,
        c.Sensor,
        {"area": "area_id", "risk_point": "risk_point_id", "operator": "operator_id"},
        frozenset({"device", "gateway"}),
    ),
)
SHIFTS = Sheet(
    "shifts",
    m.Shift,
    c.Shift,
    {
        "post": "post_id",
        "holder": "holder_id",
        "deputy": "deputy_id",
        "start": "starts",
        "end": "ends",
    },
)
DUTIES = Sheet("duties", m.Duty, c.Duty, {"area": "area_id", "post": "post_id"})
BY_SECTION = {x.section: x for x in (AREAS, *CODED, *PLACED, SHIFTS, DUTIES)}


def changed_columns(row: m.PackRow, values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the columns in which ``row`` differs from ``values``."""
    return tuple(name for name, value in values.items() if getattr(row, name) != value)
