"""Bring a table of readings in: look, say what each column is, count, keep."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints import here
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import moved, page, show
from anlan.infra.catalogue import wording
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.sensing.domain.connector_errors import TableChoiceError
from anlan.sensing.domain.errors import ImportUnreadableError
from anlan.sensing.domain.payload_map import may_name
from anlan.sensing.domain.table_shapes import Chosen, TableShape, as_map, guessed, time_form
from anlan.sensing.public import TableJob

ADDRESS = "/readings/import"
PREVIEW = 8
NAMELESS = "table"


@require_safe
@page("signs:write")
def importing(request: Call) -> HttpResponse:
    """Ask for a table, or show how far one is."""
    key = request.GET.get("table", "")
    if not key:
        return show(request, "web/pages/importing.html", {"tables": _own(request)})
    return _page(request, sensing.table_job(request.actor, key))


@require_POST
@page("signs:write")
def begin(request: Call) -> HttpResponse:
    """Take a table in, and guess what its columns are."""
    file = request.FILES.get("table")
    try:
        if file is None:
            raise ImportUnreadableError(file="table", problem="no file")
        found = sensing.begin_table(
            request.actor, file.name or "table.csv", file.chunks(), now=request.now
        )
        _guess(request, found)
    except AnlanError as error:
        context = {"tables": _own(request), "refusal": refusal_of(request, error)}
        return show(request, "web/pages/importing.html", context, status=error.http_status)
    return moved(f"{ADDRESS}?table={found.key}")


@require_POST
@page("signs:write")
def act(request: Call) -> HttpResponse:
    """Choose columns and count, keep, or throw away."""
    found = sensing.table_job(request.actor, request.POST.get("table", ""))
    wanted = request.POST.get("act", "")
    if wanted == "discard":
        sensing.discard_table(found)
        return moved(ADDRESS)
    try:
        if wanted == "try":
            shape = sensing.shape_of_table(found)
            sensing.choose_map(found, as_map(shape, _chosen(request, shape)))
            sensing.ask(found, dry_run=True)
        elif wanted == "keep" and _was_counted(found):
            sensing.remember_map(found)
            sensing.ask(found, dry_run=False)
    except AnlanError as error:
        return _page(request, found, refusal=refusal_of(request, error), status=error.http_status)
    return moved(f"{ADDRESS}?table={found.key}")


@require_POST
@page("signs:write")
def refused(request: Call) -> HttpResponseBase:
    """Hand out the rows that were not kept."""
    found = sensing.table_job(request.actor, request.POST.get("table", ""))
    name = f"refused-{found.key[:8]}.csv"
    return FileResponse(
        found.refused_file.open("rb"),
        as_attachment=True,
        filename=name,
        content_type="text/csv; charset=utf-8",
    )


def _was_counted(found: TableJob) -> bool:
    done = found.progress
    return done is not None and done.dry_run and done.state == "done" and not found.is_busy


def _own(request: Call) -> list[dict[str, Any]]:
    return [
        {"key": one.key, "name": one.job.name, "at": one.job.made_at, "state": _state(one)}
        for one in sensing.own_tables(request.actor)
    ]


def _state(found: TableJob) -> str:
    if found.is_busy:
        return "running"
    done = found.progress
    if done is None:
        return "new"
    return done.state if done.state == "failed" else "counted" if done.dry_run else "kept"


def _streams(request: Call) -> frozenset[str]:
    return frozenset(
        one.code for one in registry.sensors(at=request.now) if request.actor.covers(one.area_path)
    )


def _guess(request: Call, found: TableJob) -> None:
    shape = sensing.shape_of_table(found)
    zone = here.workspace().timezone
    chosen = guessed(shape, NAMELESS, zone=zone, streams=_streams(request))
    if chosen is not None:
        sensing.choose_map(found, as_map(shape, chosen))


def _chosen(request: Call, shape: TableShape) -> Chosen:
    """Return what the form says of the columns.

    Raises
    ------
    TableChoiceError
        When no column of times can be read, or none of values is named.
    """
    given = request.POST
    places = {str(n): column for n, column in enumerate(shape.columns)}
    time, stream = places.get(given.get("time", "")), places.get(given.get("stream", ""), "")
    if time is None:
        raise TableChoiceError(what="time")
    form = time_form(
        [line[n] for line in shape.lines if (n := shape.columns.index(time)) < len(line)]
    )
    if form is None:
        raise TableChoiceError(what=time)
    values = []
    for number, column in places.items():
        code = given.get(f"code-{number}", "").strip()[:64]
        if column in {time, stream} or not code or "{" in code or "}" in code:
            continue
        values.append((column, "" if stream else code))
    if not values:
        raise TableChoiceError(what="values")
    name = given.get("name", "").strip()
    return Chosen(
        name if may_name(name) else NAMELESS,
        time,
        form,
        given.get("zone", "").strip()[:64],
        tuple(values[:1] if stream else values),
        stream=stream,
        unit=given.get("unit", "").strip()[:32],
    )


def _page(request: Call, found: TableJob, *, status: int = 200, **more: Any) -> HttpResponse:
    shape = sensing.shape_of_table(found)
    chosen = guessed(shape, NAMELESS, zone=here.workspace().timezone, streams=_streams(request))
    done = found.progress
    context = {
        "key": found.key,
        "name": found.job.name,
        "state": _state(found),
        "done": done,
        "reasons": _reasons(request, done.refused if done else {}),
        "why": _why(request, found),
        "shape": shape,
        "lines": shape.lines[:PREVIEW],
        "columns": _columns(request, shape, chosen),
        "zone_name": request.POST.get("zone", here.workspace().timezone),
        "unit": request.POST.get("unit", ""),
        "map_name": request.POST.get("name", ""),
        **more,
    }
    return show(request, "web/pages/import_table.html", context, status=status)


def _columns(request: Call, shape: TableShape, chosen: Chosen | None) -> list[dict[str, Any]]:
    """Return each column with what it is taken for: as the form said, else as guessed."""
    said = request.POST if request.POST.get("act") == "try" else None
    values = dict(chosen.values) if chosen else {}
    found = []
    for n, column in enumerate(shape.columns):
        is_time = said.get("time") == str(n) if said else bool(chosen and chosen.time == column)
        is_stream = (
            said.get("stream") == str(n) if said else bool(chosen and chosen.stream == column)
        )
        code = values.get(column, "")
        if chosen and chosen.stream and column in values:
            code = "*"
        if said:
            code = said.get(f"code-{n}", "")
        found.append({"n": n, "name": column, "time": is_time, "stream": is_stream, "code": code})
    return found


def _reasons(request: Call, found: dict[str, int]) -> list[dict[str, Any]]:
    language = language_of(request)
    return [
        {"n": n, "code": code, **wording(code, {}, language)}
        for code, n in sorted(found.items(), key=lambda one: -one[1])
    ]


def _why(request: Call, found: TableJob) -> dict[str, str] | None:
    done = found.progress
    if done is None or not done.error:
        return None
    params: dict[str, object] = dict(done.params)
    return {"code": done.error, **wording(done.error, params, language_of(request))}
