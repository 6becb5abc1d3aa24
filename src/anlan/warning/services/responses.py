"""Response levels that the authorities declare and end (I8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from anlan.infra import contents, journal
from anlan.kernel.actor import Actor
from anlan.kernel.errors import InvalidInputError
from anlan.kernel.scales import ResponseLevel
from anlan.registry import public as registry
from anlan.warning import access
from anlan.warning.domain.events import ResponseDeclared
from anlan.warning.models import JudgeInbox, ResponseInForce

# The record of a response outlives it: inspections and reviews ask years later.
KEPT_FOR = timedelta(days=5 * 365)
LONGEST_TEXT = 10_000
# An expected end beyond any season is none (Anlan's default); a response can be declared anew.
LONGEST_RESPONSE = timedelta(days=366)


class ResponseIncompleteError(InvalidInputError):
    """A declaration lacks what the law asks it to state; ``missing`` names it."""

    code = "response.incomplete"


class ResponseTextTooLongError(InvalidInputError):
    """Matter or measures are longer than what is kept."""

    code = "response.text_too_long"


@dataclass(frozen=True, slots=True)
class ResponseDeclaration:
    """What a declaration must state: matter, level, area, expected end, measures.

    ``hazard`` is the coded matter (a hazard slug), ``matter`` its wording;
    ``began_at`` defaults to the instant of declaring.
    """

    hazard: str
    level: ResponseLevel | str
    area: str
    matter: str
    measures: str
    expected_until: datetime | None
    began_at: datetime | None = None


def _checked(declaration: ResponseDeclaration, *, now: datetime) -> tuple[ResponseLevel, datetime]:
    """Return level and expected end of a declaration that states everything."""
    missing = [
        name
        for name in ("hazard", "level", "area", "matter", "measures")
        if not str(getattr(declaration, name)).strip()
    ]
    began = declaration.began_at or now
    until = declaration.expected_until or now
    if not max(began, now) < until <= now + LONGEST_RESPONSE:
        missing.append("expected_until")
    if declaration.level and str(declaration.level) not in list(ResponseLevel):
        missing.append("level")
    if began > now:
        missing.append("began_at")
    if missing:
        raise ResponseIncompleteError(missing=", ".join(missing))
    for name in ("matter", "measures"):
        if len(getattr(declaration, name)) > LONGEST_TEXT:
            raise ResponseTextTooLongError(field=name, longest=LONGEST_TEXT)
    return ResponseLevel(declaration.level), until


def declare_response(
    actor: Actor, declaration: ResponseDeclaration, *, now: datetime
) -> ResponseInForce:
    """Put a response level in force; a level already in force there is replaced.

    Raises
    ------
    ResponseIncompleteError
        Without matter, level, expected end (ahead, within a year) or measures
        (I8; 突发事件应对法 2024 Art 72).
    NotFoundError
        When the area is not the actor's, or does not exist.
    """
    level, until = _checked(declaration, now=now)
    area_path = access.area_for_actor(actor, declaration.area)
    registry.hazard(declaration.hazard)
    purpose = contents.Purpose(
        name="response record",
        legal_ground="突发事件应对法 (2024) Art 72",
        expires_on=(now + KEPT_FOR).date(),
    )
    # Contents first, in their own database: a crash leaves an item that nothing names.
    matter = contents.put("response_matter", declaration.matter.encode(), purpose=purpose, now=now)
    measures = contents.put(
        "response_measures", declaration.measures.encode(), purpose=purpose, now=now
    )
    row = ResponseInForce(
        hazard=declaration.hazard,
        level=level.value,
        area=declaration.area,
        area_path=area_path,
        matter_content=matter.id,
        matter_digest=matter.digest,
        measures_content=measures.id,
        measures_digest=measures.digest,
        began_at=declaration.began_at or now,
        expected_until=until,
        declared_by=actor.post or actor.id,
    )
    return _put_in_force(actor, row, now=now)


@transaction.atomic
def _put_in_force(actor: Actor, row: ResponseInForce, *, now: datetime) -> ResponseInForce:
    earlier = (
        ResponseInForce.objects.select_for_update()
        .filter(hazard=row.hazard, area=row.area, ended_at__isnull=True)
        .first()
    )
    if earlier is not None:
        _end(actor, earlier, now=now)
    row.save()
    event = ResponseDeclared(
        response=row.pk,
        hazard=row.hazard,
        level=row.level,
        area=row.area,
        expected_until=row.expected_until,
        at=row.began_at,
    )
    _record(actor, event, row, now=now)
    return row


@transaction.atomic
def end_response(actor: Actor, response_id: int, *, now: datetime) -> ResponseInForce:
    """Declare the end of a response (突发事件应对法 2024 Art 86)."""
    row = access.response_for_update(actor, response_id)
    _end(actor, row, now=now)
    return row


def _end(actor: Actor, row: ResponseInForce, *, now: datetime) -> None:
    row.ended_at, row.ended_by = max(now, row.began_at), actor.post or actor.id
    event = ResponseDeclared(
        response=row.pk,
        hazard=row.hazard,
        level="",
        area=row.area,
        expected_until=row.expected_until,
        at=row.ended_at,
    )
    _record(actor, event, row, now=now)


def _record(actor: Actor, event: ResponseDeclared, row: ResponseInForce, *, now: datetime) -> None:
    entry = journal.record(event, actor=actor, now=now, rows=[row])
    # The judge looks again at every lag at its next tick.
    JudgeInbox.objects.create(seq=entry.seq, kind="response", payload={})
