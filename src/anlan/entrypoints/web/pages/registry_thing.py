"""One entry of the registry: its facts, what hangs on it, what is wrong, and its history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints.web import standing
from anlan.entrypoints.web.middleware import AddressUnknownError
from anlan.entrypoints.web.pages.registry import lines_of, marks_of, may_write, told
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import page, show
from anlan.entrypoints.web.telling import GRADES, KINDS, Teller, actor_name, address_of, column_of
from anlan.entrypoints.web.wording import knows, say
from anlan.infra.doors import Call, allowed, language_of
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain.edits import Difference
from anlan.registry.public import Change, Record, Turn, Wanted
from anlan.sensing import public as sensing
from anlan.warning.domain.ruletext import span_words

SHOWN = 10  # of what hangs on an entry; a list shows the rest
AHEAD = 3  # stretches of a roster that are told
#: What hangs on an entry, and by which of its columns the list finds it.
HANGING: dict[str, tuple[str, ...]] = {
    "areas": ("areas", "organisations"),
    "organisations": ("posts",),
    "posts": ("shifts", "duties", "risk_points"),
    "risk_points": ("sensors",),
}
_SECTIONS: Mapping[type, str] = {
    c.Area: "areas",
    c.Organisation: "organisations",
    c.Post: "posts",
    c.Shift: "shifts",
    c.Duty: "duties",
    c.RiskPoint: "risk_points",
    c.Sensor: "sensors",
    c.Holder: "holders",
}
#: What lies in an area, further down too: lists narrowed to it.
INSIDE = ("posts", "duties", "risk-points", "sensors", "rosters")
#: What can be changed of each kind: the end of the form's address, and what it is called.
EDITS: dict[str, tuple[tuple[str, str], ...]] = {
    "posts": (("roster", "add_line"), ("edit", "change")),
    "risk_points": (("edit", "change"), ("facts", "change_facts")),
    "sensors": (("edit", "change"), ("replace", "replace_device"), ("facts", "change_facts")),
}


def section_of(kind: str) -> str:
    """Return the section of an address word; people have a page, and no list."""
    section = KINDS.get(kind) or ("holders" if kind == "holders" else "")
    if not section:
        raise AddressUnknownError
    return section


@require_safe
@page("registry:read")
def thing(request: Call, kind: str, key: str) -> HttpResponse:
    """Show one entry."""
    return shown(request, kind, key)


def shown(request: Call, kind: str, key: str, *, status: int = 200, **more: Any) -> HttpResponse:
    """Return the page of an entry, with what the caller adds to it."""
    section = section_of(kind)
    record = registry.record(request.actor, section, key, at=request.now)
    language = language_of(request)
    history, has_older = registry.history_of(request.actor, section, key)
    hanging = _hanging(request, record)
    everything = [record, *(item for _, found in hanging for item in found.records)]
    turned = [turn.fields for change in history for turn in change.turns]
    old = [{name: was for name, was, _ in t.columns} for c in history for t in c.turns]
    teller = Teller.of(language, everything, [*turned, *old])
    marks = marks_of(request)
    examined = registry.examined(now=request.now)
    context = {
        "kind": kind,
        "record": record,
        "title": teller.title(record),
        "facts": teller.facts(record),
        "grade": _grade(record, language),
        "findings": told(examined.about(section, key), request) if examined else [],
        "hanging": [
            {
                "kind": word,
                "total": found.total,
                "lines": lines_of(found.records[:SHOWN], teller, marks),
                "all": f"/registry/{word}?{urlencode({'of': key})}" if found.total > SHOWN else "",
            }
            for word, found in hanging
        ],
        "inside": INSIDE if section == "areas" else (),
        "sitting": _sitting(request, record, teller),
        "history": [change_told(change, teller) for change in history],
        "has_older": has_older,
        "edits": _edits(request, record),
        "new_below": section == "areas" and bool(_edits(request, record)),
        "schematic": section == "areas" and registry.area(key).schematic,
        "done": request.GET.get("done") == "1",
        **_of_its_kind(request, record),
        **more,
    }
    return show(request, "web/pages/registry_thing.html", context, status=status)


def _grade(record: Record, language: str) -> dict[str, str] | None:
    grade = getattr(record.entry, "grade", None)
    if grade is None:
        return None
    name = registry.level_name("risk", grade.value, language)
    return {"colour": GRADES[grade.value], "name": name}


def _hanging(request: Call, record: Record) -> list[tuple[str, Any]]:
    words = {section: word for word, section in KINDS.items()}
    return [
        (
            words[section],
            registry.records(request.actor, section, Wanted(of=record.key), at=request.now),
        )
        for section in HANGING.get(record.section, ())
    ]


def _sitting(request: Call, record: Record, teller: Teller) -> list[dict[str, Any]]:
    """Return who sits now and next at a post, or at the post that answers for a risk point."""
    post = {
        "posts": record.key,
        "risk_points": getattr(record.entry, "owner_post", None),
        "shifts": getattr(record.entry, "post", None),
    }.get(record.section)
    if post is None:
        return []
    found: list[dict[str, Any]] = []
    at: datetime | None = request.now
    while at is not None and len(found) < AHEAD:
        sat = registry.on_duty(post, at=at)
        found.append(
            {
                "from": at,
                "sat": sat,
                "post": teller.name("posts", post),
                "href": address_of("posts", post),
            }
        )
        at = sat.until
    return found


def clock_says(clock: Any, language: str) -> str:
    """Return how long a clock runs, in plain words."""
    return say(
        "clock.says",
        language,
        limit=span_words(clock.limit, language),
        calendar=say(f"calendar.{clock.calendar}", language),
        stage=say(f"stage.{clock.stage}", language),
    )


def _edits(request: Call, record: Record) -> list[tuple[str, str]]:
    """Return where the entry can be changed and what each way is called, if by whoever looks."""
    if not may_write(request) or record.ended_at is not None:
        return []
    if not request.actor.covers(record.area_path) and record.section != "holders":
        return []  # one's own post elsewhere is seen, not changed
    address = address_of(record.section, record.key)
    ways = EDITS.get(record.section, (("edit", "change"),))
    language = language_of(request)
    return [(f"{address}/{end}", say(f"registry.{word}", language)) for end, word in ways]


def about_version(request: Call, section: str, code: str) -> dict[str, Any]:
    """Return what every page of a rule or clock says of its keeping: findings, history, the form."""
    history, has_older = registry.history_of(request.actor, section, code)
    teller = Teller.of(language_of(request), [])
    examined = registry.examined(now=request.now)
    found = [
        item
        for item in (examined.found if examined is not None else ())
        if item.section == section and item.key.split("/")[0] == code
    ]
    whole = may_write(request) and request.actor.covers("")
    by = registry.replaced_by(section, code)
    return {
        "replaced_by": by,
        "replaced_at": f"/{section}/{by}",
        "findings": told(found, request),
        "history": [change_told(change, teller) for change in history],
        "has_older": has_older,
        "edit": f"/{section}/{code}/edit" if whole and not by else "",
        "done": request.GET.get("done") == "1",
    }


def _of_its_kind(request: Call, record: Record) -> dict[str, Any]:
    if record.section == "holders":
        found = registry.posts_of_holder(record.key)
        posts = [code for code, path in found if request.actor.covers(path)]
        names, language = registry.names_of(posts=posts), language_of(request)
        return {
            "sits_at": [(names.post(code, language), address_of("posts", code)) for code in posts],
            "reachable": [say(f"fact.{x}", language) for x in registry.reachable_by(record.key)],
            "may_see_contact": may_write(request),
        }
    if record.section == "duties":
        counting = registry.clocks_in_force(record.entry.hazard, at=request.now)
        language = language_of(request)
        return {
            "clocks": [
                (getattr(x.title, language), f"/clocks/{x.id}", clock_says(x, language))
                for x in counting
            ]
        }
    if record.section == "sensors":
        return {
            "is_sensor": True,
            "latest": sensing.latest([record.key]).get(record.key),
            "unit": registry.unit_text(
                registry.quantity(record.entry.quantity).unit, language_of(request)
            ),
            "may_maintain": allowed(request.actor, "cases:act") and record.counts,
            **standing.standing_of(request, record.key, language_of(request)),
        }
    return {}


@require_POST
@page("registry:write")
def contact(request: Call, key: str) -> HttpResponse:
    """Show how a person on the roster is reached, once it is noted who looked and why."""
    try:
        found = registry.show_contact(
            request.actor, key, reason=request.POST.get("reason", ""), now=request.now
        )
    except AnlanError as error:
        if error.http_status == 404:
            raise
        refusal = refusal_of(request, error)
        return shown(request, "holders", key, refusal=refusal, status=error.http_status)
    return shown(request, "holders", key, contact=found, contact_asked=True)


def change_told(change: Change, teller: Teller) -> dict[str, Any]:
    """Return one entry of a history in words."""
    return {
        "change": change,
        "by": actor_name(change.by, teller.language),
        "turns": [_turn_told(turn, teller) for turn in change.turns],
    }


def _turn_told(turn: Turn, teller: Teller) -> dict[str, Any]:
    what = say(f"turn.{turn.what}", teller.language)
    if turn.section in {"rules", "clocks"}:
        what = f"{say('rule.version', teller.language, n=turn.fields['version'])}: {what}"
    if turn.section == "shifts":
        holder = turn.fields.get("holder_id")
        hours = f"{str(turn.fields.get('starts'))[:5]}–{str(turn.fields.get('ends'))[:5]}"
        end = turn.fields.get("valid_to")
        days = teller.days_of(
            turn.fields.get("valid_from"), date.fromisoformat(end) if end else None
        )
        line = " ".join([say("fact.line", teller.language), hours, str(holder), *days])
        what = f"{line}: {what}"
    return {"what": what, "columns": columns_told(turn.section, turn.columns, teller)}


def columns_told(
    section: str, columns: Sequence[tuple[str, Any, Any]], teller: Teller
) -> list[dict[str, str]]:
    """Return changed columns in words: name, before, after; of personal ones only the name."""
    lines = []
    for column, before, after in columns:
        name = column_of(column)
        hidden = section == "holders" and before is None and after is None
        lines.append(
            {
                "name": say(f"fact.{name}", teller.language) if knows(f"fact.{name}") else name,
                "before": "" if hidden else _text(teller, section, name, before),
                "after": "" if hidden else _text(teller, section, name, after),
                "hidden": "1" if hidden else "",
            }
        )
    return lines


def _text(teller: Teller, section: str, name: str, value: Any) -> str:
    return ", ".join(item.text for item in teller.value(section, name, value))


def teller_of(
    language: str, differences: Iterable[Difference], records: Sequence[Record] = ()
) -> Teller:
    """Return a teller that knows the names which differences speak of, beside those of records."""
    items = list(differences)
    columns = [{name: value} for item in items for name, *both in item.columns for value in both]
    named = [
        {x: getattr(item.entry, x, None) for x in ("holder", "area", "post")} for item in items
    ]
    return Teller.of(language, records, [*columns, *named])


def difference_told(item: Difference, teller: Teller) -> dict[str, Any]:
    """Return one difference that an edit makes in words: what becomes of what, and its columns."""
    if isinstance(item.entry, c.Shape):
        what = say(f"turn.{item.what}", teller.language)
        return {"what": what, "title": say("fact.shape", teller.language), "columns": []}
    section = _SECTIONS[type(item.entry)]
    title = teller.title(
        Record(section, item.key, item.entry, "", counts=True, began_at=None, ended_at=None)
    )
    columns = columns_told(section, item.columns, teller)
    if section == "shifts" and item.what == "ended":
        columns = [
            {
                "name": say("fact.holder", teller.language),
                "before": item.entry.holder,
                "after": "–",
                "hidden": "",
            }
        ]
    if item.what == "added":
        columns = [{**column, "before": ""} for column in columns]
    return {"what": say(f"turn.{item.what}", teller.language), "title": title, "columns": columns}
