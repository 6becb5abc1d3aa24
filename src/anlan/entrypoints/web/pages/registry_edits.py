"""Change the registry: a form, what it would change and break, and only then the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from anlan.entrypoints.web import edit_forms
from anlan.entrypoints.web.edit_forms import FORMS, Form, Values
from anlan.entrypoints.web.middleware import AddressUnknownError
from anlan.entrypoints.web.pages.registry import lines_of, told
from anlan.entrypoints.web.pages.registry_thing import columns_told, section_of
from anlan.entrypoints.web.shell import moved, page, show
from anlan.entrypoints.web.telling import Teller, address_of
from anlan.entrypoints.web.wording import knows, say
from anlan.infra.catalogue import wording
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import Difference, HolderEdit
from anlan.registry.domain.errors import EditChoiceError, RecordChangedError, RecordUnknownError
from anlan.registry.public import EditShown, Record, Wanted

MOST_REASON = 4000  # letters: more than are kept, so that who wrote too many is told, not cut


@require_http_methods(["GET", "POST"])
@page("registry:write")
def edit(request: Call, kind: str, key: str) -> HttpResponse:
    """Change one entry: who sits, who answers, whether it counts, how somebody is reached."""
    section = section_of(kind)
    if section not in FORMS or section == "posts":
        raise AddressUnknownError
    return _served(request, registry.record(request.actor, section, key, at=request.now))


@require_http_methods(["GET", "POST"])
@page("registry:write")
def roster(request: Call, key: str) -> HttpResponse:
    """Add a shift to a post's roster, beside the shifts there are."""
    return _served(request, registry.record(request.actor, "posts", key, at=request.now))


@require_http_methods(["GET", "POST"])
@page("registry:write")
def person(request: Call) -> HttpResponse:
    """Enter a person who is to hold posts."""
    code = request.POST.get("code", "").strip()[:64].replace("\0", "")
    record = Record(
        "holders",
        code,
        c.Holder(code=code, name=""),
        area_path="",
        counts=True,
        began_at=None,
        ended_at=None,
    )
    return _served(request, record, is_new=True)


def _served(request: Call, record: Record, *, is_new: bool = False) -> HttpResponse:
    if record.ended_at is not None:
        raise RecordUnknownError(section=record.section, key=record.key)
    form = FORMS[record.section]
    if request.method == "GET":
        today = registry.local_day(request.now)
        # What begins later changes then, unless another day is meant.
        first = getattr(record.entry, "valid_from", None) or today
        values = {"on": max(today, first).isoformat(), **form.filled(record)}
        return _form(request, record, values, is_new=is_new)
    values = edit_forms.given(form, request.POST)
    try:
        return _sent(request, record, values, is_new=is_new)
    except AnlanError as error:
        if error.http_status in (403, 404):
            raise
        refusal = _refusal(request, error)
        return _form(
            request, record, values, is_new=is_new, refusal=refusal, status=error.http_status
        )


def _sent(request: Call, record: Record, values: Values, *, is_new: bool) -> HttpResponse:
    """Show what a form would change, or change it when that was seen."""
    form = FORMS[record.section]
    change = form.edit(values, record, registry.local_day(request.now))
    if isinstance(change, HolderEdit):
        change = replace(change, is_new=is_new)
    reason, seen = _reason(request), request.POST.get("seen", "")
    if request.POST.get("step") == "take":
        registry.take_edit(request.actor, change, seen=seen, reason=reason, now=request.now)
        if is_new and not request.actor.covers(""):
            return moved("/registry/rosters?done=1")  # theirs to see once seated
        back = "posts" if record.section == "shifts" else record.section
        return moved(f"{address_of(back, change.key)}?done=1")
    preview = registry.show_edit(request.actor, change, now=request.now)
    if preview.seen != seen:
        raise RecordChangedError
    return _form(request, record, values, is_new=is_new, preview=preview)


def _reason(request: Call) -> str:
    """Return the reason as written, its line breaks counted once as browsers count them."""
    return request.POST.get("reason", "").replace("\r\n", "\n")[:MOST_REASON]


