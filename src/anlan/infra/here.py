"""The workspace of this process."""

from __future__ import annotations

from django.conf import settings

from anlan.infra.workspace import Workspace
from anlan.kernel.errors import NotFoundError


def workspace() -> Workspace:
    """Return the workspace of this process.

    Raises
    ------
    NotFoundError
        When there is none yet.
    """
    found: Workspace | None = settings.WORKSPACE
    if found is None:
        raise NotFoundError(what="workspace", path=settings.ANLAN.workspace)
    return found
