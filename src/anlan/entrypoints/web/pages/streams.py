"""The streams of the city: found by code, name, place or quantity, what is wrong first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.entrypoints.web import assets
from anlan.entrypoints.web.pages.stream import address_of
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.templatetags.anlan import span_text
from anlan.entrypoints.web.watching import shelf
from anlan.entrypoints.web.watching.layers import OTHER
from anlan.entrypoints.web.watching.shelf import STATES, Row, Seen, Sought
from anlan.entrypoints.web.wording import name_in
from anlan.infra.doors import Call, allowed, language_of
from anlan.kernel.errors import InvalidInputError
from anlan.registry import public as registry
from anlan.registry.public import Names

AT_ONCE = 50
MOST_LETTERS = 100


@require_safe
@page("signs:read")
def streams(request: Call) -> HttpResponse:
    """List the streams of the reader's areas with value, age and state."""
    if not registry.is_loaded():
        return show(request, "web/pages/streams.html", {"none": True, "style": _style()})
    sought, first = asked(request.GET.dict())
    found = shelf.seen(request.actor, sought, now=request.now, first=first, most=AT_ONCE)
    language = language_of(request)
    areas = registry.filter_areas(request.actor)
    domains = [(x.id, getattr(x.name, language)) for x in registry.domains()]
    chosen = [name for code, name in domains if code in sought.domain.split(".")]
    context = {
        "style": _style(),
        "sought": sought,
        "total": found.total,
        "none_registered": not found.total and sought == Sought(),
        "sees_registry": allowed(request.actor, "registry:read"),
        "states": [(name, found.states[name], link(sought, state=name)) for name in STATES],
        "every_state": link(sought, state=""),
        "areas": [(x.code, name_in(language, x.name_zh, x.name_en)) for x in areas],
        "domains": domains,
        "chosen": chosen if "." in sought.domain else [],
        "lines": lines_of(found.rows, language, now=request.now),
        "pages": _pages(sought, found, first),
    }
    return show(request, "web/pages/streams.html", context)


def _style() -> str:
    return assets.stamped("streams.css")


def asked(given: dict[str, str]) -> tuple[Sought, int]:
    """Return what an address looks for, and from which line on."""
    state = given.get("state", "")
    known = {one.id for one in registry.domains()} | {OTHER}
    domain, area = given.get("domain", ""), given.get("area", "")
    if state and state not in STATES:
        raise InvalidInputError(where="state", problem=", ".join(STATES))
    if domain and not set(domain.split(".")) <= known:
        raise InvalidInputError(where="domain", problem=", ".join(sorted(known)) or "none")
    number = given.get("first", "0")
    first = int(number) if number.isascii() and number.isdecimal() and len(number) < 9 else 0
    text = given.get("q", "").strip()[:MOST_LETTERS]
    return Sought(text, area[:64], domain, state, given.get("place", "")[:64]), first


def link(sought: Sought, *, first: int = 0, **changed: str) -> str:
    """Return the address of a list that differs in some respects."""
    given = {
        "q": sought.text, "area": sought.area, "domain": sought.domain, "state": sought.state,
        "place": sought.place, **changed,
    }  # fmt: skip
    kept = {name: value for name, value in given.items() if value}
    if first:
        kept["first"] = str(first)
    return f"/streams?{urlencode(kept)}" if kept else "/streams"


def lines_of(rows: list[Row], language: str, *, now: Any) -> list[dict[str, Any]]:
    """Return streams as lines of a list (the names in a few queries)."""
    names = registry.names_of(
        areas=[row.sensor.area for row in rows],
        places=[row.sensor.risk_point for row in rows if row.sensor.risk_point],
    )
    quantities = registry.quantities()
    return [_line(row, names, quantities, language, now=now) for row in rows]


def _line(row: Row, names: Names, quantities: Any, language: str, *, now: Any) -> dict[str, Any]:
    sensor = row.sensor
    measured = quantities.get(sensor.quantity)
    return {
        "code": sensor.code,
        "href": address_of(sensor.code),
        "name": name_in(language, sensor.name_zh, sensor.name_en) or sensor.code,
        "quantity": getattr(measured.name, language) if measured else sensor.quantity,
        "value": "–" if row.value is None else f"{row.value:g}",
        "unit": names.unit(measured.unit if measured else sensor.unit, language),
        "at": row.at,
        "age": span_text(now - row.at, language) if row.at else "",
        "state": row.state.value,
        "level": row.level,
        "level_name": names.warning_level(row.level, language) if row.level else "",
        "place": names.place(sensor.risk_point, language) if sensor.risk_point else "",
        "place_code": sensor.risk_point,
        "area": names.area(sensor.area, language),
    }


def _pages(sought: Sought, found: Seen, first: int) -> dict[str, str]:
    after = first + AT_ONCE
    return {
        "before": link(sought, first=max(0, first - AT_ONCE)) if first else "",
        "after": link(sought, first=after) if after < found.total else "",
    }
