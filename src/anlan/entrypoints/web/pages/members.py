"""The alerts of an incident, as the page of its case lists them: the worst first, a page at a time.

Devices that speak again leave the list and are counted.
"""

from __future__ import annotations

from typing import Any

from anlan.infra.doors import Call
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.response.public import CaseDetail
from anlan.warning import public as warning

SHOWN = 20
AREAS = 20


def members_of(request: Call, found: CaseDetail, language: str) -> dict[str, Any] | None:
    """Return a page of the members of a case's incidents; None for a case of no incident."""
    if not found.incidents:
        return None
    number = request.GET.get("members", "")
    page = max(1, int(number)) if number.isdecimal() and len(number) < 7 else 1
    incidents = [one.incident for one in found.incidents]
    devices = found.case.kind == "device"
    members = warning.members(incidents, page=page, size=SHOWN, areas=AREAS, open_only=devices)
    cases = response.cases_of_signs(request.actor, [f"alert:{row.pk}" for row in members.rows])
    names = registry.names_of(
        areas={*(row.area for row in members.rows), *(code for code, _, _ in members.areas)},
        places={row.place for row in members.rows},
        posts=set(),
    )
    standing = sum(members.standing.values())
    total = standing if devices else members.over + standing
    address = f"/cases/{found.case.pk}?members="
    return {
        "kind": "device" if devices else "alarm",
        "total": total,
        "keeps_open": devices and found.case.is_open and total,
        "over": members.over,
        "standing": [
            {"code": level, "name": names.warning_level(level, language), "count": count}
            for level, count in members.standing.items()
            if count
        ],
        "areas": [
            {"name": names.area(code, language), "count": count, "open": still}
            for code, count, still in members.areas
        ],
        "more_areas": members.more_areas,
        "first": (page - 1) * SHOWN + 1,
        "last": (page - 1) * SHOWN + len(members.rows),
        "lines": [
            {
                "row": row,
                "level": {"code": row.level, "name": names.warning_level(row.level, language)},
                "where": (
                    names.place(row.place, language)
                    if row.place
                    else names.area(row.area, language)
                ),
                "subject": row.subject.partition(":")[2],
                "why": warning.reason_text(row.reason, names, language),
                "case": _other(cases.get(f"alert:{row.pk}"), found),
            }
            for row in members.rows
        ],
        "pages": {
            "before": f"{address}{page - 1}#members" if page > 1 else "",
            "after": f"{address}{page + 1}#members" if page * SHOWN < total else "",
        },
    }


def _other(case: response.Case | None, found: CaseDetail) -> response.Case | None:
    """Return the case in which a member is handled by itself; None where it is this one."""
    return case if case is not None and case.pk != found.case.pk else None
