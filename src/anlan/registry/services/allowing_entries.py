"""Which entries somebody may write, and what may stand in them: of a form one, of a table many."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import date
from functools import cached_property
from typing import Any

from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError
from anlan.kernel.scales import WarningLevel
from anlan.registry import access
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import is_plain
from anlan.registry.domain.entries import key_of
from anlan.registry.domain.entry_edits import CODED, VERSIONED, EntriesEdit
from anlan.registry.domain.errors import (
    CodeTakenError,
    EditChoiceError,
    EditDayPastError,
    RecordUnknownError,
)
from anlan.registry.models import Area, Holder, Organisation, Post, RiskPoint
from anlan.registry.selectors import packs, records, sheets
from anlan.registry.services.areas import LOOK_UP, chunks

LEVELS = frozenset(level.value for level in WarningLevel)
_MODELS = {sheet.section: sheet.model for sheet in (*sheets.CODED, *sheets.PLACED)} | {
    "areas": Area
}


def allow_entries(actor: Actor, edit: EntriesEdit, *, today: date) -> None:
    """Refuse an edit whose entries the actor may not write, or that name what is not there.

    Raises
    ------
    RecordUnknownError
        When what is changed is not there, or lies beyond the actor's areas.
    CodeTakenError
        When a new entry's code is or was another's.
    EditChoiceError
        When a field names what cannot be chosen there.
    EditDayPastError
        When it would rewrite what has been.
    """
    ground = Ground(actor, edit.section, edit.entries, today=today)
    if edit.section in CODED and not edit.is_new and edit.key and edit.key not in ground.known:
        raise RecordUnknownError(section=edit.section, key=edit.key)
    if edit.is_new and edit.key in ground.known:
        raise CodeTakenError(key=edit.key)
    for shape in edit.shapes:
        if shape.code not in {entry.code for entry in edit.entries}:
            raise EditChoiceError(field="outline", value=shape.code[:64])
    for entry in edit.entries:
        ground.check(entry)


class Ground:
    """What the entries of one section are held against, read at once for all of them."""

    def __init__(self, actor: Actor, section: str, entries: Iterable[Any], *, today: date) -> None:
        self.actor, self.section, self.today = actor, section, today
        self.entries = {key_of(section, entry): entry for entry in entries}
        self._seats: dict[str, bool] = {}  # asked once for each person, however many lines

    def check(self, entry: Any) -> None:
        """Refuse an entry that may not be written as it stands."""
        if self.section in VERSIONED:
            access.require_whole_city(self.actor)
            return
        self._plain(entry)
        if self.section in CODED:
            self._ours(entry)
        self._days(entry)
        checks: dict[str, Callable[[Any], None]] = {
            "areas": self._area,
            "organisations": self._organisation,
            "posts": self._post,
            "shifts": self._shift,
            "duties": self._duty,
            "risk_points": self._risk_point,
            "sensors": self._sensor,
        }
        checks[self.section](entry)

    def refusals(self) -> dict[str, AnlanError]:
        """Return why entries may not be written, by key; nothing may hang on one of those.

        An entry as it stands already is not asked, if it is the actor's.
        """
        given, hanging = dict(self.entries), self._hanging()
        found: dict[str, AnlanError] = {}
        left = list(given)
        while left:
            key = left.pop()
            entry = given[key]
            if key in found or (self.before(entry) == entry and self.is_ours(entry)):
                continue
            try:
                self.check(entry)
            except AnlanError as error:
                found[key] = error
                del self.entries[key]
                left += hanging.get(key, ())
        return found

    def _hanging(self) -> dict[str, list[str]]:
        """Return which entries name each one as what lies above or beside them."""
        found: dict[str, list[str]] = {}
        for key, entry in self.entries.items():
            above = (getattr(entry, "parent", None), getattr(entry, "superior", None))
            for code in {*above, *getattr(entry, "touches", ())} - {None, key}:
                found.setdefault(str(code), []).append(key)
        return found

    def before(self, entry: Any) -> Any | None:
        """Return what stands there now in the place of an entry."""
        if self.section in CODED:
            row = self.known.get(entry.code)
            return self._sheet.entry(row) if row is not None and row.ended_at is None else None
        return self.lines.get(key_of(self.section, entry))

    def _days(self, entry: Any) -> None:
        """Refuse days that contradict each other, or that would rewrite what has been."""
        first, end = getattr(entry, "valid_from", None), getattr(entry, "valid_to", None)
        if first is not None and end is not None and end <= first:
            raise EditChoiceError(field="valid_to", value=end.isoformat())
        before = self.before(entry)
        if before is None:
            return
        for name in ("valid_from", "valid_to"):
            was, now = getattr(before, name, None), getattr(entry, name, None)
            past = [day for day in (was, now) if day is not None and day < self.today]
            if was != now and past:
                raise EditDayPastError(day=min(past).isoformat())

    # --- what is there ------------------------------------------------------------------------

    @cached_property
    def known(self) -> dict[str, Any]:
        """Rows that have the entries' codes, also those that left."""
        if self.section not in CODED:
            return {}
        model = self._sheet.model
        found: dict[str, Any] = {}
        for chunk in chunks(sorted(self.entries), LOOK_UP):
            found |= model._default_manager.in_bulk(chunk)
        return found

    @cached_property
    def lines(self) -> dict[str, Any]:
        """Lines in force of the posts or areas that the entries are lines of."""
        of = "post" if self.section == "shifts" else "area"
        found: dict[str, Any] = {}
        for chunk in chunks(sorted(self._named(of)), LOOK_UP):
            rows = self._sheet.model._default_manager.filter(
                ended_at__isnull=True, **{f"{of}__in": chunk}
            )
            found |= {key_of(self.section, entry): entry for entry in map(self._sheet.entry, rows)}
        return found

    @cached_property
    def answering(self) -> frozenset[tuple[str, str]]:
        """Which posts answer for something in which of the areas already."""
        return frozenset((line.area, line.post) for line in self.lines.values())

    @cached_property
    def _sheet(self) -> sheets.Sheet:
        return sheets.BY_SECTION[self.section]

    @cached_property
    def areas(self) -> dict[str, str]:
        """Paths of the areas that the entries name, and of their own."""
        rows = Area.objects.filter(ended_at__isnull=True).order_by()
        named = set(self._named("area", "parent", "touches"))
        named |= {row.area_id for row in self.known.values() if hasattr(row, "area_id")}
        return self._look_up(rows, named, "path")

    @cached_property
    def posts(self) -> dict[str, str]:
        """Paths of the areas of the posts that the entries name."""
        rows = Post.objects.filter(ended_at__isnull=True).order_by()
        return self._look_up(rows, self._named("post", "superior", "owner_post"), "area__path")

    @cached_property
    def organisations(self) -> dict[str, str]:
        """Paths of the areas of the organisations that the entries name."""
        rows = Organisation.objects.filter(ended_at__isnull=True).order_by()
        return self._look_up(rows, self._named("organisation"), "area__path")

    @cached_property
    def points(self) -> dict[str, str]:
        """Paths of the areas of the risk points that the entries name."""
        rows = RiskPoint.objects.filter(ended_at__isnull=True).order_by()
        return self._look_up(rows, self._named("risk_point"), "area__path")

    @cached_property
    def people(self) -> dict[str, str]:
        """The holders that the entries name."""
        rows = Holder.objects.filter(ended_at__isnull=True).order_by()
        return self._look_up(rows, self._named("holder", "deputy"), "pk")

    @cached_property
    def plans(self) -> frozenset[str]:
        """The plans there are."""
        return frozenset(plan.id for plan in packs.current("plans"))

    def _named(self, *fields: str) -> set[str]:
        found: set[str] = set()
        for entry in self.entries.values():
            for field in fields:
                value = getattr(entry, field, None)
                several = value if isinstance(value, tuple) else (value,)
                found |= {code for code in several if code is not None}
        return found

    def _look_up(self, rows: Any, codes: Collection[str], column: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for chunk in chunks(sorted(codes), LOOK_UP):
            found |= dict(rows.filter(pk__in=chunk).values_list("pk", column))
        return found

    # --- what may stand in an entry -------------------------------------------------------------

    def _plain(self, entry: Any) -> None:
        """Refuse texts that cannot be read as they stand, or are longer than they are kept."""
        sheet = self._sheet
        for name in entry.__struct_fields__:
            value = getattr(entry, name)
            texts = value if isinstance(value, tuple) else (value,)
            most = getattr(
                sheet.model._meta.get_field(sheet.columns.get(name, name)), "max_length", 0
            )
            for text in texts:
                if isinstance(text, str) and (not is_plain(text) or len(text) > (most or 200)):
                    raise EditChoiceError(field=name, value=text[:64] if is_plain(text) else "–")
        for name in ("name_zh", "basis"):
            if not getattr(entry, name, "–").strip():
                raise EditChoiceError(field=name, value="–")

    def is_ours(self, entry: Any) -> bool:
        """Return whether an entry that is there lies in the actor's areas."""
        if self.section == "areas":
            row = self.known.get(entry.code)
            return row is not None and self.actor.covers(row.path)
        sits = self.section == "shifts"
        path = self.posts.get(entry.post) if sits else self.areas.get(entry.area)
        return path is not None and self.actor.covers(path)

    def _ours(self, entry: Any) -> None:
        """Refuse a code that is another's: of other areas, or of what has left."""
        row = self.known.get(entry.code)
        if row is None:
            if not entry.code.strip("."):  # codes stand in addresses, where dots lead up
                raise EditChoiceError(field="code", value=entry.code)
            return
        path = row.path if self.section == "areas" else self.areas.get(row.area_id, "–")
        if row.ended_at is not None or not self.actor.covers(path):
            raise CodeTakenError(key=entry.code)

    def _within(self, entry: Any) -> str:
        """Return the path of an entry's area, which lies in the actor's."""
        path = self.areas.get(entry.area)
        if path is None or not self.actor.covers(path):
            raise EditChoiceError(field="area", value=entry.area)
        return path

    def _near(
        self, field: str, code: str | None, paths: dict[str, str], path: str, was: Any
    ) -> None:
        """Refuse a code that is not there, or that lies neither above ``path`` nor in own areas."""
        if code is None or code == was:
            return
        found = paths.get(code)
        if found is None or not (self.actor.covers(found) or f"{path}/".startswith(f"{found}/")):
            raise EditChoiceError(field=field, value=code)

    def _area(self, entry: c.Area) -> None:
        row = self.known.get(entry.code)
        if (entry.parent is None) != (entry.code == packs.city().root_area):
            raise EditChoiceError(field="parent", value=entry.parent or "–")
        moved = row is None or row.parent_id != entry.parent
        if moved and entry.parent not in self.entries:
            path = self.areas.get(entry.parent or "")
            if path is None or not self.actor.covers(path):
                raise EditChoiceError(field="parent", value=entry.parent or "–")
        kept = set(row.touches) if row is not None else set()
        for code in set(entry.touches) - kept:
            if code not in self.areas and code not in self.entries:
                raise EditChoiceError(field="touches", value=code)

    def _organisation(self, entry: c.Organisation) -> None:
        self._within(entry)

    def _post(self, entry: c.Post) -> None:
        path = self._within(entry)
        row = self.known.get(entry.code)
        was = (row.organisation_id, row.superior_id) if row is not None else (None, None)
        self._near("organisation", entry.organisation, self.organisations, path, was[0])
        if entry.superior == entry.code:
            raise EditChoiceError(field="superior", value=entry.code)
        if entry.superior not in self.entries:
            self._near("superior", entry.superior, self.posts, path, was[1])

    def _shift(self, entry: c.Shift) -> None:
        path = self.posts.get(entry.post)
        if path is None or not self.actor.covers(path):
            raise EditChoiceError(field="post", value=entry.post)
        if not entry.weekdays or len(set(entry.weekdays)) != len(entry.weekdays):
            raise EditChoiceError(field="weekdays", value="–")
        for field in ("holder", "deputy"):
            code = getattr(entry, field)
            if code is not None and not self._may_seat(code):
                raise EditChoiceError(field=field, value=code)
        if entry.deputy == entry.holder:
            raise EditChoiceError(field="deputy", value=entry.holder)

    def _may_seat(self, code: str) -> bool:
        if code not in self._seats:
            self._seats[code] = code in self.people and may_seat(self.actor, code)
        return self._seats[code]

    def _duty(self, entry: c.Duty) -> None:
        path = self._within(entry)
        if entry.post not in self.posts:
            raise EditChoiceError(field="post", value=entry.post)
        if entry.level and entry.level not in LEVELS:  # it would never answer for anything
            raise EditChoiceError(field="level", value=entry.level)
        if not self.actor.covers("") and (entry.area, entry.post) not in self.answering:
            self._near("post", entry.post, self.posts, path, None)

    def _risk_point(self, entry: c.RiskPoint) -> None:
        path = self._within(entry)
        row = self.known.get(entry.code)
        was = row.owner_post_id if row is not None else None
        if entry.owner_post is not None and entry.owner_post != was:
            found = self.posts.get(entry.owner_post)
            # Who answers for a place sits there or above it.
            if found is None or not f"{path}/".startswith(f"{found}/"):
                raise EditChoiceError(field="owner_post", value=entry.owner_post)
        if entry.plan and entry.plan not in self.plans and (row is None or row.plan != entry.plan):
            raise EditChoiceError(field="plan", value=entry.plan)

    def _sensor(self, entry: c.Sensor) -> None:
        path = self._within(entry)
        row = self.known.get(entry.code)
        was = row.risk_point_id if row is not None else None
        self._near("risk_point", entry.risk_point, self.points, path, was)


def may_seat(actor: Actor, code: str) -> bool:
    """Return whether an actor may put a person on a roster: one of theirs, or a new one.

    Somebody who left a post elsewhere is not new: whoever seats a person may read the contact.
    """
    if records.sees_holder(actor, code):
        return True
    return all(actor.covers(path) for path in records.paths_ever_sat(code))
