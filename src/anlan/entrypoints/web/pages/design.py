"""The living page of the design system: every token and component with its states."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from anlan.entrypoints.web import charts, design
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
