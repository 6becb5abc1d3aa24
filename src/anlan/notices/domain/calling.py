"""Call and answer (叫应): a post is reminded of all its open red matters until it answers.

One call runs for a post, however many red notices lie there.  A matter is named
in a reminder within five minutes; if nobody answers for five more, the post above
gets it.  After that the reminders come more and more rarely.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from anlan.notices.domain.answering import CALL_AND_ANSWER, AnswerRule


class Wake(StrEnum):
    """Who is turned to when nobody answers."""

    DEPUTY = "deputy"  # the post's own holder and deputy, once more: something is new
    SUPERIOR = "superior"  # the post above gets, with a mark, what was called once already
    AGAIN = "again"  # the same people, again and again, more and more rarely


@dataclass(frozen=True, slots=True)
class RedNotice:
    """An open red notice that is not on the shelf."""

    number: int
    about: str
    posted_at: datetime
    wake_at: datetime | None  # set until a reminder has named it
    raised: bool  # the post above has it

    @property
    def called(self) -> bool:
        """Return whether a reminder has named it."""
        return self.wake_at is None


@dataclass(frozen=True, slots=True)
class RedMatter:
    """All open red notices of a post about one thing; a person reads them as one."""

    about: str
    first: int
    latest: int
    since: datetime
    called: bool
    raised: bool


def red_matters(notices: Iterable[RedNotice]) -> list[RedMatter]:
    """Return the matters of a post, the oldest first."""
    lying: dict[str, list[RedNotice]] = {}
    for notice in sorted(notices, key=lambda one: one.number):
        lying.setdefault(notice.about, []).append(notice)
    return [
        RedMatter(
            about=about,
            first=found[0].number,
            latest=found[-1].number,
            since=min(one.posted_at for one in found),
            called=any(one.called for one in found),
            raised=any(one.raised for one in found),
        )
        for about, found in lying.items()
    ]


def is_due(notices: Iterable[RedNotice], call_at: datetime | None, *, now: datetime) -> bool:
    """Return whether the post is to be reminded: of something new, or once more of the rest."""
    return any(
        call_at is not None and call_at <= now if one.wake_at is None else one.wake_at <= now
        for one in notices
    )


@dataclass(frozen=True, slots=True)
class CallStep:
    """What to do now for a post, and when to look again."""

    wake: Wake
    raise_now: tuple[int, ...]  # first notices of the matters that go to the post above
    doubled: int  # how often the pause has doubled
    next_at: datetime


def call_step(
    matters: Sequence[RedMatter],
    *,
    doubled: int,
    has_superior: bool,
    now: datetime,
    rule: AnswerRule = CALL_AND_ANSWER,
) -> CallStep:
    """Return what follows when nobody has answered.

    A matter that is new is called again after ``rule.wait``, and brings the pause
    back to ``rule.repeat_anew``; more notices about a known matter change nothing.
    """
    rising: tuple[int, ...] = ()
    if has_superior:
        rising = tuple(one.first for one in matters if one.called and not one.raised)
    if any(not one.called for one in matters):
        wake = Wake.SUPERIOR if rising else Wake.DEPUTY
        return CallStep(wake, rising, min(doubled, _anew(rule)), now + rule.wait)
    pause = min(rule.repeat_first * 2 ** min(doubled, 10), rule.repeat_most)
    return CallStep(Wake.SUPERIOR if rising else Wake.AGAIN, rising, doubled + 1, now + pause)


def _anew(rule: AnswerRule) -> int:
    """Return how many doublings lead to the longest pause after a new matter."""
    pause, doublings = rule.repeat_first, 0
    while pause < rule.repeat_anew:
        pause, doublings = pause * 2, doublings + 1
    return doublings


#: How long the same words about the same open matter are not sent a second time
#: (Anlan's default); a louder notice, or other words, always go out at once.
SAY_AGAIN = timedelta(hours=24)
