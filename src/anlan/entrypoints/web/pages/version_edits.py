"""A new version of a rule or clock: formed, tried on the past, looked at, and only then in force."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import signing
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from anlan.entrypoints.web import version_forms
from anlan.entrypoints.web.entry_forms import day_of
from anlan.entrypoints.web.middleware import AddressUnknownError
from anlan.entrypoints.web.pages.registry import told
from anlan.entrypoints.web.pages.registry_edits import reason_of, refusal_told
from anlan.entrypoints.web.pages.registry_thing import clock_says
from anlan.entrypoints.web.pages.rules import tried_told
from anlan.entrypoints.web.shell import moved, page, show
from anlan.entrypoints.web.version_forms import Values
from anlan.entrypoints.web.wording import say
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError, ConflictError, NotAllowedError
from anlan.registry import public as registry
from anlan.registry.domain.edits import Difference
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.registry.domain.errors import RecordChangedError
from anlan.registry.public import EditShown
from anlan.warning import public as warning
from anlan.warning.domain.ruletext import span_words

TRIED = (timedelta(days=7), timedelta(days=1), timedelta(hours=6))  # as far back as can be judged
SALT = "anlan rule tried"
MOST = {"title_zh": 200, "title_en": 200, "advice_zh": 1000, "advice_en": 1000, "basis_title": 300}


class RuleUntriedError(ConflictError):
    """A rule was to be put in force that was not tried on the past as it reads now."""

    code = "rule.untried"


@dataclass(frozen=True, slots=True)
class _Open:
    """The entry that a form is about, as it counts now."""

    section: str
    code: str
    entry: Any
    is_own: bool  # the city's own: it can end


@require_http_methods(["GET", "POST"])
@page("registry:write")
def edit_rule(request: Call, rule: str) -> HttpResponse:
    """Change where a rule begins, how long, at which level, its words and its ground."""
    return _served(request, "rules", rule)


@require_http_methods(["GET", "POST"])
@page("registry:write")
def edit_clock(request: Call, clock: str) -> HttpResponse:
    """Change how long a deadline is, on which calendar, and its ground."""
    return _served(request, "clocks", clock)


def _served(request: Call, section: str, code: str) -> HttpResponse:
    versions = registry.versions_of(section, code) if registry.is_loaded() else ()
    held = [item for item in versions if item.in_pack]
    if not held:
        raise AddressUnknownError
    if not request.actor.covers(""):
        raise NotAllowedError(permission="registry:write")  # rules are the whole city's
    counting = [item for item in held if item.holds(request.now)] or held
    own = [item for item in counting if item.source == "city"]
    opened = _Open(
        section, code, (own or counting)[-1].entry, is_own=any(x.source == "city" for x in held)
    )
    if request.method == "GET":
        today = registry.local_day(request.now)
        values = {"on": today.isoformat(), **version_forms.filled(opened.entry, is_own=bool(own))}
        return _form(request, opened, values)
    values = {
        name: request.POST.get(name, "").strip()[: MOST.get(name, 500)].replace("\0", "")
        for name in version_forms.names_of(opened.entry)
    }
    try:
        return _sent(request, opened, values)
    except AnlanError as error:
        if error.http_status in (403, 404):
            raise
        refusal = refusal_told(request, error)
        return _form(request, opened, values, refusal=refusal, status=error.http_status)


def _sent(request: Call, opened: _Open, values: Values) -> HttpResponse:
    today = registry.local_day(request.now)
    on = day_of(values, "on")
    change = version_forms.change_of(values, opened.entry)
    edit = registry.version_edit(opened.section, opened.code, change, on=on, today=today)
    reason, seen = reason_of(request), request.POST.get("seen", "")
    if request.POST.get("step") == "take":
        if not _was_tried(request, edit):
            raise RuleUntriedError
        registry.take_edit(request.actor, edit, seen=seen, reason=reason, now=request.now)
        return moved(f"/{opened.section}/{opened.code}?done=1")
    preview = registry.show_edit(request.actor, edit, now=request.now)
    if preview.seen != seen:
        raise RecordChangedError
    return _form(request, opened, values, edit=edit, preview=preview)


# --- tried before it is in force -----------------------------------------------------------


def _judges(edit: EntriesEdit) -> Any | None:
    """Return the version that a rule's edit brings, if it brings one."""
    new = edit.entries[-1:] if edit.section == "rules" else ()
    return new[0] if new and new[0].effective_from == edit.on else None


