"""Who may edit what by hand, and what may stand in each field."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import (
    AHEAD,
    Edit,
    HolderEdit,
    RiskPointEdit,
    RosterEdit,
    SensorEdit,
    edited_line,
    is_plain,
)
from anlan.registry.domain.entries import key_of
from anlan.registry.domain.entry_edits import LINES, EntriesEdit
from anlan.registry.domain.errors import (
    EditChoiceError,
    EditDayPastError,
    HolderCodeTakenError,
    RecordChangedError,
    RecordUnknownError,
    ShiftTwiceError,
)
from anlan.registry.domain.facts import KnownPost
from anlan.registry.models import Holder, Shift
from anlan.registry.selectors import duties, packs, records, sheets
from anlan.registry.services.allowing_entries import allow_entries, may_seat


def allow(actor: Actor, edit: Edit, *, today: date, now: datetime) -> None:
    """Refuse an edit that the actor may not make, or that names what is not there."""
    access.require_city_keeper(actor)
    if edit.on < today:
        raise EditDayPastError(day=edit.on.isoformat())
    _near(edit.on, "on", today)
    match edit:
        case RosterEdit():
            _near(edit.until or today, "until", today)
            _roster(actor, edit, now=now)
        case RiskPointEdit():
            _risk_point(actor, edit, now=now)
        case SensorEdit():
            _sensor(actor, edit, today=today, now=now)
        case HolderEdit():
            _holder(actor, edit)
        case EntriesEdit():
            _entries(actor, edit, today=today, now=now)


def _entries(actor: Actor, edit: EntriesEdit, *, today: date, now: datetime) -> None:
    if edit.about and edit.section in LINES:
        _standing(actor, edit.section, edit.about, now=now)
    if edit.gone and not edit.about:
        access.require_whole_city(actor)
    allow_entries(actor, edit, today=today)


def _near(day: date, field: str, today: date) -> None:
    if day > today + AHEAD:
        raise EditChoiceError(field=field, value=day.isoformat())


def _standing(actor: Actor, section: str, code: str, *, now: datetime) -> records.Record:
    """Return an entry of the actor's areas that the pack still holds."""
    found = records.record(actor, section, code, at=now)
    if found.ended_at is not None or not actor.covers(found.area_path):
        raise RecordUnknownError(section=section, key=code)
    return found


def _roster(actor: Actor, edit: RosterEdit, *, now: datetime) -> None:
    _standing(actor, "posts", edit.post, now=now)
    rows = Shift.objects.filter(post=edit.post, ended_at__isnull=True)
    lines = {sheets.SHIFTS.entry(row) for row in rows}
    if edit.line is not None and edit.line not in lines:
        raise RecordChangedError  # ended or changed since the form was opened
    if edit.until is not None and edit.until < edit.on:
        raise EditChoiceError(field="until", value=edit.until.isoformat())
    if edit.sitting is not None:
        _sitting(actor, edit)
        _told_apart(edit, lines)


def _sitting(actor: Actor, edit: RosterEdit) -> None:
    """Refuse a sitting on no day, or of somebody who cannot be chosen."""
    sat = edit.sitting
    assert sat is not None  # noqa: S101  callers look before they ask
    if not sat.weekdays or not set(sat.weekdays) <= set(range(1, 8)):
        raise EditChoiceError(field="weekdays", value="–")
    people = {sat.holder, sat.deputy} - {None}
    known = set(
        Holder.objects.filter(code__in=people, ended_at__isnull=True).values_list("code", flat=True)
    )
    for field, code in (("holder", sat.holder), ("deputy", sat.deputy)):
        if code is not None and (code not in known or not _may_seat(actor, edit, code)):
            raise EditChoiceError(field=field, value=code[:64])
    if sat.deputy == sat.holder:
        raise EditChoiceError(field="deputy", value=sat.holder)


def _told_apart(edit: RosterEdit, lines: set[c.Shift]) -> None:
    """Refuse a line that a pack could not tell from another, or that would end before it begins."""
    new = edited_line(edit)
    if new.valid_to is not None and new.valid_to <= new.valid_from:
        raise EditChoiceError(field="on", value=edit.on.isoformat())
    kept = lines - {edit.line} if edit.until is None else lines
    key = key_of("shifts", new)
    if any(key_of("shifts", line) == key and line != new for line in kept):
        raise ShiftTwiceError(holder=new.holder)


def _may_seat(actor: Actor, edit: RosterEdit, code: str) -> bool:
    """Return whether an actor may put a person on a roster: theirs, new, or there already."""
    seated = edit.line is not None and code in (edit.line.holder, edit.line.deputy)
    return seated or may_seat(actor, code)


def _risk_point(actor: Actor, edit: RiskPointEdit, *, now: datetime) -> None:
    found = _standing(actor, "risk_points", edit.code, now=now)
    owners = {post.code for post in owners_for(found.entry.area)} | {found.entry.owner_post}
    if edit.owner_post is not None and edit.owner_post not in owners:
        raise EditChoiceError(field="owner_post", value=edit.owner_post[:64])
    known = {plan.id for plan in packs.current("plans")} | {found.entry.plan}
    if edit.plan is not None and edit.plan not in known:
        raise EditChoiceError(field="plan", value=edit.plan[:64])


def _sensor(actor: Actor, edit: SensorEdit, *, today: date, now: datetime) -> None:
    end = _standing(actor, "sensors", edit.code, now=now).entry.valid_to
    # One entry has one stretch of days: back after an end ahead, it would be out of force at once.
    if edit.in_force and end is not None and today < end < edit.on:
        raise EditChoiceError(field="on", value=edit.on.isoformat())


def owners_for(area: str) -> tuple[KnownPost, ...]:
    """Return the posts that may answer for a place in ``area``: seated there or above it."""
    return duties.posts_covering(area)


def _holder(actor: Actor, edit: HolderEdit) -> None:
    try:
        made = {name: value for name, value in edit.fields.items() if value}
        msgspec.convert({"code": edit.code, "name": "–", **made}, c.Holder)
    except msgspec.ValidationError:
        raise EditChoiceError(field="holder", value=edit.code[:64]) from None
    for name, value in edit.fields.items():
        if not is_plain(value):
            raise EditChoiceError(field=name, value="–")  # personal, and not to be read anyway
    row = Holder.objects.filter(pk=edit.code).first()
    if row is None:
        # Codes stand in addresses, where dots lead up.
        if not is_plain(edit.code) or not edit.code.strip("."):
            raise EditChoiceError(field="code", value="–")
        if not edit.fields.get("name"):
            raise EditChoiceError(field="name", value="–")
        return
    if edit.is_new:
        raise HolderCodeTakenError(holder=edit.code)  # also after its person left
    if row.ended_at is not None or not may_edit_holder(actor, edit.code):
        raise RecordUnknownError(section="holders", key=edit.code)
    if edit.fields.get("name") == "":
        raise EditChoiceError(field="name", value="–")


def may_edit_holder(actor: Actor, code: str) -> bool:
    """Return whether every post of a person lies in the actor's areas."""
    if actor.covers(""):
        return True
    paths = _paths(records.posts_of_holder(code))
    return bool(paths) and all(actor.covers(path) for path in paths)


def _paths(posts: Iterable[tuple[str, str]]) -> list[str]:
    return [path for _, path in posts]
