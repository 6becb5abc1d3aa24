"""Lists of cases, one case, its history, and the tasks of a post."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Query, Router, Schema
from pydantic import Field

from anlan.infra import contents
from anlan.infra.doors import Call, needs
from anlan.response import selectors
from anlan.response.api.shapes import (
    CaseDetailOut,
    CasePageOut,
    HappenedOut,
    TaskOut,
    case_out,
    detail_out,
    task_out,
)
from anlan.response.selectors import CaseFilters

router = Router(tags=["cases"])


class ListQuery(Schema):
    """Which cases to list; what is left out does not filter."""

    area: str = ""
    kind: str = ""
    hazard: str = ""
    place: str = ""
    state: str = ""
    owner: str = ""
    priority: Annotated[int, Field(ge=1, le=4)] | None = None
    is_open: bool | None = None
    overdue: bool | None = None
    escalated: bool | None = None
    listed: bool | None = None
    order: Literal["due", "newest"] = "due"
    cursor: str = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@router.get("/cases", response=CasePageOut, summary="List cases")
@needs("cases:read")
def list_cases(request: Call, query: Query[ListQuery]) -> dict[str, Any]:
    """Return a page of the cases that the caller may see, what is due first on top."""
    given = query.dict(exclude={"cursor", "limit"})
    page = selectors.cases(
        request.actor,
        CaseFilters(**given),
        cursor=query.cursor,
        limit=query.limit,
    )
    return {
        "at": request.now,
        "cases": [case_out(case) for case in page.cases],
        "next_cursor": page.next_cursor,
    }


@router.get("/cases/{int:case_id}", response=CaseDetailOut, summary="Read a case")
@needs("cases:read")
def read_case(request: Call, case_id: int) -> dict[str, Any]:
    """Return a case with clocks and their legal basis, ladder, tasks, followers and moves."""
    return detail_out(selectors.detail(request.actor, case_id, now=request.now))


@router.get("/cases/{int:case_id}/history", response=list[HappenedOut], summary="What happened")
@needs("cases:read")
def read_history(
    request: Call,
    case_id: int,
    after: int = 0,
    limit: Annotated[int, Field(ge=1, le=200)] = 200,
) -> Any:
    """Return what happened to a case, oldest first, as the journal holds it."""
    return selectors.history(request.actor, case_id, after=after, limit=limit)


@router.get("/tasks", response=list[TaskOut], summary="What my post has to do")
@needs("cases:read")
def read_tasks(
    request: Call, limit: Annotated[int, Field(ge=1, le=200)] = 100
) -> list[dict[str, Any]]:
    """Return the open tasks of the caller's post, the earliest due first."""
    tasks = selectors.tasks_of(request.actor, limit=limit)
    wanted = [task.text_content for task in tasks if task.text_content is not None]
    texts = {str(key): text for key, text in contents.get_texts(wanted).items()} if wanted else {}
    return [task_out(task, texts) for task in tasks]
