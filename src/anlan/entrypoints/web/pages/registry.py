"""The registry: what is in force, lists of each kind with search, and the linter's findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.entrypoints.web.entry_forms import FIELDS
from anlan.entrypoints.web.middleware import AddressUnknownError
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.telling import KINDS, Teller, actor_name, address_of
from anlan.entrypoints.web.wording import knows, name_in, say
from anlan.infra.doors import Call, allowed, language_of
from anlan.registry import public as registry
from anlan.registry.domain.findings import Severity
from anlan.registry.public import Found, Record, Wanted

MOST_LETTERS = 100
AREA_KINDS = ("city", "district", "zone", "street", "community", "grid")
FINDINGS = 50  # of one page
#: Where the page can mend a finding: its code -> the end of the address of the entry's form.
#: One that begins with a slash is an address of its own, with the finding's entry in it.
MENDED = {
    "area.gap": "edit",
    "area.loop": "edit",
    "area.no_shape": "edit",
    "area.orphan": "edit",
    "area.outside": "edit",
    "area.overlap": "edit",
    "area.shape_invalid": "edit",
    "duty.none": "/registry/new/duties?area={key}&hazard={hazard}",
    "duty.twice": "edit",
    "ladder.dead_end": "edit",
    "risk_point.nowhere": "facts",
    "sensor.nowhere": "facts",
    "unit.sensor": "facts",
    "rule.hysteresis": "edit",
    "rule.level_twice": "edit",
    "rule.levels": "edit",
    "rule.window_budget": "edit",
    "rule.no_article": "edit",
    "rule.no_basis": "edit",
    "unit.rule": "edit",
    "clock.looser": "edit",
    "risk_point.no_owner": "edit",
    "risk_point.no_grade": "edit",
    "risk_point.no_plan": "edit",
    "post.no_holder": "roster",
    "post.no_deputy": "edit",
    "holder.no_contact": "edit",
}


@require_safe
@page("registry:read")
def overview(request: Call) -> HttpResponse:
    """Show which packs are in force, how much they hold, and what is wrong with it."""
    if not registry.is_loaded():
        return show(request, "web/pages/registry.html", {"none": True})
    counted = registry.counts(request.actor)
    in_force, language = registry.city_in_force(), language_of(request)
    examined = registry.examined(now=request.now)
    found = examined.seen_by(request.actor) if examined is not None else ()
    worst = [item for item in found if item.finding.severity is not Severity.NOTE]
    context = {
        "in_force": in_force,
        "loaded_by": actor_name(in_force.loaded_by, language) if in_force else "",
        "edited_by": actor_name(in_force.edited_by, language) if in_force else "",
        "kinds": [(kind, counted[section]) for kind, section in KINDS.items()],
        "areas": _areas(request),
        "unexamined": examined is None,
        "severities": by_severity(found),
        "worst": told(worst[:5], request),
        "may_write": may_write(request),
        "may_import": allowed(request.actor, "signs:write"),
        "may_load": may_write(request) and request.actor.covers(""),
    }
    return show(request, "web/pages/registry.html", context)


def _areas(request: Call) -> list[tuple[str, int]]:
    """Return how many areas of each kind there are, the largest kind first."""
    counted = registry.areas_by_kind(request.actor)
    language = language_of(request)
    order = [kind for kind in AREA_KINDS if kind in counted]
    return [(say(f"area_kind.{kind}", language), counted[kind]) for kind in order]


def may_write(request: Call) -> bool:
    """Return whether whoever looks keeps city data."""
    return allowed(request.actor, "registry:write")


def by_severity(found: Iterable[Found]) -> list[tuple[str, int]]:
    """Return how many findings there are of each severity, worst first."""
    counted = Counter(item.finding.severity for item in found)
    return [(severity.value, counted[severity]) for severity in Severity]


def told(found: Iterable[Found], request: Call) -> list[dict[str, Any]]:
    """Return findings in words, each with where it is and where it can be mended."""
    language = language_of(request)
    writes = may_write(request)
    lines = []
    for item in found:
        words = item.finding.words(language)
        end = MENDED.get(item.finding.code) if writes else None
        address = address_of(item.section, item.key) if item.section else ""
        fix = _fix(end, address, item) if end and address else ""
        mend = f"mend.{item.finding.code}"
        do = say(mend, language) if fix and knows(mend) else words.do
        lines.append(
            {
                "code": item.finding.code,
                "severity": item.finding.severity.value,
                "words": {"what": words.what, "why": words.why, "do": do},
                "address": address,
                "fix": fix,
            }
        )
    return lines


def _fix(end: str, address: str, item: Found) -> str:
    """Return where a finding can be mended."""
    if not end.startswith("/"):
        return f"{address}/{end}"
    params = {"key": item.key, **item.finding.params}
    return end.format(**{name: quote(str(value), safe="") for name, value in params.items()})


@require_safe
@page("registry:read")
def findings(request: Call) -> HttpResponse:
    """Show every finding of the linter in the reader's areas, worst first, in pages."""
    examined = registry.examined(now=request.now) if registry.is_loaded() else None
    found = examined.seen_by(request.actor) if examined is not None else ()
    severity = request.GET.get("severity", "")
    if severity in list(Severity):
        found = tuple(item for item in found if item.finding.severity == severity)
    number = page_number(request)
    first = (number - 1) * FINDINGS
    context = {
        "unexamined": examined is None,
        "total": len(found),
        "severity": severity if severity in list(Severity) else "",
        "severities": list(Severity),
        "findings": told(found[first : first + FINDINGS], request),
        "pages": pages(request, number, more=len(found) > first + FINDINGS),
    }
    return show(request, "web/pages/registry_findings.html", context)