def _refusal(request: Call, error: AnlanError) -> dict[str, str]:
    """Return a refusal with the field called as the form calls it."""
    language = language_of(request)
    params: dict[str, object] = dict(error.params)
    if isinstance(error, EditChoiceError):
        for key in (f"edit.{params['field']}", f"fact.{params['field']}"):
            if knows(key):
                params["field"] = say(key, language)
                break
    return {"code": error.code, **wording(error.code, params, language)}


def _form(
    request: Call,
    record: Record,
    values: Values,
    *,
    is_new: bool,
    preview: EditShown | None = None,
    refusal: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    language = language_of(request)
    form: Form = FORMS[record.section]
    shifts = _shifts(request, record)
    teller = Teller.of(language, [record, *shifts], _columns(preview))
    fresh = registry.fingerprint_of(*_matter(record))
    context = {
        "part": f"web/parts/edit_{form.part}.html",
        "record": record,
        "is_new": is_new,
        "title": teller.title(record),
        "back": "/registry/rosters" if is_new else address_of(record.section, record.key),
        "values": values,
        "weekdays": [(str(day), say(f"weekday.{day}", language)) for day in range(1, 8)],
        "reason": _reason(request),
        # After a refusal the form goes on from what stands now: the reader has just been told.
        "seen": fresh if preview is None else preview.seen,
        "carried": _carried(form, values, record, is_new=is_new),
        "preview": _preview(request, preview, teller) if preview is not None else None,
        "shifts": lines_of(shifts, teller, {}),
        "people": registry.holder_codes(request.actor) if form.part == "roster" else (),
        **edit_forms.choices(record, language),
    }
    if refusal is not None:
        context["refusal"] = refusal
    return show(request, "web/pages/registry_edit.html", context, status=status)


def _matter(record: Record) -> tuple[str, str]:
    """Return what the fingerprint is of: a post's whole roster, or the entry itself."""
    if record.section == "shifts":
        return "shifts", record.entry.post
    return ("shifts" if record.section == "posts" else record.section), record.key


def _shifts(request: Call, record: Record) -> tuple[Record, ...]:
    if record.section != "posts":
        return ()
    return registry.records(request.actor, "shifts", Wanted(of=record.key), at=request.now).records


def _columns(preview: EditShown | None) -> list[dict[str, Any]]:
    if preview is None:
        return []
    return [
        {name: value}
        for item in preview.differences
        for name, *both in item.columns
        for value in both
    ] + [{"holder": getattr(item.entry, "holder", None)} for item in preview.differences]


def _carried(form: Form, values: Values, record: Record, *, is_new: bool) -> list[tuple[str, str]]:
    """Return the hidden fields by which a form that was looked at is sent again."""
    pairs = [("code", record.key)] if is_new else []
    for name in form.names:
        value = values.get(name, "")
        several = value if isinstance(value, list) else [value]
        pairs += [(name, item) for item in several]
    return pairs


def _preview(request: Call, shown: EditShown, teller: Teller) -> dict[str, Any]:
    return {
        "lines": [_difference(item, teller) for item in shown.differences],
        # What is not wrong yet is not mended yet either.
        "opened": [{**line, "fix": ""} for line in told(shown.opened, request)],
        "closed": told(shown.closed, request),
        "refused": bool(shown.refused),
    }


def _difference(item: Difference, teller: Teller) -> dict[str, Any]:
    section = "shifts" if isinstance(item.entry, c.Shift) else _section(item.entry)
    title = teller.title(
        Record(section, item.key, item.entry, "", counts=True, began_at=None, ended_at=None)
    )
    columns = columns_told(section, item.columns, teller)
    if section == "shifts" and item.what == "ended":
        columns = [
            {
                "name": say("fact.holder", teller.language),
                "before": item.entry.holder,
                "after": "–",
                "hidden": "",
            }
        ]
    if item.what == "added":
        columns = [{**column, "before": ""} for column in columns]
    return {"what": say(f"turn.{item.what}", teller.language), "title": title, "columns": columns}


def _section(entry: Any) -> str:
    if isinstance(entry, c.Holder):
        return "holders"
    return "risk_points" if isinstance(entry, c.RiskPoint) else "sensors"
