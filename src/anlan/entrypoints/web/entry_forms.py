"""Forms of entries of the registry: their fields in order, what they offer, and what they mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from msgspec.structs import replace

from anlan.entrypoints.web.wording import knows, name_in, say
from anlan.kernel.actor import Actor
from anlan.kernel.scales import WarningLevel
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain.entries import entry_problem, is_sound
from anlan.registry.domain.entry_edits import EntriesEdit, following
from anlan.registry.domain.errors import EditChoiceError, OutlineUnreadableError
from anlan.registry.domain.outlines import read_outline
from anlan.registry.public import Record

Values = dict[str, Any]
MOST_OUTLINE = 1_000_000  # letters of a GeoJSON file: a form carries it until it is confirmed
AREA_KINDS = ("city", "district", "zone", "street", "community", "grid")
UNIT_KINDS = ("government", "street", "community", "department", "enterprise", "service")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form: how it is asked, and of which list its codes are."""

    name: str
    ask: str = "text"  # text, long, choice, code, codes, day, number, outline
    of: str = ""
    required: bool = False


_CODE = Field("code", required=True)
_NAMES = (Field("name_zh", required=True), Field("name_en"))
_PLACE = (Field("lat", "number"), Field("lon", "number"))
_DEVICE = (
    Field("device"),
    Field("operator", "code", "organisations"),
    Field("gateway"),
    Field("installed_on", "day"),
    Field("calibration_due", "day"),
)
_DAYS = (Field("valid_from", "day"), Field("valid_to", "day"))
_AREA = Field("area", "code", "areas", required=True)
KINDS: Mapping[str, type[msgspec.Struct]] = {
    "areas": c.Area,
    "organisations": c.Organisation,
    "posts": c.Post,
    "duties": c.Duty,
    "risk_points": c.RiskPoint,
    "sensors": c.Sensor,
}
#: The fields of each section's form; a new entry is asked for its code before them.
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "areas": (
        *_NAMES,
        Field("kind", "choice", "area_kinds", required=True),
        Field("parent", "code", "areas"),
        Field("touches", "codes"),
        *_DAYS,
        Field("outline", "outline"),
    ),
    "organisations": (*_NAMES, Field("kind", "choice", "unit_kinds", required=True), _AREA),
    "posts": (
        *_NAMES,
        Field("organisation", "code", "organisations", required=True),
        _AREA,
        Field("superior", "code", "posts"),
    ),
    "duties": (
        _AREA,
        Field("hazard", "choice", "hazards", required=True),
        Field("level", "choice", "levels"),
        Field("post", "code", "posts", required=True),
        Field("basis", "long", required=True),
    ),
    "risk_points": (
        *_NAMES,
        Field("kind", "choice", "place_kinds", required=True),
        _AREA,
        *_PLACE,
        *_DAYS,
    ),
    "sensors": (
        *_NAMES,
        Field("quantity", "choice", "quantities", required=True),
        Field("unit", required=True),
        Field("interval", required=True),
        _AREA,
        Field("risk_point", "code"),
        *_PLACE,
        *_DEVICE,
        *_DAYS,
    ),
}
CODED_NEW = frozenset(FIELDS) - {"duties"}


def fields_of(section: str, *, is_new: bool) -> tuple[Field, ...]:
    """Return the fields of a section's form."""
    first = (_CODE,) if is_new and section in CODED_NEW else ()
    return (*first, *FIELDS[section])


def names_of(section: str, *, is_new: bool) -> tuple[str, ...]:
    """Return what a section's form sends."""
    more = {"duties": ("on",) if is_new else ("act", "on")}.get(section, ())
    return (*(field.name for field in fields_of(section, is_new=is_new)), *more)


def filled(record: Record) -> Values:
    """Return what a form is filled with: what the entry says now."""
    entry = record.entry
    values: Values = {"act": "replace"} if record.section == "duties" else {}
    for field in fields_of(record.section, is_new=False):
        raw = getattr(entry, field.name, None)
        if isinstance(raw, tuple):
            values[field.name] = " ".join(str(one) for one in raw)
        else:
            values[field.name] = "" if raw is None else str(getattr(raw, "value", raw))
    return values


def day_of(values: Values, name: str) -> date:
    """Return the day that a field holds.

    Raises
    ------
    EditChoiceError
        When it holds none.
    """
    try:
        return date.fromisoformat(values[name])
    except ValueError:
        raise EditChoiceError(field=name, value=values[name] or "–") from None


# --- what a form means ---------------------------------------------------------------------


def edit_of(values: Values, record: Record, today: date, *, is_new: bool) -> EntriesEdit:
    """Return the edit that a form asks for.

    Raises
    ------
    EditChoiceError, OutlineUnreadableError
        When a field holds what cannot be meant.
    """
    section = record.section
    if section == "duties":
        return _duty_edit(values, record, today, is_new=is_new)
    entry = _entry(section, values, record.entry, is_new=is_new)
    shapes = _shapes(values, entry.code) if section == "areas" else ()
    return EntriesEdit(section, (entry,), today, key=entry.code, shapes=shapes, is_new=is_new)