def page_number(request: Call) -> int:
    """Return which page of a list is asked for."""
    text = request.GET.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 6 else 1


def pages(request: Call, number: int, *, more: bool) -> dict[str, str]:
    """Return the addresses of the page before and the page after, as far as there are any."""
    asked = {name: value for name, value in request.GET.items() if name != "page" and value}

    def to(other: int) -> str:
        return "?" + urlencode({**asked, "page": other})

    return {
        "before": to(number - 1) if number > 1 else "",
        "after": to(number + 1) if more else "",
    }


def listed(kind: str) -> str:
    """Return the section that has a list under an address word."""
    section = KINDS.get(kind)
    if section is None:
        raise AddressUnknownError
    return section


def wanted_of(request: Call, *, number: int = 1) -> Wanted:
    """Return what is looked for in a list, as its address says."""
    return Wanted(
        text=request.GET.get("q", "")[:MOST_LETTERS].replace("\0", ""),
        area=request.GET.get("area", "")[:64],
        of=request.GET.get("of", "")[:64],
        page=number,
    )


@require_safe
@page("registry:read")
def listing(request: Call, kind: str) -> HttpResponse:
    """Show one kind of entries: searched by code or name, narrowed to an area, in pages."""
    section, language = listed(kind), language_of(request)
    number = page_number(request)
    wanted = wanted_of(request, number=number)
    found = registry.records(request.actor, section, wanted, at=request.now)
    teller = Teller.of(language, found.records)
    context = {
        "kind": kind,
        "section": section,
        "kinds": list(KINDS),
        "wanted": wanted,
        "total": found.total,
        "lines": lines_of(found.records, teller, marks_of(request)),
        "areas": area_choices(request),
        "pages": pages(request, number, more=found.more),
        "done": request.GET.get("done") == "1",
        "of": teller.name(*_parent(section, wanted.of)) if wanted.of else "",
        "may_write": may_write(request),
        "new": f"/registry/new/{kind}" if may_write(request) and section in FIELDS else "",
        "narrowed": urlencode(
            {
                name: value
                for name, value in (("q", wanted.text), ("area", wanted.area), ("of", wanted.of))
                if value
            }
        ),
    }
    return show(request, "web/pages/registry_list.html", context)


def _parent(section: str, of: str) -> tuple[str, str]:
    parents = {
        "areas": "areas", "organisations": "areas", "posts": "organisations", "sensors": "risk_points",
    }  # fmt: skip
    return parents.get(section, "posts"), of


def marks_of(request: Call) -> dict[tuple[str, str], str]:
    """Return the worst severity found about each entry that has a finding beyond a note."""
    examined = registry.examined(now=request.now)
    marks: dict[tuple[str, str], str] = {}
    for item in examined.found if examined is not None else ():
        if item.finding.severity is not Severity.NOTE:
            marks.setdefault((item.section, item.key), item.finding.severity.value)
    return marks


def lines_of(
    records: Iterable[Record], teller: Teller, marks: dict[tuple[str, str], str]
) -> list[dict[str, Any]]:
    """Return entries as the lines of a list."""
    return [
        {
            "href": address_of(record.section, record.key),
            "title": teller.title(record),
            "code": "" if record.section in {"shifts", "duties"} else record.key,
            "brief": teller.brief(record),
            "counts": record.counts,
            "mark": marks.get((record.section, record.key), ""),
        }
        for record in records
    ]


def area_choices(request: Call) -> list[tuple[str, str]]:
    """Return the areas that a list can be narrowed to, indented by who governs whom."""
    language = language_of(request)
    found = registry.filter_areas(request.actor)
    top = min((area.path.count("/") for area in found), default=0)
    return [
        (
            area.code,
            "\u3000" * (area.path.count("/") - top) + name_in(language, area.name_zh, area.name_en),
        )
        for area in found
    ]
