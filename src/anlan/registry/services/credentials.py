"""Who a token stands for, with no more than both token and account allow now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from anlan.infra.prepared import VALUE, Prepared
from anlan.kernel.actor import Actor, Role
from anlan.registry.domain import errors
from anlan.registry.domain.permissions import PERMISSIONS
from anlan.registry.models import Token
from anlan.registry.selectors.accounts import actor_id, paths_of
from anlan.registry.services.accounts import secret_digest

USE_NOTED_EVERY = timedelta(minutes=5)
#: What opens a door by itself; an invitation only lets its holder choose a password.
CREDENTIALS = frozenset({"interface", "session"})


def authenticate(secret: str, *, purposes: frozenset[str] = CREDENTIALS, now: datetime) -> Actor:
    """Return who a token stands for, with no more than both token and account allow now.

    ``purposes`` says what may be shown at this door; anything else is unknown there.

    Raises
    ------
    TokenUnknownError, TokenRevokedError, TokenExpiredError, AccountClosedError
        One code each, so that the caller knows what to ask for.
    """
    return credential(secret, purposes=purposes, now=now)[0]


def credential(
    secret: str, *, purposes: frozenset[str] = CREDENTIALS, now: datetime
) -> tuple[Actor, datetime]:
    """Return the same as :func:`authenticate`, and until when at most."""
    digest = secret_digest(secret)
    columns = _HELD.ask(digest)
    if columns is None:
        raise errors.TokenUnknownError
    held = _Held(*columns)
    if held.purpose not in purposes:
        raise errors.TokenUnknownError
    if held.revoked_at is not None:
        raise errors.TokenRevokedError
    if held.expires_at <= now:
        raise errors.TokenExpiredError
    if not held.is_active:
        raise errors.AccountClosedError
    if held.last_used_at is None or abs(now - held.last_used_at) >= USE_NOTED_EVERY:
        # Technical, not journalled, and not on every call.
        Token.objects.filter(pk=held.token).update(last_used_at=now)
    role = Role(held.role)
    actor = Actor(
        id=actor_id(held.account),
        role=role,
        post=held.post,
        areas=_reach(held.token_areas, held.account_areas),
        scopes=frozenset(held.scopes) & PERMISSIONS[role],
    )
    return actor, held.expires_at


class _Held(NamedTuple):
    """What every call asks of a token and its account."""

    token: int
    purpose: str
    scopes: list[str]
    token_areas: list[str]
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    account: int
    role: str
    post: str | None
    account_areas: list[str]
    is_active: bool


_HELD = Prepared(
    lambda: Token.objects.filter(digest=VALUE).values_list(
        "pk",
        "purpose",
        "scopes",
        "areas",
        "expires_at",
        "revoked_at",
        "last_used_at",
        "account__pk",
        "account__role",
        "account__post",
        "account__areas",
        "account__is_active",
    )
)


def _reach(token_areas: list[str], account_areas: list[str]) -> tuple[str, ...]:
    """Return the paths that both the token and its account cover."""
    if "" in account_areas:
        return paths_of(token_areas)
    mine = Actor(id="", role=Role.SYSTEM, areas=paths_of(account_areas))
    if "" in token_areas:
        return mine.areas
    return tuple(path for path in paths_of(token_areas) if mine.covers(path))
