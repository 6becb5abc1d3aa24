"""The inbox and the outbox over HTTP."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any

from ninja import Router, Schema, Status
from pydantic import Field

from anlan.infra.doors import Call, language_of, needs
from anlan.kernel.errors import InvalidInputError
from anlan.notices import access, selectors
from anlan.notices.domain.views import NoticeSeen
from anlan.notices.services import answering, quieting

router = Router(tags=["notices"])


class NoticeOut(Schema):
    """One line of an inbox: the latest notice about a matter.

    It stands for ``count`` notices since ``since`` and is as urgent as the loudest of
    them.  ``title`` and ``body`` are in the language asked for.
    """

    id: int
    post: str
    for_post: str
    about: str
    subject: str
    params: dict[str, Any]
    urgency: str
    mark: str
    title: str
    body: str
    posted_at: datetime
    due_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    shelved_until: datetime | None
    woken_at: datetime | None
    wakes: int
    count: int
    since: datetime


class InboxOut(Schema):
    """What lies before a post, one line a matter: red first, then the oldest, shelved last."""

    post: str
    at: datetime
    notices: list[NoticeOut]


class ShelveIn(Schema):
    """Until when a notice is put aside; it has an end and comes back by itself."""

    until: datetime


class ChannelOut(Schema):
    """How one channel does."""

    waiting: int
    held: int
    failed: int
    given_up_24h: int
    sent_24h: int
    oldest_due_at: datetime | None
    errors: dict[str, int]


class OutboxOut(Schema):
    """Whether what must go out goes out."""

    at: datetime
    stuck: bool
    unserved: list[str]
    unattended: int
    channels: dict[str, ChannelOut]


class QuietIn(Schema):
    """Quiet hours in local time; equal ends mean none."""

    start: time
    end: time


def _out(notice: NoticeSeen, request: Call) -> dict[str, Any]:
    # In a rehearsal every text begins with "Exercise" (I10).
    text = selectors.text_of(notice, language_of(request), exercise=request.exercise)
    names = NoticeOut.model_fields.keys() - {"title", "body"}
    return {name: getattr(notice, name) for name in names} | {
        "title": text.title,
        "body": text.body,
    }


@router.get("/inbox", response=InboxOut, summary="What lies before a post")
@needs("inbox:read")
def read_inbox(
    request: Call,
    post: str | None = None,
    answered: bool = False,  # noqa: FBT001, FBT002  a query parameter
    limit: Annotated[int, Field(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Return the open notices of the caller's post, or the answered ones."""
    found = access.inbox_post(request.actor, post)
    read = selectors.answered_notices if answered else selectors.open_notices
    notices = [_out(notice, request) for notice in read(found, limit=limit)]
    return {"post": found, "at": request.now, "notices": notices}


@router.post("/inbox/{int:notice}/acknowledge", response=NoticeOut, summary="Answer a notice")
@needs("inbox:act")
def acknowledge(request: Call, notice: int) -> dict[str, Any]:
    """Answer a notice and the earlier ones of its line; answering twice keeps the first answer."""
    seen = answering.acknowledge(request.actor, notice, now=request.now)
    return _out(seen, request)


@router.post("/inbox/{int:notice}/shelve", response=NoticeOut, summary="Put a notice aside")
@needs("inbox:act")
def shelve(request: Call, notice: int, body: ShelveIn) -> dict[str, Any]:
    """Put a notice of the caller's post aside until an instant that states its offset."""
    if body.until.tzinfo is None:
        raise InvalidInputError(where="until", problem="no offset")
    seen = answering.shelve(
        request.actor,
        notice,
        until=body.until,
        now=request.now,
    )
    return _out(seen, request)


@router.get("/outbox", response=OutboxOut, summary="Whether messages go out")
@needs("outbox:read")
def read_outbox(request: Call) -> Any:
    """Return the state of each channel; no addresses and no texts."""
    return selectors.outbox_state(now=request.now)


@router.put("/quiet-hours/{post}", response={204: None}, summary="Set quiet hours")
@needs("registry:write")
def put_quiet_hours(request: Call, post: str, body: QuietIn) -> Status[None]:
    """Set when a post is left in peace, or the whole city (``*``)."""
    quieting.set_quiet_hours(
        request.actor,
        post,
        start=body.start,
        end=body.end,
        now=request.now,
    )
    return Status(204, None)
