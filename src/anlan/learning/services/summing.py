"""Make the summary of a replay from its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from anlan.kernel.events import Told
from anlan.learning import selectors
from anlan.learning.domain import score
from anlan.learning.domain.policy import Policy
from anlan.learning.domain.scenario import (
    DeclaredState,
    HandlerClaim,
    PersonReport,
    Reading,
    RelayedSignal,
    Scenario,
)
from anlan.learning.domain.story import Story, tell_story
from anlan.learning.domain.summary import (
    FORMAT,
    ClaimRow,
    ClimbRow,
    FigureRow,
    InputRow,
    OpenRow,
    RaisedRow,
    Summary,
)
from anlan.learning.services.naming import named_story, with_names
from anlan.notices.domain.events import NoticeAnswered, NoticePosted
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.response.domain.events import (
    CaseClockMissed,
    CaseEscalated,
    CaseMoved,
    CaseOpened,
    CaseOwnerChanged,
    CasePriorityRaised,
    CasesMerged,
    TaskGiven,
)
from anlan.warning.domain.events import AlertLevelChanged

MINUTE = timedelta(minutes=1)
CLOSED = frozenset({"closed", "rated", "dismissed", "merged"})


@dataclass(slots=True)
class _Duty:
    """How one case stands at the end."""

    opened: CaseOpened
    at: datetime
    owner: str
    priority: int
    rungs: int = 0
    top_post: str = ""
    reminders: int = 0
    missed: int = 0
    closed: bool = False


@dataclass(slots=True)
class _Book:
    """The cases and notices of a whole journal."""

    duties: dict[int, _Duty] = field(default_factory=dict)
    notices: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)

    def read(self, heard: Told) -> None:
        """Take in one event."""
        event = heard.event
        if isinstance(event, CaseOpened):
            self.duties[event.case] = _Duty(event, heard.at, event.owner, event.priority)
        elif isinstance(event, NoticePosted):
            self.notices.add(event.notice)
        elif isinstance(event, NoticeAnswered):
            self.answered.add(event.notice)
        else:
            self._read_of_case(event)

    def _read_of_case(self, event: object) -> None:
        duty = self.duties.get(getattr(event, "case", -1))
        if duty is None:
            return
        if isinstance(event, CaseMoved):
            duty.closed = event.after in CLOSED
        elif isinstance(event, CasesMerged):
            duty.closed = True
        elif isinstance(event, CaseOwnerChanged):
            duty.owner = event.owner
        elif isinstance(event, CasePriorityRaised):
            duty.priority = event.priority
        elif isinstance(event, CaseClockMissed):
            duty.missed += 1
        elif isinstance(event, CaseEscalated):
            # Rungs are numbered from 0; a reminder on top is no further rung.
            duty.rungs = max(duty.rungs, 0 if event.reminder else event.rung + 1)
            duty.top_post = event.post
            duty.reminders += event.reminder


@dataclass(frozen=True, slots=True)
class _Local:
    """Instants as the scenario's place has them."""

    zone: ZoneInfo

    def text(self, at: datetime) -> str:
        """Return a local instant to the second."""
        return at.astimezone(self.zone).replace(tzinfo=None).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class _Grounds:
    """What instants may rest on: the inputs, and the rules that read them."""

    given: Sequence[score.Given]
    rules: Mapping[str, RuleSpec]


def _first_rows(
    found: Sequence[score.Raised], told: Sequence[Told], grounds: _Grounds, local: _Local
) -> tuple[RaisedRow, ...]:
    """Return the first arrival for each form, rule and place, with the posts of that minute."""
    given: dict[str, list[datetime]] = {}
    for heard in told:
        if isinstance(heard.event, TaskGiven):
            given.setdefault(f"case:{heard.event.case}", []).append(heard.at)
    groups: dict[tuple[str, ...], list[score.Raised]] = {}
    for item in found:
        key = (item.form, item.rule, item.hazard, item.place, "" if item.place else item.area)
        groups.setdefault(key, []).append(item)
    rows = []
    for items in groups.values():
        first = items[0]
        end = first.at + MINUTE
        within = [item for item in items if item.at <= end]
        rows.append(
            RaisedRow(
                at=local.text(first.at),
                form=first.form,
                rule=first.rule,
                hazard=first.hazard,
                level=first.level,
                place=first.place,
                area=first.area,
                posts=tuple(dict.fromkeys(item.post for item in within)),
                tasks=sum(first.at - MINUTE <= at <= end for at in given.get(first.about, ())),
                about=first.about,
                marks=score.marks_behind(first, grounds.given, grounds.rules),
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.at, row.form, row.rule, row.place)))


def _climbs(told: Sequence[Told], grounds: _Grounds, local: _Local) -> tuple[ClimbRow, ...]:
    rows = []
    for heard in told:
        event, at = heard.event, local.text(heard.at)
        if isinstance(event, AlertLevelChanged):
            rule = grounds.rules.get(event.rule)
            marks = score.soft_marks(rule, grounds.given, at=heard.at, subject=event.subject)
            rows.append(
                ClimbRow(
                    at=at, what="level", about=event.subject, rule=event.rule,
                    before=event.before, after=event.level, marks=marks,
                )
            )  # fmt: skip
        elif isinstance(event, CasePriorityRaised):
            rows.append(
                ClimbRow(
                    at=at, what="priority", about=f"case:{event.case}", rule=event.why,
                    before=str(event.before), after=str(event.priority),
                )
            )  # fmt: skip
    return tuple(rows)


