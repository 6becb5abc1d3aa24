"""Two pairs of eyes on an administrator's invitation: another administrator, or the seat's holder.

A security administrator gives invitations and sees their secrets.  So that nobody comes by the
rights of another administrator in that way, such an invitation waits for a second person.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from anlan.infra import journal
from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.domain.errors import SecondAdministratorError, TokenUnknownToActorError
from anlan.registry.domain.events import TokenChanged
from anlan.registry.models import Token
from anlan.registry.services.accounts import taken_back


def waiting_invitations(actor: Actor, *, now: datetime) -> list[Token]:
    """Return the invitations of administrators' accounts that wait for a second person."""
    access.require_administrator(actor)
    rows = _waiting(now).order_by("issued_at", "pk")
    reached = {account.pk for account in access.reached(actor, [row.account for row in rows])}
    return [row for row in rows if row.account_id in reached]


@transaction.atomic
def confirm_invitation(actor: Actor, token_id: int, *, now: datetime) -> Token:
    """Let an invitation work, as somebody other than who gave it.

    Raises
    ------
    NotAllowedError
        When the actor is no administrator.
    TokenUnknownToActorError
        When no such invitation waits, or its account lies beyond the actor's areas.
    SecondAdministratorError
        When it is the actor's own.
    """
    token = _for_update(actor, token_id, now=now)
    if token.issued_by == actor.id:
        raise SecondAdministratorError
    token.waits, token.confirmed_by = False, actor.id
    _note(actor, token, "confirmed", now=now)
    return token


@transaction.atomic
def refuse_invitation(actor: Actor, token_id: int, *, now: datetime) -> Token:
    """End an invitation that waits; also who gave it may think better of it."""
    return taken_back(actor, _for_update(actor, token_id, now=now), now=now)


def _waiting(now: datetime) -> QuerySet[Token]:
    return Token.objects.select_related("account").filter(
        purpose="invitation", waits=True, revoked_at__isnull=True, expires_at__gt=now
    )


def _for_update(actor: Actor, token_id: int, *, now: datetime) -> Token:
    access.require_administrator(actor)
    token = _waiting(now).select_for_update(of=("self",)).filter(pk=token_id).first()
    if token is None or not access.reaches(actor, token.account):
        raise TokenUnknownToActorError(token=token_id)  # never reveal that it exists
    return token


def _note(actor: Actor, token: Token, what: str, *, now: datetime) -> None:
    event = TokenChanged(
        token=token.prefix,
        account=token.account.username,
        what=what,
        expires_at=token.expires_at,
    )
    journal.record(event, actor=actor, now=now, rows=[token])
