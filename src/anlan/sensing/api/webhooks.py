"""Readings that another system posts in its own shape, signed."""

from typing import Any

from django.http import HttpResponse
from ninja import Router

from anlan.infra.doors import Call, open_to_all
from anlan.notices.domain.signing import KEY_HEADER, SIGNATURE_HEADER, TIME_HEADER
from anlan.sensing.api.calls import answer, body_of
from anlan.sensing.api.observations import BatchOut
from anlan.sensing.domain.errors import NothingKeptError
from anlan.sensing.services.webhooks import take_webhook

router = Router()
HEADERS: list[dict[str, Any]] = [
    {
        "in": "header",
        "name": name,
        "required": name != KEY_HEADER,
        "schema": {"type": "string"},
        "description": what,
    }
    for name, what in (
        (TIME_HEADER, "Seconds since 1970 of this try; at most five minutes from our clock."),
        (SIGNATURE_HEADER, 'v1=<hex HMAC-SHA256(secret, "<time>.<delivery>." + body)>'),
        (KEY_HEADER, "The message's own key, the same at each try; may be left out."),
    )
]


@router.post(
    "/webhooks/{name}",
    response={202: BatchOut},
    summary="Post readings in a shape of your own",
    openapi_extra={
        "security": [],
        "parameters": HEADERS,
        "requestBody": {"required": True, "content": {"*/*": {"schema": {"type": "string"}}}},
    },
)
@open_to_all
def post_webhook(request: Call, name: str) -> HttpResponse:
    """Keep durably what the payload map of that name reads; the signature is the credential."""
    receipt = take_webhook(name, request.headers, body_of(request), now=request.now)
    if not receipt.kept and receipt.refused:
        raise NothingKeptError(
            rows=len(receipt.refused),
            first=receipt.refused[0].code,
            quarantine=receipt.quarantine,
        )
    return answer(receipt, 202)
