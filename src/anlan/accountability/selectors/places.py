"""The ledger's places in the workspace this process runs in."""

from __future__ import annotations

from django.conf import settings

from anlan.accountability.domain.places import LedgerPlaces, origin_of
from anlan.kernel.errors import InvalidInputError, NotFoundError


class WitnessInsideError(InvalidInputError):
    """The folder for checkpoints lies in the workspace: whoever rewrites one rewrites both."""

    code = "ledger.outside_is_inside"


def here() -> LedgerPlaces:
    """Return the places of this process's workspace.

    Like the databases, they come with the process: this is the one place where the
    room asks Django for them.

    Raises
    ------
    NotFoundError
        When the process runs without a workspace.
    WitnessInsideError
        When the folder for checkpoints, links followed, is in the workspace.
    """
    if settings.WORKSPACE is None:
        raise NotFoundError(what="workspace", path=settings.ANLAN.workspace)
    outside = settings.ANLAN.checkpoints_path
    if outside.resolve().is_relative_to(settings.WORKSPACE.root.resolve()):
        raise WitnessInsideError(path=outside.name)
    return LedgerPlaces(
        keys=settings.WORKSPACE.keys,
        outside=outside,
        origin=origin_of(settings.WORKSPACE.id),
    )
