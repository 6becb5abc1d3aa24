"""Who answers for what, who sits where, and how they are reached."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import msgspec
from django.db.models import Q

from anlan.infra import contents
from anlan.infra.prepared import PreparedQuery
from anlan.kernel.scales import WarningLevel
from anlan.registry.domain.dutymatrix import DutyLine, Validity, answering
from anlan.registry.domain.errors import PostUnknownError
from anlan.registry.domain.facts import Contact, DutyFound, KnownPost, OnDuty
from anlan.registry.domain.shifts import ShiftLine, sitting
from anlan.registry.models import Area, Duty, Holder, Post, Shift
from anlan.registry.selectors import packs

POST_FIELDS = (
    "code",
    "name_zh",
    "name_en",
    "organisation_id",
    "area_id",
    "area__path",
    "superior_id",
)
VALIDITY = ("valid_from", "valid_to", "began_at", "ended_at")


def holding(at: datetime) -> Q:
    """Return the condition that a pack row counts at the instant ``at``."""
    day = packs.local_day(at)
    return (
        (Q(valid_from__isnull=True) | Q(valid_from__lte=day))
        & (Q(valid_to__isnull=True) | Q(valid_to__gt=day))
        & (Q(began_at__isnull=True) | Q(began_at__lte=at))
        & (Q(ended_at__isnull=True) | Q(ended_at__gt=at))
    )


def _validity(values: dict[str, Any]) -> Validity:
    return Validity(**{name: values[name] for name in VALIDITY})


def _governing(area: str) -> list[str] | None:
    """Return an area's code and those that govern it, nearest first."""
    path = Area.objects.filter(code=area).values_list("path", flat=True).first()
    return None if path is None else path.split("/")[::-1]


def responsible_post(
    area: str, hazard: str, level: WarningLevel | None, *, at: datetime
) -> DutyFound | None:
    """Return who answers for ``hazard`` at ``level`` in ``area`` at ``at``, or None.

    Walks up the governing parents; the nearest area with a fitting duty decides,
    within it the closest wording.  Without a level only duties for every level fit.
    An area that is not known has nobody.
    """
    areas, lines = packs.fact(("duties", area), lambda: _duties_over(area))
    day = packs.local_day(at)
    holding_now = [line for line in lines if line.validity.holds(at, day)]
    found = answering(holding_now, areas, hazard, level)
    if found is None:
        return None
    return DutyFound(
        post=found.post,
        area=found.area,
        duty=found.id,
        basis=found.basis,
        hazard=found.hazard,
        level=found.level,
    )


def _duties_over(area: str) -> tuple[list[str], tuple[DutyLine, ...]]:
    """Return who governs an area, nearest first, and every line of the duty matrix there."""
    areas = _governing(area) or []
    rows = Duty.objects.filter(area_id__in=areas).values(
        "id", "area_id", "hazard", "level", "post_id", "basis", *VALIDITY
    )
    lines = tuple(
        DutyLine(
            id=row["id"],
            area=row["area_id"],
            hazard=row["hazard"],
            level=row["level"],
            post=row["post_id"],
            basis=row["basis"],
            validity=_validity(row),
        )
        for row in rows
    )
    return areas, lines


def known_post(values: dict[str, Any]) -> KnownPost:
    """Return the value that stands for a row read with :data:`POST_FIELDS`."""
    return KnownPost(
        code=values["code"],
        name_zh=values["name_zh"],
        name_en=values["name_en"],
        organisation=values["organisation_id"],
        area=values["area_id"],
        area_path=values["area__path"],
        superior=values["superior_id"],
    )


def post(code: str) -> KnownPost:
    """Return a post, also one that has left the pack.

    Raises
    ------
    PostUnknownError
        When there never was one of that code.
    """
    return packs.fact(("post", code), lambda: _post(code))


def _post(code: str) -> KnownPost:
    found = Post.objects.filter(code=code).values(*POST_FIELDS).first()
    if found is None:
        raise PostUnknownError(code=code)
    return known_post(found)


def is_post(code: str, *, at: datetime) -> bool:
    """Return whether the pack in force at ``at`` holds a post of this code."""
    return Post.objects.filter(holding(at), code=code).exists()


def posts() -> tuple[KnownPost, ...]:
    """Return every post that the pack still holds, by code."""
    rows = Post.objects.filter(ended_at__isnull=True).order_by("code").values(*POST_FIELDS)
    return tuple(known_post(values) for values in rows)


def posts_covering(area: str) -> tuple[KnownPost, ...]:
    """Return the posts seated in ``area`` or in one that governs it, nearest area first."""
    areas = _governing(area)
    if areas is None:
        return ()
    rows = Post.objects.filter(ended_at__isnull=True, area_id__in=areas).values(*POST_FIELDS)
    found = sorted(rows, key=lambda values: (areas.index(values["area_id"]), values["code"]))
    return tuple(known_post(values) for values in found)


def superior_of(post: str) -> str | None:
    """Return the code of the post above ``post``, or None at the top.

    Raises
    ------
    PostUnknownError
        When there never was a post of that code.
    """
    return packs.fact(("superior", post), lambda: _superior(post))


def _superior(post: str) -> str | None:
    found = Post.objects.filter(code=post).values_list("superior_id", flat=True)
    if not found:
        raise PostUnknownError(code=post)
    return found[0]


def on_duty(post: str, *, at: datetime) -> OnDuty:
    """Return who sits at a post at ``at``; with no holder when the roster names nobody."""
    lines = packs.fact(("shifts", post), lambda: _shifts(post))
    found = sitting(lines, at, packs.timezone())
    if found is None:
        return OnDuty(post=post, holder=None, deputy=None, shift=None, until=None)
    line, until = found
    return OnDuty(post=post, holder=line.holder, deputy=line.deputy, shift=line.id, until=until)


def _shifts(post: str) -> tuple[ShiftLine, ...]:
    """Return every line of a post's roster, whenever it counts."""
    rows = Shift.objects.filter(post_id=post)
    return tuple(
        ShiftLine(
            id=row["id"],
            post=post,
            holder=row["holder_id"],
            deputy=row["deputy_id"],
            weekdays=frozenset(row["weekdays"]),
            starts=time.fromisoformat(row["starts"]),
            ends=time.fromisoformat(row["ends"]),
            validity=_validity(row),
        )
        for row in rows.values(
            "id", "holder_id", "deputy_id", "weekdays", "starts", "ends", *VALIDITY
        )
    )


_CONTENT = PreparedQuery(
    lambda holder: Holder.objects.filter(code=holder).values_list("contact_content"),
    (("a", "b"),),
)


def contact_of(holder: str) -> Contact | None:
    """Return how a holder is reached; None when unknown or lawfully destroyed.

    Personal data: never to be logged, journalled or kept outside the content store.
    """
    found = _CONTENT.rows(holder)
    text = contents.get_text(found[0][0] if found else None)
    return msgspec.json.decode(text, type=Contact) if text else None
