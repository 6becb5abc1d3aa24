"""How often a rule was right (准确率): one definition, for the board, the command and the interface.

Each alert is counted once, in the local week in which it was raised, by what became of the case
that answers it.  Posts are counted, never persons, and no post is ranked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

WEEKS = 8
#: So many alerts of weeks that are over called for somebody, and nobody came: the rule is named.
IGNORED_FROM = 3
_WEEK = timedelta(days=7)


class Outcome(StrEnum):
    """What became of an alert.

    - ``confirmed``: its case was closed as done: there was something.
    - ``false``: its case was dismissed for a reason that speaks against the rule.
    - ``aside``: dismissed for a reason that says nothing about the rule (an exercise).
    - ``open``: its case is open.
    - ``told``: it has no case: it was only told.
    """

    CONFIRMED = "confirmed"
    FALSE = "false"
    ASIDE = "aside"
    OPEN = "open"
    TOLD = "told"


#: States of a case that was done.
DONE = frozenset({"closed", "rated"})


def outcome_of(state: str | None, *, is_open: bool, reason: str, spares: frozenset[str]) -> Outcome:
    """Return what became of an alert whose case is in ``state``; None: it has no case.

    ``spares`` are the reasons of dismissal that say nothing about a rule.
    """
    if state is None:
        return Outcome.TOLD
    if is_open:
        return Outcome.OPEN
    if state in DONE:
        return Outcome.CONFIRMED
    if state == "dismissed" and reason not in spares:
        return Outcome.FALSE
    return Outcome.ASIDE


def precision_of(confirmed: int, false: int) -> float | None:
    """Return the share of settled alerts that were right; None while none is settled."""
    settled = confirmed + false
    return confirmed / settled if settled else None


def week_of(at: datetime, zone: tzinfo) -> date:
    """Return the Monday of the local week of an instant."""
    day = at.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


def begin_of(week: date, zone: tzinfo) -> datetime:
    """Return the instant at which a local week begins."""
    return datetime.combine(week, time(), tzinfo=zone)


def weeks_to(last: date, count: int = WEEKS) -> tuple[date, ...]:
    """Return the Mondays of ``count`` weeks, the oldest first, up to that of ``last``."""
    return tuple(last - _WEEK * back for back in range(count - 1, -1, -1))


@dataclass(slots=True)
class Tally:
    """The alerts of a rule in a week and area, or of several of these added up."""

    outcomes: dict[str, int] = field(default_factory=dict)
    acted: int = 0
    posts: dict[str, int] = field(default_factory=dict)
    waits_s: list[int] = field(default_factory=list)

    def add(self, outcome: Outcome, *, post: str = "", acted: bool, wait_s: int | None) -> None:
        """Count one alert; ``post`` owned its case when somebody acted."""
        self.outcomes[outcome.value] = self.outcomes.get(outcome.value, 0) + 1
        if acted:
            self.acted += 1
            self.posts[post] = self.posts.get(post, 0) + 1
        if wait_s is not None:
            self.waits_s.append(wait_s)


@dataclass(frozen=True, slots=True)
class RuleWeeks:
    """One rule over some weeks."""

    rule: str
    weeks: tuple[tuple[date, int], ...]  # how many alerts in each, the oldest first
    confirmed: int
    false: int
    aside: int
    open: int
    told: int
    acted: int
    called_before: int  # alerts with a case, raised before the last of the weeks
    posts: tuple[tuple[str, int], ...]  # who acted, by code: this is no order of merit
    wait_s: float | None  # median from the alert to the first act on its case

    @property
    def raised(self) -> int:
        """How many alerts."""
        return self.confirmed + self.false + self.aside + self.open + self.told

    @property
    def called(self) -> int:
        """How many of them called for somebody: they have a case."""
        return self.raised - self.told

    @property
    def settled(self) -> int:
        """How many are known to have been right or wrong."""
        return self.confirmed + self.false

    @property
    def precision(self) -> float | None:
        """The share of settled alerts that were right; None while none is settled."""
        return precision_of(self.confirmed, self.false)

    @property
    def is_ignored(self) -> bool:
        """Whether nobody acts on it."""
        return self.called_before >= IGNORED_FROM and not self.acted


@dataclass(frozen=True, slots=True)
class WeekCount:
    """What was counted of one rule, week and area."""

    rule: str
    week: date
    outcomes: dict[str, int]
    acted: int
    posts: dict[str, int]
    waits_s: NDArray[np.int32]


def added_up(rule: str, counts: Iterable[WeekCount], weeks: tuple[date, ...]) -> RuleWeeks:
    """Return the counts of one rule, whichever areas they are of, as one line."""
    outcomes: dict[str, int] = {}
    posts: dict[str, int] = {}
    by_week = dict.fromkeys(weeks, 0)
    acted, before, waits = 0, 0, [np.zeros(0, np.int32)]
    for one in counts:
        for outcome, number in one.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + number
            by_week[one.week] = by_week.get(one.week, 0) + number
            if one.week < weeks[-1] and outcome != Outcome.TOLD.value:
                before += number
        for post, number in one.posts.items():
            posts[post] = posts.get(post, 0) + number
        acted += one.acted
        waits.append(one.waits_s)
    every = np.concatenate(waits)
    return RuleWeeks(
        rule=rule,
        weeks=tuple((week, by_week[week]) for week in weeks),
        **{one.value: outcomes.get(one.value, 0) for one in Outcome},
        acted=acted,
        called_before=before,
        posts=tuple(sorted(posts.items())),
        wait_s=float(np.median(every)) if len(every) else None,
    )
