"""What the linter has to see of a city to judge one edit: not each area, place and stream.

Everything beside these is few enough to be read.  Of them only those count that an edit can
move the findings of: what it touches, what refers to that, and the kin of touched areas.  A
finding about any other one is the same before and after, and falls out of the comparison; so
a country of 660,000 areas, or a city of 100,000 streams, costs what a small town costs.

Some checks ask of all places and streams together: is a quantity measured at all, which stream
is the fastest that a rule judges, which posts answer for a place.  They see one for all that are
alike in what is asked (``docs/adr/0024-an-edit-is-judged-by-what-it-can-move.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import shapely
from django.db.models import Min, Q, QuerySet

from anlan.registry.domain import city as c
from anlan.registry.domain.edits import Edit
from anlan.registry.domain.entry_edits import CODED, EntriesEdit
from anlan.registry.models import Area, Duty, Organisation, Post, RiskPoint, Sensor
from anlan.registry.selectors import packs
from anlan.registry.selectors.areas import outlines_of, under
from anlan.registry.selectors.touched import Touched
from anlan.registry.services.areas import LOOK_UP, chunks

Codes = frozenset[str]


def around(edit: Edit, *, today: date, alike: Codes = frozenset()) -> dict[str, Codes]:
    """Return by section the codes by which an edit of the city in force is judged.

    Sections that are not named are seen whole.  ``alike`` are quantities all of whose streams
    are wanted: :func:`moved_alike` tells when one for all is not enough.
    """
    own = {edit.section: _own(edit)}
    gone = {edit.section: frozenset(getattr(edit, "gone", ()))}
    sensors = _sensors(own, gone, today=today, alike=alike)
    at = {at for _, at, _ in sensors if at} | _named(edit, "risk_point")
    points = _points(own, gone, at, today=today)
    paths = {path for *_, path in sensors} | {path for _, path in points} | _seats()
    if isinstance(edit, EntriesEdit):
        paths |= _kin(edit)
    return {
        "areas": frozenset(code for path in paths for code in path.split("/")),
        "risk_points": frozenset(code for code, _ in points),
        "sensors": frozenset(code for code, *_ in sensors),
    }


def around_touched(touched: Touched, *, today: date) -> dict[str, Codes]:
    """Return by section the codes whose findings changes of the city may have moved, and one for all alike.

    Areas are seen whole: what is found about each of those read is what the whole city tells.
    """
    own = {"areas": touched.areas, "risk_points": touched.places, "sensors": touched.sensors}
    sensors = _sensors(own, {}, today=today)
    points = _points(own, {}, {at for _, at, _ in sensors if at}, today=today)
    return {
        "risk_points": frozenset(code for code, _ in points),
        "sensors": frozenset(code for code, *_ in sensors),
    }


def moved_alike(edit: Edit, pack: c.City, streams: Codes) -> Codes:
    """Return the quantities all of whose streams a rule moves, as ``streams`` are found otherwise.

    A rule judges streams by their quantity and the kind of their place: where one that stands for
    many is found otherwise, so are they all.
    """
    if edit.section != "rules":
        return frozenset()
    return frozenset(sensor.quantity for sensor in pack.sensors if sensor.code in streams)


def _own(edit: Edit) -> Codes:
    """Return the codes of the entries that an edit is about, where they have any."""
    if edit.section not in CODED:
        return frozenset()
    if isinstance(edit, EntriesEdit):
        return frozenset(entry.code for entry in edit.entries) | edit.gone
    return frozenset({edit.key})


def _named(edit: Edit, field: str) -> Codes:
    """Return what the entries of an edit name; what they named before stands in their rows."""
    named = (getattr(entry, field, None) for entry in getattr(edit, "entries", ()))
    return frozenset(code for code in named if code is not None)


def _groups(model: type[Any], *fields: str, today: date) -> QuerySet[Any]:
    """Return the rows that have not ended by ``today``, grouped by what is asked of them."""
    counting = Q(valid_to__isnull=True) | Q(valid_to__gt=today)
    rows: QuerySet[Any] = model._default_manager.filter(counting, ended_at__isnull=True)
    # Its last day too: on a later day of the edit others are left.
    return rows.order_by().values("valid_to", *fields)


def _ones(groups: QuerySet[Any]) -> set[str]:
    """Return the first of each group, which stands for all in it."""
    return set(groups.annotate(one=Min("pk")).values_list("one", flat=True))


def _sensors(
    own: Mapping[str, Codes],
    gone: Mapping[str, Codes],
    *,
    today: date,
    alike: Codes = frozenset(),
) -> set[tuple[str, str | None, str]]:
    """Return code, place and path of the area of the streams to be seen."""
    mine, at = own.get("sensors", frozenset()), own.get("risk_points", frozenset())
    groups = _groups(Sensor, "quantity", "interval", "risk_point__kind", today=today)
    areas = own.get("areas", frozenset())
    # Whoever is seen anyway does not stand for others: it may have changed, and they have not.
    others = groups.exclude(pk__in=mine).exclude(risk_point__in=at).exclude(area__in=areas)
    wanted = Q(pk__in=mine | _ones(others)) | Q(risk_point__in=at) | Q(quantity__in=alike)
    wanted |= Q(area__in=areas) | Q(operator__in=gone.get("organisations", ()))
    rows = Sensor.objects.filter(wanted, ended_at__isnull=True).order_by()
    return set(rows.values_list("pk", "risk_point_id", "area__path"))


def _points(
    own: Mapping[str, Codes], gone: Mapping[str, Codes], stood_at: set[str], *, today: date
) -> set[tuple[str, str]]:
    """Return code and path of the area of the places to be seen, those of seen streams with them."""
    mine = own.get("risk_points", frozenset())
    kinds = _groups(RiskPoint, "kind", today=today).exclude(pk__in=mine)
    # Who answers for a place is asked whether it still counts or not.
    rows = RiskPoint.objects.filter(ended_at__isnull=True).order_by()
    owners = rows.exclude(pk__in=mine).values("owner_post")
    wanted = Q(pk__in=mine | _ones(kinds) | _ones(owners))
    wanted |= Q(area__in=own.get("areas", ())) | Q(owner_post__in=gone.get("posts", ()))
    found = set(rows.filter(wanted).values_list("pk", "area__path"))
    for chunk in chunks(sorted(stood_at - {code for code, _ in found}), LOOK_UP):
        found |= set(rows.filter(pk__in=chunk).values_list("pk", "area__path"))
    return found


def _seats() -> set[str]:
    """Return the paths of the root and of the areas that units, posts and duties are of."""
    root = packs.city().root_area
    paths = set(Area.objects.filter(pk=root).values_list("path", flat=True))
    for model in (Organisation, Post, Duty):
        rows = model._default_manager.filter(ended_at__isnull=True).order_by()
        paths |= set(rows.values_list("area__path", flat=True).distinct())
    return paths


def _kin(edit: EntriesEdit) -> set[str]:
    """Return the paths of the areas that an edit names, and of what lies beside and below them."""
    named = {str(entry.area) for entry in edit.entries if hasattr(entry, "area")}
    kin: set[str] = set()
    if edit.section == "areas":
        kin = _of_areas(edit)
    elif edit.section == "duties":
        # A duty of one part makes a gap of each part beside it, and so does one that it covered.
        touched = named | {key.split("/")[0] for key in edit.gone}
        kin = _parents(touched) | _with_duties_below(touched)
    return _paths(Q(pk__in=chunk) for chunk in chunks(named, LOOK_UP)) | _paths(
        Q(pk__in=chunk) | Q(parent__in=chunk) for chunk in chunks(kin, LOOK_UP)
    )


def _paths(conditions: Iterable[Q]) -> set[str]:
    rows = Area.objects.filter(ended_at__isnull=True).order_by()
    return {path for one in conditions for path in rows.filter(one).values_list("path", flat=True)}


def _parents(codes: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks(codes, LOOK_UP):
        above = Area.objects.filter(pk__in=chunk).values_list("parent_id", flat=True)
        found |= {code for code in above if code is not None}
    return found


def _of_areas(edit: EntriesEdit) -> set[str]:
    named: set[str] = set()
    for entry in edit.entries:
        named |= {entry.code, entry.parent or entry.code, *entry.touches}
    codes = {entry.code for entry in edit.entries}
    wanted = {entry.code: entry.parent for entry in edit.entries}
    known = Area.objects.filter(pk__in=codes).values_list("pk", "parent_id")
    moved = {code for code, parent in known if parent != wanted[code]}
    reaching = Area.objects.filter(ended_at__isnull=True).exclude(touches=[]).order_by()
    named |= {code for code, into in reaching.values_list("pk", "touches") if codes & {*into}}
    return named | _parents(codes) | _met(edit, codes) | _with_duties_below(moved)


def _met(edit: EntriesEdit, codes: set[str]) -> set[str]:
    """Return the areas on whose ground an outline lies: two of one kind may not share any."""
    known = outlines_of(packs.revision())
    shapes: list[Any] = [known.shapes[known.numbers[x]] for x in codes if x in known.numbers]
    shapes += [_drawn(shape) for shape in edit.shapes]
    return {known.areas[int(hit)].code for shape in shapes for hit in known.tree.query(shape)}


def _drawn(shape: c.Shape) -> Any:
    return shapely.box(*shapely.geometry.shape(shape.geometry).bounds)


def _with_duties_below(codes: Iterable[str]) -> set[str]:
    """Return the areas below some that have parts with duties of their own."""
    found: set[str] = set()
    for chunk in chunks(sorted(codes), LOOK_UP):
        for path in Area.objects.filter(pk__in=chunk).values_list("path", flat=True):
            duties = Duty.objects.filter(under(path, "area__path"), ended_at__isnull=True)
            above = duties.order_by().values_list("area__parent_id", flat=True).distinct()
            found |= {code for code in above if code is not None}
    return found
