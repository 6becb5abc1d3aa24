"""Doors: a thing for an actor who may have it, or a refusal that never reveals it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError
from anlan.registry.domain.errors import (
    AccountUnknownError,
    AreaBeyondKeeperError,
    AreaUnknownError,
    OwnAccountError,
    PlaceUnknownError,
    PostUnknownError,
    SensorUnknownError,
    TokenUnknownToActorError,
)
from anlan.registry.domain.facts import KnownArea, KnownPlace, KnownPost, KnownSensor
from anlan.registry.domain.permissions import ADMINISTRATORS
from anlan.registry.models import Account, Area, Token
from anlan.registry.selectors import areas, duties, places

CITY_KEEPERS = frozenset({Role.SYSTEM_ADMIN, Role.SYSTEM})
KEEPERS = frozenset({Role.SECURITY_ADMIN, Role.SYSTEM})
READERS = KEEPERS | {Role.AUDITOR}


def require_keeper(actor: Actor) -> None:
    """Refuse an actor who does not keep accounts."""
    if actor.role not in KEEPERS:
        raise NotAllowedError(permission="accounts:write")


def require_city_keeper(actor: Actor) -> None:
    """Refuse an actor who does not keep city data."""
    if actor.role not in CITY_KEEPERS:
        raise NotAllowedError(permission="registry:write")


def keeps_city(actor: Actor) -> bool:
    """Return whether an actor changes city data, and with this credential."""
    return actor.role in CITY_KEEPERS and bool(actor.scopes & {"registry:write", "*"})


def require_whole_city(actor: Actor) -> None:
    """Refuse an actor who does not keep the data of the whole city: a pack is all of it."""
    require_city_keeper(actor)
    if not actor.covers(""):
        raise NotAllowedError(permission="registry:write")


def require_administrator(actor: Actor) -> None:
    """Refuse an actor who is no administrator of any kind."""
    if actor.role not in ADMINISTRATORS:
        raise NotAllowedError(permission="accounts:confirm")


def require_reader(actor: Actor) -> None:
    """Refuse an actor who may not see accounts."""
    if actor.role not in READERS:
        raise NotAllowedError(permission="accounts:read")


def reaches(actor: Actor, account: Account) -> bool:
    """Return whether an account lies within the actor's areas, or is the actor's own."""
    if actor.covers("") or actor.id == f"account:{account.pk}":
        return True
    return bool(account.areas) and covers_codes(actor, account.areas)


def reached(actor: Actor, accounts: Sequence[Account]) -> list[Account]:
    """Return those accounts that :func:`reaches` would let pass, with one query for all."""
    if actor.covers(""):
        return list(accounts)
    codes = {code for account in accounts for code in account.areas}
    paths = dict(Area.objects.filter(code__in=codes).values_list("code", "path"))

    def within(account: Account) -> bool:
        own = actor.id == f"account:{account.pk}"
        known = [paths.get(code) for code in account.areas]
        return own or (
            bool(known) and all(path is not None and actor.covers(path) for path in known)
        )

    return [account for account in accounts if within(account)]


def covers_codes(actor: Actor, codes: Sequence[str]) -> bool:
    """Return whether the actor's areas cover every one of the areas; ``""`` is the whole city."""
    if actor.covers(""):
        return True
    paths = list(Area.objects.filter(code__in=codes).values_list("path", flat=True))
    return len(paths) == len(set(codes)) and all(actor.covers(path) for path in paths)


def refuse_more_than_own(actor: Actor, codes: Sequence[str], post: str | None) -> None:
    """Refuse to hand out areas or a post beyond the actor's own.

    Raises
    ------
    AreaBeyondKeeperError
        Nobody gives what they do not have.
    """
    if not covers_codes(actor, codes):
        raise AreaBeyondKeeperError
    if post is not None and not actor.covers(duties.post(post).area_path):
        raise AreaBeyondKeeperError


def account_of(actor: Actor, username: str) -> Account:
    """Return an account that ``actor`` may see."""
    require_reader(actor)
    found = Account.objects.filter(username=username).first()
    if found is None or not reaches(actor, found):
        raise AccountUnknownError(username=username)
    return found


def account_for_update(actor: Actor, username: str) -> Account:
    """Lock and return an account that ``actor`` may change."""
    require_keeper(actor)
    found = Account.objects.select_for_update().filter(username=username).first()
    if found is None or not reaches(actor, found):
        raise AccountUnknownError(username=username)
    return found


def refuse_own(actor: Actor, account: Account) -> None:
    """Refuse a keeper of accounts who would change the own one."""
    if actor.id == f"account:{account.pk}":
        raise OwnAccountError


def token_for_update(actor: Actor, token_id: int) -> Token:
    """Lock and return a token that ``actor`` may take back: a keeper any, others their own."""
    found = Token.objects.select_for_update().filter(pk=token_id).first()
    if found is None:
        raise TokenUnknownToActorError(token=token_id)
    if actor.role not in KEEPERS and actor.id != f"account:{found.account_id}":
        raise TokenUnknownToActorError(token=token_id)  # never reveal that it exists
    if not reaches(actor, found.account):
        raise TokenUnknownToActorError(token=token_id)
    return found


def area(actor: Actor, code: str) -> KnownArea:
    """Return an area at or below one of the actor's."""
    found = areas.area(code)
    if not actor.covers(found.path):
        raise AreaUnknownError(code=code)  # never reveal that it exists
    return found


def post(actor: Actor, code: str) -> KnownPost:
    """Return a post seated in the actor's areas, or the actor's own."""
    found = duties.post(code)
    if not actor.covers(found.area_path) and actor.post != code:
        raise PostUnknownError(code=code)
    return found


def place(actor: Actor, code: str) -> KnownPlace:
    """Return a risk point in the actor's areas."""
    found = places.place(code)
    if not actor.covers(found.area_path):
        raise PlaceUnknownError(code=code)
    return found


def sensor(actor: Actor, code: str, *, at: datetime) -> KnownSensor:
    """Return a sensor in the actor's areas that is in force at ``at``."""
    found = places.sensor(code, at=at)
    if not actor.covers(found.area_path):
        raise SensorUnknownError(code=code)
    return found
