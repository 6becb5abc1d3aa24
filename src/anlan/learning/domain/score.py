"""What a replay raised, and how long before a harm (lead, 提前量) or a decision (gain, 赢得时间).

*Raised* is the first instant at which a case, task or lag alert of Anlan's own, naming the
kind and a place in the harmed area, reaches a post's inbox.  A relayed signal alone does
not count, nor does an alert that told nobody.  Everything is computed from the journal's
events, in their order; nothing here reads a clock or a table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from anlan.kernel.events import Event, Told
from anlan.kernel.scales import WarningLevel, rank
from anlan.learning.domain.scenario import (
    SOFT_MARKS,
    About,
    Compared,
    DeclaredState,
    HandlerClaim,
    Input,
    Mark,
    PersonReport,
    Reading,
    RelayedSignal,
    Scenario,
    Words,
)
from anlan.notices.domain.events import NoticePosted
from anlan.registry.domain.rulespecs import (
    ClusterRule,
    ConjunctionRule,
    LagRule,
    RuleSpec,
)
from anlan.response.domain.events import (
    CaseOpened,
    MembersJoined,
    SignJoinedCase,
    TaskGiven,
)
from anlan.warning.domain.events import AlertLevelChanged, AlertRaised

URGENT = (WarningLevel.RED.value, WarningLevel.ORANGE.value)
PathOf = Callable[[str], str]
Kind = Literal["reading", "signal", "report", "state"]


@dataclass(frozen=True, slots=True)
class Raised:
    """One arrival of a duty in a post's inbox."""

    at: datetime
    form: Literal["case", "task", "lag"]
    hazard: str
    place: str
    area: str
    post: str
    about: str  # "case:7", "task:9", "alert:3"
    level: str = ""  # a WarningLevel, or "" when a person's report opened the case
    rule: str = ""
    subject: str = ""
    origin: str = ""  # "alert:3", "report:12"


@dataclass(frozen=True, slots=True)
class Given:
    """An input as it went in: the reference under which Anlan keeps it, if it has one."""

    input: Input
    sign: str = ""  # "report:12", "signal:3"


@dataclass(frozen=True, slots=True)
class Figure:
    """Lead or gain of one harm or decision with a known time."""

    form: Literal["lead", "gain"]
    what: Words
    at: datetime
    raised: Raised | None
    span: timedelta | None  # negative: Anlan came later; None: it never raised it
    urgent: Raised | None  # the first arrival at orange or red
    marks: tuple[Mark, ...]  # soft marks of what the figure rests on
    urgent_marks: tuple[Mark, ...]  # the same for the span from orange or red


@dataclass(slots=True)
class _Journal:
    """What has been heard so far, by number."""

    alerts: dict[int, AlertRaised] = field(default_factory=dict)
    levels: dict[int, str] = field(default_factory=dict)
    cases: dict[int, CaseOpened] = field(default_factory=dict)
    tasks: dict[int, TaskGiven] = field(default_factory=dict)
    joined: dict[int, list[int]] = field(default_factory=dict)  # case -> alerts it answers

    def leading_alert(self, case: int) -> AlertRaised | None:
        """Return the alert with the highest level among those a case answers, the first of them."""
        found = [self.alerts[number] for number in self.joined.get(case, ())]
        return min(found, key=lambda alert: _place_of(self.levels[alert.alert]), default=None)


def _place_of(level: str) -> int:
    return rank(WarningLevel(level)) if level else len(WarningLevel)


def raisings(told: Iterable[Told], rules: Mapping[str, RuleSpec]) -> list[Raised]:
    """Return every arrival of a case, task or lag alert in an inbox, in the order of time.

    An arrival bears the rule and level of the highest alert that its case answers by then.
    """
    known = _Journal()
    found: list[Raised] = []
    for heard in told:
        if isinstance(heard.event, NoticePosted):
            arrival = _arrival(heard.event, heard.at, known, rules)
            if arrival is not None:
                found.append(arrival)
        else:
            _learn(heard.event, known)
    return found


def _learn(event: Event, known: _Journal) -> None:
    if isinstance(event, AlertRaised):
        known.alerts[event.alert] = event
        known.levels[event.alert] = event.level
    elif isinstance(event, AlertLevelChanged):
        known.levels[event.alert] = event.level
    elif isinstance(event, CaseOpened):
        known.cases[event.case] = event
        _join(event.case, event.origin, known)
    elif isinstance(event, SignJoinedCase):
        _join(event.case, event.sign, known)
    elif isinstance(event, MembersJoined):
        for sign in event.signs:
            _join(event.case, sign, known)
    elif isinstance(event, TaskGiven):
        known.tasks[event.task] = event


def _join(case: int, sign: str, known: _Journal) -> None:
    what, _, number = sign.partition(":")
    if what == "alert" and number.isdecimal() and int(number) in known.alerts:
        known.joined.setdefault(case, []).append(int(number))


def _arrival(
    notice: NoticePosted, at: datetime, known: _Journal, rules: Mapping[str, RuleSpec]
) -> Raised | None:
    what, _, number = notice.about.partition(":")
    if not number.isdecimal():
        return None
    if what == "alert":
        return _lag(notice, at, known, rules, int(number))
    case_number = int(number)
    if what == "task":
        task = known.tasks.get(case_number)
        if task is None:
            return None
        case_number = task.case
    case = known.cases.get(case_number)
    if what not in {"case", "task"} or case is None:
        return None
    alert = known.leading_alert(case.case)
    is_lag = alert is not None and isinstance(rules.get(alert.rule), LagRule)
    return Raised(
        at=at,
        form="task" if what == "task" else "lag" if is_lag else "case",
        hazard=case.hazard,
        place=case.place,
        area=case.area,
        post=notice.post,
        about=notice.about,
        level=known.levels.get(alert.alert, "") if alert else "",
        rule=alert.rule if alert else "",
        subject=alert.subject if alert else "",
        origin=case.origin,
    )


