"""The ledger is of the whole city: it cannot be shown in part."""

from __future__ import annotations

from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotAllowedError


class WholeCityOnlyError(NotAllowedError):
    """The credential reaches a part of the city only."""

    code = "ledger.whole_city_only"


def whole_city_only(actor: Actor) -> None:
    """Refuse an actor whose areas are not the whole city.

    An export, a proof or a breach speaks of entries of every area; who answers for one of them
    asks for the state as of an instant, which keeps to it.
    """
    if not actor.covers(""):
        raise WholeCityOnlyError
