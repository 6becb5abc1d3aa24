"""The report of a day, a week or a month of the live city, or of a replay: on screen and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.accountability import public as accountability
from anlan.accountability.public import Line, PeriodRead, Review
from anlan.entrypoints import here, reviewing
from anlan.entrypoints.reviewing import NamedReview, Pairs
from anlan.entrypoints.web import charts
from anlan.entrypoints.web.csvfile import csv_file
from anlan.entrypoints.web.moments import words
from anlan.entrypoints.web.pages.replays import how_it_ran, spoken
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.templatetags.anlan import span_text
from anlan.entrypoints.web.wording import knows, say
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import InvalidInputError, NotFoundError
from anlan.learning import public as learning
from anlan.registry import public as registry

KINDS = ("day", "week", "month")
#: Replays whose reports are led to.
LED_TO = 10
LEVELS = ("red", "orange", "yellow", "blue")
HEAD = (
    "by", "code", "name", "opened", "answered", "late", "escalated", "closed", "open",
    "median_wait_s",
)  # fmt: skip


@require_safe
@page("cases:read")
def review(request: Call) -> HttpResponse:
    """Show what was raised, answered and late in a period, over one's own areas."""
    language = language_of(request)
    zone = registry.timezone()
    today = request.now.astimezone(zone).date()
    kind = request.GET.get("kind", "week")
    if kind not in KINDS:
        raise InvalidInputError(where="kind", problem="day, week or month")
    on = _day(request.GET.get("on", ""), today)
    since, until = accountability.period_of(datetime.combine(on, time(0), zone), kind)
    read = accountability.review_period(request.actor, since, until, now=request.now)
    found = reviewing.named(read)
    if request.GET.get("form") == "csv":
        return _as_csv(found, f"review-{since:%Y-%m-%d}-{kind}.csv", language)
    runs = (one for one in learning.latest(here.workspace().replays) if one.state == "done")
    context = {
        "kind": kind,
        "kinds": KINDS,
        "on": on.isoformat(),
        "earlier": (since - timedelta(days=1)).date().isoformat(),
        "later": until.date().isoformat() if until.date() <= today else "",
        "period": _period(since, until, kind, language),
        "csv": f"/review?kind={kind}&on={on.isoformat()}&form=csv",
        "replays": [(one.number, words(one.order.title, language)) for one in islice(runs, LED_TO)],
        "made_text": _minute(request.now, zone),
        **report(found, zone, language),
    }
    return show(request, "web/pages/review.html", context)


