"""Replays: what can be replayed, what was, and one run on its time line."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anlan.entrypoints import here, replaying
from anlan.entrypoints.web import charts
from anlan.entrypoints.web.csvfile import csv_file
from anlan.entrypoints.web.moments import COUNTED, Telling, counts, words
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import moved, page, show
from anlan.entrypoints.web.templatetags.anlan import span_text
from anlan.entrypoints.web.wording import say
from anlan.infra.doors import Call, allowed, language_of
from anlan.kernel.durations import parse_span
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.learning import public as learning
from anlan.learning.public import RunOrder, RunSeen, Scenario, Story, Summary
from anlan.registry import public as registry
from anlan.registry.domain.parse import city_folder, law_folder, read_city, read_jurisdiction

RUN = "replays:run"
SHOWN = 25
ANSWERS = ("", "5m", "30m", "2h")
WEEKS = 100
COURSES = 3
#: Runs that are listed, and those beside which one is set: the latest.
LISTED, COMPARED = 100, 3


@cache
def _scenario(name: str) -> Scenario:
    return learning.scenario(name)


@cache
def _shipped_rules(city: str) -> tuple[tuple[str, str, str], ...]:
    """Return (id, zh, en) of the rules of a shipped city and its law; packages do not change."""
    pack = read_city(city_folder(city)).pack
    law = read_jurisdiction(law_folder(city_folder(city), pack.info.jurisdiction)).pack
    rules = (*pack.rules, *law.rules)
    return tuple(sorted((rule.id, rule.title.zh, rule.title.en) for rule in rules))


def _scenario_line(scenario: Scenario, language: str) -> dict[str, Any]:
    inputs = learning.timeline(scenario)
    marks = Counter(item.mark.value for item in inputs)
    return {
        "id": scenario.id,
        "title": words(scenario.title, language),
        "source": scenario.source,
        "from_at": scenario.starts_at.replace("T", " "),
        "to_at": scenario.ends_at.replace("T", " "),
        "zone": scenario.timezone,
        "signs": len(inputs),
        "marks": [
            (say(f"fact.{mark}", language), say(f"fact_means.{mark}", language), number)
            for mark, number in marks.most_common()
        ],
        "compared": [words(row.what, language) for row in (*scenario.outcome, *scenario.decision)],
    }


def run_line(run: RunSeen, language: str) -> dict[str, Any]:
    """Return a run as one line of a list."""
    progress = run.progress
    return {
        "run": run,
        "title": words(run.order.title, language),
        "state": say(f"run.{run.state}", language),
        "how": how_it_ran(run.order, language),
        "stage": say(f"run.stage.{progress.stage}", language) if progress else "",
        "at": progress.at.replace("T", " ")[:16] if progress else "",
        "done": progress.done if progress else 0,
        "total": progress.total if progress else 0,
    }


def how_it_ran(order: RunOrder, language: str) -> list[str]:
    """Return how a run differs from others, in words."""
    found = [say(f"run.packs.{order.packs}", language)]
    for code in order.without:
        name = words(order.names.get(code), language) or code
        found.append(say("run.without", language, rule=name))
    if order.answer_after:
        span = span_text(parse_span(order.answer_after), language)
        found.append(say("run.answers", language, span=span))
    else:
        found.append(words(order.policy, language) or say("run.nobody", language))
    return found


@require_safe
@page("rules:read")
def replays(request: Call) -> HttpResponse:
    """List the events that can be replayed, and the runs there are, the latest first."""
    language = language_of(request)
    seen = islice(learning.latest(here.workspace().replays), LISTED)
    found = [run_line(run, language) for run in seen]
    return show(
        request,
        "web/pages/replays.html",
        {
            "scenarios": [_scenario_line(_scenario(name), language) for name in learning.names()],
            "under_way": [one for one in found if one["run"].state == "running"],
            "runs": [one for one in found if one["run"].state != "running"],
            "may_run": allowed(request.actor, RUN),
        },
    )


@require_http_methods(["GET", "POST"])
@page(RUN)
def new_replay(request: Call) -> HttpResponse:
    """Ask how an event is to be replayed, and begin; the city goes on being served."""
    name = request.POST.get("scenario") or request.GET.get("scenario", "")
    if not name:
        return moved("/replays")
    scenario, language = _scenario(name), language_of(request)
    rules = _shipped_rules(scenario.city)
    context: dict[str, Any] = {
        "scenario": _scenario_line(scenario, language),
        "rules": [(code, zh if language == "zh" else en) for code, zh, en in rules],
        "answers": [(one, say(f"answer.{one or 'nobody'}", language)) for one in ANSWERS],
        "weeks": WEEKS,
        "here": registry.is_loaded() and registry.city().id == scenario.city,
        "chosen": request.POST.getlist("without"),
        "given": request.POST,  # what was refused is given back as it was chosen
    }
    if request.method == "GET":
        return show(request, "web/pages/new_replay.html", context)
    try:
        number = replaying.start(here.workspace().replays, _order(request, scenario, context))
    except AnlanError as error:
        context["refusal"] = refusal_of(request, error)
        return show(request, "web/pages/new_replay.html", context, status=error.http_status)
    return moved(f"/replays/{number}")


def _order(request: Call, scenario: Scenario, context: dict[str, Any]) -> RunOrder:
    given = request.POST
    known = {code: learning.Words(zh=zh, en=en) for code, zh, en in _shipped_rules(scenario.city)}
    without = tuple(sorted(set(given.getlist("without"))))
    answer = given.get("answer", "")
    of_here = given.get("packs") == "here"
    if (
        answer not in ANSWERS
        or not known.keys() >= set(without)
        or (of_here and not context["here"])
    ):
        raise InvalidInputError(where="form", problem="unknown choice")
    return RunOrder(
        scenario=scenario.id,
        title=scenario.title,
        packs="here" if of_here else "shipped",
        packs_revision=registry.revision() if of_here else "",
        without=without,
        names={code: known[code] for code in without},
        answer_after=answer,
        weeks=WEEKS if given.get("weeks") else 0,
        asked_at=request.now,
        by=request.actor.id,
    )


@require_POST
@page(RUN)
def stop_replay(_request: Call, run: int) -> HttpResponse:
    """Ask a run to stop at its next step."""
    learning.stop(here.workspace().replays, run)
    return moved(f"/replays/{run}")


@require_safe
@page("rules:read")
def replay_page(request: Call, run: int) -> HttpResponse:
    """Show a run up to an instant: what was raised, owned and told, beside what happened."""
    folder, language = here.workspace().replays, language_of(request)
    seen = learning.run(folder, run)
    context: dict[str, Any] = {
        "line": run_line(seen, language),
        "may_run": allowed(request.actor, RUN),
    }
    if seen.state != "done":
        if seen.end is not None and seen.end.code:
            error = AnlanError(**seen.end.params)
            error.code = seen.end.code
            context["why"] = refusal_of(request, error)
        return show(request, "web/pages/replay_waiting.html", context)
    summary, story = learning.result_of(folder, run)
    if request.GET.get("form") == "csv":
        return _as_csv(story, run, language)
    context |= _told(summary, story, _instant(request, story), language)
    others = (
        one
        for one in islice(learning.latest(folder), LISTED)
        if one.state == "done" and one.number != run and one.order.scenario == summary.scenario
    )
    context["others"] = [run_line(one, language) for one in islice(others, COMPARED)]
    return show(request, "web/pages/replay.html", context)


def _instant(request: HttpRequest, story: Story) -> str:
    """Return the asked instant, within the replay; its end without one."""
    try:
        asked = datetime.fromisoformat(request.GET.get("at", ""))
    except ValueError:
        return story.to_at
    text = asked.replace(tzinfo=None).isoformat(timespec="seconds")
    return max(story.from_at, min(text, story.to_at))


def _told(summary: Summary, story: Story, at: str, language: str) -> dict[str, Any]:
    telling = Telling(story, language)
    lines = [telling.line(one, at=at) for one in reversed(story.moments)]
    instants = learning.stops(story)
    known = counts(one for one in story.moments if one.at <= at)
    return {
        "summary": summary,
        "source": summary.source,
        "local_zone": summary.timezone,
        "from_at": story.from_at,
        "to_at": story.to_at,
        "at": at,
        "at_text": at.replace("T", " ")[:16],
        "first": instants[0] if instants else story.from_at,
        "before": max((one for one in instants if one < at), default=""),
        "after": min((one for one in instants if one > at), default=""),
        "counts": [(form, say(f"form.{form}", language), known[form]) for form in COUNTED],
        "done": _windowed([one for one in lines if one["form"] not in ("decision", "outcome")]),
        "real": _windowed([one for one in lines if one["form"] in ("decision", "outcome")]),
        "all": list(reversed(lines)),
        "untimed": [words(one, language) for one in story.untimed],
        "figures": learning.figure_lines(summary, spoken(language)),
        "legend": learning.legend(spoken(language), [summary]),
        "false": learning.false_words(summary.ordinary, spoken(language))
        if summary.ordinary
        else "",
        **_drawn(telling, at),
    }


def spoken(language: str) -> Any:
    """Return the language as the room of learning names it."""
    return "zh" if language == "zh" else "en"


def _windowed(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hide what is still to come, and all but the latest of what was."""
    shown = 0
    for line in lines:
        line["hidden"] = line["later"] or line["quiet"] or shown >= SHOWN
        shown += not (line["later"] or line["quiet"])
    return lines


