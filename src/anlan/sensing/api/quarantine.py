"""What was kept aside, over HTTP."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpResponse
from ninja import Field, Router, Schema

from anlan.infra.doors import Call, needs
from anlan.sensing import access, selectors
from anlan.sensing.api.calls import answer
from anlan.sensing.models import Quarantine
from anlan.sensing.services.quarantine import MAX_KEPT_BYTES
from anlan.sensing.services.reading import read_aside
from anlan.sensing.services.receipts import follow_secret
from anlan.sensing.services.release import release

router = Router()


class AsideOut(Schema):
    """A message that could not be read, and why."""

    id: int
    door: str
    error: str
    place: str
    rows: list[tuple[int, str]]
    received_at: datetime
    source: str
    size_bytes: int
    released_at: datetime | None
    released_by: str
    outcome: str


class AsidesOut(Schema):
    """A page of kept-aside messages, newest first."""

    quarantine: list[AsideOut]
    next: int | None


class ReleaseIn(Schema):
    """What is to become of it: tried again, as it came or put right, or discarded."""

    outcome: Literal["retry", "discard"]
    message: str | None = Field(
        None,
        max_length=MAX_KEPT_BYTES,
        description="With retry: the message as it should read, in the form of its door.",
    )


@router.get("/quarantine", response=AsidesOut, summary="What was kept aside")
@needs("signs:release")
def list_quarantine(
    request: Call, door: str = "", *, released: bool = False, before: int | None = None
) -> HttpResponse:
    """Return a page of what waits; with ``released`` also what was dealt with."""
    rows = selectors.quarantined(request.actor, door=door, open_only=not released, before=before)
    following = rows[-1].pk if len(rows) == selectors.PAGE else None
    return answer({"quarantine": [_seen(row) for row in rows], "next": following})


@router.get("/quarantine/{quarantine_id}/raw", summary="The message as it came")
@needs("signs:release")
def get_raw(request: Call, quarantine_id: int, reason: str = "") -> HttpResponse:
    """Return the bytes as a download, never as a page; who reads them and why is journalled."""
    row = access.quarantine_for(request.actor, quarantine_id)
    raw = read_aside(request.actor, row, reason, now=request.now)
    return HttpResponse(
        raw,
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="quarantine-{row.pk}.bin"'},
    )


@router.post("/quarantine/{quarantine_id}/release", response=AsideOut, summary="Deal with it")
@needs("signs:release")
def post_release(request: Call, quarantine_id: int, wanted: ReleaseIn) -> HttpResponse:
    """Try the message again, as it came or put right, or discard it."""
    row = release(
        request.actor,
        quarantine_id,
        outcome=wanted.outcome,
        secret=follow_secret(request.actor, None),
        now=request.now,
        corrected=None if wanted.message is None else wanted.message.encode(),
    )
    return answer(_seen(row))


def _seen(row: Quarantine) -> dict[str, Any]:
    return {name: getattr(row, name) for name in AsideOut.model_fields}
