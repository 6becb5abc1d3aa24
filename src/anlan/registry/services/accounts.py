"""Accounts and tokens: made, given, taken back."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import transaction

from anlan.infra import journal
from anlan.kernel.actor import Actor, Role, system_actor
from anlan.registry import access
from anlan.registry.domain import errors
from anlan.registry.domain.events import AccountChanged, TokenChanged
from anlan.registry.domain.permissions import ADMINISTRATORS, GIVEN, PERMISSIONS, beyond
from anlan.registry.models import Account, Area, Post, Token
from anlan.registry.selectors.accounts import paths_of

SECRET_BYTES = 32  # 256 bits: nothing to guess, so a plain SHA-256 is enough to keep
SECRET_MARK = "anlan_"  # noqa: S105  lets scanners find a leaked token
LONGEST = timedelta(days=400)  # no token lives longer; a year with a margin to renew
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9][a-z0-9._-]{2,63}")


def secret_digest(secret: str) -> str:
    """Return the SHA-256 under which a token's secret is known."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_account_name(text: str) -> bool:
    """Return whether an account could have this name."""
    return _NAME.fullmatch(text) is not None


def _role(name: str) -> Role:
    if name not in GIVEN:
        raise errors.RoleUnknownError(role=name, known=", ".join(sorted(GIVEN)))
    return Role(name)


def _area_codes(areas: Sequence[str]) -> list[str]:
    """Return areas as codes: a path moves when a district is re-parented, a code does not."""
    codes = [text.rsplit("/", 1)[-1] for text in areas]
    known = set(Area.objects.filter(code__in=codes).values_list("code", flat=True))
    for code in codes:
        if code and code not in known:
            raise errors.AreaUnknownError(code=code)
    return codes


@transaction.atomic
def create_account(
    actor: Actor,
    username: str,
    role: str,
    *,
    post: str | None = None,
    areas: Sequence[str] = (),
    now: datetime,
) -> Account:
    """Make an account; its name is that of a seat or a program, never of a person.

    ``areas`` are codes or paths of areas it may see and act in; ``""`` is the whole city.
    """
    access.require_keeper(actor)
    return _new_account(actor, username, role, post=post, areas=areas, now=now)


def _new_account(
    actor: Actor,
    username: str,
    role: str,
    *,
    post: str | None,
    areas: Sequence[str],
    now: datetime,
) -> Account:
    if not is_account_name(username):
        raise errors.AccountNameError
    if Account.objects.filter(username=username).exists():
        raise errors.AccountTakenError(username=username)
    if post is not None and not Post.objects.filter(code=post, ended_at__isnull=True).exists():
        raise errors.PostUnknownError(code=post)
    codes = _area_codes(areas)
    access.refuse_more_than_own(actor, codes, post)
    account = Account(
        username=username,
        role=_role(role).value,
        post_id=post,
        areas=codes,
        created_at=now,
        password=make_password(None),
    )
    event = AccountChanged(account=username, what="made")
    journal.record(event, actor=actor, now=now, rows=[account])
    return account


@transaction.atomic
def create_first_admin(name: str, *, now: datetime) -> Account:
    """Make the first security administrator of a workspace, who then makes all other accounts.

    Raises
    ------
    AdminExistsError
        When an administrator of any kind is there already.
    """
    roles = [role.value for role in ADMINISTRATORS]
    if Account.objects.filter(role__in=roles, is_active=True).exists():
        raise errors.AdminExistsError
    actor = system_actor("setup")
    return _new_account(actor, name, Role.SECURITY_ADMIN, post=None, areas=("",), now=now)


@transaction.atomic
def change_account(
    actor: Actor,
    username: str,
    *,
    role: str | None = None,
    post: str | None = None,
    areas: Sequence[str] | None = None,
    now: datetime,
) -> Account:
    """Give an account another role, post or areas; what is None stays, an empty post is none.

    Its tokens keep only those scopes that the new role allows, from the next call on.
    """
    account = access.account_for_update(actor, username)
    access.refuse_own(actor, account)
    codes = None if areas is None else _area_codes(areas)
    if role not in (None, Role.SECURITY_ADMIN) or (codes is not None and "" not in codes):
        _refuse_last_admin(account)
    if role is not None:
        _end_other_office(account, _role(role))
        account.role = _role(role).value
    if post is not None:
        if post and not Post.objects.filter(code=post, ended_at__isnull=True).exists():
            raise errors.PostUnknownError(code=post)
        account.post_id = post or None
    if codes is not None:
        account.areas = codes
    access.refuse_more_than_own(actor, account.areas, post or None)
    _confirmed_no_more(actor, account, now=now)
    event = AccountChanged(account=username, what="changed")
    journal.record(event, actor=actor, now=now, rows=[account])
    return account


def _end_other_office(account: Account, role: Role) -> None:
    """Let an account that becomes another kind of administrator ask for a new invitation.

    A second person agreed to the office that it had, not to this one.
    """
    if role in ADMINISTRATORS and role.value != account.role:
        account.second_factor = ""


