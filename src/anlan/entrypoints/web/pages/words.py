"""The words of a report and the photos of a case: shown for a stated reason only, and who read them is journalled."""

from __future__ import annotations

import base64
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.wording import say
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import InvalidInputError
from anlan.response import public as response
from anlan.sensing import public as sensing


@require_POST  # never by a link: looking has an effect, and a reload asks first
@page("signs:read")
def words(request: Call, report_id: int) -> HttpResponse:
    """Show what a reporter said and showed, once, after noting who reads it and why."""
    given, case = request.POST.get("reason", ""), request.POST.get("case", "")
    is_key = case.isascii() and case.isdecimal() and len(case) < 19
    context: dict[str, Any] = {
        "case": int(case) if is_key else None,
        "title": say("words.title", language_of(request)),
    }
    try:
        # What lies outside is not found, on the usual page; only the reason can be mended here.
        said = sensing.words_of_report(request.actor, report_id, given, now=request.now)
    except InvalidInputError as error:
        context["refusal"] = refusal_of(request, error)
        return show(request, "web/pages/words.html", context, status=error.http_status)
    context |= {
        "said": said,
        "reason": given,
        "photos": [base64.b64encode(photo).decode() for photo in said.photos],
    }
    return show(request, "web/pages/words.html", context)


@require_POST
@page("cases:read")
def case_photo(request: Call, case_id: int, photo: int) -> HttpResponse:
    """Show a photo of a case, once, after noting who looks and why."""
    given = request.POST.get("reason", "")
    context: dict[str, Any] = {"case": case_id, "title": say("case.photo", language_of(request))}
    try:
        data = response.show_photo(request.actor, case_id, photo, given, now=request.now)
    except InvalidInputError as error:
        context["refusal"] = refusal_of(request, error)
        return show(request, "web/pages/words.html", context, status=error.http_status)
    context |= {"reason": given, "photos": [base64.b64encode(data).decode()]}
    return show(request, "web/pages/words.html", context)
