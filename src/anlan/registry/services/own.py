"""One's own account: password, sessions, tokens.  Nothing here reaches anybody else's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import transaction

from anlan.infra import journal
from anlan.kernel.actor import Actor, Role
from anlan.registry.domain import errors
from anlan.registry.domain.events import AccountChanged
from anlan.registry.domain.permissions import beyond
from anlan.registry.models import Account, Token
from anlan.registry.services.accounts import LONGEST, new_token, secret_digest, taken_back
from anlan.registry.services.signing_in import confirmed, own_key, refuse_weak

#: What one gives oneself is renewed at least twice a year.
LONGEST_OWN = timedelta(days=180)


def own_account(actor: Actor) -> Account:
    """Return the actor's own account."""
    return Account.objects.get(pk=own_key(actor))


def own_tokens(actor: Actor, *, now: datetime) -> list[Token]:
    """Return the actor's sessions and tokens that still work, the youngest first."""
    rows = Token.objects.filter(
        account=own_key(actor),
        purpose__in=("session", "interface"),
        revoked_at__isnull=True,
        expires_at__gt=now,
    )
    return list(rows.order_by("-issued_at", "-id"))


def is_session(token: Token, secret: str) -> bool:
    """Return whether a token is the session with this secret."""
    return token.purpose == "session" and token.digest == secret_digest(secret)


def change_password(
    actor: Actor,
    old: str,
    new: str,
    code: str,
    *,
    session: str,
    device: str = "",
    key: str,
    now: datetime,
) -> int:
    """Set one's own password; all sessions but the present one end.  Return how many ended.

    Raises
    ------
    PasswordWrongError, SignInWaitError, PasswordWeakError
        Nothing was changed then.
    """
    account = confirmed(actor, old, code, device=device, key=key, now=now)
    refuse_weak(account.username, new)
    hashed = make_password(new)  # slow on purpose, so before any lock
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=account.pk)
        row.password = hashed
        event = AccountChanged(account=row.username, what="password set")
        journal.record(event, actor=actor, now=now, rows=[row])
        return _end_others(actor, session, now=now)


@transaction.atomic
def end_other_sessions(actor: Actor, *, session: str, now: datetime) -> int:
    """End all of one's own sessions but the present one; return how many ended."""
    return _end_others(actor, session, now=now)


def _end_others(actor: Actor, session: str, *, now: datetime) -> int:
    rows = Token.objects.select_for_update(of=("self",)).filter(
        account=own_key(actor), purpose="session", revoked_at__isnull=True
    )
    others = list(rows.exclude(digest=secret_digest(session)).select_related("account"))
    for token in others:
        taken_back(actor, token, now=now)
    return len(others)


@transaction.atomic
def end_own(actor: Actor, token_id: int, *, now: datetime) -> Token:
    """End one of one's own sessions or tokens; doing so twice changes nothing.

    Raises
    ------
    TokenUnknownToActorError
        When it is nobody's, or somebody else's.
    """
    rows = Token.objects.select_for_update(of=("self",)).select_related("account")
    token = rows.filter(pk=token_id, account=own_key(actor)).first()
    if token is None:
        raise errors.TokenUnknownToActorError(token=token_id)  # never reveal that it exists
    return token if token.revoked_at is not None else taken_back(actor, token, now=now)


def issue_own_token(
    actor: Actor,
    scopes: Sequence[str],
    expires_at: datetime,
    *,
    password: str,
    code: str = "",
    device: str = "",
    key: str,
    now: datetime,
) -> tuple[Token, str]:
    """Give oneself a token with some of one's own permissions; its secret is shown this once.

    Raises
    ------
    PasswordWrongError, SignInWaitError
        When whoever asks does not prove to be the account's holder.
    ScopeMissingError, ScopeBeyondRoleError
        When it would allow nothing, or more than the account has.
    TokenExpiryError
        When it has ended already, or lives longer than half a year.
    """
    wanted = frozenset(scopes)
    if not wanted:
        raise errors.ScopeMissingError
    longest = min(LONGEST_OWN, LONGEST)
    if expires_at.tzinfo is None or not now < expires_at <= now + longest:
        raise errors.TokenExpiryError(longest_days=longest.days)
    account = confirmed(actor, password, code, device=device, key=key, now=now)
    excess = beyond(Role(account.role), wanted) | (wanted - actor.scopes)
    if excess:
        raise errors.ScopeBeyondRoleError(role=account.role, scopes=", ".join(sorted(excess)))
    with transaction.atomic():
        return new_token(actor, account, sorted(wanted), account.areas, expires_at, now=now)
