"""Change the registry: a form, what it would change and break, and only then the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from anlan.entrypoints.web import edit_forms, entry_forms
from anlan.entrypoints.web.edit_forms import Form
from anlan.entrypoints.web.entry_forms import Values
from anlan.entrypoints.web.middleware import AddressUnknownError
from anlan.entrypoints.web.pages.registry import lines_of, told
from anlan.entrypoints.web.pages.registry_thing import difference_told, section_of, teller_of
from anlan.entrypoints.web.shell import moved, page, show
from anlan.entrypoints.web.telling import ADDRESSES, Teller, address_of
from anlan.entrypoints.web.wording import in_words, knows, say
from anlan.infra.catalogue import wording
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import Edit, HolderEdit
from anlan.registry.domain.errors import EditChoiceError, RecordChangedError, RecordUnknownError
from anlan.registry.public import EditShown, Record, Wanted

MOST_REASON = 4000  # letters: more than are kept, so that who wrote too many is told, not cut


@require_http_methods(["GET", "POST"])
@page("registry:write")
def edit(request: Call, kind: str, key: str) -> HttpResponse:
    """Change one entry: who sits, who answers, whether it counts, how somebody is reached."""
    section = section_of(kind)
    record = registry.record(request.actor, section, key, at=request.now)
    return _served(request, record, "posts-facts" if section == "posts" else section)


@require_http_methods(["GET", "POST"])
@page("registry:write")
def facts(request: Call, kind: str, key: str) -> HttpResponse:
    """Change what a risk point or sensor is and where it stands."""
    section = section_of(kind)
    if section not in {"risk_points", "sensors"}:
        raise AddressUnknownError
    record = registry.record(request.actor, section, key, at=request.now)
    return _served(request, record, f"{section}-facts")


@require_http_methods(["GET", "POST"])
@page("registry:write")
def device(request: Call, key: str) -> HttpResponse:
    """Enter the device that took the place of a sensor's: the stream goes on under its code."""
    record = registry.record(request.actor, "sensors", key, at=request.now)
    return _served(request, record, "device")


@require_http_methods(["GET", "POST"])
@page("registry:write")
def roster(request: Call, key: str) -> HttpResponse:
    """Add a shift to a post's roster, beside the shifts there are."""
    record = registry.record(request.actor, "posts", key, at=request.now)
    return _served(request, record, "posts")


@require_http_methods(["GET", "POST"])
@page("registry:write")
def person(request: Call) -> HttpResponse:
    """Enter a person who is to hold posts."""
    code = request.POST.get("code", "").strip()[:64].replace("\0", "")
    return _served(
        request, _new("holders", code, c.Holder(code=code, name="")), "holders", is_new=True
    )


@require_http_methods(["GET", "POST"])
@page("registry:write")
def new(request: Call, kind: str) -> HttpResponse:
    """Enter an area, unit, post, duty, risk point or sensor."""
    section = section_of(kind)
    if section not in entry_forms.FIELDS:
        raise AddressUnknownError
    code = request.POST.get("code", "").strip()[:64].replace("\0", "")
    return _served(request, _new(section, code, None), section, is_new=True)


def _new(section: str, code: str, entry: Any) -> Record:
    return Record(section, code, entry, area_path="", counts=True, began_at=None, ended_at=None)


