"""Signing in: invitations, passwords, one-time codes, sessions.

A session is a token like any other, of its own purpose and for one shift: it can be seen,
taken back and audited the same way.  Nobody's password is ever set by somebody else: a
keeper of accounts gives an invitation, and whoever sits at the seat answers it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography.fernet import Fernet
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from anlan.infra import journal
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError
from anlan.registry import access
from anlan.registry.domain import errors, onetime
from anlan.registry.domain.events import AccountChanged
from anlan.registry.domain.permissions import ADMINISTRATORS, PERMISSIONS
from anlan.registry.models import Account, Token
from anlan.registry.services import devices
from anlan.registry.services.accounts import (
    is_account_name,
    new_token,
    secret_digest,
    taken_back,
)

INVITED_FOR = timedelta(days=7)
#: A night shift of twelve hours with its hand-over, without signing in again.
SESSION = timedelta(hours=16)
PASSWORD_LEAST = 12
FREE_FAILURES = 5
REST_FIRST, REST_LONGEST = timedelta(seconds=30), timedelta(minutes=15)


@cache
def _nobody() -> str:
    """Return what is checked when there is no such account, so that the answer takes as long."""
    return make_password(secrets.token_urlsafe())


def needs_second_factor(role: str) -> bool:
    """Return whether a role signs in with a one-time code as well."""
    return Role(role) in ADMINISTRATORS


@transaction.atomic
def invite(actor: Actor, username: str, *, now: datetime) -> tuple[Token, str]:
    """Let the holder of a seat choose a password; return the invitation with its secret.

    Earlier invitations of the account end.  One for an administrator's account works only once a
    second person has confirmed it (:func:`confirming.confirm_invitation`): whoever keeps accounts
    could otherwise answer it in the administrator's place.  Only the terminal needs nobody.
    """
    account = access.account_for_update(actor, username)
    access.refuse_own(actor, account)
    if not account.is_active:
        raise errors.AccountClosedError
    _end(actor, account, "invitation", now=now)
    waits = Role(account.role) in ADMINISTRATORS and actor.role is not Role.SYSTEM
    return new_token(
        actor, account, (), (), now + INVITED_FOR, purpose="invitation", waits=waits, now=now
    )


def invited(secret: str, *, now: datetime) -> Account:
    """Return the account that an invitation is for.

    Raises
    ------
    InvitationUnknownError
        When it was never given, was answered, or is over.
    InvitationWaitsError
        When a second person has yet to confirm it.
    """
    rows = Token.objects.select_related("account").filter(
        digest=secret_digest(secret),
        purpose="invitation",
        revoked_at__isnull=True,
        expires_at__gt=now,
        account__is_active=True,
    )
    token = rows.first()
    if token is None:
        raise errors.InvitationUnknownError
    # An account that became an administrator's after it was invited is one all the same.
    raised = Role(token.account.role) in ADMINISTRATORS and not _from_terminal(token)
    if token.waits or (raised and not token.confirmed_by):
        raise errors.InvitationWaitsError
    return token.account


def _from_terminal(token: Token) -> bool:
    return token.issued_by.startswith("system:")


def offered_factor(invitation: str, *, key: str) -> bytes:
    """Return the one-time secret that goes with an invitation: the same each time it is shown."""
    return hmac.digest(key.encode(), f"second factor {invitation}".encode(), "sha256")[:20]


@transaction.atomic
def answer_invitation(
    invitation: str, password: str, code: str, *, key: str, now: datetime
) -> tuple[Token, str]:
    """Set the account's password, and an administrator's one-time codes; sign in.

    ``key`` is the server's own secret.  All sessions and invitations of before end.

    Raises
    ------
    InvitationUnknownError, PasswordWeakError, SecondFactorWrongError
        Nothing was changed then.
    """
    account = Account.objects.select_for_update().get(pk=invited(invitation, now=now).pk)
    invited(invitation, now=now)  # while we waited for the account somebody may have answered it
    refuse_weak(account.username, password)
    if needs_second_factor(account.role):
        secret = offered_factor(invitation, key=key)
        step = onetime.step_matched(secret, code, at=now, after=0)
        if step is None:
            raise errors.SecondFactorWrongError
        account.second_factor = _cipher(key).encrypt(secret).decode()
        account.second_factor_step = step
    account.password = make_password(password)
    account.failures = 0
    actor = _self(account)
    event = AccountChanged(account=account.username, what="password set")
    journal.record(event, actor=actor, now=now, rows=[account])
    _end(actor, account, "invitation", now=now)
    _end(actor, account, "session", now=now)
    return _session(account, now=now)


def refuse_weak(username: str, password: str) -> None:
    """Refuse a password that is short or says the account's name."""
    if len(password) < PASSWORD_LEAST or username.lower() in password.lower():
        raise errors.PasswordWeakError(least=PASSWORD_LEAST)


