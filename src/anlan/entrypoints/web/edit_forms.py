"""The forms by which the registry is changed: what they ask, and what their answers mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

import msgspec
from django.http import QueryDict

from anlan.entrypoints.web import entry_forms
from anlan.entrypoints.web.entry_forms import Values, day_of
from anlan.entrypoints.web.wording import name_in
from anlan.kernel.scales import RiskGrade
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import (
    Edit,
    HolderEdit,
    RiskPointEdit,
    RosterEdit,
    SensorEdit,
    Sitting,
)
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.registry.domain.errors import EditChoiceError
from anlan.registry.public import Record

PERSONAL = ("name", "phone", "email", "webhook", "language")
MOST_LETTERS = 300


@dataclass(frozen=True, slots=True)
class Form:
    """One form: its part of the page, what it is filled with, and the edit it stands for."""

    part: str
    names: tuple[str, ...]
    filled: Callable[[Record], Values]
    edit: Callable[[Values, Record, date], Edit]


def given(form: Form, post: QueryDict) -> Values:
    """Return what a form was sent with; days of the week are several."""
    most = {"outline": entry_forms.MOST_OUTLINE + 1, "basis": 2 * MOST_LETTERS}
    values: Values = {
        name: post.get(name, "").strip()[: most.get(name, MOST_LETTERS)].replace("\0", "")
        for name in form.names
    }
    if "weekdays" in form.names:
        values["weekdays"] = post.getlist("weekdays")[:7]
    return values


def _clock(values: Values, name: str) -> time:
    try:
        return time.fromisoformat(values[name]).replace(microsecond=0, tzinfo=None)
    except ValueError:
        raise EditChoiceError(field=name, value=values[name] or "–") from None


# --- who sits at a post --------------------------------------------------------------------


def _roster_filled(record: Record) -> Values:
    line = record.entry
    return {
        "act": "replace",
        "holder": line.holder,
        "deputy": line.deputy or "",
        "weekdays": [str(day) for day in line.weekdays],
        "start": f"{line.start:%H:%M}",
        "end": f"{line.end:%H:%M}",
        "until": "",
    }


def _roster_edit(values: Values, record: Record, today: date) -> RosterEdit:
    del today
    on = day_of(values, "on")
    act = values["act"]
    if act not in {"replace", "stand_in", "end"}:
        raise EditChoiceError(field="act", value=act or "–")
    if act != "stand_in" and values["until"]:
        # Left out unsaid, what was meant for some days would stay for good.
        raise EditChoiceError(field="until", value=values["until"])
    return RosterEdit(
        post=record.entry.post,
        on=on,
        line=record.entry,
        sitting=None if act == "end" else _sitting(values),
        until=day_of(values, "until") if act == "stand_in" else None,
    )


def _sitting(values: Values) -> Sitting:
    days = values["weekdays"]
    if not days or not all(day in "1234567" and len(day) == 1 for day in days):
        raise EditChoiceError(field="weekdays", value=", ".join(days) or "–")
    return Sitting(
        holder=values["holder"],
        deputy=values["deputy"] or None,
        weekdays=tuple(sorted({int(day) for day in days})),
        start=_clock(values, "start"),
        end=_clock(values, "end"),
    )


def _added_filled(record: Record) -> Values:
    del record
    return {
        "holder": "",
        "deputy": "",
        "weekdays": [str(day) for day in range(1, 8)],
        "start": "",
        "end": "",
        "until": "",
    }


def _added_edit(values: Values, record: Record, today: date) -> RosterEdit:
    del today
    return RosterEdit(
        post=record.key,
        on=day_of(values, "on"),
        sitting=_sitting(values),
        until=day_of(values, "until") if values["until"] else None,
    )


# --- risk points, sensors, people ----------------------------------------------------------


def _risk_point_filled(record: Record) -> Values:
    point = record.entry
    return {
        "owner_post": point.owner_post or "",
        "grade": point.grade.value if point.grade is not None else "",
        "plan": point.plan or "",
    }


def _risk_point_edit(values: Values, record: Record, today: date) -> RiskPointEdit:
    try:
        grade = RiskGrade(values["grade"]) if values["grade"] else None
    except ValueError:
        raise EditChoiceError(field="grade", value=values["grade"]) from None
    return RiskPointEdit(
        code=record.key,
        owner_post=values["owner_post"] or None,
        grade=grade,
        plan=values["plan"] or None,
        on=today,
    )


def _sensor_filled(record: Record) -> Values:
    return {"in_force": "yes" if record.counts else "no"}


def _sensor_edit(values: Values, record: Record, today: date) -> SensorEdit:
    del today
    if values["in_force"] not in {"yes", "no"}:
        raise EditChoiceError(field="in_force", value=values["in_force"] or "–")
    return SensorEdit(record.key, values["in_force"] == "yes", day_of(values, "on"))


def _device_filled(record: Record) -> Values:
    del record
    return {"device": "", "installed_on": "", "calibration_due": ""}


def _device_edit(values: Values, record: Record, today: date) -> EntriesEdit:
    """Return the sensor with another device: what is the stream's own stays as it is."""
    sensor: c.Sensor = record.entry
    if not values["device"] or values["device"] == sensor.device:
        raise EditChoiceError(field="device", value=str(values["device"]) or "–")
    due = day_of(values, "calibration_due") if values["calibration_due"] else None
    made = msgspec.to_builtins(sensor) | {"device": values["device"]}
    made |= {"installed_on": day_of(values, "installed_on"), "calibration_due": due}
    try:
        entry = msgspec.convert(made, c.Sensor, strict=False)
    except msgspec.ValidationError:
        raise EditChoiceError(field="device", value=str(values["device"])[:64]) from None
    return EntriesEdit("sensors", (entry,), today, key=record.key)


