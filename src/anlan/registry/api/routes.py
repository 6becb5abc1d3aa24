"""The registry's router, and how instants are asked for."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Router

from anlan.kernel.actor import Actor
from anlan.kernel.errors import InvalidInputError

router = Router(tags=["registry"])


def actor_of(request: HttpRequest) -> Actor:
    """Return who calls."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def now_of(request: HttpRequest) -> datetime:
    """Return the workspace's time."""
    now: datetime = request.now  # type: ignore[attr-defined]
    return now


def instant(request: HttpRequest, at: datetime | None) -> datetime:
    """Return the instant that is asked about: now, when none is given."""
    if at is None:
        return now_of(request)
    if at.tzinfo is None:
        raise InvalidInputError(where="at", problem="an instant needs its offset, as +08:00")
    return at
