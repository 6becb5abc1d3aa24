"""The rules of judgement: what each says, on what law, how often it was right, and on the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.accountability import public as accountability
from anlan.entrypoints.web.middleware import AddressUnknownError
from anlan.entrypoints.web.pages.registry_thing import about_version
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.wording import knows, name_in, say
from anlan.infra.doors import Call, allowed, language_of
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.registry.public import Names
from anlan.response import public as response
from anlan.response.public import Case
from anlan.warning import public as warning
from anlan.warning.public import AlertFilters, AlertInstance, Compared, Tried

OUTCOMES = tuple(one.value for one in accountability.Outcome)
KINDS = ("threshold", "window", "silence", "cluster", "conjunction", "lag")
LATELY = timedelta(days=90)
MOST_ALERTS = 200  # counted; the newest ones
SHOWN = 20  # of them listed
TRIED = 100  # lines of a try
DAYS = 7
MOST_LETTERS = 100


@require_safe
@page("rules:read")
def rules(request: Call) -> HttpResponse:
    """Show the rules in force, each in plain words with its law."""
    if not registry.is_loaded():
        return show(request, "web/pages/rules.html", {"none": True})
    language = language_of(request)
    in_force = registry.rules_in_force(at=request.now)
    counted = Counter(kind_of(rule) for rule in in_force)
    kind = request.GET.get("kind", "")
    names, zone = registry.names_of(), registry.timezone()
    words = request.GET.get("q", "").strip()[:MOST_LETTERS]
    chosen = [
        rule
        for rule in in_force
        if (kind not in KINDS or kind_of(rule) == kind) and _fits(rule, words, names)
    ]
    said = warning.told_of(chosen)
    since = {(item.code, item.version): item for item in registry.rule_versions()}
    context = {
        "kind": kind if kind in KINDS else "",
        "words": words,
        "kinds": [(one, counted[one]) for one in KINDS],
        "total": len(in_force),
        "sees_board": allowed(request.actor, "alerts:read"),
        "rules": [
            {
                **told(rule, names, language),
                "version": rule.version,
                "says": getattr(said[rule.id, rule.version], language),
                "since": _day_of(since[rule.id, rule.version].effective_from, zone),
                "source": since[rule.id, rule.version].source,
            }
            for rule in sorted(chosen, key=lambda rule: (rule.hazard, rule.id))
        ],
    }
    return show(request, "web/pages/rules.html", context)


def _fits(rule: RuleSpec, words: str, names: Names) -> bool:
    """Return whether a rule is called, or about, what somebody looks for."""
    texts = (
        rule.id,
        rule.title.zh,
        rule.title.en,
        rule.hazard,
        *names.hazards.get(rule.hazard, ()),
    )
    return any(words.casefold() in text.casefold() for text in texts)


def _day_of(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def kind_of(rule: RuleSpec) -> str:
    """Return the kind of a rule."""
    return str(rule.__struct_config__.tag)


def told(rule: RuleSpec, names: Names, language: str) -> dict[str, Any]:
    """Return what every page says of a rule."""
    confidence = f"confidence.{rule.confidence.value}"
    return {
        "id": rule.id,
        "title": getattr(rule.title, language),
        "kind": kind_of(rule),
        "hazard": names.hazard(rule.hazard, language),
        "advice": getattr(rule.advice, language),
        "basis": rule.basis,
        "mark": rule.confidence.value,
        "confidence": say(confidence, language) if knows(confidence) else rule.confidence.value,
        "example": rule.example,
        "levels": [
            {"code": code, "name": names.warning_level(code, language)} for code in _levels(rule)
        ],
    }


def _levels(rule: RuleSpec) -> list[str]:
    limits = getattr(rule, "limits", ())
    return [x.level.value for x in limits] if limits else [rule.level.value]  # type: ignore[union-attr]


@require_safe
@page("rules:read")
def rule_page(request: Call, rule: str) -> HttpResponse:
    """Show one rule: versions, where it applies, what it raised lately, how often rightly."""
    return _rule_page(request, rule)


@require_safe
@page("rules:read")
def try_rule(request: Call, rule: str) -> HttpResponse:
    """Run a rule over a past period and show what it would have raised."""
    try:
        first, last = _day(request, "from"), _day(request, "to")
        chosen = _chosen(request, rule)
        zone = registry.timezone()
        start = datetime.combine(first, time(), tzinfo=zone)
        end = datetime.combine(last + timedelta(days=1), time(), tzinfo=zone)
        tried = warning.try_rule(request.actor, chosen, start=start, end=min(end, request.now))
    except AnlanError as error:
        if error.http_status == 404:
            raise
        return _rule_page(
            request, rule, refusal=refusal_of(request, error), status=error.http_status
        )
    return _rule_page(request, rule, tried=tried_told(request, tried, chosen))


EARLIEST, LATEST = date(1971, 1, 1), date(2999, 12, 30)  # what time zones can still be added to


def _day(request: Call, name: str) -> date:
    try:
        found = date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        found = date.min
    if not EARLIEST <= found <= LATEST:
        raise InvalidInputError(where=name, problem="date")
    return found


def _chosen(request: Call, rule: str) -> RuleSpec:
    text = request.GET.get("version", "")
    versions = _versions(rule)
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0
    found = [item for item in versions if item.version == number]
    return (found or _current(versions, request.now))[-1].entry  # type: ignore[no-any-return]


def _versions(rule: str) -> Sequence[Any]:
    found = registry.rule_versions(rule) if rule and registry.is_loaded() else ()
    if not found:
        raise AddressUnknownError
    return found


def _current(versions: Sequence[Any], now: datetime) -> list[Any]:
    """Return the version in force, else the last there was."""
    return [item for item in versions if item.holds(now)][-1:] or [versions[-1]]


def _rule_page(request: Call, rule: str, *, status: int = 200, **more: Any) -> HttpResponse:
    language = language_of(request)
    versions = _versions(rule)
    (current,) = _current(versions, request.now)
    said = warning.told_of([item.entry for item in versions])
    in_force = {(x.id, x.version) for x in registry.rules_in_force(at=request.now)}
    zone = registry.timezone()
    today = _day_of(request.now, zone)
    context = {
        **told(current.entry, registry.names_of(), language),
        "says": getattr(said[current.code, current.version], language),
        "source": current.source,
        "is_in_force": (current.code, current.version) in in_force,
        "versions": [
            {
                "row": item,
                "from": _day_of(item.effective_from, zone),
                "to": _day_of(item.effective_to, zone) if item.effective_to else None,
                "says": getattr(said[item.code, item.version], language),
                "in_force": (item.code, item.version) in in_force,
            }
            for item in reversed(versions)
        ],
        "applies": _applies(request, current.entry, language),
        "lately": _lately(request, rule) if allowed(request.actor, "alerts:read") else None,
        "sees_alerts": allowed(request.actor, "alerts:read"),
        **about_version(request, "rules", rule),
        "days": DAYS,
        "asked": {
            "from": request.GET.get("from", (today - timedelta(days=DAYS - 1)).isoformat())[:10],
            "to": request.GET.get("to", today.isoformat())[:10],
            "version": request.GET.get("version", str(current.version))[:8],
        },
        **more,
    }
    return show(request, "web/pages/rule.html", context, status=status)


def _applies(request: Call, rule: RuleSpec, language: str) -> dict[str, Any]:
    """Return how many sensors or places the rule looks at in the reader's areas, and the first."""
    quantity = getattr(rule, "quantity", None)
    kinds = getattr(rule, "place_kinds", None) or rule.only_place_kinds
    if quantity is not None:
        found = [
            (x.code, name_in(language, x.name_zh, x.name_en), "sensors")
            for x in registry.sensors(at=request.now)
            if quantity in ("*", x.quantity)
            and request.actor.covers(x.area_path)
            and (not kinds or x.place_kind in kinds)
        ]
        return {"what": "sensors", "n": len(found), "first": found[:SHOWN]}
    if kinds:
        found = [
            (x.code, name_in(language, x.name_zh, x.name_en), "risk-points")
            for x in registry.places(kinds=kinds, at=request.now)
            if request.actor.covers(x.area_path)
        ]
        return {"what": "places", "n": len(found), "first": found[:SHOWN]}
    return {"what": "city", "n": 0, "first": []}