def _holder_filled(record: Record) -> Values:
    del record
    return {}


def _holder_edit(values: Values, record: Record, today: date) -> HolderEdit:
    fields = {name: values[name] for name in PERSONAL if values[name]}
    fields |= {name: "" for name in ("phone", "email", "webhook") if values[f"clear_{name}"]}
    return HolderEdit(record.key, today, fields)


_ROSTER = ("holder", "deputy", "weekdays", "start", "end", "on", "until")
_PERSON = (*PERSONAL, "clear_phone", "clear_email", "clear_webhook")
FORMS: Mapping[str, Form] = {
    "shifts": Form("roster", ("act", *_ROSTER), _roster_filled, _roster_edit),
    "posts": Form("roster", _ROSTER, _added_filled, _added_edit),
    "risk_points": Form(
        "risk_point", ("owner_post", "grade", "plan"), _risk_point_filled, _risk_point_edit
    ),
    "sensors": Form("sensor", ("in_force", "on"), _sensor_filled, _sensor_edit),
    "device": Form(
        "device", ("device", "installed_on", "calibration_due"), _device_filled, _device_edit
    ),
    "holders": Form("holder", _PERSON, _holder_filled, _holder_edit),
}


def form_of(name: str, *, is_new: bool = False) -> Form:
    """Return the form of that name: of who sits and who answers, or of an entry's own facts."""
    if name in FORMS and not (is_new and name in entry_forms.FIELDS):
        return FORMS[name]
    section = name.removesuffix("-facts")

    def edit(values: Values, record: Record, today: date) -> Edit:
        return entry_forms.edit_of(values, record, today, is_new=is_new)

    names = entry_forms.names_of(section, is_new=is_new)
    return Form("fields", names, entry_forms.filled, edit)


def choices(record: Record, language: str) -> dict[str, Any]:
    """Return what the selects of a form offer."""
    if record.section != "risk_points":
        return {}
    point = record.entry
    owners = {
        x.code: name_in(language, x.name_zh, x.name_en) for x in registry.owners_for(point.area)
    }
    if point.owner_post is not None and point.owner_post not in owners:
        before = registry.post(point.owner_post)
        owners[before.code] = name_in(language, before.name_zh, before.name_en)
    plans = {plan.id: name_in(language, plan.name.zh, plan.name.en) for plan in registry.plans()}
    if point.plan is not None:
        plans.setdefault(point.plan, point.plan)
    grades = {x.value: registry.level_name("risk", x.value, language) for x in RiskGrade}
    return {"owners": owners, "grades": grades, "plans": plans}