def _lag(
    notice: NoticePosted,
    at: datetime,
    known: _Journal,
    rules: Mapping[str, RuleSpec],
    number: int,
) -> Raised | None:
    alert = known.alerts.get(number)
    if alert is None or not isinstance(rules.get(alert.rule), LagRule):
        return None
    return Raised(
        at=at,
        form="lag",
        hazard=alert.hazard,
        place=alert.place,
        area=alert.area,
        post=notice.post,
        about=notice.about,
        level=known.levels[number],
        rule=alert.rule,
        subject=alert.subject,
        origin=notice.about,
    )


def names(raised: Raised, about: About, path_of: PathOf) -> bool:
    """Return whether ``raised`` names the kind and a place in the harmed area."""
    if raised.hazard not in about.hazards:
        return False
    if raised.place and raised.place in about.places:
        return True
    if not raised.area:
        return False
    path = path_of(raised.area)
    return any(
        path == path_of(area) or path.startswith(path_of(area) + "/") for area in about.areas
    )


def _names_itself(raised: Raised, about: About) -> bool:
    """Return whether it names one of the places or areas, and not only something within one."""
    return raised.place in about.places if raised.place else raised.area in about.areas


def first_raised(
    found: Sequence[Raised], about: About, path_of: PathOf, *, levels: Collection[str] = ()
) -> Raised | None:
    """Return the earliest arrival that names what ``about`` names, at one of ``levels`` if any.

    Of several at one instant it is the one that names the very place or area, then the highest.
    """
    fitting = (
        item
        for item in found
        if (not levels or item.level in levels) and names(item, about, path_of)
    )
    return min(
        fitting,
        key=lambda item: (item.at, not _names_itself(item, about), _place_of(item.level)),
        default=None,
    )


def inputs_used(rule: RuleSpec) -> frozenset[Kind]:
    """Return which kinds of input an alert of ``rule`` can rest on."""
    if isinstance(rule, ClusterRule):
        return frozenset({"report"})
    if isinstance(rule, LagRule):
        return frozenset({"signal", "state"})
    if isinstance(rule, ConjunctionRule):
        conditions: list[tuple[object, Kind]] = [
            (rule.signal, "signal"),
            (rule.report, "report"),
            (rule.reading, "reading"),
        ]
        return frozenset(kind for condition, kind in conditions if condition is not None)
    return frozenset({"reading"})


_KINDS: dict[type, Kind] = {
    Reading: "reading",
    RelayedSignal: "signal",
    PersonReport: "report",
    DeclaredState: "state",
}


def _bears_on(given: Given, subject: str, at: datetime, uses: frozenset[Kind]) -> bool:
    fact = given.input.fact
    if isinstance(fact, HandlerClaim) or given.input.known_at > at:
        return False
    if _KINDS[type(fact)] not in uses:
        return False
    if isinstance(fact, Reading) and subject.startswith("stream:"):
        return subject == f"stream:{fact.stream}"
    return True


def soft_marks(
    rule: RuleSpec | None,
    inputs: Sequence[Given],
    *,
    at: datetime,
    subject: str = "",
    origin: str = "",
    against: Mark = Mark.VERIFIED,
) -> tuple[Mark, ...]:
    """Return the words that an instant must carry: the soft marks of what it may rest on.

    Wide on purpose: a row that may have mattered lends its mark.  ``origin`` is the sign
    that opened the case; ``against`` marks the harm or decision it is set against.
    """
    uses = inputs_used(rule) if rule is not None else frozenset[Kind]()
    marks = {against}
    for item in inputs:
        if (item.sign and item.sign == origin) or _bears_on(item, subject, at, uses):
            marks |= item.input.marks
    return tuple(mark for mark in SOFT_MARKS if mark in marks)


def marks_behind(
    raised: Raised | None,
    inputs: Sequence[Given],
    rules: Mapping[str, RuleSpec],
    *,
    against: Mark = Mark.VERIFIED,
) -> tuple[Mark, ...]:
    """Return the soft marks of one arrival, or of what it would have been set against."""
    if raised is None:
        return tuple(mark for mark in SOFT_MARKS if mark is against)
    return soft_marks(
        rules.get(raised.rule),
        inputs,
        at=raised.at,
        subject=raised.subject,
        origin=raised.origin,
        against=against,
    )


def figures(
    scenario: Scenario,
    found: Sequence[Raised],
    inputs: Sequence[Given],
    rules: Mapping[str, RuleSpec],
    path_of: PathOf,
) -> list[Figure]:
    """Return one figure for each harm and each decision whose time is known."""
    rows: list[tuple[Literal["lead", "gain"], Compared]] = [
        *(("lead", row) for row in scenario.outcome),
        *(("gain", row) for row in scenario.decision),
    ]
    result = []
    for form, row in rows:
        if not row.at or row.about is None:
            continue
        at = scenario.instant(row.at)
        raised = first_raised(found, row.about, path_of)
        urgent = first_raised(found, row.about, path_of, levels=URGENT)
        result.append(
            Figure(
                form=form,
                what=row.what,
                at=at,
                raised=raised,
                span=at - raised.at if raised is not None else None,
                urgent=urgent,
                marks=marks_behind(raised, inputs, rules, against=row.mark),
                urgent_marks=marks_behind(urgent, inputs, rules, against=row.mark),
            )
        )
    return result
