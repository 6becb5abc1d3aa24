"""Sensor health board: how many streams can be believed, which cannot, why, and who has it in hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.entrypoints.web import doubting, stream_health
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.stream_health import Chosen, Columns, Group
from anlan.entrypoints.web.telling import address_of
from anlan.entrypoints.web.wording import name_in, say
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.registry.domain.packwords import Text
from anlan.registry.public import Names
from anlan.response import public as response
from anlan.response.public import Case
from anlan.sensing import public as sensing
from anlan.sensing.public import FAULTS, TRUSTS, Health, StreamHealth
from anlan.warning import public as warning

ADDRESS = "/sensors/health"
SIZE = 50
MOST_PAGES = 2_000


@require_safe
@page("registry:read")
def board(request: Call) -> HttpResponse:
    """Show counts by state, area, operator and quantity, and the worst streams in order."""
    if not registry.is_loaded():
        return show(request, "web/pages/sensor_health.html", {"none": True})
    language, chosen = language_of(request), _chosen(request)
    health = sensing.health(now=request.now)
    columns = stream_health.columns_of(health.sensors)
    mask = stream_health.seen_by(request.actor, columns, chosen)
    rows = stream_health.fitting(health, mask, chosen)
    ordered = stream_health.worst_first(health, rows, warning.levels_of_streams())
    number = _page_number(request)
    first = (number - 1) * SIZE
    shown = health.take(ordered[first : first + SIZE])
    groups = _groups(health, columns, mask, chosen)
    words = _names(shown, groups, language)
    counts = stream_health.counted(health, mask)
    context = {
        "chosen": chosen,
        "states": _states(request, counts, int((mask & health.is_worked_on).sum()), chosen),
        "faults": _faults(request, health, mask, chosen, language),
        "total": sum(counts),
        "found": len(ordered),
        "lines": _lines(request, shown, words),
        "groups": [
            {"name": name, **_group_told(request, name, found, words, language)}
            for name, found in groups.items()
        ],
        "narrowed": _narrowed(request, chosen, words, language),
        "before": _link(request, page=number - 1) if number > 1 else "",
        "after": _link(request, page=number + 1) if first + SIZE < len(ordered) else "",
    }
    return show(request, "web/pages/sensor_health.html", context)


def _page_number(request: Call) -> int:
    text = request.GET.get("page", "1")
    return (
        max(1, min(int(text), MOST_PAGES))
        if text.isascii() and text.isdecimal() and len(text) < 9
        else 1
    )


def _chosen(request: Call) -> Chosen:
    given = {name: request.GET.get(name, "")[:480].replace("\0", "") for name in Chosen._fields}
    if given["area"]:
        try:
            given["area"] = registry.area_path(given["area"].rsplit("/", 1)[-1])
        except AnlanError:
            given["area"] = "?"  # no path is so: nothing is found there
    return Chosen(**given)


def _link(request: Call, **changed: object) -> str:
    """Return the address of this page with other choices; a changed filter begins on page one."""
    given = {name: request.GET.get(name, "") for name in (*Chosen._fields, "page")}
    if "page" not in changed:
        given["page"] = ""
    kept = {name: str(value) for name, value in (given | changed).items() if value}
    return f"{ADDRESS}?{urlencode(kept)}" if kept else ADDRESS


def _states(
    request: Call, counts: Sequence[int], worked_on: int, chosen: Chosen
) -> list[dict[str, Any]]:
    pairs = [*zip(TRUSTS, counts, strict=True), ("maintenance", worked_on)]
    return [
        {
            "name": name,
            "n": n,
            "href": _link(request, trust="" if name == chosen.trust else name, fault=""),
            "here": name == chosen.trust,
        }
        for name, n in pairs
    ]


def _faults(
    request: Call, health: Health, mask: Any, chosen: Chosen, language: str
) -> list[dict[str, Any]]:
    found = []
    for place, kind in enumerate(FAULTS):
        n = int(((health.faults[mask] >> place) & 1).sum())
        if n or kind == chosen.fault:
            here = kind == chosen.fault
            href = _link(request, fault="" if here else kind, trust="")
            name = doubting.fault_name(kind, language)
            found.append({"name": name, "n": n, "href": href, "here": here})
    return found


def _groups(
    health: Health, columns: Columns, mask: Any, chosen: Chosen
) -> dict[str, Sequence[Group]]:
    area = chosen.area or registry.area_path(registry.city().root_area)
    below = stream_health.below(area, len(area.split("/")))
    found = {
        "area": stream_health.grouped(health, mask, columns.path, below),
        "operator": stream_health.grouped(health, mask, columns.operator),
        "quantity": stream_health.grouped(health, mask, columns.quantity),
        "gateway": stream_health.grouped(health, mask, columns.gateway),
    }
    return {name: groups for name, groups in found.items() if any(x.value for x in groups)}


@dataclass(frozen=True, slots=True)
class Words:
    """Names of what the page speaks of, asked for once."""

    names: Names
    quantities: Mapping[str, Text]
    units: Mapping[str, str]
    zone: tzinfo

    def quantity(self, slug: str, language: str) -> str:
        """Return what a quantity is called."""
        named = self.quantities.get(slug)
        return slug if named is None else str(getattr(named, language))


def _names(shown: Health, groups: dict[str, Sequence[Group]], language: str) -> Words:
    areas = {sensor.area for sensor in shown.sensors}
    areas |= {x.value.rsplit("/", 1)[-1] for x in stream_health.told(groups.get("area", ()))[0]}
    operators = {x.value for x in groups.get("operator", ())[: stream_health.MOST_GROUPS]}
    operators |= {sensor.operator for sensor in shown.sensors if sensor.operator}
    places = {sensor.risk_point for sensor in shown.sensors if sensor.risk_point}
    return Words(
        names=registry.names_of(areas=areas, places=places, organisations=operators - {""}),
        quantities=registry.names_in("quantities"),
        units=registry.unit_texts(language),
        zone=registry.timezone(),
    )


def _named(name: str, value: str, words: Words, language: str) -> str:
    if not value:
        return say("health.unknown", language)
    if name == "area":
        return words.names.area(value.rsplit("/", 1)[-1], language)
    if name == "operator":
        return words.names.organisation(value, language)
    return words.quantity(value, language) if name == "quantity" else value


def _group_told(
    request: Call, name: str, groups: Sequence[Group], words: Words, language: str
) -> dict[str, Any]:
    shown, rest = stream_health.told(groups)
    lines = [
        {
            "name": _named(name, group.value, words, language),
            "href": _link(request, **{name: group.value.rsplit("/", 1)[-1]}) if group.value else "",
            "total": group.total,
            "counts": group.counts,
        }
        for group in shown
    ]
    return {"lines": lines, "rest": rest}


def _narrowed(request: Call, chosen: Chosen, words: Words, language: str) -> list[dict[str, str]]:
    """Return the choices that narrow the list, each with the way out of it."""
    found = []
    for name in ("area", "operator", "quantity", "gateway"):
        value = getattr(chosen, name)
        if value:
            if name in {"area", "operator"}:
                code = value.rsplit("/", 1)[-1]
                own = registry.names_of(areas=[code], organisations=[code])
                text = _named(name, value, replace(words, names=own), language)
            else:
                text = _named(name, value, words, language)
            found.append({"name": name, "text": text, "href": _link(request, **{name: ""})})
    return found


def _lines(request: Call, shown: Health, words: Words) -> list[dict[str, Any]]:
    """Return the streams that are shown, in words: a fixed number of queries."""
    language = language_of(request)
    codes = [sensor.code for sensor in shown.sensors]
    known = sensing.health_of(codes, now=request.now)
    alerts, silences = warning.open_on_streams(codes), warning.silences()
    signs = {f"fault:{fault.pk}": one.sensor.code for one in known for fault in one.faults}
    signs |= {
        f"alert:{row.pk}": row.subject.removeprefix("stream:")
        for row in alerts
        if (row.rule, row.rule_version) in silences
    }
    cases: dict[str, Case] = {}
    for sign, case in response.cases_of_signs(request.actor, signs).items():
        if case.is_open:
            cases.setdefault(signs[sign], case)
    levels: dict[str, str] = {}
    for row in alerts:
        if (row.rule, row.rule_version) in silences:
            continue  # what it was silent at stands beside it: the danger's own alert is open still
        code = row.subject.removeprefix("stream:")
        levels[code] = min(
            levels.get(code, row.level), row.level, key=stream_health.RANKS.__getitem__
        )
    posts = registry.names_of(posts={case.owner_post for case in cases.values()})
    return [
        _line(
            one, cases.get(one.sensor.code), levels.get(one.sensor.code, ""), words, posts, language
        )
        for one in known
    ]


def _line(
    one: StreamHealth, case: Case | None, level: str, words: Words, posts: Names, language: str
) -> dict[str, Any]:
    sensor, names = one.sensor, words.names
    place = sensor.risk_point
    where = names.place(place, language) if place else names.area(sensor.area, language)
    share = one.shares["day"]
    unit = words.units.get(sensor.quantity, "")
    return {
        "code": sensor.code,
        "title": name_in(language, sensor.name_zh, sensor.name_en),
        "href": address_of("sensors", sensor.code),
        "where": where,
        "quantity": words.quantity(sensor.quantity, language),
        "trust": one.trust,
        "last": one.last,
        "share": None if share is None else f"{share:.0%}",
        "reasons": [
            (
                doubting.fault_name(fault.kind, language),
                doubting.fault_text(fault, language, zone=words.zone, unit=unit),
            )
            for fault in one.faults
        ],
        "is_worked_on": one.is_worked_on,
        "level": {"code": level, "name": names.warning_level(level, language)} if level else None,
        "case": case,
        "owner": posts.post(case.owner_post, language) if case is not None else "",
        "operator": names.organisation(sensor.operator, language) if sensor.operator else "",
    }