def _duty_edit(values: Values, record: Record, today: date, *, is_new: bool) -> EntriesEdit:
    on = day_of(values, "on")
    if is_new:
        made = _entry("duties", {**values, "valid_from": on.isoformat()}, None, is_new=True)
        return EntriesEdit("duties", (made,), on, key=made.area, is_new=True)
    act = values["act"]
    if act not in {"replace", "end"}:
        raise EditChoiceError(field="act", value=act or "–")
    line = record.entry
    new = None if act == "end" else _entry("duties", values, line, is_new=False)
    if new is not None and line.valid_to is not None and line.valid_to <= on:
        new = replace(new, valid_to=None)
    entries, gone = following("duties", (line,), new, on=on, today=today)
    return EntriesEdit("duties", entries, on, key=line.area, about=record.key, gone=gone)


def _entry(section: str, values: Values, before: Any, *, is_new: bool) -> Any:
    data = {} if is_new else msgspec.to_builtins(before)
    for field in fields_of(section, is_new=is_new):
        if field.ask == "outline":
            continue
        text = values[field.name]
        data[field.name] = _codes(text) if field.ask == "codes" else text
        if not text:
            data.pop(field.name)
            if field.required:
                raise EditChoiceError(field=field.name, value="–")
    if "valid_from" in values and section == "duties":
        data["valid_from"] = values["valid_from"]
    try:
        found = msgspec.convert(data, KINDS[section], strict=False)
    except msgspec.ValidationError as error:
        path = entry_problem(error).path
        field_name = str(path[0]) if path else "code"
        raise EditChoiceError(field=field_name, value=str(data.get(field_name, "–"))[:64]) from None
    if not is_sound(found):
        raise EditChoiceError(field="place", value="–")
    return found


def _codes(text: str) -> list[str]:
    return text.replace(",", " ").replace("，", " ").replace(";", " ").replace("、", " ").split()


def _shapes(values: Values, code: str) -> tuple[c.Shape, ...]:
    text = values.get("outline", "")
    if not text:
        return ()
    if len(text) > MOST_OUTLINE:
        raise OutlineUnreadableError(problem="too_large")
    found = read_outline(text.encode(), code)
    if isinstance(found, str):
        raise OutlineUnreadableError(problem=found)
    return (found,)


def compact(raw: bytes) -> str:
    """Return a GeoJSON file as a form carries it on; what is none is carried as it is."""
    text = raw[: 4 * MOST_OUTLINE].decode("utf-8", errors="replace").removeprefix("\ufeff")
    try:
        made = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        return made.encode("utf-8", "replace").decode()  # half a letter can be escaped, not sent
    except (ValueError, RecursionError):
        return text[: MOST_OUTLINE + 1]


# --- how a form is shown -------------------------------------------------------------------


def shown(
    actor: Actor, record: Record, values: Values, language: str, *, is_new: bool
) -> list[dict[str, Any]]:
    """Return the fields of a form as the page shows them."""
    lists: dict[str, list[tuple[str, str]]] = {}
    told = []
    for field in fields_of(record.section, is_new=is_new):
        if field.of and field.of not in lists:
            lists[field.of] = _OFFERED[field.of](actor, language)
        value = values.get(field.name, "")
        offered = lists.get(field.of, [])
        if field.ask == "choice" and value and value not in {code for code, _ in offered}:
            offered = [*offered, (value, value)]
        hint, ask = f"hint.{record.section}.{field.name}", f"ask.{field.name}"
        # Only the city itself lies in no other area.
        governed = field.name == "parent" and (is_new or record.entry.parent is not None)
        told.append(
            {
                "name": field.name,
                "ask": field.ask,
                "required": field.required or governed,
                "label": say(ask if knows(ask) else f"fact.{field.name}", language),
                "hint": say(hint, language) if knows(hint) else "",
                "value": value,
                "offered": offered,
                "list": field.of,
                "called": dict(offered).get(value, "") if field.ask == "code" else "",
            }
        )
    return told


def _areas(actor: Actor, language: str) -> list[tuple[str, str]]:
    found = registry.filter_areas(actor)
    return [(area.code, name_in(language, area.name_zh, area.name_en)) for area in found]


def _rows(section: str) -> Callable[[Actor, str], list[tuple[str, str]]]:
    return lambda actor, language: [
        (code, name_in(language, zh, en)) for code, zh, en in registry.choices(actor, section)
    ]


def _worded(kind: str, codes: tuple[str, ...]) -> Callable[[Actor, str], list[tuple[str, str]]]:
    return lambda _actor, language: [(code, say(f"{kind}.{code}", language)) for code in codes]


def _entries(section: str) -> Callable[[Actor, str], list[tuple[str, str]]]:
    return lambda _actor, language: [
        (code, str(getattr(name, language))) for code, name in registry.names_in(section).items()
    ]


def _hazards(_actor: Actor, language: str) -> list[tuple[str, str]]:
    names = registry.names_in("hazards")
    groups = sorted({code.split(".")[0] for code in names if "." in code})
    return [
        ("*", say("registry.every_hazard", language)),
        *((f"{x}.*", say("registry.hazard_group", language, group=x)) for x in groups),
        *((code, str(getattr(name, language))) for code, name in names.items()),
    ]


def _levels(_actor: Actor, language: str) -> list[tuple[str, str]]:
    return [(x.value, registry.level_name("warning", x.value, language)) for x in WarningLevel]


_OFFERED: Mapping[str, Callable[[Actor, str], list[tuple[str, str]]]] = {
    "areas": _areas,
    "posts": _rows("posts"),
    "organisations": _rows("organisations"),
    "area_kinds": _worded("area_kind", AREA_KINDS),
    "unit_kinds": _worded("unit_kind", UNIT_KINDS),
    "place_kinds": _entries("place_kinds"),
    "quantities": _entries("quantities"),
    "hazards": _hazards,
    "levels": _levels,
}
