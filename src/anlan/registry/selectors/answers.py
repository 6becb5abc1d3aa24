"""Who answered for a place on a day: its own post, else the duty matrix, and who sat there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q

from anlan.infra.models import JournalEntry
from anlan.kernel.canonical import parse_instant
from anlan.kernel.scales import WarningLevel
from anlan.registry.domain.facts import PlaceAnswer
from anlan.registry.models import RiskPoint
from anlan.registry.selectors import duties, places


def who_answered(
    place: str, *, hazard: str = "", level: WarningLevel | None = None, at: datetime
) -> PlaceAnswer | None:
    """Return who answered for a risk point at ``at`` and who was on duty there, or None.

    The post that the pack in force then named for the place comes first, as when a case
    opens; a place without one falls to the duty matrix, when a ``hazard`` is asked about.

    Raises
    ------
    PlaceUnknownError
        When there never was a risk point of that code.
    """
    known = places.place(place)
    then = _row_at(place, at)
    if then is not None and then["ended_at"] and parse_instant(str(then["ended_at"])) <= at:
        return None
    owner = then["owner_post_id"] if then is not None else known.owner_post
    area = str(then["area_id"]) if then is not None else known.area
    if owner:
        found, why, basis = str(owner), "risk_point", place
    else:
        duty = duties.responsible_post(area, hazard, level, at=at) if hazard else None
        if duty is None:
            return None
        found, why, basis = duty.post, "duty_matrix", duty.basis
    sat = duties.on_duty(found, at=at)
    return PlaceAnswer(place, at, found, why, basis, sat.holder, sat.deputy)


def _row_at(code: str, at: datetime) -> dict[str, Any] | None:
    """Return a risk point's columns as a load or an edit left them by ``at``; the first ones before.

    A risk point has one row, which a load rewrites; the journal keeps what it was.
    """
    table = RiskPoint._meta.label_lower
    # An edit names the one entry it is about; a load has to be looked through.
    loads = JournalEntry.objects.filter(
        Q(event="CityRowsLoaded") | Q(event="CityEdited", payload__key=code),
        payload__section="risk_points",
    )
    found: dict[str, Any] | None = None
    for entry in loads.order_by("seq").only("at", "images").iterator():
        if entry.at > at and found is not None:
            break
        for image in entry.images:
            if image["table"] == table and image["pk"] == code:
                found = image["fields"]
    return found
