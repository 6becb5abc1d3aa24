"""Two runs of one scenario side by side: the same duties aligned in time, differences named.

Pure: from two summaries to rows.  What differs is a code; the pages have the words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from anlan.kernel.errors import InvalidInputError
from anlan.learning.domain.scenario import Words
from anlan.learning.domain.score import URGENT
from anlan.learning.domain.summary import FigureRow, RaisedRow, Summary

Difference = Literal["only_a", "only_b", "earlier", "later", "level", "posts", "tasks", "urgent"]


class OtherScenarioError(InvalidInputError):
    """Two runs of different scenarios have no events in common."""

    code = "replay.other_scenario"


@dataclass(frozen=True, slots=True)
class RaisedPair:
    """One duty in both runs; ``minutes`` is how much later it came in ``b``.

    ``urgent``: the first arrival at orange or red, where that was not the first of all.
    """

    form: str
    hazard: str
    place: str
    area: str
    a: RaisedRow | None
    b: RaisedRow | None
    minutes: float | None
    differences: tuple[Difference, ...]
    urgent: bool = False

    @property
    def at(self) -> str:
        """The earlier of both instants: where it stands on the common time line."""
        return min(row.at for row in (self.a, self.b) if row is not None)


@dataclass(frozen=True, slots=True)
class FigurePair:
    """One lead or gain in both runs; ``minutes`` is by how much it is longer in ``b``."""

    form: str
    what: Words
    at: str
    a: FigureRow | None
    b: FigureRow | None
    minutes: float | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """Both runs together."""

    raised: tuple[RaisedPair, ...]
    figures: tuple[FigurePair, ...]

    @property
    def equal(self) -> bool:
        """Whether both runs raised the same duties at the same instants."""
        return not any(pair.differences for pair in self.raised) and not any(
            pair.differences for pair in self.figures
        )


def compare(a: Summary, b: Summary) -> Compared:
    """Return two runs of one scenario, event by event.

    The same duty is the same form, kind and place, whichever rule raised it: that is what two
    sets of rules are compared by.  Of several in one run the earliest counts, and beside it
    the earliest at orange or red: a single call and a red alert are not the same news.

    Raises
    ------
    OtherScenarioError
        When the runs are of different scenarios.
    """
    if a.scenario != b.scenario:
        raise OtherScenarioError(a=a.scenario, b=b.scenario)
    ones, others = _first(a), _first(b)
    raised = [_raised(key, ones.get(key), others.get(key)) for key in {**ones, **others}]
    loud, louder = _first(a, URGENT), _first(b, URGENT)
    raised += [
        replace(_raised(key, loud.get(key), louder.get(key)), urgent=True)
        for key in {**loud, **louder}
        if (loud.get(key), louder.get(key)) != (ones.get(key), others.get(key))
    ]
    figures_a = {(row.form, row.at, row.what.en): row for row in a.figures}
    figures_b = {(row.form, row.at, row.what.en): row for row in b.figures}
    figures = [
        _figure(figures_a.get(key), figures_b.get(key)) for key in {**figures_a, **figures_b}
    ]
    return Compared(
        raised=tuple(sorted(raised, key=_place)),
        figures=tuple(figures),
    )


def _place(pair: RaisedPair) -> tuple[str, ...]:
    return (pair.at, pair.form, pair.hazard, pair.place, pair.area)


_Key = tuple[str, str, str, str]


def _first(summary: Summary, levels: tuple[str, ...] = ()) -> dict[_Key, RaisedRow]:
    found: dict[_Key, RaisedRow] = {}
    for row in summary.raised:  # in the order of time
        if not levels or row.level in levels:
            found.setdefault((row.form, row.hazard, row.place, "" if row.place else row.area), row)
    return found


def _minutes(earlier: str, later: str) -> float:
    span = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return span.total_seconds() / 60


def _raised(key: _Key, a: RaisedRow | None, b: RaisedRow | None) -> RaisedPair:
    form, hazard, place, area = key
    differences: list[Difference] = []
    minutes = None
    if a is None or b is None:
        differences.append("only_b" if a is None else "only_a")
    else:
        minutes = _minutes(a.at, b.at)
        if minutes:
            differences.append("later" if minutes > 0 else "earlier")
        if a.level != b.level:
            differences.append("level")
        if set(a.posts) != set(b.posts):
            differences.append("posts")
        if a.tasks != b.tasks:
            differences.append("tasks")
    return RaisedPair(form, hazard, place, area, a, b, minutes, tuple(differences))


def _figure(a: FigureRow | None, b: FigureRow | None) -> FigurePair:
    row = a or b
    if row is None:
        raise ValueError("a pair has at least one figure")
    spans = (a.minutes if a else None, b.minutes if b else None)
    differences: list[Difference] = []
    minutes = None
    if (spans[0] is None) is not (spans[1] is None):
        differences.append("only_b" if spans[0] is None else "only_a")
    elif spans[0] is not None and spans[1] is not None:
        minutes = spans[1] - spans[0]
        if minutes:
            differences.append("earlier" if minutes > 0 else "later")
        if a and b and a.urgent_minutes != b.urgent_minutes:
            differences.append("urgent")
    return FigurePair(row.form, row.what, row.at, a, b, minutes, tuple(differences))
