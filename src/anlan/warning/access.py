"""Doors to this room's rows: an actor gets a row, or learns nothing about it."""

from __future__ import annotations

from anlan.kernel.actor import Actor
from anlan.kernel.errors import ConflictError, NotFoundError
from anlan.registry import public as registry
from anlan.warning.models import AlertInstance, ResponseInForce


class ResponseEndedError(ConflictError):
    """The response has ended already."""

    code = "response.ended"


def area_for_actor(actor: Actor, code: str) -> str:
    """Return the path of an area that ``actor`` covers, or refuse."""
    path = registry.area_path(code)
    if not path or not actor.covers(path):
        raise NotFoundError(what="area", code=code)
    return path


def response_for_update(actor: Actor, response_id: int) -> ResponseInForce:
    """Lock and return a response in force that ``actor`` may change."""
    row = ResponseInForce.objects.select_for_update().filter(pk=response_id).first()
    if row is None or not actor.covers(row.area_path):
        raise NotFoundError(what="response", id=response_id)
    if row.ended_at is not None:
        raise ResponseEndedError(id=response_id)
    return row


def concerns(actor: Actor, area_path: str) -> bool:
    """Return whether what is in force in an area concerns the actor: it lies in theirs, or over it."""
    return actor.covers(area_path) or any(
        own.startswith(area_path + "/") for own in actor.areas if own
    )


def alert_for_actor(actor: Actor, alert_id: int) -> AlertInstance:
    """Return an alert instance inside the actor's areas, or refuse."""
    row = AlertInstance.objects.filter(pk=alert_id).first()
    if row is None or not actor.covers(row.area_path):
        raise NotFoundError(what="alert", id=alert_id)
    return row