def _figure_row(figure: score.Figure, local: _Local) -> FigureRow:
    raised, urgent = figure.raised, figure.urgent
    return FigureRow(
        form=figure.form,
        what=figure.what,
        at=local.text(figure.at),
        raised_at=local.text(raised.at) if raised else "",
        by=(raised.rule or raised.origin.partition(":")[0]) if raised else "",
        place=(raised.place or raised.area) if raised else "",
        minutes=figure.span.total_seconds() / 60 if figure.span is not None else None,
        urgent_at=local.text(urgent.at) if urgent else "",
        urgent_minutes=(figure.at - urgent.at).total_seconds() / 60 if urgent else None,
        marks=figure.marks,
        urgent_marks=figure.urgent_marks,
    )


def _input_rows(given: Sequence[score.Given], local: _Local) -> tuple[InputRow, ...]:
    rows = []
    for item in given:
        fact = item.input.fact
        if isinstance(fact, Reading | HandlerClaim):
            continue
        rows.append(
            InputRow(
                number=item.input.number,
                at=local.text(item.input.known_at),
                kind=_kind_of(fact),
                text=_text_of(fact),
                mark=item.input.mark.value,
                place_mark=fact.place_mark
                if isinstance(fact, PersonReport) and fact.lat is not None
                else "",
                handled=fact.handled if isinstance(fact, PersonReport) else "",
                sign=item.sign,
            )
        )
    return tuple(sorted(rows, key=lambda row: row.number))


def _kind_of(fact: RelayedSignal | PersonReport | DeclaredState) -> str:
    if isinstance(fact, PersonReport):
        return fact.kind
    return "signal" if isinstance(fact, RelayedSignal) else "state"


def _text_of(fact: RelayedSignal | PersonReport | DeclaredState) -> str:
    if isinstance(fact, RelayedSignal):
        return f"{fact.colour.value}: {fact.text}"
    return fact.text if isinstance(fact, PersonReport) else f"response {fact.level.value}"


def _open_rows(book: _Book, local: _Local) -> tuple[OpenRow, ...]:
    return tuple(
        OpenRow(
            case=number,
            opened_at=local.text(duty.at),
            hazard=duty.opened.hazard,
            place=duty.opened.place,
            owner=duty.owner,
            priority=duty.priority,
            rungs=duty.rungs,
            top_post=duty.top_post,
            reminders=duty.reminders,
            missed_clocks=duty.missed,
            area=duty.opened.area,
        )
        for number, duty in sorted(book.duties.items())
        if not duty.closed
    )


def summarise(
    scenario: Scenario,
    told: Sequence[Told],
    given: Sequence[score.Given],
    *,
    policy: Policy,
    claims: tuple[ClaimRow, ...],
    refused: Sequence[tuple[datetime, str, str]],
) -> Summary:
    """Return the summary of a replay whose journal is ``told``."""
    local = _Local(ZoneInfo(scenario.timezone))
    start, end = scenario.instant(scenario.starts_at), scenario.instant(scenario.ends_at)
    rules = selectors.rules_by_id(registry.rules_in_force(at=end))
    found = score.raisings(told, rules)
    book = _Book()
    for heard in told:
        book.read(heard)
    made = score.figures(scenario, found, given, rules, selectors.path_reader())
    open_cases = _open_rows(book, local)
    grounds = _Grounds(given, rules)
    summary = Summary(
        format=FORMAT,
        scenario=scenario.id,
        title=scenario.title,
        source=scenario.source,
        city=scenario.city,
        timezone=scenario.timezone,
        policy=policy.title,
        from_at=local.text(start),
        to_at=local.text(end),
        readings=sum(isinstance(item.input.fact, Reading) for item in given),
        inputs=_input_rows(given, local),
        raised=_first_rows(found, told, grounds, local),
        climbed=_climbs(told, grounds, local),
        figures=tuple(_figure_row(figure, local) for figure in made),
        notices=len(book.notices),
        unanswered_notices=len(book.notices - book.answered),
        open_cases=open_cases,
        closed_cases=len(book.duties) - len(open_cases),
        claims=claims,
        refused_moves=tuple(f"{local.text(at)} {what}: {code}" for at, what, code in refused),
    )
    return with_names(summary, rules)


def recount(scenario: Scenario, told: Sequence[Told], inputs: Sequence[InputRow]) -> Story:
    """Return the story of a replay whose journal is ``told``, with the names of what it speaks of."""
    local = _Local(ZoneInfo(scenario.timezone))
    rules = registry.rules_in_force(at=scenario.instant(scenario.ends_at))
    story = tell_story(scenario, told, inputs, local.text)
    return named_story(story, selectors.rules_by_id(rules))
