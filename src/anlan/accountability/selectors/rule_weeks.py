"""How often each rule was right in the last weeks: what was counted ahead, added up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from anlan.accountability.domain.precision import (
    WEEKS,
    RuleWeeks,
    WeekCount,
    added_up,
    week_of,
    weeks_to,
)
from anlan.accountability.models import RuleWeek
from anlan.kernel.actor import Actor
from anlan.registry import public as registry


@dataclass(frozen=True, slots=True)
class RuleBoard:
    """Every rule that raised something in the last weeks, and how many weeks are being counted."""

    weeks: tuple[date, ...]
    rules: dict[str, RuleWeeks]
    stale: int


def rule_board(actor: Actor, *, now: datetime, weeks: int = WEEKS) -> RuleBoard:
    """Return the weeks of every rule inside the actor's areas (two small queries for any city)."""
    shown = weeks_to(week_of(now, registry.timezone()), weeks)
    rows = RuleWeek.objects.filter(week__gte=shown[0], week__lte=shown[-1])
    own = rows.filter(area_path__in=_widest(actor))
    counted: dict[str, list[WeekCount]] = {}
    names = ("rule", "week", "outcomes", "acted", "posts", "waits")
    for rule, week, outcomes, acted, posts, waits in own.values_list(*names):
        held = np.frombuffer(bytes(waits), "<i4")
        counted.setdefault(rule, []).append(WeekCount(rule, week, outcomes, acted, posts, held))
    stale = rows.filter(is_stale=True).values("rule", "week").distinct().count()
    lines = {rule: added_up(rule, found, shown) for rule, found in counted.items()}
    return RuleBoard(shown, {rule: one for rule, one in lines.items() if one.raised}, stale)


def _widest(actor: Actor) -> list[str]:
    """Return the actor's areas without those that lie in another of them: nothing counts twice."""
    if actor.covers(""):
        return [""]
    return [
        path
        for path in actor.areas
        if not any(path.startswith(other + "/") for other in actor.areas)
    ]
