"""Two runs of one event side by side: aligned in time, differences in words."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from anlan.entrypoints import here, reviewing
from anlan.entrypoints.web.moments import level_word, words
from anlan.entrypoints.web.pages.replays import run_line, spoken
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.wording import say
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.learning import public as learning

#: Runs to choose from: the latest.
OFFERED = 100


@require_safe
@page("rules:read")
def compare_replays(request: Call) -> HttpResponse:
    """Show two runs of one event side by side, differences in words."""
    folder, language = here.workspace().replays, language_of(request)
    done = (one for one in learning.latest(folder) if one.state == "done")
    lines = [run_line(one, language) for one in islice(done, OFFERED)]
    numbers = [request.GET.get(name, "") for name in ("a", "b")]
    context: dict[str, Any] = {"runs": lines, "a": numbers[0], "b": numbers[1]}
    if not all(numbers):
        return show(request, "web/pages/compare.html", context)
    if not all(one.isdecimal() and len(one) < 10 for one in numbers):
        raise InvalidInputError(where="a, b", problem="number of a run")
    one, other = (learning.result_of(folder, int(number))[0] for number in numbers)
    names = {**other.names, **one.names}
    try:
        found = learning.compare(one, other)
    except AnlanError as error:
        context["refusal"] = refusal_of(request, error)
        return show(request, "web/pages/compare.html", context, status=error.http_status)
    context |= {
        "pair": [run_line(learning.run(folder, int(number)), language) for number in numbers],
        "equal": found.equal,
        "totals": _totals([int(number) for number in numbers], language),
        "raised": [_pair(row, names, language) for row in found.raised],
        "figures": [_figure_pair(row, language) for row in found.figures],
    }
    return show(request, "web/pages/compare.html", context)


def _totals(numbers: list[int], language: str) -> list[tuple[str, list[int]]]:
    """Return the counts of both reports, one line each; none when a report is missing."""
    folder = here.workspace().replays
    found = [
        reviewing.stored(learning.run_folder(folder, number) / learning.REVIEW_FILE)
        for number in numbers
    ]
    whole = [one.read.review.whole for one in found if one is not None]
    if len(whole) < len(found):
        return []
    return [
        (say(f"review.{name}", language), [getattr(line, name) for line in whole])
        for name in ("opened", "answered", "late", "escalated")
    ]


def _pair(row: learning.RaisedPair, names: dict[str, Any], language: str) -> dict[str, Any]:
    def name(code: str) -> str:
        return words(names.get(code), language) or code

    sides: list[dict[str, Any] | None] = []
    for one in (row.a, row.b):
        if one is None:
            sides.append(None)
            continue
        between = "、" if language == "zh" else ", "
        sides.append(
            {
                "at": one.at.replace("T", " ")[5:16],
                "level": {"code": one.level, "name": level_word(one.level, language)}
                if one.level
                else None,
                "rule": name(one.rule) if one.rule else say("moment.by_report", language),
                "posts": between.join(name(post) for post in one.posts),
            }
        )
    return {
        "what": " · ".join(
            part for part in (name(row.hazard), name(row.place or row.area)) if part
        ),
        "form": say(f"duty.{row.form}", language),
        "urgent": row.urgent,
        "sides": sides,
        "differences": _differences(row.differences, row.minutes, language),
    }


def _figure_pair(row: learning.FigurePair, language: str) -> dict[str, Any]:
    spans = [
        None
        if one is None or one.minutes is None
        else learning.span_words(one.minutes, spoken(language))
        for one in (row.a, row.b)
    ]
    return {
        "form": say(f"figure.{row.form}", language),
        "what": words(row.what, language),
        "at": row.at.replace("T", " ")[5:16],
        "spans": spans,
        "differences": _differences(row.differences, row.minutes, language),
    }


def _differences(codes: tuple[str, ...], minutes: float | None, language: str) -> list[str]:
    span = learning.span_words(abs(minutes), spoken(language)).lstrip("+") if minutes else ""
    return [say(f"differs.{code}", language, span=span) for code in codes]
