"""Opening a case, every verb of the state tables, and tasks: all as POST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Status

from anlan.infra.doors import KEY_PARAMETER, needs
from anlan.kernel.actor import Actor
from anlan.kernel.errors import InvalidInputError
from anlan.kernel.geometry import Point
from anlan.response import selectors
from anlan.response.api.reading import router
from anlan.response.api.repeating import once
from anlan.response.api.shapes import (
    AnswerIn,
    CaseDetailOut,
    MeasurementIn,
    MoveIn,
    OpenIn,
    TaskIn,
    TaskOut,
    detail_out,
    task_out,
)
from anlan.response.domain.asking import Asked
from anlan.response.domain.errors import KnownAtInvalidError
from anlan.response.domain.measuring import Measurement
from anlan.response.domain.opening import Opening
from anlan.response.domain.words import Trigger
from anlan.response.models import Case, CaseTask
from anlan.response.services import answer_task, give_task, open_case, pull
from anlan.response.services.notes import write_note

CLOCK_TOLERANCE = timedelta(minutes=5)
KEYED = {"parameters": [KEY_PARAMETER]}
LONG_AGO = timedelta(days=10 * 366)  # a danger may be known for years before it is written down

SUMMARIES: dict[Trigger, str] = {
    Trigger.REGISTER: "Register a danger (登记)",
    Trigger.GRADE: "Grade a danger (判定)",
    Trigger.ASSIGN: "Assign a danger to its owner (交办)",
    Trigger.BEGIN: "Begin to put it right (整改)",
    Trigger.SELF_CHECK: "Say that it is put right (自验)",
    Trigger.RECHECK: "Re-check as a second person (复查)",
    Trigger.ACCEPT: "Take up a case (受理)",
    Trigger.VERIFY: "Confirm the sign (核实)",
    Trigger.OPEN: "Open formally (立案)",
    Trigger.DISPATCH: "Give it to a post (分派)",
    Trigger.HANDLE: "Begin to act (处置)",
    Trigger.FEED_BACK: "Say that it is done (反馈)",
    Trigger.CHECK: "Check as a second person (核查)",
    Trigger.REJECT: "Not done: back to work (复查不合格)",
    Trigger.CLOSE: "Close on a second person's word or a measurement (销号、结案)",
    Trigger.RATE: "Rate the outcome (评价)",
    Trigger.RETURN: "Return, once, to the arbiter (退回)",
    Trigger.DECIDE: "Decide who owns it (裁定)",
    Trigger.REASSIGN: "Give it to another post (改派)",
    Trigger.SUSPEND: "Let it stand still until an end (挂起)",
    Trigger.RESUME: "Let it run on (恢复)",
    Trigger.EXTEND: "Give a later deadline (延期)",
    Trigger.URGE: "Press the owner (督办)",
    Trigger.LIST: "List for supervision (挂牌督办)",
    Trigger.ENFORCE: "Send to law enforcement as well (移送执法)",
    Trigger.RAISE: "Raise the priority",
    Trigger.DISMISS: "False alarm (误报)",
    Trigger.MERGE: "Merge into another case (并案)",
    Trigger.REOPEN: "Open again (重开)",
}


class MeasurementInvalidError(InvalidInputError):
    """A stated measurement is incomplete or not finite."""

    code = "case.measurement_invalid"


def _aware(name: str, value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise InvalidInputError(where=name, problem="no offset")
    return value


def _measurement(given: MeasurementIn | None) -> Measurement | None:
    if given is None:
        return None
    try:
        return Measurement(**given.dict())
    except ValueError:
        raise MeasurementInvalidError from None


def _shown(request: HttpRequest, case_id: int) -> dict[str, Any]:
    actor, now = request.actor, request.now  # type: ignore[attr-defined]
    case = Case.objects.get(pk=case_id)
    return detail_out(selectors.detail_after_act(actor, case, now=now))


def _known_at(given: datetime | None, now: datetime) -> datetime:
    known = _aware("known_at", given) or now
    if not now - LONG_AGO <= known <= now + CLOCK_TOLERANCE:
        raise KnownAtInvalidError(value=known.isoformat())
    return min(known, now)


@router.post(
    "/cases",
    response={201: CaseDetailOut},
    summary="Open a case by hand",
    openapi_extra=KEYED,
)
@needs("cases:act")
def post_case(request: HttpRequest, body: OpenIn) -> Status[dict[str, Any]]:
    """Open a case; it has an owner, a clock and a ladder from this instant."""
    actor, now = request.actor, request.now  # type: ignore[attr-defined]
    point = None
    if body.lat is not None and body.lon is not None:
        point = Point(lat=body.lat, lon=body.lon)
    opening = Opening(
        kind=body.kind,
        hazard=body.hazard,
        area=body.area,
        origin="manual",
        known_at=_known_at(body.known_at, now),
        place=body.place,
        point=point,
        priority=body.priority,
        owner_post=body.owner_post,
        evidence_to_close=body.evidence_to_close,
    )
    number = once(request, lambda: _opened(actor, opening, body.note, now=now))
    return Status(201, _shown(request, number))


@transaction.atomic
def _opened(actor: Actor, opening: Opening, note: str, *, now: datetime) -> int:
    case = open_case(actor, opening, now=now)
    write_note(actor, case, note, about="open", now=now)
    return case.pk


def _verb(trigger: Trigger) -> Callable[..., dict[str, Any]]:
    @needs("cases:act")
    def move(request: HttpRequest, case_id: int, body: MoveIn) -> dict[str, Any]:
        asked = Asked(
            **body.dict(exclude={"measurement", "until"}),
            until=_aware("until", body.until),
            measurement=_measurement(body.measurement),
        )
        actor, now = request.actor, request.now  # type: ignore[attr-defined]
        return _shown(
            request, once(request, lambda: pull(actor, case_id, trigger, asked, now=now).pk)
        )

    move.__name__ = f"case_{trigger.value}"
    return move


for _trigger, _summary in SUMMARIES.items():
    router.post(
        f"/cases/{{int:case_id}}/{_trigger.value}",
        response=CaseDetailOut,
        summary=_summary,
        operation_id=f"case_{_trigger.value}",
        openapi_extra=KEYED,
    )(_verb(_trigger))


@router.post(
    "/cases/{int:case_id}/tasks",
    response={201: TaskOut},
    summary="Give a task",
    openapi_extra=KEYED,
)
@needs("cases:act")
def post_task(request: HttpRequest, case_id: int, body: TaskIn) -> Status[dict[str, Any]]:
    """Give a thing to do to a post, with a deadline."""
    due_at = _aware("due_at", body.due_at)
    assert due_at is not None  # noqa: S101  the shape demands it
    actor, now = request.actor, request.now  # type: ignore[attr-defined]

    def give() -> int:
        task = give_task(actor, case_id, post=body.post, text=body.text, due_at=due_at, now=now)
        return task.pk

    task = CaseTask.objects.get(pk=once(request, give))
    return Status(201, task_out(task, {str(task.text_content): body.text}))


@router.post(
    "/tasks/{int:task_id}/done",
    response=TaskOut,
    summary="A task is done",
    openapi_extra=KEYED,
)
@needs("cases:act")
def post_done(request: HttpRequest, task_id: int, body: AnswerIn) -> dict[str, Any]:
    """Say that a task was done."""
    return _answered(request, task_id, "done", body.note)


@router.post(
    "/tasks/{int:task_id}/refused",
    response=TaskOut,
    summary="Refuse a task",
    openapi_extra=KEYED,
)
@needs("cases:act")
def post_refused(request: HttpRequest, task_id: int, body: AnswerIn) -> dict[str, Any]:
    """Say that the post cannot do a task; the case's owner hears it at once."""
    return _answered(request, task_id, "refused", body.note)


def _answered(request: HttpRequest, task_id: int, outcome: str, note: str) -> dict[str, Any]:
    actor, now = request.actor, request.now  # type: ignore[attr-defined]
    answered = once(request, lambda: answer_task(actor, task_id, outcome, note=note, now=now).pk)
    return task_out(CaseTask.objects.get(pk=answered), {})