# --- what it raised ------------------------------------------------------------------------


def _lately(request: Call, rule: str) -> dict[str, Any]:
    """Return the alerts of the last while, what became of them, and how that is counted."""
    language = language_of(request)
    filters = AlertFilters(rule=rule, raised_from=request.now - LATELY, limit=MOST_ALERTS)
    alerts = warning.alerts(request.actor, filters)
    cases = response.cases_of_signs(request.actor, [f"alert:{row.pk}" for row in alerts])
    spares = registry.spared_reasons()
    outcomes = {row.pk: outcome(cases.get(f"alert:{row.pk}"), spares) for row in alerts}
    counted = Counter(outcomes.values())
    share = accountability.precision_of(counted["confirmed"], counted["false"])
    listed = alerts[:SHOWN]
    names = _names(listed, [cases.get(f"alert:{row.pk}") for row in listed])
    return {
        "days": LATELY.days,
        "most": MOST_ALERTS,
        "total": len(alerts),
        "counts": [(name, counted[name]) for name in OUTCOMES],
        "precision": None if share is None else round(100 * share),
        "judged": counted["confirmed"] + counted["false"],
        "alerts": [
            _alert_line(row, cases.get(f"alert:{row.pk}"), outcomes[row.pk], names, language)
            for row in listed
        ],
    }


