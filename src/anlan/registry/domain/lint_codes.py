"""Codes that lead nowhere: unknown, expired, looping or never in force."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from anlan.registry.domain.findings import Finding
from anlan.registry.domain.lint_facts import Packs, Sourced, is_past

# Words for the kinds of thing that a code may name; both languages at once, as the trade speaks.
AREA, POST, HOLDER, PLAN = "区域 area", "岗位 post", "人员 holder", "预案 plan"
HAZARD, KIND, QUANTITY = "危险种类 hazard", "场所种类 place kind", "监测量 quantity"


def check_codes(packs: Packs) -> Iterator[Finding]:
    """Yield codes that name nothing, name what has ended, or go in a circle."""
    yield from check_info(packs)
    yield from _root(packs)
    yield from _areas(packs)
    yield from _rows(packs)
    yield from check_entries(packs)
    yield from _schemes(packs)
    yield from _periods(packs)


def check_entries(packs: Packs) -> Iterator[Finding]:
    """Yield what rules, clocks and other grounded entries name wrongly, and those never in force."""
    yield from _lists(packs)
    yield from _entry_periods(packs)


def _reference(
    packs: Packs, section: str, row: Any, code: str, kind: str, known: Mapping[str, Any]
) -> Iterator[Finding]:
    """Yield the finding about one code that ``row`` names, if there is one."""
    what = getattr(row, "code", None) or getattr(row, "post", None) or section
    target = known.get(code)
    if target is None:
        yield packs.found("code.unknown", section, row, what=what, kind=kind, code=code)
        return
    ended = getattr(target, "valid_to", None)
    if ended is not None and ended <= packs.today and not _is_past(row, packs):
        yield packs.found(
            "code.expired", section, row, what=what, kind=kind, code=code, ended=ended
        )


def _is_past(row: Any, packs: Packs) -> bool:
    return hasattr(row, "valid_to") and is_past(row, packs.today)


def _root(packs: Packs) -> Iterator[Finding]:
    code = packs.city.info.root_area
    if code not in packs.areas:
        yield packs.found_in_info(
            "code.unknown", "root_area", what="root_area", kind=AREA, code=code
        )


def check_info(packs: Packs) -> Iterator[Finding]:
    """Yield what city.yaml names wrongly, the root area apart."""
    info = packs.city.info
    named: list[tuple[str, str, Iterable[str]]] = [
        ("commander_post", POST, packs.posts),
        ("system_post", POST, packs.posts),
        ("arbiter_post", POST, packs.posts),
        ("calendar", "工作日历 calendar", [item.id for item in packs.law.calendars]),
        ("jurisdiction", "法规包 jurisdiction", [packs.law.info.id]),
    ]
    for name, kind, known in named:
        code = getattr(info, name)
        if code not in known:
            yield packs.found_in_info("code.unknown", name, what=name, kind=kind, code=code)
    if not is_timezone(info.timezone):
        yield packs.found_in_info(
            "code.unknown", "timezone", what="timezone", kind="时区 time zone", code=info.timezone
        )


def is_timezone(name: str) -> bool:
    """Return whether the zone data know this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _areas(packs: Packs) -> Iterator[Finding]:
    root = packs.city.info.root_area
    for area in packs.city.areas:
        if area.parent is None and area.code != root:
            yield packs.found("area.orphan", "areas", area, area=area.code)
        named = (*((area.parent,) if area.parent else ()), *area.touches)
        for code in named:
            yield from _reference(packs, "areas", area, code, AREA, packs.areas)
    for chain in circles({area.code: area.parent for area in packs.city.areas}):
        first = packs.areas[chain[0]]
        yield packs.found("area.loop", "areas", first, chain=" → ".join((*chain, chain[0])))


def circles(above: Mapping[str, str | None]) -> list[list[str]]:
    """Return every circle in a map from each code to the one above it, each once."""
    found: list[list[str]] = []
    state: dict[str, int] = {}  # 1: on the present walk; 2: done
    for start in above:
        walk: list[str] = []
        code: str | None = start
        while code is not None and code in above and code not in state:
            state[code] = 1
            walk.append(code)
            code = above[code]
        if code is not None and state.get(code) == 1:
            found.append(walk[walk.index(code) :])
        for seen in walk:
            state[seen] = 2
    return found


def _rows(packs: Packs) -> Iterator[Finding]:
    """Yield what rows of the tables name wrongly."""
    quantities, plans = packs.quantities, {plan.id: plan for plan in packs.city.plans}
    kinds = {item.id: item for item in packs.law.place_kinds}
    named: dict[str, tuple[tuple[str, str, Mapping[str, Any]], ...]] = {
        "shapes": (("code", AREA, packs.areas),),
        "organisations": (("area", AREA, packs.areas),),
        "posts": (
            ("organisation", "组织 organisation", packs.organisations),
            ("area", AREA, packs.areas),
            ("superior", POST, packs.posts),
        ),
        "shifts": (
            ("post", POST, packs.posts),
            ("holder", HOLDER, packs.holders),
            ("deputy", HOLDER, packs.holders),
        ),
        "duties": (("area", AREA, packs.areas), ("post", POST, packs.posts)),
        "risk_points": (
            ("area", AREA, packs.areas),
            ("kind", KIND, kinds),
            ("owner_post", POST, packs.posts),
            ("plan", PLAN, plans),
        ),
        "sensors": (
            ("area", AREA, packs.areas),
            ("quantity", QUANTITY, quantities),
            ("risk_point", "风险点 risk point", packs.risk_points),
            ("operator", "组织 organisation", packs.organisations),
        ),
    }
    for section, fields in named.items():
        rows = getattr(packs.city, section)
        for name, kind, known in fields:
            # Of very many rows nearly all name what is there.
            sound = {code for code, target in known.items() if not _is_past(target, packs)}
            for row in rows:
                code = getattr(row, name)
                if code is not None and code not in sound:
                    yield from _reference(packs, section, row, code, kind, known)
    for duty in packs.city.duties:
        if not _names_hazard(packs, duty.hazard):
            yield packs.found(
                "code.unknown", "duties", duty, what=duty.area, kind=HAZARD, code=duty.hazard
            )


