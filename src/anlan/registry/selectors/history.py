"""What changed an entry of the registry, when and by whom: read back from the journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField

from anlan.infra import contents
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.models import (
    Account,
    Area,
    CityState,
    Duty,
    Holder,
    Organisation,
    PackEntry,
    Post,
    RiskPoint,
    Sensor,
    Shift,
)

LENGTH = 20  # entries of a history that are shown
EVENTS = ("CityRowsLoaded", "CityEdited")
_MODELS = {
    "areas": Area,
    "organisations": Organisation,
    "posts": Post,
    "holders": Holder,
    "shifts": Shift,
    "duties": Duty,
    "risk_points": RiskPoint,
    "sensors": Sensor,
    "rules": PackEntry,
    "clocks": PackEntry,
}
# Columns that say when a row counts, or repeat what another says: told in words of their own.
_APART = frozenset({"began_at", "ended_at", "path", "contact_content", "contact_digest"})

How = Literal["load", "edit"]
What = Literal["added", "changed", "ended", "again"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One change of one row: which columns, from what to what."""

    section: str
    key: str
    what: What
    columns: tuple[tuple[str, Any, Any], ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a history (变更记录): a load or an edit, by whom, and why where that was said."""

    seq: int
    at: datetime
    by: str
    how: How
    turns: tuple[Turn, ...]
    effective_on: date | None = None
    reason: str = ""
    reason_withheld: bool = False


@dataclass(frozen=True, slots=True)
class _Matter:
    """Rows that a history is about: of one table, by key or by a column."""

    section: str
    value: str | int
    column: str = ""

    @property
    def table(self) -> str:
        return str(_MODELS[self.section]._meta.label_lower)

    def holds(self, image: Mapping[str, Any]) -> bool:
        if image["table"] != self.table or image["fields"] is None:
            return False
        fields = image["fields"]
        if self.is_versioned and fields["section"] != self.section:
            return False
        found = fields.get(self.column) if self.column else image["pk"]
        return bool(found == self.value)

    @property
    def is_versioned(self) -> bool:
        """Whether the rows are versions of one entry, each of which stays."""
        return _MODELS[self.section] is PackEntry


def history_of(actor: Actor, section: str, key: str) -> tuple[tuple[Change, ...], bool]:
    """Return the newest changes of an entry, newest first, and whether there are older ones.

    A post's history holds those of its roster too: who sat there is what is asked of it.
    """
    lines = section in {"shifts", "duties"}
    versioned = section in {"rules", "clocks"}
    matters = [_Matter(section, int(key) if lines else key, "code" if versioned else "")]
    if section == "posts":
        matters.append(_Matter("shifts", key, "post_id"))
    entries = list(_entries(matters).order_by("-seq")[: LENGTH + 1])
    found = _told(entries[::-1], matters, has_older=len(entries) > LENGTH)
    return _with_words(actor, found), len(entries) > LENGTH


def _entries(matters: Iterable[_Matter]) -> QuerySet[JournalEntry]:
    wanted = Q(pk__in=[])
    for matter in matters:
        wanted |= Q(payload__section=matter.section) & _names(matter)
    return JournalEntry.objects.filter(wanted, event__in=EVENTS)


def _names(matter: _Matter) -> Q:
    """Return the condition "one of the entry's images is of this matter"."""
    if connection.vendor != "sqlite":
        inside = (
            {"fields": {matter.column: matter.value}} if matter.column else {"pk": matter.value}
        )
        return Q(images__contains=[{"table": matter.table, **inside}])
    path = f"$.fields.{matter.column}" if matter.column else "$.pk"
    # The text is looked through first: a load's images are long, and most hold no such word.
    sql = (
        "(instr(infra_journalentry.images, %s) > 0 AND EXISTS (SELECT 1 FROM"
        " json_each(infra_journalentry.images) AS image WHERE"
        " json_extract(image.value, '$.table') = %s AND json_extract(image.value, %s) = %s))"
    )
    word = json.dumps(matter.value)
    found = RawSQL(sql, (word, matter.table, path, matter.value), output_field=BooleanField())  # noqa: S611  values travel as parameters
    return Q(found)


def _told(
    entries: Iterable[JournalEntry], matters: list[_Matter], *, has_older: bool
) -> list[Change]:
    """Return what each entry changed, oldest entry first; the oldest may only be what went before."""
    last: dict[tuple[str, object], Mapping[str, Any]] = {}
    found: list[Change] = []
    for number, entry in enumerate(entries):
        turns = []
        for image in entry.images:
            matter = next((item for item in matters if item.holds(image)), None)
            if matter is None:
                continue
            before = last.get((matter.section, image["pk"]))
            turn = _version_turn if matter.is_versioned else _turn
            turns.append(turn(matter.section, image, before))
            last[matter.section, image["pk"]] = image["fields"]
        if turns and not (has_older and number == 0):
            found.append(_change(entry, turns))
    return found[::-1]


def _version_turn(section: str, image: Mapping[str, Any], before: Mapping[str, Any] | None) -> Turn:
    """Return what became of one version; what it says stands with the versions themselves."""
    fields = image["fields"]
    was, now = before is not None and before["in_pack"], fields["in_pack"]
    what: What = "changed" if was == now else ("added" if now else "ended")
    return Turn(section, str(fields["version"]), what, (), fields)


def _turn(section: str, image: Mapping[str, Any], before: Mapping[str, Any] | None) -> Turn:
    fields = image["fields"]
    what: What = "changed"
    if before is None:
        what = "added" if fields["ended_at"] is None else "ended"
    elif fields["ended_at"] is not None and before["ended_at"] is None:
        what = "ended"
    elif fields["ended_at"] is None and before["ended_at"] is not None:
        what = "again"
    columns: tuple[tuple[str, Any, Any], ...] = ()
    if before is not None:
        columns = tuple(
            (name, before.get(name), value)
            for name, value in fields.items()
            if name not in _APART and before.get(name) != value
        )
        if before.get("contact_digest") != fields.get("contact_digest"):
            columns = (*columns, ("contact", None, None))
    return Turn(section, str(image["pk"]), what, columns, fields)


def _change(entry: JournalEntry, turns: list[Turn]) -> Change:
    edited = entry.event == "CityEdited"
    day = entry.payload.get("effective_on") if edited else None
    return Change(
        seq=entry.seq,
        at=entry.at,
        by=entry.actor,
        how="edit" if edited else "load",
        turns=tuple(turns),
        effective_on=date.fromisoformat(day) if day else None,
        reason=str(entry.payload.get("reason_content", "")) if edited else "",
    )


def _with_words(actor: Actor, changes: list[Change]) -> tuple[Change, ...]:
    """Put names of accounts and the words of reasons in the place of their keys: two queries."""
    who = names_of_actors(item.by for item in changes)
    asked = [UUID(item.reason) for item in changes if item.reason]
    # A reason is for who changes these things too: others read that one was given.
    words = contents.get_texts(asked) if asked and access.keeps_city(actor) else {}
    return tuple(
        Change(
            seq=item.seq,
            at=item.at,
            by=who.get(item.by, item.by),
            how=item.how,
            turns=item.turns,
            effective_on=item.effective_on,
            reason=words.get(UUID(item.reason), "") if item.reason else "",
            reason_withheld=bool(item.reason) and UUID(item.reason) not in words,
        )
        for item in changes
    )


def names_of_actors(actors: Iterable[str]) -> dict[str, str]:
    """Return the seats' names of those actors that are accounts (one query)."""
    keys = {
        int(number): text
        for text in set(actors)
        for kind, _, number in [text.partition(":")]
        if kind == "account" and number.isdecimal()
    }
    found = Account.objects.filter(pk__in=keys).values_list("pk", "username")
    return {keys[pk]: name for pk, name in found}


@dataclass(frozen=True, slots=True)
class InForce:
    """Which packs are in force: versions, revision, the last load, and edits since."""

    city: Mapping[str, Any]
    jurisdiction: Mapping[str, Any]
    revision: str
    loaded_at: datetime
    loaded_by: str
    edits_since: int
    edited_at: datetime | None
    edited_by: str


def city_in_force() -> InForce | None:
    """Return what is in force and since when (four small queries), or None without a city."""
    state = CityState.objects.filter(pk=1).first()
    if state is None:
        return None
    load = JournalEntry.objects.filter(event="CityLoaded").order_by("-seq").defer("images").first()
    edits = JournalEntry.objects.filter(event="CityEdited").order_by("-seq").defer("images")
    if load is not None:
        edits = edits.filter(seq__gt=load.seq)
    last = edits.first()
    who = names_of_actors([x.actor for x in (load, last) if x is not None])
    return InForce(
        city=state.info,
        jurisdiction=state.jurisdiction,
        revision=state.revision,
        loaded_at=load.at if load is not None else state.loaded_at,
        loaded_by=who.get(load.actor, load.actor) if load is not None else "",
        edits_since=edits.count(),
        edited_at=last.at if last is not None else None,
        edited_by=who.get(last.actor, last.actor) if last is not None else "",
    )


def edited_since_load() -> frozenset[tuple[str, str]]:
    """Return section and key of what was edited by hand since the last load of a pack."""
    load = JournalEntry.objects.filter(event="CityLoaded").order_by("-seq").only("seq").first()
    edits = JournalEntry.objects.filter(event="CityEdited", seq__gt=load.seq if load else 0)
    pairs = set(edits.values_list("payload__section", "payload__key").distinct())
    found = {(str(section), str(key)) for section, key in pairs if key}
    if len(found) < len(pairs):
        # A table brought in changes many at once: which ones its images tell.
        for entry in edits.filter(payload__key="").iterator(20):
            section = entry.payload["section"]
            table = str(_MODELS[section]._meta.label_lower)
            images = [image for image in entry.images if image["table"] == table]
            found |= {(section, _key_of(section, image)) for image in images}
    return frozenset(found)


def _key_of(section: str, image: Mapping[str, Any]) -> str:
    """Return what an image's row is told by in the differences of a pack."""
    column = {"shifts": "post_id", "duties": "area_id"}.get(section)
    return str(image["fields"][column] if column else image["pk"])
