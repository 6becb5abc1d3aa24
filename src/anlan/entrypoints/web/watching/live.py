"""The hub of this process, and where it looks."""

from __future__ import annotations

import signal
import socket
import threading
from datetime import datetime, timedelta

from anlan.entrypoints import clock
from anlan.entrypoints.web.watching import picture, streams
from anlan.entrypoints.web.watching.hub import Hub, sight_of
from anlan.entrypoints.web.watching.streams import Heard
from anlan.infra import journal
from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotAuthenticatedError
from anlan.registry import public as registry

STOPPING = {int(signal.SIGTERM), int(signal.SIGINT)}


#: How streams of readings stand is looked at anew after so many seconds: it costs as much as there
#: are streams, and readings are not journalled one by one.
HEARD_S = 5.0
Seen = tuple[tuple[str, ...], str]


class Workspace:
    """The journal and the tables of this process's workspace, read only."""

    def __init__(self) -> None:
        self._gathered: dict[Seen, picture.Gathered] = {}
        self._heard: dict[Seen, tuple[datetime, Heard]] = {}

    def head(self) -> int:
        """Return the number of the last journal entry; what was gathered before is forgotten."""
        self._gathered.clear()
        return journal.head()

    def touches_accounts(self, after: int) -> bool:
        """Return whether an account or a token changed behind ``after``."""
        return journal.happened({"AccountChanged", "TokenChanged"}, after=after)

    def render(self, actor: Actor, language: str) -> str:
        """Return the lists of the present; a second language asks the tables nothing more."""
        sight = sight_of(actor, language)
        key = sight.areas, sight.post
        if key not in self._gathered:
            now = self._now()
            whole = self._whole(key, actor, now)
            self._gathered[key] = picture.gathered_now(actor, now=now, whole=whole)
        return picture.worded_now(self._gathered[key], language)

    def _whole(self, key: Seen, actor: Actor, now: datetime) -> Heard:
        """Return how streams stand, as it was found at most :data:`HEARD_S` ago."""
        old = now - timedelta(seconds=HEARD_S)
        self._heard = {one: found for one, found in self._heard.items() if found[0] > old}
        if key not in self._heard:
            self._heard[key] = now, streams.heard(actor, now=now)[0]
        return self._heard[key][1]

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
