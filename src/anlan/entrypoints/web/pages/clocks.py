"""The deadlines: how long each is, on which calendar, by what law, and since when."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.entrypoints.web.middleware import AddressUnknownError
from anlan.entrypoints.web.pages.registry_thing import about_version, clock_says
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.wording import knows, say
from anlan.infra.doors import Call, language_of
from anlan.registry import public as registry
from anlan.registry.public import Names

CASES = ("hidden_danger", "service", "device", "*")


@require_safe
@page("rules:read")
def clocks(request: Call) -> HttpResponse:
    """Show the deadlines that count now, by the kind of case they are for."""
    if not registry.is_loaded():
        return show(request, "web/pages/clocks.html", {"none": True})
    language, names = language_of(request), registry.names_of()
    counting = registry.clocks_in_force(at=request.now)
    groups = [
        (
            say(f"clock.case.{case}", language),
            [_told(clock, names, language) for clock in counting if clock.case == case],
        )
        for case in sorted({clock.case for clock in counting}, key=_order)
    ]
    return show(request, "web/pages/clocks.html", {"groups": groups, "total": len(counting)})


def _order(case: str) -> int:
    return CASES.index(case) if case in CASES else len(CASES)


def _told(clock: Any, names: Names, language: str) -> dict[str, Any]:
    mark = f"confidence.{clock.confidence.value}"
    return {
        "id": clock.id,
        "title": getattr(clock.title, language),
        "says": clock_says(clock, language),
        "hazard": names.hazard(clock.hazard, language)
        if clock.hazard != "*"
        else say("registry.every_hazard", language),
        "priority": ", ".join(str(one) for one in clock.priority),
        "basis": clock.basis,
        "confidence": say(mark, language) if knows(mark) else clock.confidence.value,
        "example": clock.example,
    }


@require_safe
@page("rules:read")
def clock_page(request: Call, clock: str) -> HttpResponse:
    """Show one deadline: its law, its versions, and who changed it why."""
    versions = registry.versions_of("clocks", clock) if clock and registry.is_loaded() else ()
    if not versions:
        raise AddressUnknownError
    language, zone = language_of(request), registry.timezone()
    current = [item for item in versions if item.holds(request.now)]
    own = [item for item in current if item.source == "city"]
    shown = (own or current or list(versions))[-1]
    context = {
        **_told(shown.entry, registry.names_of(), language),
        "is_in_force": bool(current),
        "versions": [
            {
                "row": item,
                "says": clock_says(item.entry, language),
                "from": item.effective_from.astimezone(zone).date(),
                "to": item.effective_to.astimezone(zone).date() if item.effective_to else None,
            }
            for item in reversed(versions)
        ],
        **about_version(request, "clocks", clock),
    }
    return show(request, "web/pages/clock.html", context)