def _minute(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _day(text: str, otherwise: date) -> date:
    try:
        found = date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise InvalidInputError(where="on", problem="date") from None
    if not 2000 <= found.year <= 2999:
        raise InvalidInputError(where="on", problem="date")
    return found


def _period(since: datetime, until: datetime, kind: str, language: str) -> str:
    last = until - timedelta(days=1)
    shown = f"{since:%Y-%m-%d}" if kind == "day" else f"{since:%Y-%m-%d} – {last:%Y-%m-%d}"
    return say("review.period", language, kind=say(f"review.kind.{kind}", language), days=shown)


@require_safe
@page("rules:read")
def replay_review(request: Call, run: int) -> HttpResponse:
    """Show the same report of a replay, with lead and gain."""
    language, replays = language_of(request), here.workspace().replays
    seen = learning.run(replays, run)
    summary, _ = learning.result_of(replays, run)
    found = reviewing.stored(learning.run_folder(replays, run) / learning.REVIEW_FILE)
    if found is None:
        raise NotFoundError(what="review", run=run)
    if request.GET.get("form") == "csv":
        return _as_csv(found, f"replay-{run}-review.csv", language)
    zone = ZoneInfo(summary.timezone)
    context = {
        "run": run,
        "title": words(summary.title, language),
        "how": how_it_ran(seen.order, language),
        "kept": seen.has_workspace,
        "period": f"{summary.from_at} – {summary.to_at} {summary.timezone}".replace("T", " "),
        "csv": f"/replays/{run}/review?form=csv",
        "figures": learning.figure_lines(summary, spoken(language)),
        "figures_svg": _figures_drawn(summary, language),
        "legend": learning.legend(spoken(language), [summary]),
        "false": learning.false_words(summary.ordinary, spoken(language))
        if summary.ordinary
        else "",
        "made_text": _minute(request.now, registry.timezone() if registry.is_loaded() else zone),
        **report(found, zone, language),
    }
    return show(request, "web/pages/review.html", context)


def _figures_drawn(summary: learning.Summary, language: str) -> str:
    rows = [
        charts.Bar(
            f"{say(f'figure.{row.form}', language)} · {words(row.what, language)}",
            max(row.minutes, 0),
            text=learning.span_words(row.minutes, spoken(language)),
        )
        for row in summary.figures
        if row.minutes is not None
    ]
    if not rows:
        return ""
    return charts.bars(
        rows,
        title=say("replay.figures", language),
        description="; ".join(f"{row.label}: {row.text}" for row in rows),
    )


def report(found: NamedReview, zone: ZoneInfo, language: str) -> dict[str, Any]:
    """Return everything a report shows, whichever period or replay it is of."""
    read, counted = found.read, found.read.review
    levels = dict(counted.alerts)
    return {
        "read": read,
        "whole": _row(counted.whole, {}, "", language),
        "missed": counted.missed,
        "notices": (counted.notices_answered, counted.notices),
        "alerts": [(code, say(f"level.{code}", language), levels.get(code, 0)) for code in LEVELS],
        "as_of_text": _minute(read.as_of, zone),
        "sealed_text": _minute(read.seal.signed_at, zone) if read.seal else "",
        "still": _still(read, language),
        "course": _course(counted, zone, language),
        "groups": [
            _group("hazard", counted.by_hazard, found.hazards, language),
            _group("area", counted.by_area, found.areas, language),
            _group("organisation", counted.by_organisation, found.organisations, language),
            _group("origin", counted.by_origin, {}, language),
        ],
    }


def _name(kind: str, code: str, names: Pairs, language: str) -> str:
    if code in names:
        zh, en = names[code]
        return (en if language == "en" and en else zh) or code
    key = f"review.{kind}.{code or 'none'}"
    return say(key, language) if knows(key) else code


def _row(line: Line, names: Pairs, kind: str, language: str) -> dict[str, Any]:
    wait = span_text(timedelta(seconds=line.wait_s), language) if line.wait_s is not None else ""
    return {
        "code": line.code,
        "name": _name(kind, line.code, names, language),
        "opened": line.opened,
        "answered": line.answered,
        "late": line.late,
        "escalated": line.escalated,
        "closed": line.closed,
        "open": line.open,
        "wait": wait or "–",
    }


def _group(kind: str, lines: Sequence[Line], names: Pairs, language: str) -> dict[str, Any]:
    rows = [_row(line, names, kind, language) for line in lines]
    drawn = [
        charts.Bar(
            row["name"], row["opened"], part=row["late"],
            text=say("review.bar", language, opened=row["opened"], late=row["late"]),
        )
        for row in rows
    ]  # fmt: skip
    title = say(f"review.by.{kind}", language)
    said = "; ".join(f"{bar.label}: {bar.text}" for bar in drawn)
    return {
        "kind": kind,
        "title": title,
        "rows": rows,
        "svg": charts.bars(drawn, title=title, description=said) if drawn else "",
    }


def _course(counted: Review, zone: ZoneInfo, language: str) -> dict[str, Any]:
    since, until = counted.since.astimezone(zone), counted.until.astimezone(zone)
    lines = []
    for name, course, dashed in (
        ("open", counted.standing, False),
        ("unanswered", counted.unanswered, True),
    ):
        points = [(0.0, 0.0)]
        points += [(charts.share_of(at, since, until), float(number)) for at, number in course]
        lines.append(charts.Line(say(f"review.{name}", language), points, dashed=dashed))
    return {
        "svg": charts.courses(
            lines,
            charts.clock_ticks(since, until),
            title=say("review.course", language),
            description=say("review.course_says", language, most=counted.most),
            unit=say("review.unit", language),
        ),
        "rows": [(_minute(at, zone), standing, waiting) for at, standing, waiting in counted.table],
        "is_short": counted.is_short,
    }


def _still(read: PeriodRead, language: str) -> dict[str, Any] | None:
    """Return what is said while days of the period are still being counted."""
    still = read.still
    if still is None:
        return None
    share = 100 * still.counted // still.of
    days = f"{still.first}" if still.first == still.last else f"{still.first} – {still.last}"
    return {
        "share": share,
        "says": say(
            "review.still", language, days=days, share=share, counted=still.counted, of=still.of
        ),
    }


def _as_csv(found: NamedReview, name: str, language: str) -> HttpResponse:
    counted = found.read.review
    rows: list[tuple[object, ...]] = []
    for kind, lines, names in (
        ("whole", (counted.whole,), {}),
        ("hazard", counted.by_hazard, found.hazards),
        ("area", counted.by_area, found.areas),
        ("organisation", counted.by_organisation, found.organisations),
        ("origin", counted.by_origin, {}),
    ):
        rows += [
            (kind, line.code, _name(kind, line.code, names, language), line.opened,
             line.answered, line.late, line.escalated, line.closed, line.open, line.wait_s)
            for line in lines
        ]  # fmt: skip
    return csv_file(name, HEAD, rows)
