"""Hysteresis over time: each limit of a rule is a latch, the highest one on gives the level.

A reading stands for the time from its own instant until the next one, but for
no longer than ``stale``.  "For a while" means without a break: a gap longer
than that begins the while anew.  A gap neither raises nor clears (I6).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from anlan.warning.domain.findings import Phase, rank_of
from anlan.warning.domain.memory import Latch, Turn

BEYOND, BETWEEN, CALM = 1, 0, -1


class Holds(msgspec.Struct, frozen=True):
    """The levels of the latches in order, and for how long a reading must hold (microseconds)."""

    levels: tuple[str, ...]
    hold: int
    clear_hold: int
    stale: int

    def due(self, latch: Latch) -> int | None:
        """Return when a latch turns if nothing changes."""
        if latch.since is None:
            return None
        return latch.since + (self.clear_hold if latch.on else self.hold)


class Point(msgspec.Struct, frozen=True):
    """A reading as the latches see it: one class for each of them."""

    at: int
    classes: tuple[int, ...]


class Fold(msgspec.Struct, frozen=True):
    """Where the latches stand after some readings, and the turns on the way."""

    latches: tuple[Latch, ...]
    level: str
    last: int | None
    turns: tuple[Turn, ...] = ()


def level_of(holds: Holds, latches: Sequence[Latch]) -> str:
    """Return the highest level whose latch is on; empty when none is."""
    on = [level for level, latch in zip(holds.levels, latches, strict=True) if latch.on]
    return min(on, key=rank_of, default="")


def take(holds: Holds, start: Fold, points: Sequence[Point]) -> Fold:
    """Return ``start`` after ``points``, which are in order of time."""
    fold = start
    for point in points:
        fold = _read(holds, run_on(holds, fold, point.at, before=True), point)
    return fold


def run_on(holds: Holds, fold: Fold, until: int, *, before: bool = False) -> Fold:
    """Return ``fold`` at ``until``, with what time alone turns.

    With ``before`` the instant itself is left to the reading that comes there.
    """
    if fold.last is None or all(latch.since is None for latch in fold.latches):
        return fold
    end = fold.last + holds.stale
    latches, turns, level = list(fold.latches), list(fold.turns), fold.level
    for at, turning in sorted(_due(holds, latches).items()):
        if at > end or at > until or (before and at == until):
            break
        since = min(latches[index].since or at for index in turning)
        for index in turning:
            latches[index] = Latch(on=not latches[index].on)
        level = _turn(turns, level, level_of(holds, latches), at=at, since=since)
    if end < until:
        # Nothing fresh any more: a "while" that has not ended begins anew.
        latches = [Latch(on=latch.on) for latch in latches]
    return Fold(latches=tuple(latches), level=level, last=fold.last, turns=tuple(turns))


def _due(holds: Holds, latches: Sequence[Latch]) -> dict[int, list[int]]:
    """Return which latches turn when, if nothing changes."""
    found: dict[int, list[int]] = {}
    for index, latch in enumerate(latches):
        at = holds.due(latch)
        if at is not None:
            found.setdefault(at, []).append(index)
    return found


def _read(holds: Holds, fold: Fold, point: Point) -> Fold:
    if not any(
        latch.since is not None or seen == (CALM if latch.on else BEYOND)
        for latch, seen in zip(fold.latches, point.classes, strict=True)
    ):
        # Most readings of most days: nothing moves.
        return Fold(latches=fold.latches, level=fold.level, last=point.at, turns=fold.turns)
    latches, turns, since = [], list(fold.turns), point.at
    for latch, seen in zip(fold.latches, point.classes, strict=True):
        moves = seen == (CALM if latch.on else BEYOND)
        began = (point.at if latch.since is None else latch.since) if moves else None
        after = Latch(on=latch.on, since=began)
        due = holds.due(after)
        if began is not None and due is not None and due <= point.at:
            after, since = Latch(on=not latch.on), min(since, began)
        latches.append(after)
    level = _turn(turns, fold.level, level_of(holds, latches), at=point.at, since=since)
    return Fold(latches=tuple(latches), level=level, last=point.at, turns=tuple(turns))


def _turn(turns: list[Turn], before: str, level: str, *, at: int, since: int) -> str:
    if level != before:
        turns.append(Turn(at=at, level=level, since=since))
    return level


def phase_of(holds: Holds, fold: Fold, until: int) -> Phase:
    """Return the named state of a rule whose latches stand as ``fold`` at ``until``."""
    if fold.last is None or fold.last + holds.stale < until:
        return Phase.LOST
    moving = any(latch.since is not None for latch in fold.latches if latch.on == bool(fold.level))
    if fold.level:
        return Phase.CLEARING if moving else Phase.RAISED
    return Phase.PENDING if moving else Phase.NORMAL