def outcome(case: Case | None, spares: frozenset[str]) -> str:
    """Return what became of an alert, by the case that answered it, as the board counts it."""
    if case is None:
        return accountability.outcome_of(None, is_open=False, reason="", spares=spares).value
    reason = str(case.closing.get("reason", ""))
    return accountability.outcome_of(
        case.state, is_open=case.is_open, reason=reason, spares=spares
    ).value


def _names(alerts: Iterable[AlertInstance], cases: Iterable[Case | None]) -> Names:
    rows = list(alerts)
    return registry.names_of(
        areas=[row.area for row in rows if row.area],
        places=[row.place for row in rows if row.place],
        posts=[case.owner_post for case in cases if case is not None and case.owner_post],
    )


def _where(place: str, area: str, names: Names, language: str) -> str:
    if place:
        return names.place(place, language)
    return names.area(area, language) if area else say("case.no_place", language)


def _alert_line(
    row: AlertInstance, case: Case | None, became: str, names: Names, language: str
) -> dict[str, Any]:
    return {
        "row": row,
        "where": _where(row.place, row.area, names, language),
        "level": {
            "code": row.peak_level,
            "name": names.warning_level(row.peak_level, language),
        },
        "why": warning.reason_text(row.reason, names, language),
        "became": say(f"outcome.{became}", language),
        "case": case,
        "owner": names.post(case.owner_post, language) if case is not None else "",
    }


# --- the rule on the past ------------------------------------------------------------------


def tried_told(request: Call, tried: Tried, rule: RuleSpec) -> dict[str, Any]:
    """Return what became of a try, in words."""
    language = language_of(request)
    sees = allowed(request.actor, "alerts:read")
    listed = [item for item in tried.alerts if sees or item.would is not None]
    shown = listed[:TRIED]
    both = [x for item in shown for x in (item.would, item.was) if x is not None]
    names = registry.names_of(
        areas=[x.area for x in both if x.area], places=[x.place for x in both if x.place]
    )
    lines = [_tried_line(item, names, language, sees=sees) for item in shown]
    return {
        "version": rule.version,
        "looked": tried.looked,
        "would": tried.both + tried.only_would,
        "was": tried.both + tried.only_was,
        "both": tried.both,
        "only_would": tried.only_would,
        "only_was": tried.only_was,
        "lines": lines,
        "more": len(listed) - len(shown),
        "compared": sees,
    }


def _tried_line(item: Compared, names: Names, language: str, *, sees: bool) -> dict[str, Any]:
    would, was = item.would, item.was
    line: dict[str, Any] = {"at": item.at, "how": _how(would, was, sees=sees)}
    if would is not None:
        reason = would.found.reason
        level, until, subject = would.level, would.cleared_at, would.subject
        where = _where(would.place, would.area, names, language)
        why = warning.reason_text({"code": reason.code, "params": reason.params}, names, language)
    elif was is not None:
        level, until, subject = was.peak_level, was.cleared_at, was.subject
        where = _where(was.place, was.area, names, language)
        why = warning.reason_text(was.reason, names, language)
    return line | {
        "until": until,
        "subject": subject,
        "where": where,
        "level": {"code": level, "name": names.warning_level(level, language)},
        "why": why,
    }


def _how(would: object, was: object, *, sees: bool) -> str:
    if not sees:
        return "would"
    if would is not None and was is not None:
        return "both"
    return "only_would" if would is not None else "only_was"
