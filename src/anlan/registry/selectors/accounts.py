"""Accounts and tokens as administrators and auditors see them: never a secret."""

from __future__ import annotations

from collections.abc import Iterable

from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.models import Account, Area, Token


def accounts(actor: Actor) -> list[Account]:
    """Return the accounts within the actor's areas, by name."""
    access.require_reader(actor)
    return [row for row in Account.objects.order_by("username") if access.reaches(actor, row)]


def tokens(actor: Actor, username: str) -> list[Token]:
    """Return the tokens of an account, youngest first."""
    account = access.account_of(actor, username)
    rows = Token.objects.filter(account=account).select_related("account")
    return list(rows.order_by("-issued_at", "-id"))


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
