"""Law: grounds, versions, deadlines looser than the law, plans, calendars."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

from anlan.kernel.durations import parse_span
from anlan.registry.domain.choice import closest_clock
from anlan.registry.domain.findings import Finding, finding
from anlan.registry.domain.jurisdiction import CaseKind, ClockRule
from anlan.registry.domain.lint_facts import Packs, Sourced, in_force, overlap
from anlan.registry.domain.packwords import Confidence

# What people write when they mean to fill in the ground later.
_PLACEHOLDERS = frozenset(
    {"-", "--", "—", "?", "？", "n/a", "none", "tbd", "todo", "无", "待定", "待补", "暂无"}
)
_LAW = frozenset({Confidence.VERIFIED_LAW})
WORKING_DAY = timedelta(hours=8)  # only to compare limits given in hours with limits in days
REVIEW_AFTER_DAYS = 3 * 366


def check_law(packs: Packs) -> Iterator[Finding]:
    """Yield faults of grounds, versions, deadlines, plans and calendars."""
    yield from check_grounds(packs)
    yield from _looser(packs)
    yield from _plans(packs)
    yield from _calendar(packs)


def check_grounds(packs: Packs) -> Iterator[Finding]:
    """Yield entries without a ground, and entries that are in force twice at one time."""
    for at in packs.grounded():
        yield from _ground(packs, at)
    yield from _twice(packs)


def _ground(packs: Packs, at: Sourced) -> Iterator[Finding]:
    entry = at.entry
    title = entry.basis.title.strip()
    if not title or title.lower() in _PLACEHOLDERS:
        yield packs.found_at("rule.no_basis", at, what=at.section, id=entry.id)
    elif entry.confidence in _LAW and not entry.basis.article.strip():
        yield packs.found_at("rule.no_article", at, what=at.section, id=entry.id)
    if entry.confidence is Confidence.MEMORY_LOW and not entry.example:
        yield packs.found_at("rule.low_confidence", at, what=at.section, id=entry.id)


def _twice(packs: Packs) -> Iterator[Finding]:
    """Yield entries of one id, or replacements of one entry, whose periods overlap."""
    groups: dict[tuple[str, str], list[Sourced]] = {}
    for at in packs.grounded():
        groups.setdefault((at.section, at.entry.id), []).append(at)
        replaces = getattr(at.entry, "replaces", None)
        # Its own id may stand for the replaced one; that group holds it already.
        if replaces is not None and replaces != at.entry.id:
            groups.setdefault((at.section, f"replaces {replaces}"), []).append(at)
    for same in groups.values():
        for place, at in enumerate(same):
            for other in same[:place]:
                if at.entry.id == getattr(at.entry, "replaces", None) and not other.in_city:
                    continue
                if _overlap(at.entry, other.entry):
                    yield _in_force_twice(packs, at, other)


def _overlap(a: Any, b: Any) -> bool:
    return overlap(a.effective_from, a.effective_to, b.effective_from, b.effective_to)


def _in_force_twice(packs: Packs, at: Sourced, other: Sourced) -> Finding:
    first = packs.found_at("rule.twice", other)
    return packs.found_at(
        "rule.twice",
        at,
        what=at.section,
        id=getattr(at.entry, "replaces", None) or at.entry.id,
        other_file=first.file,
        other_line=first.line,
    )


def _looser(packs: Packs) -> Iterator[Finding]:
    """Yield the city's deadlines that give more time than the law where they count."""
    law = [clock for clock in packs.law.clocks if in_force(clock, packs.today)]
    standing = [clock for clock, _ in packs.clocks]
    for clock in packs.city.clocks:
        if not in_force(clock, packs.today):
            continue
        for legal in _laws_displaced(clock, law, standing):
            if _binds(legal) and is_looser(clock, legal):
                yield packs.found(
                    "clock.looser",
                    "clocks",
                    clock,
                    id=clock.id,
                    limit=f"{clock.limit} {clock.calendar}",
                    law=legal.id,
                    law_limit=f"{legal.limit} {legal.calendar}",
                    basis=f"{legal.basis.title} {legal.basis.article}".strip(),
                )


def _binds(legal: ClockRule) -> bool:
    """Return whether a clock speaks for a law: Anlan's defaults and examples bind nobody."""
    return not legal.example and legal.confidence not in (Confidence.DEFAULT, Confidence.LOCAL)


def _laws_displaced(
    clock: ClockRule, law: list[ClockRule], standing: list[ClockRule]
) -> list[ClockRule]:
    """Return the law's clocks that would count where the city's ``clock`` counts."""
    found: dict[str, ClockRule] = {}
    cases = get_args(CaseKind) if clock.case == "*" else (clock.case,)
    hazards = (
        {item.hazard for item in law if item.hazard != "*"} | {"any.other"}
        if clock.hazard == "*"
        else {clock.hazard}
    )
    for case in cases:
        for hazard in sorted(hazards):
            for priority in clock.priority or (1, 2, 3, 4):
                wanted = (case, clock.stage, hazard, priority)
                legal = closest_clock(law, *wanted)
                if legal is not None and closest_clock(standing, *wanted) is clock:
                    found[legal.id] = legal
    return list(found.values())


def is_looser(own: ClockRule, legal: ClockRule) -> bool:
    """Return whether ``own`` may give more time than ``legal`` in some week of the year.

    Working time against natural time is compared at its worst: a weekend lies
    within every five working days.
    """
    mine, law = _days(own), _days(legal)
    if (own.calendar == "natural") == (legal.calendar == "natural"):
        return mine > law
    if own.calendar == "natural":
        return mine > law
    return mine + 2 * math.ceil(mine / 5) > law


def _days(clock: ClockRule) -> float:
    """Return a limit in days of its own calendar."""
    limit = parse_span(clock.limit)
    if clock.calendar == "working_hours":
        return limit / WORKING_DAY
    return limit / timedelta(days=1)


def _plans(packs: Packs) -> Iterator[Finding]:
    asked: dict[tuple[str, str], tuple[Any, Any]] = {}
    for plan in packs.plans.values():
        if (packs.today - plan.reviewed_on).days > REVIEW_AFTER_DAYS:
            yield packs.found("plan.stale", "plans", plan, plan=plan.id, reviewed=plan.reviewed_on)
        for line in plan.response_asked:
            other, response = asked.setdefault(
                (line.hazard, line.warning.value), (plan, line.response)
            )
            if response is not line.response:
                yield packs.found(
                    "plan.contradicts",
                    "plans",
                    plan,
                    plan=plan.id,
                    other=other.id,
                    hazard=line.hazard,
                    level=line.warning.value,
                )


def _calendar(packs: Packs) -> Iterator[Finding]:
    """Yield that the city's calendar ends too early, has a hole, or is projected."""
    for calendar in packs.law.calendars:
        if calendar.id != packs.city.info.calendar:
            continue
        file, line = packs.parsed_law.where("calendars", calendar.id)
        file = f"{packs.law.info.id}/{file}"
        years = {item.year: item for item in calendar.years}
        last = max(years, default=0)
        if last < packs.today.year + 1:
            yield finding("calendar.short", file, line, calendar=calendar.id, year=last or "—")
        for year in range(min(years, default=0), last):
            if year not in years:
                yield finding("calendar.gap", file, line, calendar=calendar.id, year=year)
        for year in (packs.today.year, packs.today.year + 1):
            if year in years and not years[year].published:
                yield finding("calendar.projected", file, line, calendar=calendar.id, year=year)
