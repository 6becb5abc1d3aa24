"""The registry's router, and how instants are asked for."""

from __future__ import annotations

from datetime import datetime

from ninja import Router

from anlan.infra.doors import Call
from anlan.kernel.errors import InvalidInputError

router = Router(tags=["registry"])


def instant(request: Call, at: datetime | None) -> datetime:
    """Return the instant that is asked about: now, when none is given."""
    if at is None:
        return request.now
    if at.tzinfo is None:
        raise InvalidInputError(where="at", problem="an instant needs its offset, as +08:00")
    return at
