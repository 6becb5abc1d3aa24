"""What the linter has to see of a city to judge one edit: not each of its areas.

Everything beside the areas is few enough to be read.  Of the areas only those count that
something refers to, what governs them, and the kin of what an edit touches: a finding about
any other one is the same before and after.  What is said of them twice falls out of the
comparison, so a country of 660,000 areas costs what a city costs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import shapely
from django.db.models import Q

from anlan.registry.domain import city as c
from anlan.registry.domain.edits import Edit
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.registry.models import Area, Duty, Organisation, Post, RiskPoint, Sensor
from anlan.registry.selectors import packs
from anlan.registry.selectors.areas import outlines_of, under
from anlan.registry.services.areas import LOOK_UP, chunks

_REFERRING = (Organisation, Post, Duty, RiskPoint, Sensor)


def areas_around(edit: Edit) -> frozenset[str]:
    """Return the codes of the areas that an edit of the city in force is judged by."""
    root = packs.city().root_area
    paths = set(Area.objects.filter(pk=root).values_list("path", flat=True))
    for model in _REFERRING:
        rows = model._default_manager.filter(ended_at__isnull=True).order_by()
        paths |= set(rows.values_list("area__path", flat=True).distinct())
    if isinstance(edit, EntriesEdit):
        paths |= _kin(edit)
    return frozenset(code for path in paths for code in path.split("/"))


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
