"""Who may see and touch what came in; what lies outside is not found (never refused)."""

from __future__ import annotations

from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotFoundError
from anlan.sensing.domain.errors import NotARelayError
from anlan.sensing.domain.reports import may_follow
from anlan.sensing.models import Quarantine, Report

# Outside warnings come from gateways and from the emergency office, not from a single street.
RELAYS = frozenset({Role.PROGRAM, Role.DUTY_OFFICER, Role.COMMANDER, Role.SYSTEM})


def report_for(actor: Actor, number: str) -> Report:
    """Return a report that lies in the actor's area or that the actor brought in."""
    found = _numbered(number)
    if found is None or not (actor.covers(found.area_path) or found.source == actor.id):
        raise NotFoundError(what="report", number=number)
    return found


def _numbered(number: str) -> Report | None:
    # Only what can be a number is looked for: PostgreSQL refuses a NUL.
    return Report.objects.filter(number=number).first() if number.isprintable() else None


def report_followed(number: str, secret: str) -> Report:
    """Return a report to whoever holds the secret of its receipt."""
    found = _numbered(number)
    if found is None or not may_follow(secret, found.follow_hash):
        raise NotFoundError(what="report", number=number)
    return found


def quarantine_for(actor: Actor, id: int) -> Quarantine:  # noqa: A002  the table's own word
    """Return something kept aside to whoever answers for the city, or to its sender."""
    found = Quarantine.objects.filter(pk=id).first()
    if found is None or not (actor.covers("") or found.source == actor.id):
        raise NotFoundError(what="quarantine", id=id)
    return found


def relay_only(actor: Actor) -> None:
    """Refuse whoever is no relay of outside warnings.

    Raises
    ------
    NotARelayError
        A forged red signal would move the whole city.
    """
    if actor.role not in RELAYS:
        raise NotARelayError(role=actor.role.value)
