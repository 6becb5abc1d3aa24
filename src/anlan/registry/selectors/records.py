"""The registry as its pages show it: entries of the pack in force, searched, in pages, one by one.

An entry comes back as the pack writes it, with what the tables know beside it: from which
load on it counts, and at which one it left.  Each question asks a fixed number of queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.domain import city as c
from anlan.registry.domain.dutymatrix import Validity
from anlan.registry.domain.errors import RecordUnknownError, TableLargeError
from anlan.registry.domain.facts import KnownArea
from anlan.registry.models import Holder, PackRow, Shift
from anlan.registry.selectors import areas, packs, sheets

SIZE = 50
MOST_CHOICES = 500
MOST_ENTRIES = 50_000  # of one table to take away
MOST_PAGES = 10_000  # beyond this somebody searches instead


@dataclass(frozen=True, slots=True)
class Record:
    """An entry of the registry (台账记录) and what the tables know of it.

    ``key`` is what its page is called by: its code, or the number of a line of a
    roster or of the duty matrix.  ``counts`` says whether it is in force now.
    """

    section: str
    key: str
    entry: Any
    area_path: str
    counts: bool
    began_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is asked for: words, an area, what it hangs on, and which page."""

    text: str = ""
    area: str = ""
    of: str = ""  # the code of that on which the entries hang: a post, a unit, a risk point
    page: int = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list, how many entries there are in all, and whether more follow."""

    records: tuple[Record, ...]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class _Shelf:
    sheet: sheets.Sheet
    path: str  # where the path of its area stands
    order: tuple[str, ...]
    searched: tuple[str, ...]
    hangs_on: str = ""


_NAMED = ("code", "name_zh", "name_en")
_ORGANISATIONS, _POSTS = sheets.CODED
_RISK_POINTS, _SENSORS = sheets.PLACED
_SHELVES: Mapping[str, _Shelf] = {
    "areas": _Shelf(sheets.AREAS, "path", ("path",), _NAMED, "parent_id"),
    "organisations": _Shelf(_ORGANISATIONS, "area__path", ("code",), _NAMED, "area_id"),
    "posts": _Shelf(_POSTS, "area__path", ("code",), _NAMED, "organisation_id"),
    "shifts": _Shelf(
        sheets.SHIFTS,
        "post__area__path",
        ("post_id", "starts", "valid_from", "pk"),
        ("post__code", "post__name_zh", "post__name_en", "holder__code", "deputy__code"),
        "post_id",
    ),
    "duties": _Shelf(
        sheets.DUTIES,
        "area__path",
        ("area__path", "hazard", "level", "pk"),
        ("hazard", "basis", "post__code", "post__name_zh", "post__name_en", "area__name_zh"),
        "post_id",
    ),
    "risk_points": _Shelf(
        _RISK_POINTS, "area__path", ("code",), (*_NAMED, "kind"), "owner_post_id"
    ),
    "sensors": _Shelf(_SENSORS, "area__path", ("code",), (*_NAMED, "quantity"), "risk_point_id"),
}
SECTIONS = tuple(_SHELVES)


def _visible(actor: Actor, shelf: _Shelf) -> Q:
    reach = Q(pk__in=[])
    for path in actor.areas:
        if not path:
            return Q()
        reach |= areas.under(path, shelf.path)
    if shelf.sheet.section == "posts" and actor.post:
        reach |= Q(pk=actor.post)
    return reach


def _rows(actor: Actor, shelf: _Shelf) -> QuerySet[Any]:
    rows = shelf.sheet.model._default_manager.filter(_visible(actor, shelf))
    joined = shelf.path.removesuffix("__path").removesuffix("path")
    return rows.select_related(joined) if joined else rows


def _path_of(row: Any, shelf: _Shelf) -> str:
    for step in shelf.path.split("__"):
        row = getattr(row, step)
    return str(row)


def _record(row: Any, shelf: _Shelf, at: datetime, day: date) -> Record:
    return Record(
        section=shelf.sheet.section,
        key=str(row.pk),
        entry=shelf.sheet.entry(row),
        area_path=_path_of(row, shelf),
        counts=holds(row, at, day),
        began_at=row.began_at,
        ended_at=row.ended_at,
    )


def holds(row: PackRow, at: datetime, day: date) -> bool:
    """Return whether a row of a pack is in force at ``at``, whose local day is ``day``."""
    validity = Validity(row.valid_from, row.valid_to, row.began_at, row.ended_at)
    return validity.holds(at, day)


def _wanted(actor: Actor, shelf: _Shelf, wanted: Wanted) -> QuerySet[Any]:
    rows = _rows(actor, shelf).filter(ended_at__isnull=True)
    if wanted.area:
        rows = rows.filter(areas.under(access.area(actor, wanted.area).path, shelf.path))
    if wanted.of and shelf.hangs_on:
        rows = rows.filter(**{shelf.hangs_on: wanted.of})
    if words := wanted.text.strip():
        found = Q()
        for column in shelf.searched:
            found |= Q(**{f"{column}__icontains": words})
        rows = rows.filter(found)
    return rows


def entries(actor: Actor, section: str, wanted: Wanted) -> Iterator[Any]:
    """Yield everything that a list's pages show, in their order, as the pack writes it.

    Raises
    ------
    AreaUnknownError
        When the asked area is none of the actor's.
    TableLargeError
        When it is more than a page hands out.
    """
    shelf = _SHELVES[section]
    rows = _wanted(actor, shelf, wanted)
    if (total := rows.count()) > MOST_ENTRIES:
        raise TableLargeError(lines=total, most=MOST_ENTRIES)
    for row in rows.order_by(*shelf.order).iterator(2000):
        yield shelf.sheet.entry(row)


def records(actor: Actor, section: str, wanted: Wanted, *, at: datetime) -> Listed:
    """Return a page of what the pack still holds in the actor's areas in a fixed number of queries.

    Raises
    ------
    AreaUnknownError
        When the asked area is none of the actor's.
    """
    shelf = _SHELVES[section]
    rows = _wanted(actor, shelf, wanted)
    first = (max(1, min(wanted.page, MOST_PAGES)) - 1) * SIZE
    part = list(rows.order_by(*shelf.order)[first : first + SIZE + 1])
    day = packs.local_day(at)
    return Listed(
        records=tuple(_record(row, shelf, at, day) for row in part[:SIZE]),
        total=rows.count(),
        more=len(part) > SIZE,
    )


def record(actor: Actor, section: str, key: str, *, at: datetime) -> Record:
    """Return one entry of the actor's areas, also one that has left the pack.

    Raises
    ------
    RecordUnknownError
        When there never was one, or it lies elsewhere.
    """
    if section == "holders":
        return _holder(actor, key, at=at)
    shelf = _SHELVES[section]
    lines = section in {"shifts", "duties"}
    if lines and not (key.isascii() and key.isdecimal() and len(key) < 19):
        raise RecordUnknownError(section=section, key=key[:64])
    row = _rows(actor, shelf).filter(pk=int(key) if lines else key).first()
    if row is None:
        raise RecordUnknownError(section=section, key=key[:64])
    return _record(row, shelf, at, packs.local_day(at))


def _holder(actor: Actor, code: str, *, at: datetime) -> Record:
    """Return a person who holds posts, by code only: name and contact are personal data."""
    row = Holder.objects.filter(pk=code).first()
    if row is None or not sees_holder(actor, code):
        raise RecordUnknownError(section="holders", key=code[:64])
    return Record(
        "holders",
        code,
        c.Holder(code=code, name=""),
        "",
        holds(row, at, packs.local_day(at)),
        row.began_at,
        row.ended_at,
    )


def posts_of_holder(code: str) -> list[tuple[str, str]]:
    """Return code and area path of every post at which a person sits or stands in."""
    lines = Shift.objects.filter(Q(holder=code) | Q(deputy=code), ended_at__isnull=True)
    return list(lines.order_by("post_id").distinct().values_list("post_id", "post__area__path"))


def paths_ever_sat(code: str) -> list[str]:
    """Return the area paths of every post at which a person sits or sat."""
    lines = Shift.objects.filter(Q(holder=code) | Q(deputy=code)).order_by()
    return list(lines.distinct().values_list("post__area__path", flat=True))


def sees_holder(actor: Actor, code: str) -> bool:
    """Return whether an actor may know of a person: of one who sits at a post of their areas."""
    return actor.covers("") or any(actor.covers(path) for _, path in posts_of_holder(code))


def counts(actor: Actor) -> dict[str, int]:
    """Return how many entries of each kind the pack still holds in the actor's areas."""
    return {
        section: _rows(actor, shelf).filter(ended_at__isnull=True).count()
        for section, shelf in _SHELVES.items()
    }


