"""Take a table of the registry out as CSV, and bring one in: each line is looked at first."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints.web.csvfile import csv_file
from anlan.entrypoints.web.pages.registry import listed, told, wanted_of
from anlan.entrypoints.web.pages.registry_edits import reason_of, refusal_told
from anlan.entrypoints.web.pages.registry_thing import difference_told, teller_of
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import moved, page, show
from anlan.entrypoints.web.telling import ADDRESSES, Teller
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.registry.domain.errors import TableUnreadableError
from anlan.registry.domain.findings import Finding
from anlan.registry.domain.parse import CITY_TABLES
from anlan.registry.domain.write import cells_of, columns_of
from anlan.registry.public import TableLine, TableShown

SHOWN = 100  # lines of each kind that are told one by one


@require_safe
@page("registry:read")
def download(request: Call, kind: str) -> HttpResponse:
    """Hand a list out as a table, with the columns of a pack."""
    section = listed(kind)
    found = registry.entries(request.actor, section, wanted_of(request))
    stem, entry = CITY_TABLES[section]
    name = f"{stem}-{registry.local_day(request.now).isoformat()}.csv"
    return csv_file(name, columns_of(entry), (cells_of(one) for one in found))


@require_safe
@page("registry:write")
def table(request: Call, kind: str) -> HttpResponse:
    """Ask for a table."""
    return _page(request, listed(kind))


def _page(request: Call, section: str, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        "kind": ADDRESSES[section],
        "section": section,
        "columns": columns_of(CITY_TABLES[section][1]),
        **more,
    }
    return show(request, "web/pages/registry_table.html", context, status=status)


@require_POST
@page("registry:write")
def upload(request: Call, kind: str) -> HttpResponse:
    """Show what each line of a table would change; nothing is changed yet."""
    section = listed(kind)
    file = request.FILES.get("table")
    try:
        if file is None:
            raise TableUnreadableError
        found = registry.show_table(request.actor, section, file.read(), now=request.now)
    except AnlanError as error:
        return _refused(request, section, error)
    return _page(request, section, **_told(request, found))


@require_POST
@page("registry:write")
def take(request: Call, kind: str) -> HttpResponse:
    """Bring in the table whose lines were looked at, or throw it away."""
    section = listed(kind)
    key = request.POST.get("upload", "")[:64]
    try:
        if request.POST.get("act") == "discard":
            registry.discard_table(request.actor, key, now=request.now)
            return moved(f"/registry/table/{kind}")
        registry.take_table(
            request.actor,
            key,
            revision=request.POST.get("revision", "")[:64],
            reason=reason_of(request),
            now=request.now,
        )
    except AnlanError as error:
        return _refused(request, section, error)
    return moved(f"/registry/{kind}?done=1")


def _refused(request: Call, section: str, error: AnlanError) -> HttpResponse:
    if error.http_status == 403:
        raise error
    refusal = refusal_of(request, error)
    return _page(request, section, refusal=refusal, status=error.http_status)


def _told(request: Call, found: TableShown) -> dict[str, Any]:
    language = language_of(request)
    differences = [line.difference for line in found.lines if line.difference is not None]
    teller = teller_of(language, differences)
    by_kind = {
        what: [line for line in found.lines if line.what == what]
        for what in ("refused", "changed", "new")
    }
    return {
        "found": found,
        "counts": [(what, found.count(what)) for what in ("new", "changed", "same", "refused")],
        "groups": [
            {
                "what": what,
                "lines": [_line(request, line, teller) for line in lines[:SHOWN]],
                "more": max(0, len(lines) - SHOWN),
            }
            for what, lines in by_kind.items()
            if lines
        ],
        "opened": told(found.edit.opened, request) if found.edit else [],
        "closed": told(found.edit.closed, request) if found.edit else [],
        "blocked": bool(found.edit and found.edit.refused),
        "takes": found.count("new") + found.count("changed"),
    }


def _line(request: Call, line: TableLine, teller: Teller) -> dict[str, Any]:
    if line.difference is not None:
        return {"number": line.number, **difference_told(line.difference, teller)}
    why = line.why
    if isinstance(why, Finding):
        words = why.words("en" if teller.language == "en" else "zh")
        what, do = words.what, words.do
    else:
        assert why is not None  # noqa: S101  a line that is refused says why
        worded = refusal_told(request, why)
        what, do = worded["what"], worded["do"]
    return {"number": line.number, "title": line.key, "what": what, "do": do, "columns": []}
