"""What other rooms may call of the response room."""

from __future__ import annotations

from anlan.response.domain.asking import Asked
from anlan.response.domain.measuring import Measurement
from anlan.response.domain.opening import GivenTask, Opening
from anlan.response.domain.words import CaseState, Trigger
from anlan.response.models import Case
from anlan.response.selectors import (
    Allowed,
    CaseDetail,
    CaseFilters,
    CasePage,
    CasesThen,
    InArea,
    Overview,
    Watched,
    actions_allowed,
    case,
    case_of_sign,
    cases,
    cases_as_of,
    cases_by_area,
    cases_in,
    cases_of_signs,
    detail,
    history,
    is_waiting,
    overview,
    tasks_of,
    watched,
    watched_among,
)
from anlan.response.services import (
    Swept,
    answer_task,
    give_task,
    open_case,
    pull,
    sweep,
    take_sign,
)

__all__ = [
    "Allowed",
    "Asked",
    "Case",
    "CaseDetail",
    "CaseFilters",
    "CasePage",
    "CaseState",
    "CasesThen",
    "GivenTask",
    "InArea",
    "Measurement",
    "Opening",
    "Overview",
    "Swept",
    "Trigger",
    "Watched",
    "actions_allowed",
    "answer_task",
    "case",
    "case_of_sign",
    "cases",
    "cases_as_of",
    "cases_by_area",
    "cases_in",
    "cases_of_signs",
    "detail",
    "give_task",
    "history",
    "is_waiting",
    "open_case",
    "overview",
    "pull",
    "sweep",
    "take_sign",
    "tasks_of",
    "watched",
    "watched_among",
]
