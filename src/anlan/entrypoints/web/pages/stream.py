"""One stream: its course over any span, what is usual, limits, alerts and cases on one axis."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from anlan.entrypoints.web import assets, charts, coursing, flagging, streamplot
from anlan.entrypoints.web.coursing import RANGES, Span, asked_span
from anlan.entrypoints.web.doubting import fault_name, fault_text
from anlan.entrypoints.web.flagging import Told
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.streamplot import Mark
from anlan.entrypoints.web.templatetags.anlan import span_text
from anlan.entrypoints.web.watching import streams as watched
from anlan.entrypoints.web.watching.streams import StreamState
from anlan.entrypoints.web.wording import name_in, say
from anlan.infra.doors import Call, allowed, language_of
from anlan.kernel.errors import NotFoundError
from anlan.kernel.scales import WarningLevel
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownSensor
from anlan.registry.public import Names
from anlan.response import public as response
from anlan.response.public import Case
from anlan.sensing import public as sensing
from anlan.sensing.public import Course, Flagged, LatestReading, UsualCourse
from anlan.warning import public as warning
from anlan.warning.public import AlertInstance

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
MOST_ALERTS, MOST_FAULTS = 100, 50
SCRIPTED = ("stream.live_on", "stream.live_lost", "stream.loading")


def stream_for(request: Call, code: str) -> KnownSensor:
    """Return a stream in force that whoever asks may see.

    Raises
    ------
    NotFoundError
        When there is none, or it lies elsewhere.
    """
    found = registry.sensor(code, at=request.now) if code.isprintable() else None
    if found is None or not request.actor.covers(found.area_path):
        raise NotFoundError(what="stream", id=code)
    return found


@require_safe
@page("signs:read")
def stream_page(request: Call, code: str) -> HttpResponse:
    """Show one stream."""
    sensor = stream_for(request, code)
    language = language_of(request)
    span = asked_span(request.GET.dict(), now=request.now)
    context = {
        **_about(request, sensor, language),
        **seen(request, sensor, span, language),
        "plot": f"{address_of(code)}/plot",
        "style": assets.stamped("streams.css"),
        "script": assets.stamped("course.js"),
        "words": json.dumps({key: say(key, language) for key in SCRIPTED}, ensure_ascii=False),
    }
    shown = show(request, "web/pages/stream.html", context)
    shown["Content-Security-Policy"] = POLICY
    return shown


@require_safe
@page("signs:read")
def plot(request: Call, code: str) -> HttpResponse:
    """Return the part of the page that depends on the span; 204 when ``seen`` is as it stands."""
    sensor = stream_for(request, code)
    span = asked_span(request.GET.dict(), now=request.now)
    if request.GET.get("seen", "") == _newest(request, sensor).mark:
        return HttpResponse(status=204)
    language = language_of(request)
    context = {
        "lang": language,
        "now": request.now,
        "zone": registry.timezone(),
        **seen(request, sensor, span, language),
    }
    answer = HttpResponse(render_to_string("web/parts/course.html", context))
    answer["Content-Security-Policy"] = "default-src 'none'"
    return answer


def address_of(code: str) -> str:
    """Return where a stream's page is."""
    return f"/streams/{quote(code, safe='')}"


@dataclass(frozen=True, slots=True)
class Newest:
    """How a stream stands; ``mark`` changes when that does."""

    reading: LatestReading | None
    state: StreamState
    level: str

    @property
    def mark(self) -> str:
        """A mark of what a span that ends now shows."""
        told = (self.reading, self.state.value, self.level)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _newest(request: Call, sensor: KnownSensor) -> Newest:
    newest = sensing.latest([sensor.code]).get(sensor.code)
    state = watched.state_now(sensor, newest.at if newest else None, now=request.now)
    subject = f"stream:{sensor.code}"
    return Newest(newest, state, warning.open_levels([subject]).get(subject, ""))


