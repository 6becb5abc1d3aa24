"""Give the codes of a summary the names that the packs have for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from anlan.kernel.errors import NotFoundError
from anlan.learning.domain.scenario import Words
from anlan.learning.domain.story import Story
from anlan.learning.domain.summary import Summary
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec


def with_names(summary: Summary, rules: Mapping[str, RuleSpec]) -> Summary:
    """Return ``summary`` with the names of all rules, hazards, places, areas and posts in it."""
    found = {code: name for code, name in sorted(_named(summary, rules)) if name is not None}
    return msgspec.structs.replace(summary, names=found)


def named_story(story: Story, rules: Mapping[str, RuleSpec]) -> Story:
    """Return ``story`` with the names of all rules, hazards, places, areas, posts, quantities."""
    told = story.moments
    wanted: list[tuple[set[str], Callable[[str], Words | None]]] = [
        ({one.rule for one in told}, lambda code: _rule(rules, code)),
        ({one.hazard for one in told}, lambda code: _words(_hazard, code)),
        ({one.area for one in told}, lambda code: _words(_area, code)),
        ({one.place for one in told}, lambda code: _words(_place, code)),
        ({post for one in told for post in one.posts}, lambda code: _words(_post, code)),
        ({one.quantity for one in story.courses}, lambda code: _words(_quantity, code)),
    ]
    found = {code: find(code) for codes, find in wanted for code in sorted(codes - {""})}
    names = {code: name for code, name in sorted(found.items()) if name is not None}
    return msgspec.structs.replace(story, names=names)


def _rule(rules: Mapping[str, RuleSpec], code: str) -> Words | None:
    return Words(zh=rules[code].title.zh, en=rules[code].title.en) if code in rules else None


def _quantity(code: str) -> tuple[str, str]:
    name = registry.quantity(code).name
    return name.zh, name.en


def _named(summary: Summary, rules: Mapping[str, RuleSpec]) -> Iterator[tuple[str, Words | None]]:
    cases = summary.open_cases
    told = {row.rule for row in summary.raised} | {row.rule for row in summary.climbed}
    for code in told:
        if code in rules:
            yield code, Words(zh=rules[code].title.zh, en=rules[code].title.en)
    hazards = {row.hazard for row in summary.raised} | {row.hazard for row in cases}
    for code in hazards - {""}:
        yield code, _words(_hazard, code)
    places = {row.place for row in summary.raised} | {row.place for row in cases}
    for code in places - {""}:
        yield code, _words(_place, code)
    areas = {row.area for row in summary.raised} | {row.area for row in cases}
    areas |= {row.place for row in summary.figures}
    for code in areas - places - {""}:
        yield code, _words(_area, code)
    posts = {post for row in summary.raised for post in row.posts}
    posts |= {post for row in cases for post in (row.owner, row.top_post)}
    for code in posts - {""}:
        yield code, _words(_post, code)


def _words(find: Callable[[str], tuple[str, str]], code: str) -> Words | None:
    """Return a name in both languages; one that is missing in one language is said in the other."""
    try:
        zh, en = find(code)
    except NotFoundError:
        return None
    return Words(zh=zh or en, en=en or zh) if zh or en else None


def _hazard(code: str) -> tuple[str, str]:
    name = registry.hazard(code).name
    return name.zh, name.en


def _place(code: str) -> tuple[str, str]:
    place = registry.place(code)
    return place.name_zh, place.name_en


def _area(code: str) -> tuple[str, str]:
    area = registry.area(code)
    return area.name_zh, area.name_en


def _post(code: str) -> tuple[str, str]:
    post = registry.post(code)
    return post.name_zh, post.name_en