def _served(request: Call, record: Record, name: str, *, is_new: bool = False) -> HttpResponse:
    if record.ended_at is not None:
        raise RecordUnknownError(section=record.section, key=record.key)
    form = edit_forms.form_of(name, is_new=is_new)
    asked = _Asked(request, record, form, is_new=is_new)
    if request.method == "GET":
        today = registry.local_day(request.now)
        # What begins later changes then, unless another day is meant.
        first = getattr(record.entry, "valid_from", None) or today
        values = {"on": max(today, first).isoformat(), **_filled(asked)}
        return _form(asked, values)
    values = edit_forms.given(form, request.POST)
    if "outline" in form.names and (file := request.FILES.get("outline_file")):
        values["outline"] = entry_forms.compact(file.read(4 * entry_forms.MOST_OUTLINE))
    try:
        return _sent(asked, values)
    except AnlanError as error:
        if error.http_status in (403, 404):
            raise
        refusal = refusal_told(request, error)
        return _form(asked, values, refusal=refusal, status=error.http_status)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which form of which entry somebody has before them."""

    request: Call
    record: Record
    form: Form
    is_new: bool


def _filled(asked: _Asked) -> Values:
    """Return what a form opens with: what the entry says, or what the way here named."""
    if not asked.is_new:
        return asked.form.filled(asked.record)
    given = asked.request.GET
    return {
        name: given.get(name, "")[:64].replace("\0", "")
        for name in asked.form.names
        if given.get(name)
    }


def _sent(asked: _Asked, values: Values) -> HttpResponse:
    """Show what a form would change, or change it when that was seen."""
    request, record, is_new = asked.request, asked.record, asked.is_new
    change = asked.form.edit(values, record, registry.local_day(request.now))
    if isinstance(change, HolderEdit):
        change = replace(change, is_new=is_new)
    reason, seen = reason_of(request), request.POST.get("seen", "")
    if request.POST.get("step") == "take":
        registry.take_edit(request.actor, change, seen=seen, reason=reason, now=request.now)
        return moved(_after(asked, change))
    preview = registry.show_edit(request.actor, change, now=request.now)
    if preview.seen != seen:
        raise RecordChangedError
    return _form(asked, values, preview=preview)


def _after(asked: _Asked, change: Edit) -> str:
    """Return where a change that was taken is looked at."""
    section = asked.record.section
    if section == "holders" and asked.is_new and not asked.request.actor.covers(""):
        return "/registry/rosters?done=1"  # theirs to see once seated
    if section == "duties":
        return f"/registry/duties?{urlencode({'area': change.key, 'done': 1})}"
    back = "posts" if section == "shifts" else section
    return f"{address_of(back, change.key)}?done=1"


def reason_of(request: Call) -> str:
    """Return the reason as written, its line breaks counted once as browsers count them."""
    return request.POST.get("reason", "").replace("\r\n", "\n")[:MOST_REASON]


def refusal_told(request: Call, error: AnlanError) -> dict[str, str]:
    """Return a refusal with the field called as the form calls it."""
    language = language_of(request)
    params: dict[str, object] = in_words(error.params, language)
    if isinstance(error, EditChoiceError):
        for key in (f"edit.{params['field']}", f"fact.{params['field']}"):
            if knows(key):
                params["field"] = say(key, language)
                break
    return {"code": error.code, **wording(error.code, params, language)}


def _form(
    asked: _Asked,
    values: Values,
    *,
    preview: EditShown | None = None,
    refusal: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    request, record, form, is_new = asked.request, asked.record, asked.form, asked.is_new
    language = language_of(request)
    shifts = _shifts(request, record) if form.part == "roster" else ()
    known = [record] if record.entry is not None else []
    differences = preview.differences if preview is not None else ()
    teller = teller_of(language, differences, [*known, *shifts])
    context = {
        "part": f"web/parts/edit_{form.part}.html",
        "record": record,
        "is_new": is_new,
        "title": teller.title(record) if known else "",
        "heading": _heading(asked, language),
        "back": _back(asked),
        "back_kind": ADDRESSES.get(record.section, "rosters"),
        "values": values,
        "weekdays": [(str(day), say(f"weekday.{day}", language)) for day in range(1, 8)],
        "reason": reason_of(request),
        # After a refusal the form goes on from what stands now: the reader has just been told.
        "seen": registry.fingerprint_of(*_matter(asked)) if preview is None else preview.seen,
        "carried": _carried(form, values, record, is_new=is_new),
        "preview": _preview(request, preview, teller) if preview is not None else None,
        "shifts": lines_of(shifts, teller, {}),
        "people": registry.holder_codes(request.actor) if form.part == "roster" else (),
    }
    if form.part == "fields":
        context["fields"] = entry_forms.shown(
            request.actor, record, values, language, is_new=is_new
        )
    elif not is_new:
        context |= edit_forms.choices(record, language)
    if refusal is not None:
        context["refusal"] = refusal
    return show(request, "web/pages/registry_edit.html", context, status=status)


def _heading(asked: _Asked, language: str) -> str:
    if asked.is_new:
        return say(f"edit.new.{asked.record.section}", language)
    is_roster = asked.record.section == "posts" and asked.form.part == "roster"
    return say("edit.roster_title" if is_roster else "edit.title", language)


def _back(asked: _Asked) -> str:
    if not asked.is_new:
        return address_of(asked.record.section, asked.record.key)
    kind = ADDRESSES[asked.record.section]
    return "/registry/rosters" if kind == "holders" else f"/registry/{kind}"


def _matter(asked: _Asked) -> tuple[str, str]:
    """Return what the fingerprint is of: a post's whole roster, or the entry itself."""
    record = asked.record
    if record.section == "shifts":
        return "shifts", record.entry.post
    if asked.form.part == "roster":
        return "shifts", record.key
    if asked.is_new and record.section == "duties":
        return "duties", ""
    return record.section, record.key


def _shifts(request: Call, record: Record) -> tuple[Record, ...]:
    if record.section != "posts":
        return ()
    return registry.records(request.actor, "shifts", Wanted(of=record.key), at=request.now).records


def _carried(form: Form, values: Values, record: Record, *, is_new: bool) -> list[tuple[str, str]]:
    """Return the hidden fields by which a form that was looked at is sent again."""
    pairs = [("code", record.key)] if is_new and "code" not in form.names else []
    for name in form.names:
        value = values.get(name, "")
        several = value if isinstance(value, list) else [value]
        pairs += [(name, item) for item in several]
    return pairs


def _preview(request: Call, shown: EditShown, teller: Teller) -> dict[str, Any]:
    return {
        "lines": [difference_told(item, teller) for item in shown.differences],
        # What is not wrong yet is not mended yet either.
        "opened": [{**line, "fix": ""} for line in told(shown.opened, request)],
        "closed": told(shown.closed, request),
        "refused": bool(shown.refused),
    }
