"""Climbing: which rung is told next, and when (升级)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anlan.registry.domain.jurisdiction import CalendarKind


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing the ladder does: tell ``post`` when ``after`` has passed.

    ``from_miss`` says from when: the missed deadline, or, for a reminder on the top rung,
    the last time it was told.
    """

    rung: int
    post: str  # "superior", "commander" or a post code
    after: str
    calendar: CalendarKind
    from_miss: bool

    @property
    def is_reminder(self) -> bool:
        """Whether the top rung is told again."""
        return not self.from_miss


def step(ladder: dict[str, Any], rung: int) -> Step:
    """Return what the frozen ``ladder`` does as its ``rung``-th act (0 is the first).

    Beyond the top rung the reminder comes again and again, for ever (I1).
    """
    rungs = ladder["rungs"]
    if rung < len(rungs):
        found = rungs[rung]
        return Step(rung, found["post"], found["after"], found["calendar"], from_miss=True)
    return Step(rung, rungs[-1]["post"], ladder["repeat"], "natural", from_miss=False)


def post_to_tell(
    told: Step, *, climbs_from: str, superior: str | None, commander: str, top: str
) -> str:
    """Return the post that a step tells.

    ``climbs_from`` was told last and ``superior`` stands above it; at the top of the
    hierarchy the commander hears.  A reminder goes to ``top``, the post told last.
    """
    if told.is_reminder:
        return top
    if told.post == "commander":
        return commander
    if told.post == "superior":
        return superior or commander or climbs_from
    return told.post
