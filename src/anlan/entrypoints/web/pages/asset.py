"""One risk point with all its streams: a bridge, a tunnel, a station on one axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.entrypoints.web import assets, charts, coursing, flagging, naming, streamplot
from anlan.entrypoints.web.coursing import RANGES, Span, asked_span
from anlan.entrypoints.web.flagging import Told
from anlan.entrypoints.web.pages.streams import lines_of
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.templatetags.anlan import span_text
from anlan.entrypoints.web.watching import shelf
from anlan.entrypoints.web.watching.shelf import Row, Sought
from anlan.entrypoints.web.wording import name_in, say
from anlan.infra.doors import Call, allowed, language_of
from anlan.kernel.errors import NotFoundError
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownPlace, KnownSensor
from anlan.registry.public import Names
from anlan.response import public as response
from anlan.response.public import Case, CaseFilters
from anlan.sensing import public as sensing
from anlan.sensing.public import MOST_STREAMS, Flagged
from anlan.warning import public as warning

COLUMNS, MARKS = 120, 24
MOST_CASES, ENDED = 20, 5
#: Longer spans than this are looked at stream by stream: many streams hold many readings.
WITHIN = timedelta(days=31)
SPANS = tuple(name for name, length in RANGES.items() if length <= WITHIN)


def address_of_asset(code: str) -> str:
    """Return where the page of a risk point's streams is."""
    return f"/assets/{quote(code, safe='')}"


@require_safe
@page("signs:read")
def asset(request: Call, code: str) -> HttpResponse:
    """Show every stream of a risk point on one axis, its state, and its cases."""
    place = _place_for(request, code)
    language = language_of(request)
    given = request.GET.dict()
    span = asked_span({"range": given.get("range", "day")}, now=request.now)
    if span.name not in SPANS:
        span = asked_span({"range": SPANS[-1]}, now=request.now)
    found = shelf.seen(
        request.actor, Sought(place=code), now=request.now, first=0, most=MOST_STREAMS
    )
    names = registry.names_of(
        areas=[place.area], posts=[place.owner_post] if place.owner_post else []
    )
    multiples = _multiples(request, found.rows, span, names, language)
    context = {
        "code": code,
        "title": name_in(language, place.name_zh, place.name_en) or code,
        "kind": getattr(registry.names_in("place_kinds").get(place.kind), language, place.kind),
        "area": names.area(place.area, language),
        "owner": names.post(place.owner_post, language) if place.owner_post else "",
        "owner_code": place.owner_post,
        "grade": _grade(place, language),
        "sees_registry": allowed(request.actor, "registry:read"),
        "ranges": [(name, f"{address_of_asset(code)}?range={name}") for name in SPANS],
        "span": span,
        "span_text": _span_text(span),
        "total": found.total,
        "more": found.total - len(found.rows),
        "all": f"/streams?{urlencode({'place': code})}",
        "states": [(name, found.states[name]) for name in shelf.STATES if found.states[name]],
        "hatching": streamplot.HATCHING,
        "ticks": charts.axis(charts.clock_ticks(*_local(span), parts=4)),
        "multiples": multiples,
        "exact": any(line["exact"] for line in multiples),
        "unflagged": any(line["unflagged"] for line in multiples),
        **_cases(request, code, language),
        "style": assets.stamped("streams.css"),
    }
    return show(request, "web/pages/asset.html", context)


def _place_for(request: Call, code: str) -> KnownPlace:
    """Return a risk point that whoever asks may see; what lies elsewhere is not there."""
    found = registry.place(code) if code.isprintable() else None
    if found is None or not request.actor.covers(found.area_path):
        raise NotFoundError(what="risk_point", id=code)
    return found


def _grade(place: KnownPlace, language: str) -> dict[str, str] | None:
    if place.grade is None:
        return None
    colours = {"major": "red", "considerable": "orange", "general": "yellow", "low": "blue"}
    name = registry.level_name("risk", place.grade.value, language)
    return {"colour": colours[place.grade.value], "name": name}


def _local(span: Span) -> tuple[datetime, datetime]:
    zone = registry.timezone()
    return span.start.astimezone(zone), span.end.astimezone(zone)