def _about(request: Call, sensor: KnownSensor, language: str) -> dict[str, Any]:
    """Return what does not depend on the span."""
    rules = warning.rules_on(sensor, at=request.now)
    owner = _owner(sensor, [rule.hazard for rule in rules], at=request.now)
    names = registry.names_of(
        areas=[sensor.area],
        places=[sensor.risk_point] if sensor.risk_point else [],
        posts=[owner] if owner else [],
    )
    said = warning.told_of(rules)
    measured = registry.names_in("quantities").get(sensor.quantity)
    return {
        "code": sensor.code,
        "title": name_in(language, sensor.name_zh, sensor.name_en) or sensor.code,
        "quantity": getattr(measured, language) if measured else sensor.quantity,
        "interval": span_text(sensor.interval, language),
        "place": sensor.risk_point and names.place(sensor.risk_point, language),
        "place_code": sensor.risk_point,
        "area": names.area(sensor.area, language),
        "area_code": sensor.area,
        "owner": names.post(owner, language) if owner else "",
        "owner_code": owner,
        "rules": [
            {
                "id": rule.id,
                "title": getattr(rule.title, language),
                "says": getattr(said[rule.id, rule.version], language),
            }
            for rule in rules
        ],
        "sees_registry": allowed(request.actor, "registry:read"),
        "sees_rules": allowed(request.actor, "rules:read"),
    }


def _owner(sensor: KnownSensor, hazards: Sequence[str], *, at: datetime) -> str:
    """Return who answers for what the stream tells of: the risk point's post, else the matrix."""
    if sensor.risk_point:
        post = registry.place(sensor.risk_point).owner_post
        if post:
            return post
    for hazard in hazards:
        duty = registry.responsible_post(sensor.area, hazard, WarningLevel.RED, at=at)
        if duty is not None:
            return duty.post
    return ""


def seen(request: Call, sensor: KnownSensor, span: Span, language: str) -> dict[str, Any]:
    """Return everything that depends on the span."""
    course, flagged = sensing.flagged_course(
        sensor, span.start, span.end, columns=coursing.COLUMNS, now=request.now
    )
    usual = _usual(request, sensor, span)
    names, newest = registry.names_of(), _newest(request, sensor)
    unit = names.unit(registry.quantity(sensor.quantity).unit, language)
    alerts, cases = _told(request, sensor, span)
    lines = [_alert_line(row, cases.get(row.pk), names, language) for row in alerts]
    limits = _limits(request, sensor, names, unit, language)
    zone = registry.timezone()
    told = Told(course, unit, zone, language)
    faults = sensing.faults_of(sensor.code, span.start, span.end)[-MOST_FAULTS:]
    drawn = coursing.plotted(
        course,
        sensor,
        usual=usual,
        limits=limits,
        lanes=coursing.lanes_of(
            course,
            alerts,
            list({case.pk: case for case in cases.values()}.values()),
            {line["row"].pk: f"{line['level']['name']} · {line['why']}" for line in lines},
            [(x.since, x.until, fault_name(x.kind, language)) for x in faults],
            language,
        ),
        flags=flagging.drawn_of(flagged, told),
        language=language,
        now=request.now,
    )
    scale = streamplot.scale_of(drawn)
    return {
        **_span_told(request, sensor, span, language),
        **_newest_told(newest, names, unit, language, now=request.now),
        **_counted(course, sensor, request.now),
        "unit": unit,
        "svg": streamplot.drawn(
            drawn,
            charts.clock_ticks(*_local(span), parts=4),
            title=say("stream.course", language),
            description=_description(told, flagged),
            unit=unit,
        ),
        "table": flagging.with_flags(coursing.table_of(course), flagged, told),
        **flagging.told_of(flagged, told),
        "usual": usual,
        "usual_off": span.length > coursing.USUAL_WITHIN,
        "limits": limits,
        "limits_off": [mark for mark in limits if not scale.holds(mark.value)],
        "alerts": lines,
        "faults": [
            {"row": x, "says": fault_text(x, language, unit=unit, zone=zone)} for x in faults[::-1]
        ],
        **_beside(request, sensor, faults, lines, language),
        "course": course,
    }


def _beside(
    request: Call,
    sensor: KnownSensor,
    faults: Sequence[Any],
    lines: Sequence[dict[str, Any]],
    language: str,
) -> dict[str, Any]:
    """Return what must be known beside the newest value: doubts, maintenance, open cases."""
    still = [line["case"] for line in lines if line["case"] and line["row"].cleared_at is None]
    return {
        "doubts": [fault_name(x.kind, language) for x in faults if x.until is None],
        "is_worked_on": bool(sensing.in_maintenance({sensor.code}, at=request.now)),
        "open_cases": list({case.pk: case for case in still}.values()),
    }


def _limits(
    request: Call, sensor: KnownSensor, names: Names, unit: str, language: str
) -> list[Mark]:
    lines = warning.limit_lines(sensor, warning.rules_on(sensor, at=request.now))
    return coursing.marks_of(lines, names, unit, language)