def areas_by_kind(actor: Actor) -> dict[str, int]:
    """Return how many areas of each kind there are: districts, streets, grids."""
    rows = _rows(actor, _SHELVES["areas"]).filter(ended_at__isnull=True)
    found = rows.order_by().values_list("kind").annotate(n=Count("pk"))
    return {str(kind): int(n) for kind, n in found}


def filter_areas(actor: Actor) -> list[KnownArea]:
    """Return the areas a list can be narrowed to, by path: those above communities and grids."""
    rows = _rows(actor, _SHELVES["areas"]).filter(ended_at__isnull=True)
    rows = rows.filter(kind__in=("city", "district", "zone", "street")).order_by("path")
    return [areas.known(values) for values in rows.values(*areas.FIELDS)[:MOST_CHOICES]]


def choices(actor: Actor, section: str) -> list[tuple[str, str, str]]:
    """Return code and both names of the posts or units that a field of the actor's may name.

    They lie in the actor's areas, or above them.
    """
    shelf = _SHELVES[section]
    reach = _visible(actor, shelf)
    for path in () if actor.covers("") else actor.areas:
        steps = path.split("/")
        above = ["/".join(steps[: number + 1]) for number in range(len(steps))]
        reach |= Q(**{f"{shelf.path}__in": above})
    rows: QuerySet[Any] = shelf.sheet.model._default_manager.filter(reach, ended_at__isnull=True)
    return list(rows.order_by("code").values_list("code", "name_zh", "name_en")[:MOST_CHOICES])


def holder_codes(actor: Actor) -> list[str]:
    """Return the people who sit at posts of the actor's areas, by code: what a roster chooses from."""
    rows = Holder.objects.filter(ended_at__isnull=True).order_by("code")
    if not actor.covers(""):
        reach = Q(pk__in=[])
        for path in actor.areas:
            reach |= areas.under(path, "post__area__path")
        seats = Shift.objects.filter(reach, ended_at__isnull=True)
        people = {code for pair in seats.values_list("holder", "deputy") for code in pair if code}
        rows = rows.filter(pk__in=people)
    return list(rows.values_list("code", flat=True)[:MOST_CHOICES])
