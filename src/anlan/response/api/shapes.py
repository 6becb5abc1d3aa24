"""What cases look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field

from anlan.response.models import Case, CaseClock, CaseTask
from anlan.response.selectors import CaseDetail, is_running

Code = Annotated[str, Field(max_length=64)]


class CaseOut(Schema):
    """A case as it stands in a list."""

    id: int
    number: str
    kind: str
    hazard: str
    title: dict[str, Any]
    area: str
    place: str
    lat: float | None
    lon: float | None
    state: str
    is_open: bool
    priority: int
    level: str
    grade: str
    owner_post: str
    origin: str
    known_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    next_at: datetime | None
    overdue_since: datetime | None
    rung: int
    signs: int
    listed_until: datetime | None


class CasePageOut(Schema):
    """One page of cases; ``next_cursor`` is empty on the last one."""

    at: datetime
    cases: list[CaseOut]
    next_cursor: str


class ClockOut(Schema):
    """A deadline with its rule, calendar, start event and legal basis (I2)."""

    id: int
    kind: str
    stage: str
    rule_id: str
    rule_version: int
    limit: str
    calendar: str
    start_event: str
    basis: dict[str, Any]
    started_at: datetime
    due_at: datetime
    met_at: datetime | None
    missed_at: datetime | None
    stopped_at: datetime | None
    stop_reason: str
    running: bool


class TaskOut(Schema):
    """A thing to do; ``text`` is what a person wrote, ``title`` the words of a pack."""

    id: int
    case: int
    post: str
    title: dict[str, str]
    text: str
    state: str
    given_at: datetime
    due_at: datetime
    answered_at: datetime | None


class FollowerOut(Schema):
    """A sign that the case answers."""

    sign: str
    joined_at: datetime
    strong: bool
    cleared_at: datetime | None


class NoteOut(Schema):
    """What somebody wrote when acting; ``text`` is ``null`` once it was lawfully destroyed."""

    id: int
    at: datetime
    by: str
    by_post: str
    about: str
    text: str | None


class NextStepOut(Schema):
    """What the frozen ladder does; ``at`` is known once a deadline was missed."""

    rung: int
    post: str
    after: str
    calendar: str
    at: datetime | None
    is_reminder: bool


class ActionOut(Schema):
    """A move the caller may make now."""

    trigger: str
    to: str
    asks: list[str]
    reasons: list[str]


class IncidentOut(Schema):
    """An incident that the case answers for; its alerts: GET /api/v1/alerts?incident=…"""

    incident: int
    members: int
    told: int
    told_at: datetime
    tell_at: datetime | None


class CaseDetailOut(CaseOut):
    """A case with everything that belongs to it."""

    owner_basis: str
    evidence_to_close: str
    closed_how: str
    closing: dict[str, Any]
    grading: dict[str, Any]
    resume_state: str
    returned_once: bool
    merged_into: int | None
    urged: int
    extended: int
    reopened: int
    rating: int | None
    enforcement_at: datetime | None
    ladder: dict[str, Any]
    clocks: list[ClockOut]
    tasks: list[TaskOut]
    followers: list[FollowerOut]  # the last 200
    followers_in_all: int
    incidents: list[IncidentOut]
    notes: list[NoteOut]
    next_steps: list[NextStepOut]
    actions: list[ActionOut]


class HappenedOut(Schema):
    """One entry of a case's history, as the journal holds it."""

    seq: int
    event: str
    at: datetime
    actor: str
    payload: dict[str, Any]


class OpenIn(Schema):
    """A case opened by hand; an unknown owner is found through the duty matrix."""

    kind: Literal["hidden_danger", "service", "device"]
    hazard: Annotated[str, Field(max_length=80)] = ""
    area: Code = ""
    place: Code = ""
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    priority: Annotated[int, Field(ge=1, le=4)] | None = None
    owner_post: Code = ""
    evidence_to_close: Literal["second_person", "measurement"] = "second_person"
    known_at: datetime | None = None
    note: Annotated[str, Field(max_length=10_000)] = ""


class MeasurementIn(Schema):
    """A measurement that a person states."""

    value: float
    limit: float
    unit: Annotated[str, Field(min_length=1, max_length=40)]
    points: Annotated[int, Field(ge=1, le=100_000)]
    minutes: Annotated[float, Field(ge=0, le=527_040)]  # a year
    higher_is_worse: bool = True


class MoveIn(Schema):
    """What a move may ask for; the case's ``actions`` say which of it is needed."""

    reason: Annotated[str, Field(max_length=80)] = ""
    until: datetime | None = None
    post: Code = ""
    measurement: MeasurementIn | None = None
    method: Annotated[str, Field(max_length=80)] = ""
    factors: dict[str, float] = {}
    rating: int | None = None
    priority: int | None = None
    other: int | None = None
    note: Annotated[str, Field(max_length=10_000)] = ""


class TaskIn(Schema):
    """A thing to do, given by hand."""

    post: Code
    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    due_at: datetime


class AnswerIn(Schema):
    """What is said with the answer to a task."""

    note: Annotated[str, Field(max_length=10_000)] = ""


DETAIL_FIELDS = (
    "owner_basis",
    "evidence_to_close",
    "closed_how",
    "closing",
    "grading",
    "resume_state",
    "returned_once",
    "urged",
    "extended",
    "reopened",
    "rating",
    "enforcement_at",
    "ladder",
)


def case_out(case: Case) -> dict[str, Any]:
    """Return a case as it stands in a list."""
    shown = {name: getattr(case, name) for name in CaseOut.model_fields if name != "number"}
    return {**shown, "number": case.number or ""}


def clock_out(clock: CaseClock) -> dict[str, Any]:
    """Return a clock with its ground."""
    shown = {name: getattr(clock, name) for name in ClockOut.model_fields if name != "running"}
    return {**shown, "running": is_running(clock)}


def task_out(task: CaseTask, texts: dict[str, str]) -> dict[str, Any]:
    """Return a task with its words."""
    names = ("id", "post", "title", "state", "given_at", "due_at", "answered_at")
    shown = {name: getattr(task, name) for name in names}
    return {**shown, "case": task.case_id, "text": texts.get(str(task.text_content), "")}


def detail_out(found: CaseDetail) -> dict[str, Any]:
    """Return a case with everything that belongs to it."""
    case = found.case
    return {
        **case_out(case),
        **{name: getattr(case, name) for name in DETAIL_FIELDS},
        "merged_into": case.merged_into_id,
        "clocks": [clock_out(clock) for clock in found.clocks],
        "tasks": [task_out(task, found.texts) for task in found.tasks],
        "followers": [
            {name: getattr(row, name) for name in FollowerOut.model_fields}
            for row in found.followers
        ],
        "followers_in_all": found.followers_in_all,
        "incidents": [
            {name: getattr(row, name) for name in IncidentOut.model_fields}
            for row in found.incidents
        ],
        "notes": [
            {
                **{name: getattr(row, name) for name in NoteOut.model_fields if name != "text"},
                "text": found.texts.get(str(row.text_content)),
            }
            for row in found.notes
        ],
        "next_steps": [
            {name: getattr(item, name) for name in NextStepOut.model_fields}
            for item in found.next_steps
        ],
        "actions": [
            {
                "trigger": item.trigger.value,
                "to": item.to,
                "asks": list(item.asks),
                "reasons": list(item.reasons),
            }
            for item in found.actions
        ],
    }