def _span_text(span: Span) -> str:
    start, end = _local(span)
    return f"{start:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M}"


def _multiples(
    request: Call, rows: Sequence[Row], span: Span, names: Names, language: str
) -> list[dict[str, Any]]:
    """Return each stream as a line with a small drawing: one pass over what is kept for all."""
    sensors = [row.sensor for row in rows]
    course, flags = sensing.flagged_courses(
        sensors, span.start, span.end, columns=COLUMNS, now=request.now
    )
    zone, units = registry.timezone(), registry.quantities()
    by_quantity: dict[tuple[str, str | None], list[streamplot.Mark]] = {}
    for row in rows:
        key = row.sensor.quantity, row.sensor.place_kind
        if key not in by_quantity and row.sensor.quantity in units:
            rules = warning.rules_on(row.sensor, at=request.now)
            unit = names.unit(units[row.sensor.quantity].unit, language)
            limits = warning.limit_lines(row.sensor, rules)
            by_quantity[key] = coursing.marks_of(limits, names, unit, language)
    lines = lines_of(list(rows), language, now=request.now)
    return [
        line
        | _drawn(
            Told(course, line["unit"], zone, language),
            flags[number] if flags is not None else None,
            (number, row.sensor, line["name"]),
            by_quantity.get((row.sensor.quantity, row.sensor.place_kind), ()),
            now=request.now,
        )
        for number, (row, line) in enumerate(zip(rows, lines, strict=True))
    ]


def _drawn(
    told: Told,
    found: Flagged | None,
    stream: tuple[int, KnownSensor, str],
    limits: Sequence[streamplot.Mark],
    *,
    now: datetime,
) -> dict[str, Any]:
    """Return what is drawn and said of a stream: its number in the course, what it is, its name."""
    (number, sensor, name), course = stream, told.course
    silent = coursing.silences_of(course, sensor, number, now=now)
    points = coursing.points_of(course, number)
    marks, stuck = flagging.drawn_of(found, told, most=MARKS)
    drawing = streamplot.Plotted(
        runs=streamplot.runs_of(points, silent, course.start, course.end),
        silences=[
            (
                charts.share_of(a, course.start, course.end),
                charts.share_of(b, course.start, course.end),
            )
            for a, b in silent
        ],
        limits=limits,
        exact=course.readings is not None,
        flags=marks,
        stuck=stuck,
    )
    counts = {} if found is None else flagging.counts_of(found)
    said = {
        "flag_keys": flagging.legend_of(counts, told),
        "unflagged": found is None,
        "exact": course.readings is not None,
    }
    if not points:
        text, extent = say("stream.nothing", told.language), ""
    else:
        least, greatest = min(p[1] for p in points), max(p[3] for p in points)
        extent = f"{least:.6g} – {greatest:.6g} {told.unit}"
        words = flagging.words_of(counts, told)
        text = f"{name}: {extent}" + (
            f"; {say('stream.flags', told.language)}: {words}" if words else ""
        )
    return said | {"svg": streamplot.small(drawing, description=text), "extent": extent}


def _cases(request: Call, code: str, language: str) -> dict[str, Any]:
    """Return the open cases of the place, and the last that ended."""
    if not allowed(request.actor, "cases:read"):
        return {"cases": [], "ended": [], "sees_cases": False}
    still = response.cases(
        request.actor, CaseFilters(place=code, is_open=True), limit=MOST_CASES
    ).cases
    ended = response.cases(
        request.actor, CaseFilters(place=code, is_open=False, order="newest"), limit=ENDED
    ).cases
    names = naming.names_of_cases([*still, *ended])
    return {
        "sees_cases": True,
        "cases": [naming.line_of(case, names, language) for case in still],
        "ended": [_ended(case, names, request.now, language) for case in ended],
    }


def _ended(case: Case, names: Names, now: datetime, language: str) -> dict[str, Any]:
    return naming.line_of(case, names, language) | {
        "closed_at": case.closed_at,
        "ago": span_text(now - case.closed_at, language) if case.closed_at else "",
    }
