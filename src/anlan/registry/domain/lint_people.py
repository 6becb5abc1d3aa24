"""Nobody answers: duties without a post, posts without people, ladders that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import get_args

from anlan.kernel.durations import parse_span
from anlan.registry.domain.city import Duty, Ladder, Post, Rung, Shift
from anlan.registry.domain.dutymatrix import hazard_match
from anlan.registry.domain.findings import Finding
from anlan.registry.domain.jurisdiction import CaseKind
from anlan.registry.domain.lint_codes import circles
from anlan.registry.domain.lint_facts import Packs, in_force, is_valid, overlap

# "Tonight": from the end of office hours to the next morning, in the city's own time.
TONIGHT_FROM, TONIGHT_TO = time(18, 0), time(8, 0)
_DAY = timedelta(days=1)


def check_people(packs: Packs) -> Iterator[Finding]:
    """Yield gaps in the duty matrix, in tonight's roster and in the ladders."""
    yield from _duty_gaps(packs)
    yield from _double_duties(packs)
    nights = {post.code: _Night(packs, post, shifts) for post, shifts in _by_post(packs)}
    for night in nights.values():
        yield from night.findings()
    yield from _contacts(packs)
    yield from _circles(packs)
    yield from _ladders(packs, nights)


# --- duties --------------------------------------------------------------------------------


def _duty_gaps(packs: Packs) -> Iterator[Finding]:
    """Yield hazard × area without a post.

    A duty of an area covers all below it, so a gap is told at the top where it begins,
    and further down only where a neighbour under the same parent does have a post.
    Only a duty for every level closes a gap: a report has no level yet.
    """
    slugs = list(packs.hazards)
    covered = _covered(packs, slugs)
    everything = (1 << len(slugs)) - 1
    some_child: dict[str, int] = {}
    for area in packs.city.areas:
        if area.parent is not None:
            some_child[area.parent] = some_child.get(area.parent, 0) | covered[area.code]
    for area in packs.city.areas:
        missing = everything & ~covered[area.code]
        if area.parent is not None:
            missing &= some_child[area.parent]
        if missing and is_valid(area, packs.today):
            for place, slug in enumerate(slugs):
                if missing >> place & 1:
                    name, group = f"{area.name_zh} {area.code}", slug.split(".")[0]
                    yield packs.found(
                        "duty.none", "areas", area, area=name, hazard=slug, group=group
                    )


def _covered(packs: Packs, slugs: list[str]) -> dict[str, int]:
    """Return for each area the hazards that somebody answers for, as a bit mask.

    Masks, because a country of communities times sixty hazards must be one pass.
    """
    own: dict[str, int] = {}
    for duty in packs.city.duties:
        if not duty.level and is_valid(duty, packs.today) and duty.post in packs.posts:
            own[duty.area] = own.get(duty.area, 0) | _mask(duty.hazard, slugs)
    covered: dict[str, int] = {}
    for area in packs.city.areas:
        for code in _unseen_upwards(packs, area.code, covered):
            parent = packs.areas[code].parent
            covered[code] = own.get(code, 0) | covered.get(parent or "", 0)
    return covered


def _mask(pattern: str, slugs: list[str]) -> int:
    return sum(
        1 << place for place, slug in enumerate(slugs) if hazard_match(pattern, slug) is not None
    )


def _unseen_upwards(packs: Packs, code: str, seen: dict[str, int]) -> list[str]:
    """Return ``code`` and what governs it, as far as not seen yet, from the top down."""
    chain: list[str] = []
    here: str | None = code
    while here is not None and here in packs.areas and here not in seen and here not in chain:
        chain.append(here)
        here = packs.areas[here].parent
    return chain[::-1]


def _double_duties(packs: Packs) -> Iterator[Finding]:
    lines: dict[tuple[str, str, str], list[Duty]] = {}
    for duty in packs.city.duties:
        lines.setdefault((duty.area, duty.hazard, duty.level), []).append(duty)
    for same in lines.values():
        for place, duty in enumerate(same):
            for other in same[:place]:
                if other.post != duty.post and overlap(
                    duty.valid_from, duty.valid_to, other.valid_from, other.valid_to
                ):
                    yield packs.found(
                        "duty.twice",
                        "duties",
                        duty,
                        area=duty.area,
                        hazard=duty.hazard,
                        post=other.post,
                        other=duty.post,
                    )


# --- tonight's roster ----------------------------------------------------------------------


def _by_post(packs: Packs) -> Iterator[tuple[Post, list[Shift]]]:
    shifts: dict[str, list[Shift]] = {}
    for shift in packs.city.shifts:
        shifts.setdefault(shift.post, []).append(shift)
    for post in packs.city.posts:
        yield post, shifts.get(post.code, [])


@dataclass(frozen=True)
class _Sitting:
    begin: datetime
    end: datetime
    shift: Shift


