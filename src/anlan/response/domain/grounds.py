"""The ground a deadline stands on: rule, limit, calendar, start event, law (I2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from anlan.registry.domain.city import Ladder
from anlan.registry.domain.jurisdiction import CalendarKind, ClockRule
from anlan.registry.domain.packwords import Grounded
from anlan.response.domain.words import Stage


@dataclass(frozen=True, slots=True)
class Ground:
    """What a clock must be able to say of itself."""

    rule_id: str
    version: int
    limit: str
    calendar: CalendarKind
    starts_on: str
    basis: dict[str, object] = field(default_factory=dict)

    def noting(self, note: str, *, calendar: CalendarKind) -> Ground:
        """Return the same ground counted on another calendar, saying why."""
        return replace(self, calendar=calendar, basis={**self.basis, "departure": note})


_DEFAULT_BASIS: dict[str, object] = {
    "title": "Anlan default",
    "article": "",
    "url": "",
    "note": "The jurisdiction and city packs hold no clock for this stage.",
    "confidence": "default",
}

# By priority 1..4.  Handling follows the four response classes of Beijing's hotline practice
# (2 h, 24 h, 7 d, 15 d); the others are Anlan's own.
_DEFAULT_LIMITS: dict[Stage, tuple[str, str, str, str]] = {
    Stage.ACCEPT: ("15m", "30m", "2h", "24h"),
    Stage.HANDLE: ("2h", "24h", "7d", "15d"),
    Stage.CHECK: ("2h", "24h", "3d", "5d"),
    Stage.ARBITRATE: ("15m", "30m", "4h", "24h"),
    Stage.TASK: ("30m", "2h", "24h", "3d"),
    Stage.SUSPEND: ("2h", "24h", "30d", "60d"),
}


def default_ground(stage: Stage, priority: int) -> Ground:
    """Return Anlan's own clock, for a stage on which the packs are silent: no case goes without."""
    return Ground(
        rule_id=f"anlan.default.{stage.value}",
        version=1,
        limit=_DEFAULT_LIMITS[stage][priority - 1],
        calendar="natural",
        starts_on="stage_entered",
        basis=_DEFAULT_BASIS,
    )


def ground_of_rule(rule: ClockRule) -> Ground:
    """Return the ground that a pack's clock rule gives."""
    return Ground(
        rule_id=rule.id,
        version=rule.version,
        limit=rule.limit,
        calendar=rule.calendar,
        starts_on=rule.starts_on,
        basis=_plain_basis(rule.basis, rule.confidence.value),
    )


def ground_of_ladder(ladder: dict[str, Any], *, limit: str, calendar: CalendarKind) -> Ground:
    """Return the ground of the clock that waits for a rung of a frozen ladder."""
    return Ground(
        rule_id=f"ladder.{ladder['id']}",
        version=ladder["version"],
        limit=limit,
        calendar=calendar,
        starts_on="deadline_missed",
        basis=ladder["basis"],
    )


def ground_by_approval(stage: Stage, *, limit: str, approver: str, reason: str) -> Ground:
    """Return the ground of a deadline that a superior set (extension, suspension)."""
    return Ground(
        rule_id=f"anlan.approved.{stage.value}",
        version=1,
        limit=limit,
        calendar="natural",
        starts_on="approved",
        basis={
            "title": "Approved by a post above the owner",
            "article": "",
            "url": "",
            "note": reason,
            "approver": approver,
            "confidence": "local",
        },
    )


def ground_of_task(rule_id: str, version: int, within: str, basis: dict[str, object]) -> Ground:
    """Return the ground of a task's deadline: the rule or the person that gave it."""
    return Ground(
        rule_id=rule_id,
        version=version,
        limit=within,
        calendar="natural",
        starts_on="task_given",
        basis=basis or _DEFAULT_BASIS,
    )


def frozen_ladder(ladder: Ladder | None) -> dict[str, Any]:
    """Return the ladder as it is frozen onto a case; Anlan's own when the packs hold none."""
    if ladder is None:
        return {
            "id": "anlan.default",
            "version": 1,
            "basis": {**_DEFAULT_BASIS, "note": "The packs hold no ladder for this case."},
            "rungs": [
                {"after": "0s", "calendar": "natural", "post": "superior"},
                {"after": "1h", "calendar": "natural", "post": "superior"},
                {"after": "4h", "calendar": "natural", "post": "commander"},
            ],
            "repeat": "1h",
        }
    return {
        "id": ladder.id,
        "version": ladder.version,
        "basis": _plain_basis(ladder.basis, ladder.confidence.value),
        "rungs": [msgspec.to_builtins(rung) for rung in ladder.rungs],
        "repeat": ladder.repeat,
    }


def basis_of(entry: Grounded) -> dict[str, object]:
    """Return the legal basis of a pack entry with its confidence."""
    return _plain_basis(entry.basis, entry.confidence.value)


def _plain_basis(basis: msgspec.Struct, confidence: str) -> dict[str, object]:
    return {**msgspec.to_builtins(basis), "confidence": confidence}
