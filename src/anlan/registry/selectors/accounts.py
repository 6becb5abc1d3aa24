"""Accounts and tokens as administrators and auditors see them: never a secret."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from anlan.infra import journal
from anlan.kernel.actor import Actor, Role
from anlan.registry import access
from anlan.registry.domain.permissions import ADMINISTRATORS
from anlan.registry.models import Account, Area, Token


def accounts(actor: Actor, *, search: str = "") -> list[Account]:
    """Return the accounts within the actor's areas, by name (at most two queries)."""
    access.require_reader(actor)
    rows = Account.objects.order_by("username")
    if search:
        rows = rows.filter(username__icontains=search)
    return access.reached(actor, list(rows))


def account_by_key(actor: Actor, key: int) -> Account:
    """Return an account that the actor may see."""
    name = Account.objects.filter(pk=key).values_list("username", flat=True).first()
    return access.account_of(actor, name or "")


def second_factor_of(account: Account) -> str:
    """Return how it stands with one-time codes: "set", "missing" (they are asked for) or "none"."""
    if account.second_factor:
        return "set"
    return "missing" if Role(account.role) in ADMINISTRATORS else "none"


def tokens(actor: Actor, username: str, *, working_at: datetime | None = None) -> list[Token]:
    """Return the tokens of an account, youngest first; all, or those that work at an instant."""
    account = access.account_of(actor, username)
    rows = Token.objects.filter(account=account).select_related("account")
    if working_at is not None:
        rows = rows.filter(revoked_at__isnull=True, expires_at__gt=working_at)
    return list(rows.order_by("-issued_at", "-id"))


def actors_changed(*, after: int) -> frozenset[str]:
    """Return the ids of the actors whose account or tokens changed behind a journal entry."""
    told = journal.payloads({"AccountChanged", "TokenChanged"}, after=after)
    names = {one["account"] for one in told}
    if not names:
        return frozenset()
    found = Account.objects.filter(username__in=names).values_list("pk", flat=True)
    return frozenset(actor_id(key) for key in found)


def actor_id(account: int) -> str:
    """Return by which id an account acts."""
    return f"account:{account}"


def account_named(username: str) -> Account | None:
    """Return the account of that name, open or closed, or None."""
    return Account.objects.filter(username=username).first()


def paths_of(areas: Iterable[str]) -> tuple[str, ...]:
    """Return today's paths of areas given as codes or as paths; ``""`` is the whole city.

    An area that is not known gives no path: a credential never grows by a gap in the data.
    """
    codes = [text.rsplit("/", 1)[-1] for text in areas]
    if "" in codes:
        return ("",)
    return tuple(
        Area.objects.filter(code__in=codes).order_by("path").values_list("path", flat=True)
    )