class _Night:
    """Who sits at one post tonight; wall times, as a roster is written."""

    def __init__(self, packs: Packs, post: Post, shifts: Iterable[Shift]) -> None:
        self.packs, self.post = packs, post
        self.begin = datetime.combine(packs.today, TONIGHT_FROM)
        self.end = datetime.combine(packs.today + _DAY, TONIGHT_TO)
        self.sittings = [sitting for shift in shifts for sitting in self._sittings(shift)]

    def _sittings(self, shift: Shift) -> Iterator[_Sitting]:
        if shift.holder not in self.packs.holders:
            return
        for days in (-1, 0, 1):
            day = self.packs.today + days * _DAY
            if day.isoweekday() not in shift.weekdays or not is_valid(shift, day):
                continue
            begin = datetime.combine(day, shift.start)
            end = datetime.combine(day if shift.end > shift.start else day + _DAY, shift.end)
            if begin < self.end and end > self.begin:
                yield _Sitting(begin, end, shift)

    def _hole(self, sittings: Iterable[_Sitting]) -> datetime | None:
        """Return the first instant tonight that no sitting covers."""
        reached = self.begin
        for sitting in sorted(sittings, key=lambda item: item.begin):
            if sitting.begin > reached:
                return reached
            reached = max(reached, sitting.end)
        return reached if reached < self.end else None

    def findings(self) -> Iterator[Finding]:
        """Yield that the post is empty for a while, or that somebody is alone."""
        post = self.post
        hole = self._hole(self.sittings)
        if hole is not None:
            yield self.packs.found(
                "post.no_holder", "posts", post, post=post.code, from_time=f"{hole:%H:%M}"
            )
            return
        alone = [item for item in self.sittings if not self._has_deputy(item.shift)]
        for shift in {id(item.shift): item.shift for item in alone}.values():
            yield self.packs.found(
                "post.no_deputy", "shifts", shift, post=post.code, holder=shift.holder
            )

    def _has_deputy(self, shift: Shift) -> bool:
        return shift.deputy in self.packs.holders and shift.deputy != shift.holder

    def is_reachable(self) -> bool:
        """Return whether anybody tonight has an address."""
        people = (
            code
            for sitting in self.sittings
            for code in (sitting.shift.holder, sitting.shift.deputy)
            if code in self.packs.holders
        )
        return any(_has_contact(self.packs, code) for code in people if code)


def _has_contact(packs: Packs, code: str) -> bool:
    holder = packs.holders[code]
    return bool(holder.email or holder.phone or holder.webhook)


def _contacts(packs: Packs) -> Iterator[Finding]:
    on_rosters = {
        code
        for shift in packs.city.shifts
        if is_valid(shift, packs.today)
        for code in (shift.holder, shift.deputy)
    }
    for holder in packs.city.holders:
        if holder.code in on_rosters and not _has_contact(packs, holder.code):
            yield packs.found("holder.no_contact", "holders", holder, holder=holder.code)


# --- ladders -------------------------------------------------------------------------------


def _circles(packs: Packs) -> Iterator[Finding]:
    for chain in circles({post.code: post.superior for post in packs.city.posts}):
        first = packs.posts[chain[0]]
        yield packs.found("ladder.loop", "posts", first, chain=" → ".join((*chain, chain[0])))


def _ladders(packs: Packs, nights: dict[str, _Night]) -> Iterator[Finding]:
    standing = [item for item in packs.city.ladders if in_force(item, packs.today)]
    yield from _without_ladder(packs, standing)
    for ladder in standing:
        yield from _rung_order(packs, ladder)
        yield from _climb(packs, ladder, nights)


def _without_ladder(packs: Packs, standing: list[Ladder]) -> Iterator[Finding]:
    for case in get_args(CaseKind):
        serving = [item.hazard for item in standing if item.case in (case, "*")]
        if "*" in serving:
            continue
        for slug in packs.hazards:
            if all(hazard_match(pattern, slug) is None for pattern in serving):
                yield packs.found_in_info("ladder.none", "", case=case, hazard=slug)


def _rung_order(packs: Packs, ladder: Ladder) -> Iterator[Finding]:
    named: list[str] = []
    for place, rung in enumerate(ladder.rungs):
        before = ladder.rungs[place - 1] if place else None
        if (
            before is not None
            and before.calendar == rung.calendar
            and parse_span(rung.after) <= parse_span(before.after)
        ):
            yield packs.found("ladder.order", "ladders", ladder, ladder=ladder.id, rung=place + 1)
        if rung.post != "superior":
            post = _post_of(packs, rung)
            if post in named:
                chain = " → ".join((*named[named.index(post) :], post))
                yield packs.found("ladder.loop", "ladders", ladder, chain=chain)
            named.append(post)


def _post_of(packs: Packs, rung: Rung) -> str:
    return packs.city.info.commander_post if rung.post == "commander" else rung.post


def _climb(packs: Packs, ladder: Ladder, nights: dict[str, _Night]) -> Iterator[Finding]:
    """Follow the rungs from every post that may own a case."""
    told = _owners(packs)
    unheard: set[str] = set()
    broken: set[str] = set()
    for place, rung in enumerate(ladder.rungs, start=1):
        if rung.post == "superior":
            for code in sorted(told - broken):
                if _is_dead_end(packs, code):
                    broken.add(code)
                    yield _dead_end(packs, ladder, code)
            told = {packs.posts[code].superior or code for code in told if code in packs.posts}
        else:
            told = {_post_of(packs, rung)}
        for code in sorted(told - unheard):
            if code in nights and not nights[code].is_reachable():
                unheard.add(code)
                yield packs.found(
                    "ladder.unreachable",
                    "ladders",
                    ladder,
                    ladder=ladder.id,
                    rung=place,
                    post=code,
                )


def _owners(packs: Packs) -> set[str]:
    duties = {duty.post for duty in packs.city.duties if is_valid(duty, packs.today)}
    points = {point.owner_post for point in packs.city.risk_points if point.owner_post}
    info = packs.city.info
    named = duties | points | {info.system_post, info.arbiter_post}
    return {code for code in named if code in packs.posts}


def _is_dead_end(packs: Packs, code: str) -> bool:
    post = packs.posts.get(code)
    return post is not None and post.superior is None and code != packs.city.info.commander_post


def _dead_end(packs: Packs, ladder: Ladder, code: str) -> Finding:
    post = packs.posts[code]
    return packs.found("ladder.dead_end", "posts", post, post=code, end=code, ladder=ladder.id)
