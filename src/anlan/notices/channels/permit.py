"""Without a permit no way out can be made, and only a live workspace gives one (I10)."""

from __future__ import annotations

from anlan.infra.workspace import Workspace, WorkspaceKind
from anlan.kernel.errors import NotAllowedError


class RehearsalError(NotAllowedError):
    """A rehearsal was to be given a way to the outside."""

    code = "notice.rehearsal_sends_nothing"


class LivePermit:
    """The right to make ways out, had by live workspaces alone."""

    __slots__ = ("workspace",)

    def __init__(self, workspace: Workspace) -> None:
        if workspace.kind is not WorkspaceKind.LIVE:
            raise RehearsalError
        self.workspace = workspace.id


def check(permit: object) -> None:
    """Refuse anything that is not a permit."""
    if not isinstance(permit, LivePermit):
        raise RehearsalError
