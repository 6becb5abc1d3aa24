"""How a case, a deadline, an entry of a history are called on a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from anlan.entrypoints.web.wording import knows, say
from anlan.kernel.canonical import parse_instant
from anlan.kernel.durations import parse_span
from anlan.registry import public as registry
from anlan.registry.public import Names
from anlan.response import public as response
from anlan.response.public import Case
from anlan.warning.domain.ruletext import span_words


def names_of_cases(cases: Iterable[Case], *, posts: Iterable[str] = ()) -> Names:
    """Return the names that a list of cases speaks of, in as many queries for one as for many."""
    rows = list(cases)
    return registry.names_of(
        areas=[case.area for case in rows if case.area],
        posts=[case.owner_post for case in rows if case.owner_post] + list(posts),
        places=[case.place for case in rows if case.place],
    )


def where(case: Case, names: Names, language: str) -> str:
    """Return where a case lies: the place, else the area, else that nobody knows."""
    if case.place:
        return names.place(case.place, language)
    return names.area(case.area, language) if case.area else say("case.no_place", language)


def level_of(case: Case, names: Names, language: str) -> dict[str, str] | None:
    """Return the warning level of a case as a mark, or ``None``."""
    if not case.level:
        return None
    return {"code": case.level, "name": names.warning_level(case.level, language)}


def line_of(case: Case, names: Names, language: str) -> dict[str, Any]:
    """Return a case as one line of a list."""
    return {
        "id": case.pk,
        "number": case.number,
        "title": title_of(case, names, language),
        "where": where(case, names, language),
        "owner": names.post(case.owner_post, language),
        "owner_basis": basis_text(case.owner_basis, language),
        "state": say(f"state.{case.state}", language),
        "level": level_of(case, names, language),
        "priority": case.priority,
        "due_at": case.next_at,
        "overdue_since": case.overdue_since,
        "unanswered": response.is_waiting(case),
        "undecided": case.state == "arbitrating",
        "signs": case.signs,
        "alarms": case.title.get("members", 0),
        "many": "device" if case.kind == "device" else "alarm",
        "rung": case.rung,
        "is_open": case.is_open,
    }


def title_of(case: Case, names: Names, language: str) -> str:
    """Return what a case is called: by its hazard; of many devices, or of no hazard, in its own words."""
    own = str(case.title.get(language) or say("case.no_hazard", language))
    if case.kind == "device" and "incident" in case.title:
        return own
    return names.hazard(case.hazard, language) or own


def rung_name(post: str, names: Names, language: str) -> str:
    """Return whom a rung of the ladder tells: a post, or a word that will be one when it is due."""
    key = f"rung.{post}"
    return say(key, language) if knows(key) else names.post(post, language)


def rung_after(after: str, calendar: str, language: str, *, again: bool) -> str:
    """Return when a rung of the ladder is told, as long as no deadline has been missed."""
    if again:
        return say("case.rung_again", language, span=span_words(after, language))
    if not parse_span(after):
        return say("case.rung_at_once", language)
    return say(f"case.rung.{calendar}", language, span=span_words(after, language))


def basis_text(basis: str, language: str) -> str:
    """Return why a post owns a case: one of our own words, or the decision the city wrote down."""
    key = f"owner_basis.{basis}"
    return say(key, language) if knows(key) else basis


def happened_text(entry: dict[str, Any], names: Names, language: str, *, zone: ZoneInfo) -> str:
    """Return one entry of a case's history in words; codes it cannot word stay codes."""
    payload = dict(entry["payload"])
    key = f"event.{entry['event']}"
    if entry["event"] == "CaseMoved":
        key = f"trigger_done.{payload.get('trigger', '')}"
    if not knows(key):
        return str(entry["event"])
    for name in ("owner", "post", "before"):
        if payload.get(name):
            payload[name] = names.post(str(payload[name]), language)
    if payload.get("due_at"):
        due = parse_instant(str(payload["due_at"])).astimezone(zone)
        payload["due_at"] = f"{due:%Y-%m-%d %H:%M}"
    if payload.get("level"):
        payload["level"] = names.warning_level(str(payload["level"]), language)
    payload["reason"] = reason_name(str(payload.get("reason", "")), names, language)
    return say(key, language, **{"by": "", **payload}).strip()


def reason_name(reason: str, names: Names, language: str) -> str:
    """Return the words of a reason: the pack's own, else ours, else its code."""
    if reason in names.reasons or not knows(f"reason.{reason}"):
        return names.reason(reason, language)
    return say(f"reason.{reason}", language)