def _confirmed_no_more(actor: Actor, account: Account, *, now: datetime) -> None:
    """Let a confirmed invitation wait again: who confirmed it saw another account."""
    rows = Token.objects.filter(account=account, purpose="invitation", revoked_at__isnull=True)
    for token in rows.exclude(confirmed_by="").filter(expires_at__gt=now):
        token.waits, token.confirmed_by = True, ""
        event = TokenChanged(
            token=token.prefix, account=account.username, what="waits again",
            expires_at=token.expires_at,
        )  # fmt: skip
        journal.record(event, actor=actor, now=now, rows=[token])


def _refuse_last_admin(account: Account) -> None:
    if account.role != Role.SECURITY_ADMIN or not account.is_active:
        return
    keepers = Account.objects.select_for_update().filter(
        role=Role.SECURITY_ADMIN.value, is_active=True
    )
    others = list(keepers.exclude(pk=account.pk))
    # One of a district reaches no account of the whole city: it cannot stand in.
    if not others or ("" in account.areas and not any("" in one.areas for one in others)):
        raise errors.LastAdminError(username=account.username)


@transaction.atomic
def close_account(actor: Actor, username: str, *, now: datetime) -> Account:
    """Close an account for good; its tokens stop working at once."""
    account = access.account_for_update(actor, username)
    if not account.is_active:
        return account
    _refuse_last_admin(account)
    account.is_active, account.closed_at = False, now
    event = AccountChanged(account=username, what="closed")
    journal.record(event, actor=actor, now=now, rows=[account])
    return account


@transaction.atomic
def issue_token(
    actor: Actor,
    account: Account,
    scopes: Sequence[str] | None,
    areas: Sequence[str] | None,
    expires_at: datetime,
    *,
    now: datetime,
) -> tuple[Token, str]:
    """Give an account a token; return it with its secret, which is shown this once only.

    ``scopes`` and ``areas`` say what it may be used for and where; None: all that the
    account may.

    Raises
    ------
    ScopeBeyondRoleError, AreaBeyondAccountError
        When the token would have more than its account.
    TokenExpiryError
        When it would never end, has ended already, or lives longer than 400 days.
    OwnAccountError, AdministratorTokenError
        When a security administrator would come by the rights of an administrator, or by
        the own ones past the password: only the terminal gives such tokens.
    """
    access.require_keeper(actor)
    held = access.account_for_update(actor, account.username)
    access.refuse_own(actor, held)
    if not held.is_active:
        raise errors.AccountClosedError
    if Role(held.role) in ADMINISTRATORS and actor.role != Role.SYSTEM:
        raise errors.AdministratorTokenError
    if expires_at.tzinfo is None or not now < expires_at <= now + LONGEST:
        raise errors.TokenExpiryError(longest_days=LONGEST.days)
    role = Role(held.role)
    wanted = PERMISSIONS[role] if scopes is None else frozenset(scopes)
    if excess := beyond(role, wanted):
        raise errors.ScopeBeyondRoleError(role=role.value, scopes=", ".join(sorted(excess)))
    within = held.areas if areas is None else _area_codes(areas)
    _refuse_beyond(held, within)
    return new_token(actor, held, sorted(wanted), within, expires_at, now=now)


def new_token(
    actor: Actor,
    account: Account,
    scopes: Sequence[str],
    areas: Sequence[str],
    expires_at: datetime,
    *,
    purpose: str = "interface",
    waits: bool = False,
    now: datetime,
) -> tuple[Token, str]:
    """Make a token of stated scopes and areas in the caller's transaction; nothing is checked."""
    secret = SECRET_MARK + secrets.token_urlsafe(SECRET_BYTES)
    token = Token(
        account=account,
        purpose=purpose,
        waits=waits,
        prefix=secret[len(SECRET_MARK) :][:6],
        digest=secret_digest(secret),
        scopes=list(scopes),
        areas=list(areas),
        issued_at=now,
        issued_by=actor.id,
        expires_at=expires_at,
    )
    event = TokenChanged(
        token=token.prefix, account=account.username, what="issued", expires_at=expires_at
    )
    journal.record(event, actor=actor, now=now, rows=[token])
    return token, secret


def _refuse_beyond(account: Account, areas: Sequence[str]) -> None:
    reach = Actor(id="", role=Role.SYSTEM, areas=paths_of(account.areas))
    for code in areas:
        paths = paths_of([code])
        if not paths or not all(reach.covers(path) for path in paths):
            raise errors.AreaBeyondAccountError(area=code or "*")


@transaction.atomic
def revoke_token(actor: Actor, token_id: int, *, now: datetime) -> Token:
    """Take a token back; doing so twice changes nothing."""
    token = access.token_for_update(actor, token_id)
    return token if token.revoked_at is not None else taken_back(actor, token, now=now)


def taken_back(actor: Actor, token: Token, *, now: datetime) -> Token:
    """End a token in the caller's transaction; nothing is checked."""
    token.revoked_at = now
    event = TokenChanged(
        token=token.prefix,
        account=token.account.username,
        what="revoked",
        expires_at=token.expires_at,
    )
    journal.record(event, actor=actor, now=now, rows=[token])
    return token