def sign_in(
    username: str, password: str, code: str, *, device: str = "", key: str, now: datetime
) -> tuple[Token, str]:
    """Return a session for account, password and (administrators) one-time code.

    ``device`` is what the browser keeps of those who signed in there (:mod:`devices`).

    Raises
    ------
    SignInRefusedError
        Without saying what was wrong, nor that the account rests: only one that is there rests.
    """
    name = username.strip()
    seen = Account.objects.filter(username=name).first() if is_account_name(name) else None
    # Slow on purpose, so before any lock: a stranger must not keep the city from writing.
    fits = check_password(password, seen.password if seen else _nobody())
    if seen is not None:
        with suppress(errors.SignInWaitError), transaction.atomic():
            proof = Proof(code, device, fits=fits, key=key, now=now)
            account = _proven(seen, proof)
            if account is not None:
                return _session(account, now=now)
    raise errors.SignInRefusedError


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody shows at the door beside the password, and whether that one fits."""

    code: str
    device: str  # what the browser keeps; see devices
    fits: bool  # the password as it stood when it was looked at
    key: str
    now: datetime


def _proven(seen: Account, proof: Proof) -> Account | None:
    """Return the locked account when password and code are right; else count a failure.

    Tries from a known device of the account are counted apart from everybody else's.
    """
    now = proof.now
    account = Account.objects.select_for_update().get(pk=seen.pk)
    device = devices.device_of(proof.device, account, key=proof.key, now=now)
    failures, failed_at = (
        devices.tries_of(device) if device else (account.failures, account.failed_at)
    )
    _refuse_while_resting(failures, failed_at, now)
    good = proof.fits and account.is_active and account.password == seen.password
    if good and _code_fits(account, proof.code, key=proof.key, now=now):
        if device:
            devices.forget_wrong(device)
        else:
            account.failures = 0
        account.save(update_fields=["failures", "second_factor_step"])
        return account
    # Not journalled: a stranger must not be able to fill the journal.
    if device:
        devices.count_wrong(device, account, now=now)
    else:
        Account.objects.filter(pk=account.pk).update(failures=failures + 1, failed_at=now)
    return None


def _refuse_while_resting(failures: int, failed_at: datetime | None, now: datetime) -> None:
    extra = failures - FREE_FAILURES
    if extra < 0 or failed_at is None:
        return
    rest = min(REST_FIRST * 2 ** min(extra, 10), REST_LONGEST)
    left = rest - abs(now - failed_at)
    if left > timedelta(0):
        raise errors.SignInWaitError(wait_s=int(left.total_seconds()) + 1)


def _code_fits(account: Account, code: str, *, key: str, now: datetime) -> bool:
    if not needs_second_factor(account.role) and not account.second_factor:
        return True
    if not account.second_factor:
        return False  # made an administrator since: a new invitation sets the codes up
    secret = _cipher(key).decrypt(account.second_factor.encode())
    step = onetime.step_matched(secret, code, at=now, after=account.second_factor_step)
    if step is None:
        return False
    account.second_factor_step = step
    return True


def confirmed(
    actor: Actor, password: str, code: str, *, device: str = "", key: str, now: datetime
) -> Account:
    """Return the actor's own account, once whoever sits there has proven to be its holder.

    A session that was left open is no proof: password and (administrators) code are asked again.

    Raises
    ------
    PasswordWrongError
        Counted like a wrong one at the door.
    SignInWaitError
        After several wrong ones in a row, for a while.
    """
    seen = Account.objects.get(pk=own_key(actor))
    fits = check_password(password, seen.password)
    with transaction.atomic():
        account = _proven(seen, Proof(code, device, fits=fits, key=key, now=now))
    if account is None:
        raise errors.PasswordWrongError
    return account


def own_key(actor: Actor) -> int:
    """Return the key of the actor's account.

    Raises
    ------
    NotAllowedError
        When the actor is no account.
    """
    what, _, number = actor.id.partition(":")
    if what != "account" or not number.isdecimal():
        raise NotAllowedError(permission="account")
    return int(number)


@transaction.atomic
def sign_out(secret: str, *, now: datetime) -> None:
    """End a session; one that is unknown or over needs no ending."""
    token = (
        Token.objects.select_for_update(of=("self",))
        .select_related("account")
        .filter(digest=secret_digest(secret), purpose="session", revoked_at__isnull=True)
        .first()
    )
    if token is not None:
        taken_back(_self(token.account), token, now=now)


def _session(account: Account, *, now: datetime) -> tuple[Token, str]:
    scopes = sorted(PERMISSIONS[Role(account.role)])
    return new_token(
        _self(account), account, scopes, account.areas, now + SESSION, purpose="session", now=now
    )


def _end(actor: Actor, account: Account, purpose: str, *, now: datetime) -> None:
    for token in Token.objects.filter(account=account, purpose=purpose, revoked_at__isnull=True):
        taken_back(actor, token, now=now)


def _self(account: Account) -> Actor:
    return Actor(id=f"account:{account.pk}", role=Role(account.role), post=account.post_id)


def _cipher(key: str) -> Fernet:
    digest = hashlib.sha256(f"second factor {key}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
