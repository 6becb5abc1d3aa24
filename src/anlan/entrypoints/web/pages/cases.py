"""The list of cases, one case, and every move that is open to whoever looks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints.web import assets, doubting, naming
from anlan.entrypoints.web.pages.members import members_of
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.pages.uploads import named_uploads, photo_words
from anlan.entrypoints.web.shell import POLICY, moved, page, show
from anlan.entrypoints.web.wording import say
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.notices import public as notices
from anlan.notices.public import NoticeSeen
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.response import public as response
from anlan.response.public import Asked, CaseDetail, CaseFilters, Measurement, Trigger
from anlan.sensing import public as sensing
from anlan.sensing.public import ReadReason
from anlan.warning import public as warning
from anlan.warning.public import AlertInstance

VIEWS: dict[str, dict[str, Any]] = {
    "open": {},
    "unanswered": {"unanswered": True},
    "overdue": {"overdue": True},
    "undecided": {"state": "arbitrating"},
    "escalated": {"escalated": True},
    "ended": {"is_open": False, "order": "newest"},
}
#: Moves that go on with the work stand first; the first of them is the page's one main action.
FORWARD = (
    "accept", "verify", "open", "register", "assign", "begin", "handle", "dispatch",
    "self_check", "feed_back", "recheck", "check", "close", "decide", "resume", "rate", "reopen",
    "grade",  # the next step only where nothing more pressing is open
)  # fmt: skip
WORDS_OF_RULES = 500
SIGNS_SHOWN = 50  # the last ones; of a flood there may be thousands
MEMBERS_AS_SIGNS = 3


@require_safe
@page("cases:read")
def case_list(request: Call) -> HttpResponse:
    """Show the cases of one's areas, what is due first on top."""
    language = language_of(request)
    view = request.GET.get("view", "open")
    filters = CaseFilters(**VIEWS.get(view, {}))
    found = response.cases(request.actor, filters, cursor=request.GET.get("after", ""))
    names = naming.names_of_cases(found.cases)
    return show(
        request,
        "web/pages/cases.html",
        {
            "view": view if view in VIEWS else "open",
            "views": list(VIEWS),
            "cases": [naming.line_of(case, names, language) for case in found.cases],
            "next": found.next_cursor,
        },
    )


@require_safe
@page("cases:read")
def case_page(request: Call, case_id: int) -> HttpResponse:
    """Show one case: what, where, whose, until when and by which law, and what may be done."""
    return _shown(request, case_id)


@require_POST
@page("cases:act")
def case_move(request: Call, case_id: int, trigger: str) -> HttpResponse:
    """Make one move; a refusal gives the page back with what to do."""
    if trigger not in list(Trigger):
        raise InvalidInputError(where="trigger", problem="unknown")
    try:
        response.pull(request.actor, case_id, Trigger(trigger), _asked(request), now=request.now)
    except AnlanError as error:
        return _shown(
            request, case_id, refusal=refusal_of(request, error), status=error.http_status
        )
    # After the move: what a crash leaves in between goes on its end date.
    sensing.forget_uploads(request.actor, named_uploads(request), now=request.now)
    return moved(f"/cases/{case_id}?done={trigger}")


def _asked(request: Call) -> Asked:
    try:
        given = request.POST
        return Asked(
            reason=given.get("reason", "")[:64],
            until=_instant(given.get("until", "")),
            post=given.get("post", "")[:64],
            measurement=_measurement(request),
            method=given.get("method", "")[:64],
            factors={
                name.removeprefix("factor."): float(given.get(name, ""))
                for name in given
                if name.startswith("factor.") and given.get(name)
            },
            rating=_whole(given.get("rating", "")),
            priority=_whole(given.get("priority", "")),
            other=_whole(given.get("other", "")),
            note=given.get("note", ""),
            photos=response.pictures_of(
                (
                    *(one.read() for one in request.FILES.getlist("photo")),
                    *sensing.uploaded(request.actor, named_uploads(request), now=request.now),
                )
            ),
        )
    except MultiPartParserError:
        raise InvalidInputError(where="form", problem="multipart") from None
    except (ValueError, OverflowError):
        raise InvalidInputError(where="form", problem="number or date") from None


def _whole(text: str) -> int | None:
    return int(text) if text else None