def _print_of(edit: EntriesEdit) -> str:
    return hashlib.sha256(repr(edit.entries).encode()).hexdigest()


def _was_tried(request: Call, edit: EntriesEdit) -> bool:
    """Return whether this browser was shown what the new version would have raised."""
    if _judges(edit) is None:
        return True
    try:
        return bool(
            signing.loads(request.POST.get("tried", ""), salt=SALT)
            == [request.actor.id, _print_of(edit)]
        )
    except signing.BadSignature:
        return False


def _tried(request: Call, opened: _Open, edit: EntriesEdit) -> dict[str, Any]:
    """Run the new version over the last days, beside the one that counts now."""
    new = _judges(edit)
    if new is None:
        return {}
    end = request.now
    for span in TRIED:
        try:
            after = warning.try_rule(request.actor, new, start=end - span, end=end)
            before = warning.try_rule(request.actor, opened.entry, start=end - span, end=end)
        except AnlanError:
            continue  # too much came in for so long a time
        return {
            "tried": tried_told(request, after, new),
            "tried_span": span_words(f"{int(span.total_seconds() // 60)}m", language_of(request)),
            "tried_before": before.both + before.only_would,
        }
    return {"untried": True}


def _form(
    request: Call,
    opened: _Open,
    values: Values,
    *,
    edit: EntriesEdit | None = None,
    preview: EditShown | None = None,
    refusal: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    language = language_of(request)
    fresh = registry.fingerprint_of(opened.section, opened.code)
    carried = [(name, values.get(name, "")) for name in version_forms.names_of(opened.entry)]
    context: dict[str, Any] = {
        "section": opened.section,
        "id": opened.code,
        "title": getattr(opened.entry.title, language),
        "back": f"/{opened.section}/{opened.code}",
        "is_own": opened.is_own,
        "values": values,
        "form": version_forms.shown(opened.entry, values, language),
        "reason": reason_of(request),
        "seen": fresh if preview is None else preview.seen,
        "carried": carried,
    }
    if edit is not None and preview is not None:
        context["preview"] = {
            "now": says_of(opened.section, opened.entry, language),
            "lines": [_line(item, opened.section, language) for item in preview.differences],
            "opened": [{**line, "fix": ""} for line in told(preview.opened, request)],
            "closed": told(preview.closed, request),
            "refused": bool(preview.refused),
        }
        if not preview.refused:
            context |= _tried(request, opened, edit)
            context["carried"] = [
                *carried,
                ("tried", signing.dumps([request.actor.id, _print_of(edit)], salt=SALT)),
            ]
    if refusal is not None:
        context["refusal"] = refusal
    return show(request, "web/pages/version_edit.html", context, status=status)


def _line(item: Difference, section: str, language: str) -> dict[str, str]:
    entry = item.entry
    ends = entry.effective_to.isoformat() if entry.effective_to is not None else ""
    return {
        "title": say("rule.version", language, n=entry.version),
        "what": say(f"turn.{item.what}", language),
        "from": entry.effective_from.isoformat(),
        "to": ends,
        "says": says_of(section, entry, language),
        "basis": f"{entry.basis.title} {entry.basis.article}".strip(),
    }


def says_of(section: str, entry: Any, language: str) -> str:
    """Return what a rule does, or how long a clock runs, in plain words."""
    if section == "rules":
        return str(getattr(warning.told_of([entry])[entry.id, entry.version], language))
    return clock_says(entry, language)
