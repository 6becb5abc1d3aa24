"""What entry points and later rooms may ask of accountability.

Every call that touches the ledger works on this process's own workspace unless it
is handed other :class:`LedgerPlaces`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from anlan.accountability.domain.audit import Finding, FindingKind, Verdict
from anlan.accountability.domain.exports import NotAnExportError, verify_export
from anlan.accountability.domain.places import LedgerPlaces
from anlan.accountability.domain.precision import (
    Outcome,
    RuleWeeks,
    outcome_of,
    precision_of,
)
from anlan.accountability.domain.review import (
    Line,
    Review,
    period_of,
)
from anlan.accountability.domain.standing import BreachSeen, SicknessSeen
from anlan.accountability.domain.wellness import Limits, Probes
from anlan.accountability.models import LedgerKey
from anlan.accountability.selectors.asof import StateAsOf, state_as_of
from anlan.accountability.selectors.places import here
from anlan.accountability.selectors.rebuild import Difference, rebuild
from anlan.accountability.selectors.review import PeriodRead, StillCounting, review_period
from anlan.accountability.selectors.rule_weeks import RuleBoard, rule_board
from anlan.accountability.selectors.standing import breaches, sicknesses, sicknesses_at
from anlan.accountability.services import exporting, keys, proving, sealing, verifying
from anlan.accountability.services import watching as _watching
from anlan.accountability.services.counting import Counted, count_ahead, recheck
from anlan.accountability.services.exporting import Exported
from anlan.accountability.services.nursing import health
from anlan.accountability.services.retention import (
    destroy_contents,
    expire_contents,
)
from anlan.accountability.services.rule_weeks import count_rules
from anlan.accountability.services.sealing import Sealed
from anlan.kernel.actor import Actor


def seal(*, now: datetime, places: LedgerPlaces | None = None) -> Sealed:
    """Sign a checkpoint over everything there is and leave it outside."""
    return sealing.seal(places or here(), now=now)


def verify(places: LedgerPlaces | None = None) -> Verdict:
    """Recompute the ledger and return what is not as it must be."""
    return verifying.verify(places or here())


def export(
    target: Path,
    *,
    up_to: int | None = None,
    now: datetime,
    places: LedgerPlaces | None = None,
) -> Exported:
    """Write the sealed ledger to a folder or ZIP for somebody else to verify."""
    return exporting.export(places or here(), target, up_to=up_to, now=now)


def proof(
    seq: int, *, size: int | None = None, places: LedgerPlaces | None = None
) -> dict[str, object]:
    """Return the proof that entry ``seq`` is under a signed checkpoint."""
    return proving.proof(places or here(), seq, size=size)


def consistency(old: int, new: int, *, places: LedgerPlaces | None = None) -> dict[str, object]:
    """Return the proof that the ledger at size ``new`` only added to that at size ``old``."""
    return proving.consistency(places or here(), old, new)


def rotate_key(actor: Actor, *, now: datetime, places: LedgerPlaces | None = None) -> LedgerKey:
    """Let a new signing key take over from the present one, which signs it in."""
    return keys.rotate_key(actor, places or here(), now=now)


def watch(
    *,
    now: datetime,
    places: LedgerPlaces | None = None,
    listeners: Collection[str] | None = None,
) -> list[BreachSeen]:
    """Prove the invariants once, independently; keep, tell and return what is broken.

    ``listeners`` are the names that the flow knows, so that the cursor of a listener
    that was taken out of the code is not called stuck.
    """
    return _watching.watch(places or here(), now=now, listeners=listeners)


__all__ = [
    "BreachSeen",
    "Counted",
    "Difference",
    "Exported",
    "Finding",
    "FindingKind",
    "LedgerPlaces",
    "Limits",
    "Line",
    "NotAnExportError",
    "Outcome",
    "PeriodRead",
    "Probes",
    "Review",
    "RuleBoard",
    "RuleWeeks",
    "Sealed",
    "SicknessSeen",
    "StateAsOf",
    "StillCounting",
    "Verdict",
    "breaches",
    "consistency",
    "count_ahead",
    "count_rules",
    "destroy_contents",
    "expire_contents",
    "export",
    "health",
    "here",
    "outcome_of",
    "period_of",
    "precision_of",
    "proof",
    "rebuild",
    "recheck",
    "review_period",
    "rotate_key",
    "rule_board",
    "seal",
    "sicknesses",
    "sicknesses_at",
    "state_as_of",
    "verify",
    "verify_export",
    "watch",
]
