"""The workspace in which this process runs."""

from __future__ import annotations

from django.conf import settings

from anlan.infra.workspace import Workspace
from anlan.kernel.errors import NotFoundError


def workspace_here() -> Workspace:
    """Return the workspace of this process.

    Raises
    ------
    NotFoundError
        When the process runs without one.
    """
    found: Workspace | None = settings.WORKSPACE
    if found is None:
        raise NotFoundError(what="workspace")
    return found
