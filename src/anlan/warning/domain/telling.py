"""Which turns must be told, given what was told before and what a late reading rewrote."""

from __future__ import annotations

from typing import NamedTuple

from anlan.warning.domain.findings import rank_of
from anlan.warning.domain.memory import Turn


class Told(NamedTuple):
    """A turn that must be told, and the level told before it."""

    turn: Turn
    before: str
    late: bool = False


def to_tell(level: str, told: tuple[Turn, ...], turns: tuple[Turn, ...]) -> list[Told]:
    """Return what must be told so that listeners know ``turns`` after they heard ``told``.

    Without late readings ``turns`` begins with ``told`` and the rest is told as
    it is.  When a late reading rewrote what was told, only a higher peak and
    the level that stands now are told: an alert is not raised twice for one past.
    """
    same = 0
    while same < min(len(told), len(turns)) and told[same] == turns[same]:
        same += 1
    heard_level = told[-1].level if told else level
    rest, retracted = turns[same:], told[same:]
    if not retracted:
        levels = [heard_level, *(turn.level for turn in rest)]
        return [Told(turn, before) for turn, before in zip(rest, levels, strict=False)]
    final = turns[-1] if turns else Turn(at=retracted[-1].at, level=level, since=retracted[-1].at)
    peak = min(rest, key=lambda turn: rank_of(turn.level), default=final)
    known = min([heard_level, *(turn.level for turn in retracted)], key=rank_of)
    found: list[Told] = []
    if rank_of(peak.level) < rank_of(known):
        found.append(Told(peak, heard_level, late=True))
        heard_level = peak.level
    if final.level != heard_level:
        found.append(Told(final, heard_level, late=True))
    return found


def only_now(turns: list[Told]) -> list[Told]:
    """Return what a version that takes over tells: how it stands, not what it would have told."""
    return [Told(turns[-1].turn, "")] if turns and turns[-1].turn.level else []
