"""Which of several duties is the one that answers: the nearest area, then the closest wording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from anlan.kernel.scales import WarningLevel

ANY = "*"


@dataclass(frozen=True, slots=True)
class Validity:
    """When a pack row counts: the pack's local days, within the loads that began and ended it."""

    valid_from: date | None = None
    valid_to: date | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None

    def holds(self, at: datetime, day: date) -> bool:
        """Return whether the row counts at the instant ``at``, whose local day is ``day``."""
        return (
            (self.valid_from is None or self.valid_from <= day)
            and (self.valid_to is None or day < self.valid_to)
            and (self.began_at is None or self.began_at <= at)
            and (self.ended_at is None or at < self.ended_at)
        )


@dataclass(frozen=True, slots=True)
class DutyLine:
    """One line of the duty matrix (责任矩阵)."""

    id: int
    area: str
    hazard: str
    level: str
    post: str
    basis: str
    validity: Validity = Validity()


def hazard_match(pattern: str, hazard: str) -> int | None:
    """Return how closely ``pattern`` names ``hazard``: higher is closer, None is not at all.

    ``"*"`` names every hazard, ``"met.*"`` every one below ``met.``, and a slug itself only.
    """
    if pattern == hazard:
        return 2 * len(pattern) + 1
    if pattern == ANY:
        return 0
    if pattern.endswith(".*") and hazard.startswith(pattern[:-1]):
        return 2 * len(pattern[:-1])
    return None


def _closeness(
    line: DutyLine, hazard: str, level: WarningLevel | None
) -> tuple[int, bool, date, int] | None:
    match = hazard_match(line.hazard, hazard)
    if match is None or (line.level and line.level != level):
        return None
    # Of two equal lines the younger decision counts.
    since = line.validity.valid_from or date.min
    return match, bool(line.level), since, line.id


def answering(
    lines: Iterable[DutyLine],
    areas: Sequence[str],
    hazard: str,
    level: WarningLevel | None,
) -> DutyLine | None:
    """Return the line that answers for ``hazard`` at ``level``, or None.

    ``areas`` are the asked area and those that govern it, nearest first; ``lines`` are
    in force already.  The nearest area with a fitting line decides; within it the
    closest hazard wording, then a line for this level before one for every level.
    """
    by_area: dict[str, list[DutyLine]] = {}
    for line in lines:
        by_area.setdefault(line.area, []).append(line)
    for area in areas:
        fitting = [
            (close, line)
            for line in by_area.get(area, ())
            if (close := _closeness(line, hazard, level)) is not None
        ]
        if fitting:
            return max(fitting, key=lambda pair: pair[0])[1]
    return None
