"""When a further sign is of the same matter, and how signs raise the priority (I4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from anlan.kernel.scales import WarningLevel

# Anlan's default: the radius in which callers place one and the same event in a street, and
# the span after which a further report is taken for a new matter.
SAME_WITHIN_M = 500.0
SAME_WITHIN = timedelta(hours=24)
LOWEST = 4


@dataclass(frozen=True, slots=True)
class PriorityRow:
    """So many signs, so many of them with words of danger to life: at least this priority."""

    signs: int
    strong: int
    priority: int


# The lowest number (highest priority) of all rows that apply counts.
PRIORITY_BY_SIGNS = (
    PriorityRow(signs=1, strong=0, priority=4),
    PriorityRow(signs=1, strong=1, priority=2),
    PriorityRow(signs=2, strong=0, priority=3),
    PriorityRow(signs=2, strong=2, priority=1),
    PriorityRow(signs=3, strong=0, priority=2),
    PriorityRow(signs=3, strong=1, priority=1),
    PriorityRow(signs=5, strong=0, priority=1),
)

# A warning level is not a priority (I9): this is Anlan's rule for a case's place in the queue.
PRIORITY_BY_LEVEL: dict[WarningLevel, int] = {
    WarningLevel.RED: 1,
    WarningLevel.ORANGE: 2,
    WarningLevel.YELLOW: 3,
    WarningLevel.BLUE: 4,
}


def priority_by_signs(signs: int, strong: int) -> int:
    """Return the priority that the number of signs alone gives; 1 is the highest."""
    return min(
        (row.priority for row in PRIORITY_BY_SIGNS if signs >= row.signs and strong >= row.strong),
        default=LOWEST,
    )


def priority_by_level(level: str) -> int:
    """Return the priority that a warning level gives; the lowest when there is none."""
    return PRIORITY_BY_LEVEL[WarningLevel(level)] if level else LOWEST


def higher_level(before: str, level: str) -> str:
    """Return the higher of two warning levels, each of which may be missing."""
    known = [WarningLevel(text) for text in (before, level) if text]
    order = list(WarningLevel)
    return min(known, key=order.index).value if known else ""


def cause_of_many(carrier: str, area: str) -> str:
    """Return the cause under which devices that fail together have one open case.

    Those behind one gateway wherever they are; else those of one operator in an area, or of the
    area.  ``carrier`` is "gateway:…", "operator:…" or empty.
    """
    if carrier.startswith("gateway:"):
        return f"device.many|{carrier}"[:200]
    return f"device.many|{carrier}@{area}"[:200] if carrier else f"device.many|area:{area}"[:200]


def causes_of_many(carrier: str, areas: Sequence[str]) -> list[str]:
    """Return the causes that a device may share, of the smallest area first.

    ``areas`` are the codes of its areas from the whole to the part.
    """
    return list(dict.fromkeys(cause_of_many(carrier, area) for area in reversed(areas)))