def _instant(text: str) -> datetime | None:
    """Return a local date and time of a form as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=registry.timezone()) if text else None


def _measurement(request: HttpRequest) -> Measurement | None:
    given = request.POST
    if not given.get("measured", ""):
        return None
    return Measurement(
        value=float(given["measured"]),
        limit=float(given.get("limit", "")),
        unit=given.get("unit", "")[:32],
        points=int(given.get("points") or 1),
        minutes=float(given.get("minutes") or 0),
        higher_is_worse=given.get("worse", "higher") == "higher",
    )


def _shown(
    request: Call, case_id: int, *, refusal: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    language = language_of(request)
    found = response.detail(request.actor, case_id, now=request.now)
    told = notices.notices_about(f"case:{case_id}")
    entries = response.history(request.actor, case_id, newest=True)
    names = _names(found, told, entries)
    # The alerts of an incident have a list of their own.
    shown_signs = MEMBERS_AS_SIGNS if found.incidents else SIGNS_SHOWN
    done, zone = request.GET.get("done", ""), registry.timezone()
    context = {
        "style": assets.stamped("resident.css"),
        "script": assets.stamped("evidence.js"),
        "uploads": assets.stamped("uploads.js"),
        "photo_words": json.dumps(photo_words(language), ensure_ascii=False),
        "case": found.case,
        "line": naming.line_of(found.case, names, language),
        "clock": _clock(found),
        "signs": _signs(found.followers[-shown_signs:], names, language),
        "more_signs": max(0, found.followers_in_all - shown_signs),
        "members": members_of(request, found, language),
        "happened": [
            {**entry, "text": naming.happened_text(entry, names, language, zone=zone)}
            for entry in entries
        ],
        "gathered": found.case.is_open and response.is_gathering(found.case),
        "waiting": found.followers_waiting,
        "done": say(f"trigger.{done}", language) if done in list(Trigger) else "",
        "refusal": refusal,
        "reads": list(ReadReason) if request.actor.reads_contents else [],
        **_people(found, told, names, language),
        **_choices(found, names, language, now=request.now),
    }
    shown = show(request, "web/pages/case.html", context, status=status)
    # The script of the page sends photos in pieces.
    shown["Content-Security-Policy"] = f"{POLICY}; connect-src 'self'"
    return shown


def _names(
    found: CaseDetail, told: list[NoticeSeen], entries: list[dict[str, Any]]
) -> registry.Names:
    """Return the names of everything that one case speaks of (three queries)."""
    posts = [step.post for step in found.next_steps] + [one.post for one in told]
    posts += [task.post for task in found.tasks] + [photo.by_post for photo in found.photos]
    posts += [str(entry["payload"].get(key, "")) for entry in entries for key in ("owner", "post")]
    return naming.names_of_cases([found.case], posts=posts)


def _people(
    found: CaseDetail, told: list[NoticeSeen], names: registry.Names, language: str
) -> dict[str, Any]:
    """Return who is told next, who was told, who has what to do, and what they wrote."""
    return {
        "steps": [
            {
                "post": naming.rung_name(step.post, names, language),
                "at": step.at,
                "after": naming.rung_after(
                    step.after, step.calendar, language, again=step.is_reminder
                ),
            }
            for step in found.next_steps
        ],
        "told": [
            {
                "post": names.post(one.post, language),
                "posted_at": one.posted_at,
                "answered_at": one.acknowledged_at,
            }
            for one in told
        ],
        "tasks": [
            {
                "row": task,
                "post": names.post(task.post, language),
                "title": task.title.get(language) or found.texts.get(str(task.text_content), ""),
            }
            for task in found.tasks
        ],
        "photos": [
            {
                "row": photo,
                "post": names.post(photo.by_post, language),
                "key": f"photo-{photo.pk}",
                "address": f"/cases/{found.case.pk}/photos/{photo.pk}",
            }
            for photo in found.photos
        ],
        "notes": [
            {"row": note, "text": found.texts.get(str(note.text_content), "")}
            for note in found.notes
        ],
    }


def _choices(
    found: CaseDetail, names: registry.Names, language: str, *, now: datetime
) -> dict[str, Any]:
    """Return the one main move, the others, and what their forms let one choose from."""
    actions = _actions(found, names, language)
    asked = {ask for one in actions for ask in one["asks"]}
    leads = bool(actions) and actions[0]["forward"]
    return {
        "main": actions[0] if leads else None,
        "more": actions[1:] if leads else actions,
        "posts": registry.posts() if "post" in asked else (),
        "methods": registry.risk_methods(at=now) if "grade" in asked else (),
    }


def _clock(found: CaseDetail) -> Any:
    """Return the clock that runs for the case as it stands, or ``None`` when it has ended."""
    wanted = found.case.running_clock_id
    return next((clock for clock in found.clocks if clock.pk == wanted), None)


def _actions(found: CaseDetail, names: registry.Names, language: str) -> list[dict[str, Any]]:
    """Return the moves open to whoever looks, those that go on with the work first."""
    place = {name: order for order, name in enumerate(FORWARD)}
    actions = [
        {
            "trigger": one.trigger.value,
            "name": say(f"trigger.{one.trigger.value}", language),
            "asks": one.asks,
            "reasons": [(code, naming.reason_name(code, names, language)) for code in one.reasons],
            "forward": one.trigger.value in place,
        }
        for one in found.actions
    ]
    return sorted(actions, key=lambda one: place.get(str(one["trigger"]), len(place)))


def _signs(followers: Sequence[Any], names: registry.Names, language: str) -> list[dict[str, Any]]:
    """Return the signs that the case answers (one query for alerts, one for each rule)."""
    named = (one.sign.partition(":") for one in followers)
    wanted = [int(number) for kind, _, number in named if kind == "alert" and number.isdigit()]
    alerts = warning.alerts_named(wanted) if wanted else {}
    rules: dict[tuple[str, int], RuleSpec] = {}
    for key in {(one.rule, one.rule_version) for one in alerts.values()}:
        with contextlib.suppress(AnlanError):  # one that has left every pack is named by its code
            rules[key] = registry.rule(*key)
    signs = [_sign(one, alerts, rules, names, language) for one in followers]
    doubting.tell_doubts(signs, alerts, language)
    return signs


def _sign(
    follower: Any,
    alerts: Mapping[int, AlertInstance],
    rules: Mapping[tuple[str, int], RuleSpec],
    names: registry.Names,
    language: str,
) -> dict[str, Any]:
    """Return a sign that the case answers; of an alert, why it was raised."""
    kind, _, number = follower.sign.partition(":")
    sign = {"row": follower, "kind": say(f"sign.{kind}", language), "why": "", "rule": ""}
    if kind == "report":
        sign |= {"report": number, "address": f"/reports/{number}/words"}
    alert = alerts.get(int(number)) if kind == "alert" and number.isdigit() else None
    if alert is None:
        return sign
    sign["why"] = warning.reason_text(alert.reason, names, language)
    if rule := rules.get((alert.rule, alert.rule_version)):
        sign["rule"] = str(getattr(rule.title, language, ""))[:WORDS_OF_RULES]
        sign["basis"] = rule.basis
    return sign
