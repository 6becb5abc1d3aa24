"""The only place that reads the clock: the wall, or a rehearsal's simulated one."""

from __future__ import annotations

from datetime import UTC, datetime

from anlan.infra.workspace import Workspace, WorkspaceKind
from anlan.kernel.canonical import instant_text, parse_instant
from anlan.kernel.errors import ConflictError

FILE = "clock.txt"


class NotSimulatedError(ConflictError):
    """Somebody tried to set the clock of a live workspace."""

    code = "clock.not_simulated"


class WallClock:
    """Time as the machine has it."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)


class SimulatedClock:
    """Time as a replay or drill drives it; kept in the workspace, so that it stands when looked at."""

    def __init__(self, workspace: Workspace) -> None:
        if workspace.kind is not WorkspaceKind.REHEARSAL:
            raise NotSimulatedError
        self._file = workspace.root / FILE
        self._now = parse_instant(self._file.read_text().strip()) if self._file.exists() else None

    def now(self) -> datetime:
        """Return the instant to which the rehearsal has come; the wall's before it began."""
        return self._now or datetime.now(UTC)

    def set(self, instant: datetime) -> None:
        """Move the clock; it never runs backwards."""
        if self._now is not None and instant < self._now:
            raise ValueError("a clock does not run backwards")
        self._now = instant.astimezone(UTC)

    def keep(self) -> None:
        """Write the present instant into the workspace."""
        self._file.write_text(instant_text(self.now()))


def clock_of(workspace: Workspace | None) -> WallClock | SimulatedClock:
    """Return the clock of a workspace."""
    if workspace is not None and workspace.kind is WorkspaceKind.REHEARSAL:
        return SimulatedClock(workspace)
    return WallClock()


_current: WallClock | SimulatedClock | None = None


def current() -> WallClock | SimulatedClock:
    """Return this process's clock, made from its workspace at first use."""
    global _current  # noqa: PLW0603  one process serves one workspace
    if _current is None:
        from django.conf import settings

        _current = clock_of(settings.WORKSPACE)
    return _current


def now() -> datetime:
    """Return the workspace's present instant."""
    return current().now()
