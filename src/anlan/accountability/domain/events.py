"""Proof, and what is wrong with the proof."""

from __future__ import annotations

from dataclasses import dataclass

from anlan.kernel.events import Event


@dataclass(frozen=True, slots=True)
class CheckpointSigned(Event):
    """The ledger's root at a size was signed and written outside the workspace."""

    size: int
    root: str
    key: str


@dataclass(frozen=True, slots=True)
class LedgerKeyRotated(Event):
    """A new signing key took over; the old one signed the new one in."""

    before: str
    key: str


@dataclass(frozen=True, slots=True)
class BreachFound(Event):
    """The watcher found that what must always be true is not."""

    invariant: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class BreachMended(Event):
    """What the watcher had found broken is as it must be again."""

    invariant: str
    subject: str


@dataclass(frozen=True, slots=True)
class SystemSick(Event):
    """A part of Anlan itself is not well."""

    part: str
    detail: str


@dataclass(frozen=True, slots=True)
class SystemWell(Event):
    """A part of Anlan that was sick is well again."""

    part: str


@dataclass(frozen=True, slots=True)
class OwnCaseRaised(Event):
    """Anlan opened a case for a breach or a sickness of its own."""

    subject: str  # "breach:I1.owner:case:7", "sick:disk:workspace"
    case: int
