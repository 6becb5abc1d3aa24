"""Signed checkpoints, as they stand inside."""

from __future__ import annotations

from anlan.accountability.models import Checkpoint
from anlan.kernel.errors import NotFoundError


def newest_checkpoint() -> Checkpoint:
    """Return the newest checkpoint.

    Raises
    ------
    NotFoundError
        When nothing was signed yet.
    """
    found = Checkpoint.objects.order_by("-size").first()
    if found is None:
        raise NotFoundError(what="checkpoint")
    return found


def checkpoints(*, after: int, limit: int) -> list[Checkpoint]:
    """Return checkpoints of a size above ``after``, the smallest first."""
    return list(Checkpoint.objects.filter(size__gt=after).order_by("size")[:limit])
