"""Cases as they are read; see ``lists``, ``detail`` and ``facts``."""

from __future__ import annotations

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
    CaseFilters,
    CasePage,
    case_of_sign,
    cases,
    cases_of_signs,
    overview,
    tasks_of,
)

__all__ = [
    "Allowed",
    "CaseDetail",
    "CaseFilters",
    "CasePage",
    "actions_allowed",
    "case",
    "case_of_sign",
    "cases",
    "cases_of_signs",
    "detail",
    "detail_after_act",
    "history",
    "is_running",
    "overview",
    "tasks_of",
]
