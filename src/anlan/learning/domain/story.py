"""The story of a replay (经过): moment by moment, what was known, raised, owned, told, answered.

Beside it stands what happened in reality.  Made from the journal's events in their order, like
the summary; a page shows it up to any instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec

from anlan.kernel.events import Event, Told
from anlan.learning.domain.scenario import Fact, Scenario, Words, series_rows
from anlan.learning.domain.summary import InputRow
from anlan.notices.domain.events import NoticeAnswered, NoticePosted
from anlan.response.domain.events import (
    CaseClockMissed,
    CaseEscalated,
    CaseMoved,
    CaseOpened,
    CaseOwnerChanged,
    CasePriorityRaised,
    CasesMerged,
)
from anlan.warning.domain.events import AlertLevelChanged, AlertRaised

STORY_FILE = "story.json"
FORMAT = 1
Form = Literal[
    "sign", "raised", "level", "owned", "told", "answered", "moved", "missed", "escalated",
    "reminded", "priority", "decision", "outcome",
]  # fmt: skip
#: What happened in reality; everything else is what Anlan did or was given.
REAL: frozenset[Form] = frozenset({"decision", "outcome"})


class Moment(Fact, frozen=True, kw_only=True):
    """Something that became known, was done, or happened, at one instant."""

    at: str  # local, to the second
    form: Form
    about: str = ""  # "case:7", "alert:3"
    hazard: str = ""
    level: str = ""
    rule: str = ""
    place: str = ""
    area: str = ""
    posts: tuple[str, ...] = ()
    text: Words | None = None
    detail: str = ""  # a kind of sign, a trigger, a code: what the words of the page are chosen by
    mark: str = ""
    count: int = 1


class Course(Fact, frozen=True, kw_only=True):
    """The readings of one stream, as they were given."""

    stream: str
    quantity: str
    unit: str
    mark: str
    rows: tuple[tuple[str, float], ...]


class Story(Fact, frozen=True, kw_only=True):
    """Everything that a page needs to show a replay as it went."""

    format: int
    scenario: str
    from_at: str
    to_at: str
    moments: tuple[Moment, ...]
    courses: tuple[Course, ...]
    untimed: tuple[Words, ...]  # decisions and harms of which no instant is known
    names: dict[str, Words] = {}


Local = Callable[[datetime], str]


@dataclass(slots=True)
class _Teller:
    """What must be remembered while the journal is told."""

    local: Local
    cases: dict[int, CaseOpened] = field(default_factory=dict)
    notices: dict[int, NoticePosted] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    answered: set[tuple[str, str]] = field(default_factory=set)

    def hear(self, heard: Told) -> Iterator[Moment]:
        """Return what one event adds to the story."""
        event, at = heard.event, self.local(heard.at)
        if isinstance(event, AlertRaised):
            yield Moment(
                at=at, form="raised", about=f"alert:{event.alert}", hazard=event.hazard,
                level=event.level, rule=event.rule, place=event.place, area=event.area,
            )  # fmt: skip
        elif isinstance(event, AlertLevelChanged):
            yield Moment(
                at=at, form="level", about=f"alert:{event.alert}", hazard=event.hazard,
                level=event.level, rule=event.rule, place=event.place, area=event.area,
                detail=event.before,
            )  # fmt: skip
        elif isinstance(event, NoticePosted):
            yield from self._posted(event, at)
        elif isinstance(event, NoticeAnswered):
            yield from self._answered(event, at)
        else:
            yield from self._of_case(event, at)

    def _posted(self, event: NoticePosted, at: str) -> Iterator[Moment]:
        self.notices[event.notice] = event
        if (event.post, event.about) in self.told:
            return  # told again: the reminders say how often
        self.told.add((event.post, event.about))
        yield self._case_moment(at, "told", event.about, posts=(event.post,), detail=event.urgency)

    def _answered(self, event: NoticeAnswered, at: str) -> Iterator[Moment]:
        notice = self.notices.get(event.notice)
        if notice is None or event.what != "acknowledged":
            return
        if (notice.post, notice.about) not in self.answered:  # once, however often reminded
            self.answered.add((notice.post, notice.about))
            yield self._case_moment(at, "answered", notice.about, posts=(notice.post,))

    def _of_case(self, event: Event, at: str) -> Iterator[Moment]:
        if isinstance(event, CaseOpened):
            self.cases[event.case] = event
            yield self._case_moment(at, "owned", f"case:{event.case}", posts=(event.owner,))
            return
        number = getattr(event, "case", None)
        if number is None:
            return
        about = f"case:{number}"
        if isinstance(event, CaseOwnerChanged):
            yield self._case_moment(at, "owned", about, posts=(event.owner,), detail=event.why)
        elif isinstance(event, CaseMoved):
            yield self._case_moment(at, "moved", about, detail=event.trigger)
        elif isinstance(event, CasesMerged):
            yield self._case_moment(at, "moved", about, detail="merge")
        elif isinstance(event, CaseClockMissed):
            yield self._case_moment(at, "missed", about, detail=event.rule)
        elif isinstance(event, CasePriorityRaised):
            yield self._case_moment(at, "priority", about, detail=str(event.priority))
        elif isinstance(event, CaseEscalated):
            form: Form = "reminded" if event.reminder else "escalated"
            yield self._case_moment(
                at, form, "" if event.reminder else about, posts=(event.post,),
                detail="" if event.reminder else str(event.rung + 1),
            )  # fmt: skip

    def _case_moment(
        self, at: str, form: Form, about: str, *, posts: tuple[str, ...] = (), detail: str = ""
    ) -> Moment:
        what, _, number = about.partition(":")
        case = self.cases.get(int(number)) if what == "case" and number.isdecimal() else None
        return Moment(
            at=at, form=form, about=about, posts=posts, detail=detail,
            hazard=case.hazard if case else "", place=case.place if case else "",
            area=case.area if case else "",
        )  # fmt: skip


def _joined(moments: Iterable[Moment]) -> list[Moment]:
    """Join what says the same of one matter within one minute; reminders count together."""
    found: dict[tuple[str, ...], Moment] = {}
    for one in moments:
        key = (one.at[:16], one.form, one.about, one.level, one.detail, one.rule)
        before = found.get(key)
        if before is None:
            found[key] = one
            continue
        found[key] = msgspec.structs.replace(
            before,
            posts=tuple(dict.fromkeys((*before.posts, *one.posts))),
            count=before.count + one.count if one.form == "reminded" else before.count,
        )
    return list(found.values())


def _signs(inputs: Sequence[InputRow]) -> Iterator[Moment]:
    for row in inputs:
        text = Words(zh=row.text, en=row.text)  # as it was said; it is not translated
        yield Moment(
            at=row.at, form="sign", about=row.sign, text=text, detail=row.kind, mark=row.mark
        )


def _real(scenario: Scenario) -> Iterator[Moment]:
    for form, rows in (("decision", scenario.decision), ("outcome", scenario.outcome)):
        for row in rows:
            if row.at:
                at = scenario.instant(row.at).replace(tzinfo=None).isoformat(timespec="seconds")
                yield Moment(
                    at=at,
                    form="decision" if form == "decision" else "outcome",
                    text=row.what,
                    mark=row.mark.value,
                )


def tell_story(
    scenario: Scenario, told: Iterable[Told], inputs: Sequence[InputRow], local: Local
) -> Story:
    """Return the story of a replay whose journal is ``told``."""
    teller = _Teller(local)
    done = _joined(moment for heard in told for moment in teller.hear(heard))
    # Sorting is stable: at one instant signs come first, then what Anlan did, then reality.
    moments = sorted([*_signs(inputs), *done, *_real(scenario)], key=lambda one: one.at)
    courses = tuple(
        Course(
            stream=one.stream, quantity=one.quantity, unit=one.unit, mark=one.mark.value,
            rows=tuple((local(at), value) for at, value in series_rows(scenario, one)),
        )
        for one in scenario.inputs.series
    )  # fmt: skip
    compared = (*scenario.decision, *scenario.outcome)
    return Story(
        format=FORMAT,
        scenario=scenario.id,
        from_at=local(scenario.instant(scenario.starts_at)),
        to_at=local(scenario.instant(scenario.ends_at)),
        moments=tuple(moments),
        courses=courses,
        untimed=tuple(row.what for row in compared if not row.at),
    )


def stops(story: Story) -> list[str]:
    """Return the instants at which something happens, each once, in their order."""
    return list(dict.fromkeys(one.at for one in story.moments))


def up_to(story: Story, at: str) -> list[Moment]:
    """Return the moments up to and including ``at``."""
    return [one for one in story.moments if one.at <= at]


def to_json(story: Story) -> bytes:
    """Return the bytes that are stored."""
    return msgspec.json.encode(story, order="deterministic")


def from_json(data: bytes) -> Story:
    """Return a stored story."""
    return msgspec.json.decode(data, type=Story)
