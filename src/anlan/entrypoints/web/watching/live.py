"""The hub of this process, and where it looks."""

from __future__ import annotations

from datetime import datetime

from anlan.entrypoints import clock
from anlan.entrypoints.web.watching import picture
from anlan.entrypoints.web.watching.hub import Hub
from anlan.infra import journal
from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotAuthenticatedError
from anlan.registry import public as registry


class Workspace:
    """The journal and the tables of this process's workspace, read only."""

    def head(self) -> int:
        """Return the number of the last journal entry."""
        return journal.head()

    def touches_accounts(self, after: int) -> bool:
        """Return whether an account or a token changed behind ``after``."""
        return journal.happened({"AccountChanged", "TokenChanged"}, after=after)

    def render(self, actor: Actor, language: str) -> str:
        """Return the lists of the present."""
        return picture.lists_now(actor, language, now=self._now())

    def still(self, session: str) -> Actor | None:
        """Return who a session stands for now; None when it is over."""
        try:
            return registry.authenticate(session, now=self._now())
        except NotAuthenticatedError:
            return None

    def _now(self) -> datetime:
        return clock.now()


HUB = Hub(Workspace())