def _names_hazard(packs: Packs, pattern: str) -> bool:
    if pattern == "*" or pattern in packs.hazards:
        return True
    return pattern.endswith(".*") and any(slug.startswith(pattern[:-1]) for slug in packs.hazards)


def _lists(packs: Packs) -> Iterator[Finding]:
    """Yield what rules, clocks, checks, ladders and plans name wrongly."""
    laws = {
        "rules": frozenset(rule.id for rule in packs.law.rules),
        "clocks": frozenset(clock.id for clock in packs.law.clocks),
        "checks": frozenset(check.id for check in packs.law.checks),
        "incidents": frozenset(rule.id for rule in packs.law.incidents),
    }
    for at in packs.grounded():
        for kind, unknown in _named_by(packs, at):
            yield packs.found_at("code.unknown", at, what=at.entry.id, kind=kind, code=unknown)
        replaces = getattr(at.entry, "replaces", None)
        if replaces is not None and replaces not in laws[at.section]:
            yield packs.found_at(
                "code.unknown", at, what=at.entry.id, kind="条目 entry", code=replaces
            )
    for words in packs.law.lexicon:
        if words.hazard not in packs.hazards:
            yield packs.found_in_law(
                "code.unknown", "lexicon", words, what="lexicon", kind=HAZARD, code=words.hazard
            )

    for domain in packs.law.domains:
        named = [(QUANTITY, slug) for slug in domain.quantities if slug not in packs.quantities]
        named += [(HAZARD, slug) for slug in domain.hazards if slug not in packs.hazards]
        for kind, code in named:
            yield packs.found_in_law(
                "code.unknown", "domains", domain, what=domain.id, kind=kind, code=code
            )


def _named_by(packs: Packs, at: Sourced) -> Iterator[tuple[str, str]]:
    """Yield (kind, code) of everything unknown that a grounded entry names."""
    entry = at.entry
    for slug in _hazards_of(entry):
        if not _names_hazard(packs, slug):
            yield HAZARD, slug
    quantity = getattr(entry, "quantity", None)
    reading = getattr(entry, "reading", None)
    for measured in (quantity, reading.quantity if reading else None):
        if measured not in (None, "*") and measured not in packs.quantities:
            yield QUANTITY, measured
    for slug in (*getattr(entry, "place_kinds", ()), *getattr(entry, "only_place_kinds", ())):
        if slug not in packs.place_kinds:
            yield KIND, slug
    for code in _posts_of(entry):
        if code not in packs.posts:
            yield POST, code


def _hazards_of(entry: Any) -> Iterator[str]:
    if hasattr(entry, "hazard"):
        yield entry.hazard
    yield from getattr(entry, "hazards", ())
    for name in ("signal", "report"):
        condition = getattr(entry, name, None)
        if condition is not None:
            yield condition.hazard
    for line in getattr(entry, "response_asked", ()):
        yield line.hazard


def _posts_of(entry: Any) -> Iterator[str]:
    """Yield post codes, leaving out the words that stand for a post."""
    then = entry if hasattr(entry, "tasks") else getattr(entry, "then", None)
    if then is not None:
        named = (*then.tell, *(task.post for task in then.tasks))
        yield from (code for code in named if code not in ("owner", "superior", "commander"))
    for rung in getattr(entry, "rungs", ()):
        if rung.post not in ("superior", "commander"):
            yield rung.post


def _schemes(packs: Packs) -> Iterator[Finding]:
    """Yield outside codes that stand for two hazards; a CAP category always stands for many."""
    first: dict[tuple[str, str], str] = {}
    for hazard in packs.law.hazards:
        for scheme, codes in hazard.codes.items():
            for code in codes if scheme != "cap_category" else ():
                other = first.setdefault((scheme, code), hazard.id)
                if other != hazard.id:
                    yield packs.found_in_law(
                        "hazard.code_twice",
                        "hazards",
                        hazard,
                        hazard=hazard.id,
                        other=other,
                        scheme=scheme,
                        code=code,
                    )


def _periods(packs: Packs) -> Iterator[Finding]:
    for section in ("areas", "shifts", "duties", "risk_points", "sensors"):
        for row in getattr(packs.city, section):
            if row.valid_from and row.valid_to and row.valid_to <= row.valid_from:
                what = getattr(row, "code", None) or row.post
                yield packs.found("period.empty", section, row, what=what)


def _entry_periods(packs: Packs) -> Iterator[Finding]:
    for at in packs.grounded():
        entry = at.entry
        if entry.effective_to is not None and entry.effective_to <= entry.effective_from:
            yield packs.found_at("period.empty", at, what=entry.id)