def _local(span: Span) -> tuple[datetime, datetime]:
    zone = registry.timezone()
    return span.start.astimezone(zone), span.end.astimezone(zone)


def _usual(request: Call, sensor: KnownSensor, span: Span) -> UsualCourse | None:
    if span.length > coursing.USUAL_WITHIN:
        return None
    days = registry.calendar(at=request.now)
    found = sensing.usual_before(sensor.code, span.start, days=days)
    return found if found.is_known else None


def _told(
    request: Call, sensor: KnownSensor, span: Span
) -> tuple[list[AlertInstance], dict[int, Case]]:
    """Return the alerts of the span, and the case that answers each (two queries)."""
    if not allowed(request.actor, "alerts:read"):
        return [], {}
    subjects = [f"stream:{sensor.code}"]
    alerts = warning.alerts_during(
        request.actor, subjects, start=span.start, end=span.end, limit=MOST_ALERTS
    )
    if not allowed(request.actor, "cases:read"):
        return alerts, {}
    cases = response.cases_of_signs(request.actor, [f"alert:{row.pk}" for row in alerts])
    return alerts, {int(sign.partition(":")[2]): case for sign, case in cases.items()}


def _alert_line(
    row: AlertInstance, case: Case | None, names: Names, language: str
) -> dict[str, Any]:
    return {
        "row": row,
        "level": {
            "code": row.peak_level,
            "name": names.warning_level(row.peak_level, language),
        },
        "why": warning.reason_text(row.reason, names, language),
        "case": case,
    }


def _span_told(request: Call, sensor: KnownSensor, span: Span, language: str) -> dict[str, Any]:
    """Return the span in words, and the links that lead to others."""
    now, address = request.now, address_of(sensor.code)

    def to(other: Span) -> str:
        given = {"from": other.start.isoformat(), "to": other.end.isoformat()}
        return f"{address}?{urlencode(given)}"

    start, end = _local(span)
    given = urlencode({"from": span.start.isoformat(), "to": span.end.isoformat()})
    return {
        "span": span,
        "span_text": f"{start:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M}",
        "span_length": span_text(span.length, language),
        "ranges": [(name, f"{address}?range={name}") for name in RANGES],
        "earlier": to(span.moved(-0.5, now=now)),
        "later": to(span.moved(0.5, now=now)) if span.end < now else "",
        "nearer": to(span.zoomed(0.5, now=now)),
        "further": to(span.zoomed(2.0, now=now)),
        "csv": f"{address}/readings.csv?{given}",
        "parquet": f"{address}/readings.parquet?{given}",
        "from_ms": int(span.start.timestamp() * 1000),
        "to_ms": int(span.end.timestamp() * 1000),
    }


def _newest_told(
    newest: Newest, names: Names, unit: str, language: str, *, now: datetime
) -> dict[str, Any]:
    found = newest.reading
    return {
        "mark": newest.mark,
        "newest": found,
        "newest_text": f"{found.value:g} {unit}" if found and found.value is not None else "–",
        "age": span_text(now - found.at, language) if found else "",
        "state": newest.state.value,
        "level": newest.level,
        "level_name": names.warning_level(newest.level, language) if newest.level else "",
    }


def _counted(course: Course, sensor: KnownSensor, now: datetime) -> dict[str, Any]:
    silent = coursing.silences_of(course, sensor, 0, now=now)
    return {
        "readings": course.rows,
        "completeness": coursing.completeness(course, sensor, now=now),
        "odd": int(course.thin.odd.sum()),
        "silences": len(silent),
        "exact": course.readings is not None,
        "cut": course.looked_from if course.looked_from > course.start else None,
    }


def _description(told: Told, flagged: Flagged | None) -> str:
    course, language = told.course, told.language
    rows = [row for row in coursing.table_of(course) if row[1]]
    if not rows:
        return say("stream.nothing", language)
    least = min(row[2] for row in rows if row[2] is not None)
    greatest = max(row[4] for row in rows if row[4] is not None)
    text = say(
        "stream.describes", language, n=course.rows, least=f"{least:g}", greatest=f"{greatest:g}",
        unit=told.unit,
    )  # fmt: skip
    words = flagging.words_of(flagging.counts_of(flagged), told) if flagged else ""
    return f"{text} {say('stream.flags', language)}: {words}" if words else text
