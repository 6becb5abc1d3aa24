"""The board of rules: what each says, what it raised week by week, and how often it was right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.accountability import public as accountability
from anlan.accountability.public import RuleBoard, RuleWeeks
from anlan.entrypoints.web import assets
from anlan.entrypoints.web.csvfile import csv_file
from anlan.entrypoints.web.pages.rules import told
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.templatetags.anlan import span_text
from anlan.entrypoints.web.watching.shelf import shelf
from anlan.entrypoints.web.wording import say
from anlan.infra.doors import Call, language_of
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.registry.public import Names
from anlan.warning import public as warning

#: What is wrong comes first: ignored, then often wrong, then those that raised most.
OFTEN_WRONG = 0.5
HEAD = (
    "rule", "raised", "confirmed", "false", "aside", "open", "told", "acted", "precision",
    "median_wait_s", "nobody_acts",
)  # fmt: skip


@require_safe
@page("alerts:read")
def board(request: Call) -> HttpResponse:
    """Show every rule in force with what became of its alerts in the last weeks."""
    if not registry.is_loaded():
        return show(request, "web/pages/board.html", {"none": True, "style": _style()})
    found = accountability.rule_board(request.actor, now=request.now)
    if request.GET.get("form") == "csv":
        return _as_csv(found)
    language = language_of(request)
    rules = registry.rules_in_force(at=request.now)
    said = warning.told_of(rules)
    names = registry.names_of(posts=())
    offices = _offices(found.rules.values(), language)
    streams = _streams(request, rules)
    lines = [
        {
            **told(rule, names, language),
            "says": getattr(said[rule.id, rule.version], language),
            "streams": streams.get(rule.id),
            **counted(found.rules.get(rule.id), offices, language),
        }
        for rule in rules
    ]
    lines.sort(key=_pressing)
    context = {
        "style": _style(),
        "lines": [line for line in lines if line["raised"]],
        "quiet": [line for line in lines if not line["raised"]],
        "weeks": found.weeks,
        "stale": found.stale,
        "ignored": [line for line in lines if line["is_ignored"]],
        "gone": _gone(found, rules, names, offices, language),
    }
    return show(request, "web/pages/board.html", context)


def _style() -> str:
    return assets.stamped("streams.css")


def _pressing(line: dict[str, Any]) -> tuple[bool, bool, int, str]:
    wrong = line["precision"] is not None and line["precision"] < 100 * OFTEN_WRONG
    return not line["is_ignored"], not wrong, -line["raised"], line["id"]


def counted(found: RuleWeeks | None, offices: dict[str, str], language: str) -> dict[str, Any]:
    """Return the weeks of a rule in words; none were counted where it raised nothing."""
    if found is None:
        return {"raised": 0, "precision": None, "is_ignored": False, "weeks": (), "most": 0}
    acted: Counter[str] = Counter()
    for post, number in found.posts:
        acted[offices.get(post, post)] += number
    wait = found.wait_s
    return {
        "raised": found.raised,
        "weeks": found.weeks,
        "most": max((number for _, number in found.weeks), default=0),
        "outcomes": [
            (name, getattr(found, name)) for name in ("confirmed", "false", "aside", "open", "told")
        ],
        "settled": found.settled,
        "precision": None if found.precision is None else round(100 * found.precision),
        "is_ignored": found.is_ignored,
        "acted": found.acted,
        "called": found.called,
        "offices": sorted(acted.items()),
        "wait": "" if wait is None else span_text(timedelta(seconds=wait), language),
    }


def _offices(found: Iterable[RuleWeeks], language: str) -> dict[str, str]:
    """Return the organisation of each post that acted, by name (two queries)."""
    posts = {post for one in found for post, _ in one.posts if post}
    organisations = registry.organisations_of(posts)
    names = registry.organisation_names(set(organisations.values()))
    return {
        post: _named(names.get(code, (code, "")), language) for post, code in organisations.items()
    }


def _named(name: tuple[str, str], language: str) -> str:
    zh, en = name
    return (en if language == "en" and en else zh) or say("board.somebody", language)


def _streams(request: Call, rules: Sequence[RuleSpec]) -> dict[str, int]:
    """Return how many of the reader's streams each rule looks at; none for rules of other signs."""
    held = shelf(now=request.now)
    seen = [request.actor.covers(path) for path in held.paths]
    kinds = Counter(
        (one.quantity, one.place_kind)
        for one, path in zip(held.sensors, held.path_of.tolist(), strict=True)
        if seen[path]
    )
    found = {}
    for rule in rules:
        quantity = getattr(rule, "quantity", None)
        if quantity is not None:
            found[rule.id] = sum(
                number
                for (measured, kind), number in kinds.items()
                if quantity in ("*", measured)
                and (not rule.only_place_kinds or kind in rule.only_place_kinds)
            )
    return found


def _gone(
    found: RuleBoard,
    rules: Sequence[RuleSpec],
    names: Names,
    offices: dict[str, str],
    language: str,
) -> list[dict[str, Any]]:
    """Return rules that raised something and are in force no more."""
    in_force = {rule.id for rule in rules}
    lines = []
    for rule in sorted(found.rules.keys() - in_force):
        versions = registry.rule_versions(rule)
        if versions:
            line = told(versions[-1].entry, names, language)
            lines.append(line | counted(found.rules[rule], offices, language))
    return lines


def _as_csv(found: RuleBoard) -> HttpResponse:
    head = (*HEAD, *(f"week_{week}" for week in found.weeks))
    rows = [
        (
            one.rule, one.raised, one.confirmed, one.false, one.aside, one.open, one.told, one.acted,
            one.precision, one.wait_s, int(one.is_ignored), *(number for _, number in one.weeks),
        )
        for one in (found.rules[rule] for rule in sorted(found.rules))
    ]  # fmt: skip
    return csv_file("rules-precision.csv", head, rows)
