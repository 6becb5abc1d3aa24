"""The ledger's places in the workspace this process runs in."""

from __future__ import annotations

from django.conf import settings

from anlan.accountability.domain.places import LedgerPlaces, origin_of
from anlan.kernel.errors import NotFoundError


def here() -> LedgerPlaces:
    """Return the places of this process's workspace.

    Like the databases, they come with the process: this is the one place where the
    room asks Django for them.

    Raises
    ------
    NotFoundError
        When the process runs without a workspace.
    """
    if settings.WORKSPACE is None:
        raise NotFoundError(what="workspace", path=settings.ANLAN.workspace)
    return LedgerPlaces(
        keys=settings.WORKSPACE.keys,
        outside=settings.ANLAN.checkpoints_path,
        origin=origin_of(settings.WORKSPACE.id),
    )
