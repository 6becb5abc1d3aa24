"""The hub of this process, and where it looks."""

from __future__ import annotations

import signal
import socket
import threading
from datetime import datetime

from anlan.entrypoints import clock
from anlan.entrypoints.web.watching import picture
from anlan.entrypoints.web.watching.hub import Hub
from anlan.infra import journal
from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotAuthenticatedError
from anlan.registry import public as registry

STOPPING = {int(signal.SIGTERM), int(signal.SIGINT)}


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


def end_with_the_process() -> None:
    """End all streams as soon as this process is told to stop; called in its main thread.

    The server waits for what is being answered, and a stream is answered for hours.  It sets its
    own handlers for signals after this call; the wake-up of the signal module is left to us.
    """
    ear, mouth = socket.socketpair()
    mouth.settimeout(0.0)
    signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)

    def listen() -> None:
        while heard := ear.recv(16):
            if STOPPING & set(heard):
                HUB.end()
        mouth.close()  # keeps it open as long as somebody listens

    threading.Thread(target=listen, daemon=True, name="anlan-stopping").start()
