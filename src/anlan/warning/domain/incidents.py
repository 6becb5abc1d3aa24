"""When many alerts are one incident: so many things alarm within a short stretch of time.

An alert is *crowded* when some stretch of ``within``, by the instants at which alerts were
raised, holds it and alerts of at least ``at_least`` different subjects of the same group
(hazard, kind of case, small area).  Crowded alerts no further apart than ``within`` are one
incident.  What is crowded does not depend on the order in which alerts are told, nor on how
they were cut into ticks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from anlan.registry.domain.rulespecs import RuleSpec

#: Areas from the whole to the part; a zone stands where a district does.
SIZES = ("city", "district", "street", "community", "grid")
TOLD_ONLY = "none"


@dataclass(frozen=True, slots=True)
class Mark:
    """One alert on the line of time: when it was raised, and what it is about."""

    at: datetime
    subject: str


def is_of_sensors(subject: str) -> bool:
    """Return whether an alert speaks of a sensor or place, and not of what people reported."""
    return subject.startswith(("stream:", "place:"))


def case_of(rule: RuleSpec) -> str:
    """Return which kind of case an alert of a rule leads to; ``none``: it is told only."""
    if rule.then.case != "none":
        return rule.then.case
    return "service" if rule.then.tasks else TOLD_ONLY


def small_area(path: str, kinds: Mapping[str, str], size: str) -> str:
    """Return the path of the area of ``size`` around an area, or of the next larger one known.

    ``path`` is ``root/…/code``; ``kinds`` says of each code what kind of area it is.
    """
    codes = path.split("/")
    largest = SIZES.index(size)
    for depth in range(len(codes), 0, -1):
        kind = kinds.get(codes[depth - 1], "")
        kind = "district" if kind == "zone" else kind
        if kind in SIZES and SIZES.index(kind) <= largest:
            return "/".join(codes[:depth])
    return path


def crowded(marks: Sequence[Mark], *, within: timedelta, at_least: int) -> list[bool]:
    """Return of each alert whether it is crowded; ``marks`` are in order of time."""
    found = [False] * len(marks)
    subjects: Counter[str] = Counter()
    end = done = 0
    for first, mark in enumerate(marks):
        while end < len(marks) and marks[end].at <= mark.at + within:
            subjects[marks[end].subject] += 1
            end += 1
        if len(subjects) >= at_least:
            # What was found before reaches to where the last stretch ended.
            for place in range(max(first, done), end):
                found[place] = True
            done = max(done, end)
        subjects[mark.subject] -= 1
        if not subjects[mark.subject]:
            del subjects[mark.subject]
    return found


def apart(instants: Sequence[datetime], *, within: timedelta) -> list[list[int]]:
    """Return runs of places in ``instants``, which are in order, no further apart than ``within``."""
    runs: list[list[int]] = []
    for place, at in enumerate(instants):
        if runs and at - instants[place - 1] <= within:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs
