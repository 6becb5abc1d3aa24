"""Relayed warnings over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from ninja import Router, Schema

from anlan.infra.doors import KEY_PARAMETER, Call, needs
from anlan.sensing import access, selectors
from anlan.sensing.api.calls import answer, body_of, once_of
from anlan.sensing.models import Signal
from anlan.sensing.services.signals import keep_signal

router = Router()


class SignalOut(Schema):
    """A relayed warning: what it says here, and from what that was concluded."""

    id: int
    identifier: str
    sender: str
    sent_at: datetime
    received_at: datetime
    status: str
    acted_as: str
    msg_type: str
    hazard: str
    hazard_from: str
    level: str
    level_from: str
    cap_severity: str
    starts_at: datetime
    ends_at: datetime | None
    areas: list[str]
    references: list[str]


class SignalsOut(Schema):
    """A page of relayed warnings, newest first."""

    signals: list[SignalOut]
    next: int | None


@router.post(
    "/signals",
    response={201: SignalOut},
    summary="Relay a warning (CAP 1.2)",
    openapi_extra={
        "parameters": [KEY_PARAMETER],
        "requestBody": {
            "required": True,
            "content": {"application/xml": {"schema": {"type": "string", "format": "xml"}}},
        },
    },
)
@needs("signs:write")
def post_signal(request: Call) -> HttpResponse:
    """Keep a CAP message as received; the same message again gives the same answer."""
    access.relay_only(request.actor)
    body = body_of(request)
    row = keep_signal(request.actor, body, now=request.now, once=once_of(request, body))
    return answer(_seen(row), 201)


@router.get("/signals", response=SignalsOut, summary="Relayed warnings, newest first")
@needs("signs:read")
def list_signals(request: Call, before: int | None = None) -> HttpResponse:  # noqa: ARG001
    """Return a page of relayed warnings."""
    rows = selectors.signals(before=before)
    following = rows[-1].pk if len(rows) == selectors.PAGE else None
    return answer({"signals": [_seen(row) for row in rows], "next": following})


def _seen(row: Signal) -> dict[str, Any]:
    names = SignalOut.model_fields
    return {name: getattr(row, name) for name in names}
