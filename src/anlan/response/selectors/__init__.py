"""Cases as they are read; see ``lists``, ``watching``, ``asof``, ``detail`` and ``facts``."""

from __future__ import annotations

from anlan.response.selectors.asof import CasesThen, cases_as_of
from anlan.response.selectors.detail import (
    Allowed,
    CaseDetail,
    actions_allowed,
    case,
    detail,
    detail_after_act,
    history,
    is_running,
)
from anlan.response.selectors.lists import (
    CaseEnd,
    CaseFilters,
    CasePage,
    alerts_of_cases,
    case_of_sign,
    cases,
    cases_of_signs,
    ends_of_signs,
    owners_of,
    tasks_of,
)
from anlan.response.selectors.watching import (
    InArea,
    Overview,
    Watched,
    cases_by_area,
    cases_by_area_among,
    cases_in,
    is_waiting,
    most_pressing_first,
    overview,
    watched,
    watched_among,
)

__all__ = [
    "Allowed",
    "CaseDetail",
    "CaseEnd",
    "CaseFilters",
    "CasePage",
    "CasesThen",
    "InArea",
    "Overview",
    "Watched",
    "actions_allowed",
    "alerts_of_cases",
    "case",
    "case_of_sign",
    "cases",
    "cases_as_of",
    "cases_by_area",
    "cases_by_area_among",
    "cases_in",
    "cases_of_signs",
    "detail",
    "detail_after_act",
    "ends_of_signs",
    "history",
    "is_running",
    "is_waiting",
    "most_pressing_first",
    "overview",
    "owners_of",
    "tasks_of",
    "watched",
    "watched_among",
]
