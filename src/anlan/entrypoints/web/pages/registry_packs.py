"""Take the city pack out, and bring one in: first what would differ, then the load."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.telling import address_of
from anlan.entrypoints.web.wording import knows, say
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError, NotAllowedError
from anlan.registry import public as registry
from anlan.registry.domain.errors import PackUploadUnreadableError
from anlan.registry.domain.findings import Severity
from anlan.registry.public import CityDiff, UploadShown

EXAMPLES = 20  # of one section; the service keeps no more
FINDINGS = 20


@require_safe
@page("registry:write")
def packs(request: Call) -> HttpResponse:
    """Offer both ways."""
    return _packs(request)


def _packs(request: Call, *, status: int = 200, **more: Any) -> HttpResponse:
    if not request.actor.covers(""):
        raise NotAllowedError(permission="registry:write")  # a pack is the whole city
    return show(request, "web/pages/registry_packs.html", more, status=status)


@require_POST
@page("registry:write")
def download(request: Call) -> HttpResponse:
    """Hand the pack in force out, once it is noted who took it and why."""
    try:
        data = registry.pack_zip(
            request.actor, reason=request.POST.get("reason", ""), now=request.now
        )
    except AnlanError as error:
        return _packs(request, refusal=refusal_of(request, error), status=error.http_status)
    name = f"{registry.city().id}-{registry.local_day(request.now).isoformat()}.zip"
    answer = HttpResponse(data, content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_POST
@page("registry:write")
def upload(request: Call) -> HttpResponse:
    """Take a pack in and show what loading it would change; nothing is changed yet."""
    file = request.FILES.get("pack")
    try:
        if file is None:
            raise PackUploadUnreadableError(problem="no_file")
        found = registry.keep_upload(request.actor, file.read(), now=request.now)
    except AnlanError as error:
        return _packs(request, refusal=refusal_of(request, error), status=error.http_status)
    return show(request, "web/pages/registry_diff.html", _shown(request, found))


@require_POST
@page("registry:write")
def load(request: Call) -> HttpResponse:
    """Load the pack whose differences were seen, or throw it away."""
    key = request.POST.get("upload", "")[:64]
    language = language_of(request)
    try:
        if request.POST.get("act") == "discard":
            registry.discard_upload(request.actor, key, now=request.now)
            return _packs(request, done=say("pack.discarded", language))
        revision = request.POST.get("revision", "")[:64]
        diff = registry.load_upload(request.actor, key, revision=revision, now=request.now)
    except AnlanError as error:
        return _packs(request, refusal=refusal_of(request, error), status=error.http_status)
    totals = {what: diff.total(what) for what in ("added", "changed", "ended")}
    return _packs(request, done=say("pack.loaded", language, **totals))


def _shown(request: Call, found: UploadShown) -> dict[str, Any]:
    language = language_of(request)
    worst = [item for item in found.findings if item.severity is not Severity.NOTE]
    return {
        "found": found,
        "sections": [
            {"name": section_name(name, language), "added": a, "changed": b, "ended": c}
            for name, a, b, c in found.diff.table()
        ],
        "rows": _rows(found.diff, language),
        "examples": EXAMPLES,
        "undone": [
            # A roster is edited by its post.
            (key, address_of("posts" if section == "shifts" else section, key))
            for section, key in found.undone
        ],
        "severities": _severities(found),
        "findings": [
            {
                "severity": item.severity.value,
                "code": item.code,
                "words": item.words(language),
                "address": "",
                "fix": "",
            }
            for item in worst[:FINDINGS]
        ],
    }


def _severities(found: UploadShown) -> list[tuple[str, int]]:
    return [
        (severity.value, sum(item.severity is severity for item in found.findings))
        for severity in Severity
    ]


def section_name(section: str, language: str) -> str:
    """Return what a section of a pack is called."""
    key = f"section.{section}"
    return say(key, language) if knows(key) else section


def _rows(diff: CityDiff, language: str) -> list[dict[str, Any]]:
    return [
        {
            "section": section_name(name, language),
            "what": say(f"turn.{item.what}", language),
            "key": item.key,
            "columns": ", ".join(_column(column, language) for column in item.columns),
        }
        for name, section in diff.sections.items()
        for item in section.examples
    ]


def _column(column: str, language: str) -> str:
    key = f"fact.{column.removesuffix('_id')}"
    return say(key, language) if knows(key) else column
