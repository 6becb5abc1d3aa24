"""Forms of rules and clocks: what a new version may say otherwise, field by field.

What a rule judges stays; where it begins and ends, how long, at which level, its words and its
ground can be decided anew.  The fields are those that the entry has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from anlan.entrypoints.web.wording import knows, say
from anlan.kernel.scales import WarningLevel
from anlan.registry import public as registry
from anlan.registry.domain.errors import EditChoiceError
from anlan.registry.domain.jurisdiction import CalendarKind

Values = dict[str, Any]
LEVELS = tuple(level.value for level in WarningLevel)
ROWS_MORE = 1  # an empty row, for a further level
MOST_ROWS = 8
#: Columns of the levels of a rule, in the order in which they are asked.
COLUMNS = ("level", "window", "raise_at", "clear_at", "reports", "within", "strong")
_NUMBERS = frozenset({"raise_at", "clear_at", "reports", "strong"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One field: where it stands in the entry, and how it is asked."""

    path: tuple[str, ...]
    ask: str = "text"  # text, long, number, span, level, calendar
    required: bool = True

    @property
    def name(self) -> str:
        """What the field is called in the form."""
        return "_".join(self.path)


#: Fields beside the levels; an entry is asked for those that it has.
JUDGED = (
    Asked(("level",), "level"),
    Asked(("hold",), "span"),
    Asked(("clear_hold",), "span"),
    Asked(("min_coverage",), "number"),
    Asked(("intervals",), "number"),
    Asked(("at_least",), "span"),
    Asked(("within_m",), "number"),
    Asked(("clear_after",), "span"),
    Asked(("report", "within_m"), "number"),
    Asked(("report", "within"), "span"),
    Asked(("reading", "value"), "number"),
    Asked(("reading", "max_age"), "span"),
    Asked(("grace",), "span"),
    Asked(("limit",), "span"),
    Asked(("calendar",), "calendar"),
)
SAID = (
    Asked(("title", "zh")),
    Asked(("title", "en")),
    Asked(("advice", "zh"), "long"),
    Asked(("advice", "en"), "long"),
)
GROUND = (
    Asked(("basis", "title")),
    Asked(("basis", "article"), required=False),
    Asked(("basis", "url"), required=False),
)


def _at(entry: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        entry = getattr(entry, step, None)
    return entry


def fields_of(entry: Any) -> tuple[Asked, ...]:
    """Return the fields that an entry has."""
    return tuple(field for field in (*JUDGED, *SAID, *GROUND) if _at(entry, field.path) is not None)


def columns_of(entry: Any) -> tuple[str, ...]:
    """Return the columns of an entry's levels; none when it has one level only."""
    limits = getattr(entry, "limits", ())
    if not limits:
        return ()
    return tuple(name for name in COLUMNS if name in limits[0].__struct_fields__)


def names_of(entry: Any) -> tuple[str, ...]:
    """Return what a form of an entry sends."""
    rows = range(len(getattr(entry, "limits", ())) + ROWS_MORE) if columns_of(entry) else ()
    limits = [f"limit_{number}_{name}" for number in rows for name in columns_of(entry)]
    return ("act", "on", *(field.name for field in fields_of(entry)), *limits)


def filled(entry: Any, *, is_own: bool) -> Values:
    """Return what a form is filled with; the city's own decision is for the city to name."""
    values: Values = {"act": "replace"}
    for field in fields_of(entry):
        known = is_own or field not in GROUND
        values[field.name] = _text(_at(entry, field.path)) if known else ""
    for number, limit in enumerate(getattr(entry, "limits", ())):
        for name in columns_of(entry):
            values[f"limit_{number}_{name}"] = _text(getattr(limit, name))
    return values


def _text(value: Any) -> str:
    value = getattr(value, "value", value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def change_of(values: Mapping[str, str], entry: Any) -> dict[str, object] | None:
    """Return what a form asks to read otherwise; None: the city's own ends.

    Raises
    ------
    EditChoiceError
        When a number is none, or a level stands half empty.
    """
    if values["act"] not in {"replace", "end"}:
        raise EditChoiceError(field="act", value=values["act"] or "–")
    if values["act"] == "end":
        return None
    change: dict[str, Any] = {}
    for field in fields_of(entry):
        text = values[field.name]
        if field.required and not text:
            raise EditChoiceError(field=field.name, value="–")
        value: object = _number(field.name, text) if field.ask == "number" else text
        if len(field.path) == 1:
            change[field.path[0]] = value
        else:
            change.setdefault(field.path[0], _kept(entry, field.path[0]))[field.path[1]] = value
    if columns_of(entry):
        change["limits"] = list(_limits(values, entry))
    return change


def _kept(entry: Any, name: str) -> dict[str, Any]:
    inside = getattr(entry, name)
    return {
        field: getattr(getattr(inside, field), "value", getattr(inside, field))
        for field in inside.__struct_fields__
        if getattr(inside, field) is not None
    }


def _limits(values: Mapping[str, str], entry: Any) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    columns = columns_of(entry)
    for number in range(min(len(entry.limits) + ROWS_MORE, MOST_ROWS)):
        row = {name: values.get(f"limit_{number}_{name}", "") for name in columns}
        if not row["level"]:
            continue  # a level taken out, or the empty row
        if empty := [name for name, text in row.items() if not text]:
            raise EditChoiceError(field=empty[0], value="–")
        found.append(
            {name: _number(name, text) if name in _NUMBERS else text for name, text in row.items()}
        )
    if not found:
        raise EditChoiceError(field="level", value="–")
    return found


def _number(name: str, text: str) -> float | int:
    try:
        found = float(text)
    except ValueError:
        raise EditChoiceError(field=name, value=text or "–") from None
    return int(found) if name in {"reports", "strong"} and found.is_integer() else found


def shown(entry: Any, values: Values, language: str) -> dict[str, Any]:
    """Return the parts of a form as the page shows them."""
    levels = [(code, registry.level_name("warning", code, language)) for code in LEVELS]
    calendars = [(code, say(f"calendar.{code}", language)) for code in get_args(CalendarKind)]
    offered = {"level": levels, "calendar": calendars}

    def told(field: Asked) -> dict[str, Any]:
        hint = f"hint.rule.{field.name}"
        hint = hint if knows(hint) else f"hint.ask.{field.ask}"
        return {
            "name": field.name,
            "ask": field.ask,
            "required": field.required,
            "label": say(f"fact.{field.name}", language),
            "hint": say(hint, language) if knows(hint) else "",
            "value": values.get(field.name, ""),
            "offered": offered.get(field.ask, []),
        }

    fields = fields_of(entry)
    columns = columns_of(entry)
    rows = range(min(len(getattr(entry, "limits", ())) + ROWS_MORE, MOST_ROWS)) if columns else ()
    return {
        "judged": [told(field) for field in fields if field in JUDGED],
        "said": [told(field) for field in fields if field in SAID],
        "ground": [told(field) for field in fields if field in GROUND],
        "columns": [(name, say(f"fact.{name}", language)) for name in columns],
        "rows": [
            [
                (name, f"limit_{number}_{name}", values.get(f"limit_{number}_{name}", ""))
                for name in columns
            ]
            for number in rows
        ],
        "levels": levels,
        "unit": registry.unit_text(getattr(entry, "unit", ""), language),
    }
