"""How the rows of a city pack stand in tables, and how they come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import Enum
from functools import cached_property
from typing import Any, get_type_hints

import msgspec
import msgspec.inspect
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
        """Return the pack entries for which many rows stand, without making an object of each row."""
        columns = (column for _, column in self._fields)
        return map(self._made, rows.values_list(*columns).iterator(2000))

    @cached_property
    def _fields(self) -> tuple[tuple[str, str], ...]:
        """The fields of the pack, each with its column."""
        return tuple((name, self.columns.get(name, name)) for name in self.kind.__struct_fields__)

    @cached_property
    def _made(self) -> Callable[[Iterable[object]], Any]:
        """Makes an entry of its columns.  What stands there was an entry, and is not checked again."""
        kind, names = self.kind, self.kind.__struct_fields__
        blank = tuple(name for name, column in self._fields if column in self.blank)
        kinds = get_type_hints(kind, include_extras=True)
        otherwise = tuple((name, kinds[name]) for name in names if _is_otherwise(kinds[name]))

        def made(values: Iterable[object]) -> Any:
            found = dict(zip(names, values, strict=True))
            for name in blank:
                if found[name] == "":
                    found[name] = None
            for name, form in otherwise:
                if found[name] is not None:
                    found[name] = msgspec.convert(found[name], form, strict=False)
            return kind(**found)

        return made

    def key(self, entry: Any) -> str:
        """Return the key that tells an entry from the others of its section."""
        return key_of(self.section, entry)


def _is_otherwise(kind: Any) -> bool:
    """Return whether :func:`_stored` gives another form to values of a type of the pack."""
    found = msgspec.inspect.type_info(kind)
    inside = found.types if isinstance(found, msgspec.inspect.UnionType) else (found,)
    return any(isinstance(one, _OTHERWISE) for one in inside)


_OTHERWISE = (msgspec.inspect.VarTupleType, msgspec.inspect.EnumType, msgspec.inspect.TimeType)


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