def _drawn(telling: Telling, at: str) -> dict[str, Any]:
    ticks = charts.clock_ticks(telling.since, telling.until)
    language, cursor = telling.language, telling.share(at)
    drawn = charts.time_line(
        telling.lanes(),
        ticks,
        title=say("replay.line", language),
        description=say(
            "replay.line_says", language, n=len(telling.story.moments),
            since=telling.story.from_at.replace("T", " "), until=telling.story.to_at.replace("T", " "),
        ),
        cursor=cursor,
    )  # fmt: skip
    courses, units = [], registry.unit_texts(telling.language)
    for one in telling.story.courses[:COURSES]:
        name = telling.name(one.quantity)
        most = max(value for _, value in one.rows)
        points = [(telling.share(when), value) for when, value in one.rows]
        unit = units.get(one.quantity, one.unit)
        courses.append(
            {
                "name": name,
                "stream": one.stream,
                "unit": unit,
                "mark": say(f"fact.{one.mark}", language),
                "rows": [(telling.clock(when), value) for when, value in one.rows],
                "svg": charts.courses(
                    [charts.Line(name, points)], ticks, unit=unit, cursor=cursor,
                    title=f"{name} {one.stream}",
                    description=say(
                        "replay.course_says", language, name=name, n=len(points),
                        most=f"{most:g}", unit=unit,
                    ),
                ),
            }
        )  # fmt: skip
    used = [shape for shape in charts.SHAPES if f'class="spot {shape}"' in drawn]
    key = [(shape, charts.SHAPES[shape]) for shape in used]
    return {"svg": drawn, "courses": courses, "key_shapes": key}


def _as_csv(story: Story, run: int, language: str) -> HttpResponse:
    telling = Telling(story, language)
    rows = [
        (one.at, one.form, one.level, one.about, one.place or one.area, " ".join(one.posts),
         one.count, telling.text(one), one.mark)
        for one in story.moments
    ]  # fmt: skip
    head = ("at", "form", "level", "about", "where", "posts", "count", "text", "mark")
    return csv_file(f"replay-{run}.csv", head, rows)
