"""Who may edit what by hand, and what may stand in each field."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import (
    Edit,
    HolderEdit,
    RiskPointEdit,
    RosterEdit,
    SensorEdit,
)
from anlan.registry.domain.errors import (
    EditChoiceError,
    EditDayPastError,
    RecordChangedError,
    RecordUnknownError,
)
from anlan.registry.domain.facts import KnownPost
from anlan.registry.models import Holder, Shift
from anlan.registry.selectors import duties, packs, records, sheets


def allow(actor: Actor, edit: Edit, *, today: date, now: datetime) -> None:
    """Refuse an edit that the actor may not make, or that names what is not there."""
    access.require_city_keeper(actor)
    if edit.on < today:
        raise EditDayPastError(day=edit.on.isoformat())
    match edit:
        case RosterEdit():
            _roster(actor, edit, now=now)
        case RiskPointEdit():
            _risk_point(actor, edit, now=now)
        case SensorEdit():
            _standing(actor, "sensors", edit.code, now=now)
        case HolderEdit():
            _holder(actor, edit)


def _standing(actor: Actor, section: str, code: str, *, now: datetime) -> records.Record:
    """Return an entry of the actor's areas that the pack still holds."""
    found = records.record(actor, section, code, at=now)
    if found.ended_at is not None or not actor.covers(found.area_path):
        raise RecordUnknownError(section=section, key=code)
    return found


def _roster(actor: Actor, edit: RosterEdit, *, now: datetime) -> None:
    _standing(actor, "posts", edit.post, now=now)
    lines = {
        sheets.SHIFTS.entry(row)
        for row in Shift.objects.filter(post=edit.post, ended_at__isnull=True)
    }
    if edit.line is not None and edit.line not in lines:
        raise RecordChangedError  # ended or changed since the form was opened
    if edit.until is not None and edit.until < edit.on:
        raise EditChoiceError(field="until", value=edit.until.isoformat())
    if edit.sitting is None:
        return
    sat = edit.sitting
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


def _may_seat(actor: Actor, edit: RosterEdit, code: str) -> bool:
    """Return whether an actor may put a person on a roster: theirs, new, or there already."""
    if actor.covers("") or (edit.line is not None and code in (edit.line.holder, edit.line.deputy)):
        return True
    return not records.posts_of_holder(code) or records.sees_holder(actor, code)


def _risk_point(actor: Actor, edit: RiskPointEdit, *, now: datetime) -> None:
    found = _standing(actor, "risk_points", edit.code, now=now)
    owners = {post.code for post in owners_for(found.entry.area)} | {found.entry.owner_post}
    if edit.owner_post is not None and edit.owner_post not in owners:
        raise EditChoiceError(field="owner_post", value=edit.owner_post[:64])
    known = {plan.id for plan in packs.current("plans")} | {found.entry.plan}
    if edit.plan is not None and edit.plan not in known:
        raise EditChoiceError(field="plan", value=edit.plan[:64])


def owners_for(area: str) -> tuple[KnownPost, ...]:
    """Return the posts that may answer for a place in ``area``: seated there or above it."""
    return duties.posts_covering(area)


def _holder(actor: Actor, edit: HolderEdit) -> None:
    try:
        made = {name: value for name, value in edit.fields.items() if value}
        msgspec.convert({"code": edit.code, "name": "–", **made}, c.Holder)
    except msgspec.ValidationError:
        raise EditChoiceError(field="holder", value=edit.code[:64]) from None
    row = Holder.objects.filter(pk=edit.code).first()
    if row is None or row.ended_at is not None:
        if not edit.fields.get("name"):
            raise EditChoiceError(field="name", value="–")
        if row is not None:
            raise RecordUnknownError(section="holders", key=edit.code)  # a code is used once
        return
    if not may_edit_holder(actor, edit.code):
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
