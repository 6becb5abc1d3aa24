"""The plain status page, health and metrics."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from anlan import __version__
from anlan.accountability import public as accountability
from anlan.entrypoints import here, metrics, probes
from anlan.entrypoints.web.words import WORDS
from anlan.infra.doors import language_of
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.errors import NotFoundError
from anlan.learning import public as learning
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.sensing import public as sensing
from anlan.warning import public as warning

POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"


def _sick(now: datetime) -> list[accountability.SicknessSeen]:
    return accountability.sicknesses_at(now=now, probes=probes.glance(), limits=probes.limits())


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Say whether this workspace works: 200 when it does, 503 when it does not."""
    now = request.now  # type: ignore[attr-defined]
    state, beat = probes.clockwork(now)
    sick = _sick(now)
    well = state == "well" and not sick
    body = {
        "well": well,
        "version": __version__,
        "workspace": here.workspace().kind.value,
        "worker": {"state": state, "last_beat": beat},
        "sick": [item.part for item in sick],
    }
    return JsonResponse(body, status=200 if well else 503)


@require_safe
def metrics_page(_request: HttpRequest) -> HttpResponse:
    """Return this process's counters and the state of the workspace for a collector."""
    lines = [*metrics.requests.lines(), *probes.gauge_lines()]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4")


def _hazard_name(slug: str, language: Literal["zh", "en"]) -> str:
    """Return the word for a hazard; a relayed warning may be of a kind that the pack does not know."""
    try:
        return str(getattr(registry.hazard(slug).name, language))
    except NotFoundError:
        return slug or WORDS[language]["unknown_hazard"]


def _in_force(language: Literal["zh", "en"], now: datetime) -> list[dict[str, object]]:
    """Return the relayed warnings in force, highest first, in words."""
    return [
        {
            "level": one.level,
            "level_name": registry.level_name("warning", one.level, language)
            or WORDS[language]["no_level"],
            "hazard": _hazard_name(one.hazard, language),
            "ends_at": one.ends_at,
        }
        for one in warning.warnings_in_force(at=now)
    ]


def _replays(language: Literal["zh", "en"]) -> dict[str, object]:
    """Return the figures of each stored replay, ready to print, and what their words mean."""
    found = learning.summaries(here.workspace().replays)
    rows = [
        {
            "title": getattr(summary.title, language),
            "figures": learning.figure_lines(summary, language),
            "false": learning.false_words(summary.ordinary, language) if summary.ordinary else "",
        }
        for summary in found
    ]
    return {"rows": rows, "legend": learning.legend(language, found)}


@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """Show what is wrong first; on a quiet day, when everything was last heard from."""
    now = request.now  # type: ignore[attr-defined]
    language = language_of(request)
    state, beat = probes.clockwork(now)
    page = render(
        request,
        "web/status.html",
        {
            "w": WORDS[language],
            "lang": language,
            "other": "en" if language == "zh" else "zh",
            "now": now,
            "zone": registry.timezone() if registry.is_loaded() else ZoneInfo("UTC"),
            "city": registry.city_name(language) if registry.is_loaded() else "",
            "rehearsal": here.workspace().kind is WorkspaceKind.REHEARSAL,
            "sick": _sick(now),
            "worker": state,
            "beat": beat,
            "counts": response.overview(now=now),
            "in_force": _in_force(language, now),
            "kept_aside": sensing.quarantine_open(),
            "last_heard": sensing.last_heard(),
            "replays": _replays(language),
            "version": __version__,
        },
    )
    page["Content-Security-Policy"] = POLICY
    return page
