"""The living page of the design system: every token and component with its states."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from anlan.entrypoints.web import assets, charts, design, flagplot, streamplot
from anlan.entrypoints.web.moments import level_word
from anlan.entrypoints.web.shell import open_page, show
from anlan.entrypoints.web.wording import say
from anlan.infra.doors import language_of

SPECIMENS = "specimens"


@require_safe
@open_page
def design_page(request: HttpRequest) -> HttpResponse:
    """Show the design system; it holds no data and is for everybody who builds pages."""
    language = language_of(request)
    folder = files("anlan.entrypoints.web") / "templates" / "web" / SPECIMENS
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".html"))
    context = {
        "tokens": design.tokens(),
        "contrasts": design.contrasts(),
        "spaces": design.SPACES,
        "style": assets.stamped("streams.css"),
        "specimens": [f"web/{SPECIMENS}/{name}" for name in names],
        "levels": [
            (level, level_word(level, "zh"), level_word(level, "en")) for level in design.LEVELS
        ],
        **_samples(request, language),
    }
    return show(request, "web/pages/design.html", context)


def _samples(request: HttpRequest, language: str) -> dict[str, Any]:
    """Return made-up things for the same templates as the pages use; they name themselves so."""
    now = request.now  # type: ignore[attr-defined]
    said = say("design.sample", language)
    level = {"code": "orange", "name": level_word("orange", language)}
    line = {
        "id": 0, "number": "AL-00000000-000000", "title": said, "where": said, "owner": said,
        "state": say("state.handling", language), "level": level, "is_open": True, "signs": 3,
        "due_at": now + timedelta(hours=2), "overdue_since": None,
        "unanswered": True, "undecided": False,
    }  # fmt: skip
    late = {**line, "overdue_since": now - timedelta(hours=3), "undecided": True, "level": None}
    moment = {
        "at": f"{now:%Y-%m-%dT%H:%M:%S}", "clock": f"{now:%H:%M}", "form": "told", "count": 1,
        "form_name": say("form.told", language), "text": said, "level": level, "mark": "",
        "hidden": False,
    }  # fmt: skip
    run = {
        "run": {"progress": True}, "stage": say("run.stage.replay", language), "at": "",
        "done": 3, "total": 8,
    }  # fmt: skip
    notice = {
        "notice": {
            "id": 0, "due_at": now + timedelta(minutes=4), "acknowledged_at": None,
            "since": now - timedelta(minutes=1), "count": 2,
        },
        "is_red": True, "title": said, "body": said, "address": "",
    }  # fmt: skip
    return {
        "soon": now + timedelta(hours=2),
        "past": now - timedelta(hours=3),
        "line_sample": line,
        "late_sample": late,
        "moment_sample": moment,
        "run_sample": run,
        "notice_sample": notice,
        "key_shapes": list(charts.SHAPES.items()),
        **_drawn(language),
        **_streams(now, language),
    }


def _drawn(language: str) -> dict[str, Any]:
    said = say("design.sample", language)
    ticks = [(0.0, "08:00"), (0.5, "12:00"), (1.0, "16:00")]
    spots = [
        charts.Spot((place + 1) / 9, shape, say(f"key.{shape}", language))
        for place, shape in enumerate(charts.SHAPES)
    ]
    return {
        "bars_sample": charts.bars(
            [charts.Bar(f"{said} A", 8, part=3), charts.Bar(f"{said} B", 5)],
            title=said, description=f"{said} A 8 (3), {said} B 5",
        ),
        "courses_sample": charts.courses(
            [
                charts.Line("A", [(0, 0), (0.2, 3), (0.6, 8)]),
                charts.Line("B", [(0, 0), (0.3, 2), (0.7, 4)], dashed=True),
            ],
            ticks, unit="mm", title=said, description=f"{said} A, B", cursor=0.5,
        ),
        "time_line_sample": charts.time_line(
            [charts.Lane(said, spots)], ticks, title=said, description=said, cursor=0.75
        ),
    }  # fmt: skip


def _streams(now: datetime, language: str) -> dict[str, Any]:
    said, orange = say("design.sample", language), level_word("orange", language)
    plotted = _plotted(said, language)
    counted = {
        "id": 0, "title": said, "says": "", "levels": [{"code": "orange", "name": orange}],
        "is_ignored": True, "precision": None, "outcomes": [], "acted": 0, "called": 3,
        "weeks": [(now - timedelta(weeks=8 - n), n) for n in range(8)], "streams": 14,
    }  # fmt: skip
    ticks = [(place / 4, f"{8 + 2 * place:02}:00") for place in range(5)]
    return {
        "level_sample": orange,
        "flag_keys": [
            (flagplot.key_mark(kind), say(f"stream.flag.{kind}", language))
            for kind in ("stuck", *flagplot.SHAPES)
        ],
        "course_sample": streamplot.drawn(plotted, ticks, title=said, description=said, unit="mm"),
        "small_sample": streamplot.small(plotted, description=said),
        "board_sample": counted,
    }


def _plotted(said: str, language: str) -> streamplot.Plotted:
    """Return a course with everything that can stand in one."""
    limits = [
        streamplot.Mark(float(value), level, f"{level_word(level, language)} ≥ {value} mm")
        for value, level in zip((8, 6, 4, 2), design.LEVELS, strict=True)
    ]
    ends = ((0.0, 0.2), (0.22, 0.4), (0.42, 0.6), (0.62, 0.8))
    alerts = [
        streamplot.Stretch(*end, level, level_word(level, language))
        for end, level in zip(ends, design.LEVELS, strict=True)
    ]
    others = [
        streamplot.Stretch(0.1, 0.5, "case", said), streamplot.Stretch(0.6, 0.9, "fault", said)
    ]  # fmt: skip
    return streamplot.Plotted(
        runs=[[(0.0, 0, 1, 2), (0.2, 2, 3, 5), (0.4, 5, 7, 9)], [(0.7, 3, 3, 3)]],
        silences=[(0.4, 0.7)],
        usual=[[(0.0, 1, 2, 3), (1.0, 1, 2, 3)]],
        limits=limits,
        odd=[(0.3, say("quality.suspect", language))],
        lanes=[
            streamplot.Lane(say("stream.alerts", language), alerts),
            streamplot.Lane(said, others),
        ],
        flags=[
            flagplot.FlagMark(place, value, kind, say(f"stream.flag.{kind}", language))
            for kind, (place, value) in zip(
                flagplot.SHAPES, ((0.4, 7), (0.7, 3), (0.2, 3)), strict=True
            )
        ],
        stuck=[flagplot.FlagStretch(0.0, 0.1, 1, say("stream.flag.stuck", language))],
    )
