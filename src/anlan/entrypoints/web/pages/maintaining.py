"""Maintenance of a sensor: say from when to when it is worked on and why, and end it earlier."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from anlan.entrypoints.web.pages.registry_thing import shown
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import moved, page
from anlan.infra.doors import Call
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.sensing.domain.errors import MaintenanceSpanError
from anlan.sensing.public import LONGEST_MAINTENANCE


@require_POST
@page("cases:act")
def begin(request: Call, key: str) -> HttpResponse:
    """Set a maintenance from the form of the sensor's page."""
    try:
        sensing.set_maintenance(
            request.actor,
            key,
            starts_at=_instant(request, "from") or request.now,
            ends_at=_instant(request, "to") or request.now,
            why=request.POST.get("why", "")[:1000].replace("\0", ""),
            now=request.now,
        )
    except AnlanError as error:
        return _refused(request, key, error)
    return _back(key)


@require_POST
@page("cases:act")
def end(request: Call, key: str, number: int) -> HttpResponse:
    """End a maintenance now, or call it off."""
    try:
        sensing.end_maintenance(request.actor, number, now=request.now)
    except AnlanError as error:
        return _refused(request, key, error)
    return _back(key)


def _refused(request: Call, key: str, error: AnlanError) -> HttpResponse:
    registry.record(request.actor, "sensors", key, at=request.now)  # unknown here: it says so
    refusal = refusal_of(request, error)
    given: dict[str, Any] = {
        name: request.POST.get(name, "")[:300] for name in ("from", "to", "why")
    }
    return shown(
        request, "sensors", key, status=error.http_status, refusal=refusal, maintenance_given=given
    )


def _back(key: str) -> HttpResponse:
    return moved(f"/registry/sensors/{quote(key, safe='')}?done=1")


def _instant(request: Call, name: str) -> datetime | None:
    """Return a local instant of a form; none where the field is empty.

    Raises
    ------
    MaintenanceSpanError
        When it holds no instant.
    """
    text = request.POST.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=registry.timezone())
    except ValueError:
        raise MaintenanceSpanError(days=LONGEST_MAINTENANCE.days) from None
