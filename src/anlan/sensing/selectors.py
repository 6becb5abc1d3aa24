"""Reading what came in: values for other rooms, rows for this room's doors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from operator import or_

import msgspec
from django.db.models import Count, Q

from anlan.infra import contents
from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotFoundError
from anlan.registry import public as registry
from anlan.sensing.domain.cap import CapAlert
from anlan.sensing.domain.capparse import parse_cap
from anlan.sensing.models import Quarantine, Report, ReportPhoto, Signal

PAGE = 100
DOORS = ("reports", "observations", "signals")


def report(id: int) -> Report:  # noqa: A002  the name other rooms know it by
    """Return a report by its id.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    found = Report.objects.filter(pk=id).first()
    if found is None:
        raise NotFoundError(what="report", id=id)
    return found


def reports(actor: Actor, *, before: int | None = None, hazard: str = "") -> list[Report]:
    """Return a page of reports in the actor's area, newest first (``before`` an id)."""
    rows = Report.objects.filter(_visible(actor)).order_by("-id")
    if hazard:
        if not hazard.isprintable():
            return []  # PostgreSQL would refuse to look for a NUL
        rows = rows.filter(hazard=hazard)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[:PAGE])


def _visible(actor: Actor) -> Q:
    if not actor.areas:
        return Q(pk__in=[])
    return reduce(or_, (registry.under(path) for path in actor.areas))


def photo_counts(ids: Sequence[int]) -> dict[int, int]:
    """Return how many photos each report has; reports without any are left out."""
    rows = ReportPhoto.objects.filter(report__in=ids).values("report").annotate(count=Count("id"))
    return {row["report"]: row["count"] for row in rows}


def signals(*, before: int | None = None) -> list[Signal]:
    """Return a page of relayed warnings, newest first; they concern everybody."""
    rows = Signal.objects.order_by("-id")
    return list((rows if before is None else rows.filter(id__lt=before))[:PAGE])


class Said(msgspec.Struct, frozen=True):
    """The personal part of a report as it lies in the content store."""

    text: str = ""
    place: str = ""
    contact: dict[str, str] = {}
    extra: str = ""


def report_said(id: int) -> Said:  # noqa: A002
    """Return all that a reporter said; empty when nothing was, or after its lawful destruction.

    Personal data: the caller is the reporter, or notes who reads it and why.
    """
    kept = Report.objects.filter(pk=id).values_list("said_content", flat=True).first()
    text = contents.get_text(kept)
    return msgspec.json.decode(text, type=Said) if text else Said()


def signal(id: int) -> Signal:  # noqa: A002
    """Return a relayed warning by its id.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    found = Signal.objects.filter(pk=id).first()
    if found is None:
        raise NotFoundError(what="signal", id=id)
    return found


def signal_message(id: int) -> CapAlert | None:  # noqa: A002
    """Return the message itself, read again from what was received; None after destruction."""
    key = signal(id).message_content
    if key is None:
        return None
    raw = contents.get(key)
    return parse_cap(raw) if isinstance(raw, bytes) else None


def report_points(ids: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Return ``{report: (lat, lon)}`` of those that state a place by coordinates (one query)."""
    rows = Report.objects.filter(pk__in=list(ids), lat__isnull=False, lon__isnull=False)
    found = rows.values_list("pk", "lat", "lon")
    return {pk: (lat, lon) for pk, lat, lon in found if lat is not None and lon is not None}


def quarantined(
    actor: Actor, *, door: str = "", open_only: bool = True, before: int | None = None
) -> list[Quarantine]:
    """Return what was kept aside, newest first, a page at a time (``before`` an id).

    Whoever answers for the whole city sees all; others see what they sent.
    """
    rows = Quarantine.objects.order_by("-id")
    if not actor.covers(""):
        rows = rows.filter(source=actor.id)
    if door:
        if door not in DOORS:
            return []
        rows = rows.filter(door=door)
    if open_only:
        rows = rows.filter(released_at__isnull=True)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[:PAGE])


def quarantine_open(*, since: datetime | None = None) -> int:
    """Return how many kept-aside messages wait for somebody."""
    rows = Quarantine.objects.filter(released_at__isnull=True)
    if since is not None:
        rows = rows.filter(received_at__gte=since)
    return rows.count()
