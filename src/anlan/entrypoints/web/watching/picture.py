"""What whoever watches sees: what is wrong first, then when everything was last heard from.

The lists are rendered here once and handed both to the page and to the live stream, so that
the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string

from anlan.entrypoints import probes
from anlan.entrypoints.web import naming
from anlan.entrypoints.web.shell import sick_at
from anlan.entrypoints.web.watching import streams
from anlan.entrypoints.web.watching.streams import Heard
from anlan.entrypoints.web.wording import say
from anlan.kernel.actor import Actor
from anlan.notices import public as notices
from anlan.registry import public as registry
from anlan.registry.public import Names
from anlan.response import public as response
from anlan.response.public import Case, Watched
from anlan.sensing import public as sensing
from anlan.warning import public as warning
from anlan.warning.public import AlertInstance, WarningInForce

Line = dict[str, Any]

MOST = 10  # cases in a list
MOST_WARNINGS = 20
#: A warning or an alert that began or changed its level so lately is rising.
RISING_WITHIN = timedelta(hours=1)
LISTS = ("unanswered", "overdue", "unowned", "rising")
#: Where the whole of a list can be read.
WHOLE = {"unanswered": "unanswered", "overdue": "overdue", "unowned": "undecided", "rising": "open"}


@dataclass(frozen=True, slots=True)
class Gathered:
    """What all see who see the same areas, before it is worded in a language."""

    at: datetime
    found: Watched
    alerts: list[AlertInstance]  # those that no listed case answers
    answered_by: dict[str, int]  # sign -> case
    in_force: list[WarningInForce]
    names: Names
    titles: dict[tuple[str, int], dict[str, str]]
    told: dict[str, tuple[int, int]]
    heard: dict[str, Any]


def lists_now(actor: Actor, language: str, *, now: datetime) -> str:
    """Return the lists of the present as HTML, in as many queries for many cases as for few."""
    return worded_now(gathered_now(actor, now=now), language)


def gathered_now(actor: Actor, *, now: datetime, whole: Heard | None = None) -> Gathered:
    """Return what the lists of the present are made of; ``whole`` if how streams stand is known."""
    found = response.watched(actor, now=now, limit=MOST)
    alerts = warning.risen(actor, since=now - RISING_WITHIN, limit=MOST)
    heard = _heard(whole or streams.heard(actor, now=now)[0], now=now)
    return _gathered(actor, found, alerts, warning.warnings_in_force(at=now), heard, at=now)


def worded_now(gathered: Gathered, language: str) -> str:
    """Return the lists as HTML in one language."""
    context = _lists(gathered, language) | {"sick": sick_at(gathered.at)}
    return _rendered(context, language, now=gathered.at)


def lists_then(actor: Actor, language: str, *, at: datetime) -> tuple[str, dict[str, Any]]:
    """Return the lists as of a past instant, and what rebuilding them took."""
    began = perf_counter()
    then = response.cases_as_of(actor, at)
    found = response.watched_among(then.cases, now=at, limit=MOST)
    alerts = warning.risen_as_of(actor, since=at - RISING_WITHIN, at=at, limit=MOST)
    heard = _heard_then(actor, at=at)
    gathered = _gathered(actor, found, alerts, warning.warnings_as_of(at=at), heard, at=at)
    shown = _rendered(_lists(gathered, language) | {"then": True}, language, now=at)
    took = f"{perf_counter() - began:.1f}"
    return shown, {"entry": then.entry, "cut": then.cut, "seconds": took}


def _rendered(context: dict[str, Any], language: str, *, now: datetime) -> str:
    zone = registry.timezone() if registry.is_loaded() else ZoneInfo("UTC")
    frame = {"lang": language, "now": now, "zone": zone}
    return render_to_string("web/parts/watch_lists.html", frame | context)


def _gathered(
    actor: Actor,
    found: Watched,
    alerts: list[AlertInstance],
    in_force: list[WarningInForce],
    heard: dict[str, Any],
    *,
    at: datetime,
) -> Gathered:
    cases = {case.pk: case for name in (*LISTS, "red") for case in getattr(found, name)}
    answering = response.cases_of_signs(actor, [f"alert:{row.pk}" for row in alerts])
    answered_by = {sign: case.pk for sign, case in answering.items()}
    shown = {case.pk for name in LISTS for case in getattr(found, name)}
    beside = [row for row in alerts if answered_by.get(f"alert:{row.pk}") not in shown]
    return Gathered(
        at=at,
        found=found,
        alerts=beside,
        answered_by=answered_by,
        in_force=in_force,
        names=_names(list(cases.values()), alerts, in_force),
        titles=registry.rule_titles([(row.rule, row.rule_version) for row in beside]),
        told=notices.told_of([f"case:{key}" for key in cases], at=at),
        heard=heard,
    )


def _lists(gathered: Gathered, language: str) -> dict[str, Any]:
    found, names, in_force = gathered.found, gathered.names, gathered.in_force
    warnings = [_warning(row, names, language) for row in in_force[:MOST_WARNINGS]]
    risen = [_alert(row, gathered, language) for row in gathered.alerts]
    groups = [_group(name, found, gathered.told, names, language) for name in LISTS]
    groups[-1]["alerts"] = risen
    groups[-1]["total"] += len(risen)
    return {
        "counts": found.counts,
        "rising": groups[-1]["total"],
        "groups": [one for one in groups if one["total"]],
        "in_force": warnings,
        "in_force_more": max(0, len(in_force) - MOST_WARNINGS),
        "red": [
            *(_red_case(case, names, language) for case in found.red),
            *(one for one in warnings if one["level"]["code"] == "red"),
        ],
        "quiet": not found.counts.open and not risen and not warnings,
        "heard": gathered.heard,
    }


def _names(
    cases: list[Case], alerts: Iterable[AlertInstance], in_force: Iterable[WarningInForce]
) -> Names:
    areas = {case.area for case in cases} | {row.area for row in alerts}
    areas |= {code for row in in_force for code in row.areas[:3]}
    places = {case.place for case in cases} | {row.place for row in alerts}
    return registry.names_of(areas=areas, places=places, posts={case.owner_post for case in cases})


def _group(
    name: str,
    found: Watched,
    told: dict[str, tuple[int, int]],
    names: Names,
    language: str,
) -> dict[str, Any]:
    cases: list[Case] = getattr(found, name)
    total: int = getattr(found.counts, name)
    lines = []
    for case in cases:
        line = naming.line_of(case, names, language)
        line["told"], line["answered"] = told.get(f"case:{case.pk}", (0, 0))
        lines.append(line)
    return {
        "name": name,
        "total": total,
        "lines": lines,
        "rest": total - len(lines),
        "whole": WHOLE[name],
    }


def _level(level: str, names: Names, language: str) -> dict[str, str]:
    """Return a warning level as a mark; what has none is told so, never left out."""
    if not level:
        return {"code": "unknown", "name": say("watch.no_level", language)}
    return {"code": level, "name": names.warning_level(level, language)}


def _warning(row: WarningInForce, names: Names, language: str) -> dict[str, Any]:
    where = [names.area(code, language) for code in row.areas[:3]]
    if len(row.areas) > len(where):
        where.append(say("watch.more_areas", language, n=len(row.areas) - len(where)))
    return {
        "key": f"warning:{row.pk}:{row.level}",
        "level": _level(row.level, names, language),
        "title": names.hazard(row.hazard, language) or say("case.no_hazard", language),
        "where": say("watch.and", language).join(where) or say("watch.whole_city", language),
        "sender": row.sender,
        "since": row.level_at,
        "ends_at": row.ends_at,
        "href": "",
    }


def _alert(row: AlertInstance, gathered: Gathered, language: str) -> Line:
    names = gathered.names
    where = names.place(row.place, language) if row.place else names.area(row.area, language)
    # What a rule is called; its code when it left every pack.
    title = gathered.titles.get((row.rule, row.rule_version), {}).get(language) or row.rule
    return {
        "level": _level(row.level, names, language),
        "title": title,
        "where": where,
        "since": row.level_at,
        "why": warning.reason_text(row.reason, names, language),
        "case": gathered.answered_by.get(f"alert:{row.pk}"),
    }


def _red_case(case: Case, names: Names, language: str) -> dict[str, Any]:
    title = naming.title_of(case, names, language)
    return {
        "key": f"case:{case.pk}",
        "title": title,
        "where": naming.where(case, names, language),
        "href": f"/cases/{case.pk}",
    }


def _heard(whole: Heard, *, now: datetime) -> dict[str, Any]:
    last = sensing.last_heard()
    state, beat = probes.clockwork(now)
    return {
        "streams": whole,
        "report": last.report,
        "signal": last.signal,
        "clockwork": state,
        "beat": beat,
    }


def _heard_then(actor: Actor, *, at: datetime) -> dict[str, Any]:
    """Return what had been heard by a past instant; how the clockwork ran then is not kept."""
    whole, _ = streams.heard_then(actor, streams.known_at(at), at=at)
    last = sensing.last_heard_by(at)
    return {"streams": whole, "report": last.report, "signal": last.signal}
