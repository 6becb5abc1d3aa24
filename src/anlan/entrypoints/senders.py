"""Who may send readings, over HTTP and over MQTT alike: what a token allows, and for how long it counts.

A token is looked up once and remembered until its account or one of its tokens changes.  The journal
is looked at four times a second, and memory alone answers nobody when the last look is older than
:data:`LOOKED_S`.  So a token that was taken back stops within a second at either door.
Which streams a token reaches is part of the answer: its actor's areas, as the store asks them.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, close_old_connections

from anlan.infra import journal
from anlan.infra.doors import allowed
from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotAuthenticatedError, UnavailableError
from anlan.kernel.remembered import Remembered
from anlan.registry import public as registry
from anlan.registry.domain.errors import TokenUnknownError

WRITES, READS = "signs:write", "signs:read"
LOOK_S = 0.25
LOOKED_S = 0.6
LIFE = timedelta(minutes=2)
"""An answer counts for half of it to the whole, whatever was heard: not all are asked for at once."""
CHANGED_S = 60.0
MOST_HELD = 100_000
LONGEST_SECRET = 500
REFUSED_FOR = timedelta(seconds=5)
"""So long a refused token is refused again without asking, unless an account or a token changes."""
MOST_REFUSED = 10_000


@dataclass(frozen=True, slots=True)
class _Held:
    actor: Actor
    until: datetime


class Senders:
    """Remembers the actors of tokens; may be asked by several threads.

    Equal actors are one object: who gathers readings by sender need not compare them.
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._actors: dict[Actor, Actor] = {}
        self._refused = _nobody_refused()
        self._turn = threading.Lock()
        self._forgotten = 0  # how often somebody was
        self._head = -1
        self._revision = self._areas = ""
        self._changed: dict[str, float] = {}
        self._looked = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether the last look is so young that memory may answer."""
        return time.monotonic() - self._looked <= LOOKED_S

    def known(self, token: str, *, now: datetime) -> Actor | None:
        """Return who a token is remembered to stand for; asks nobody, so look first."""
        held = self._held.get(token)
        return held.actor if held is not None and held.until > now else None

    def actor_of(self, token: str, *, now: datetime) -> Actor:
        """Return who a token stands for: by memory where it may answer, else by the database.

        Raises
        ------
        NotAuthenticatedError
            For a token that is unknown, over or taken back; its code says which.
        UnavailableError
            When the database cannot be asked.
        """
        if not self.is_fresh:
            self.look()
        return self.known(token, now=now) or self.find(token, now=now)

    def check_not_refused(self, token: str, *, now: datetime) -> None:
        """Refuse again what the database refused a moment ago, so that guessing costs it nothing."""
        if not token or len(token) > LONGEST_SECRET:
            raise TokenUnknownError
        found = self._refused.get(_digest(token))
        if found is not None and abs(now - found[1]) < REFUSED_FOR:
            raise found[0]

    def find(self, token: str, *, now: datetime) -> Actor:
        """Ask the database who a token stands for, and remember it; raises as :meth:`actor_of`."""
        self.check_not_refused(token, now=now)
        forgotten = self._forgotten
        close_old_connections()  # a broken one is opened anew
        try:
            found, end = registry.credential(token, now=now)
        except NotAuthenticatedError as error:
            with self._turn:
                if forgotten == self._forgotten:
                    self._refused.put(_digest(token), (type(error), now))
            raise
        except (DatabaseError, InterfaceError) as error:
            raise UnavailableError(what="accounts") from error
        with self._turn:
            if len(self._actors) >= MOST_HELD:
                self._actors.clear()
            actor = self._actors.setdefault(found, found)
            # Else what was found may be older than the change for which somebody was forgotten.
            if forgotten == self._forgotten:
                if len(self._held) >= MOST_HELD:
                    self._held.clear()
                self._held[token] = _Held(actor, min(end, now + _life_of(token)))
        return actor

    def changed_lately(self, actor: Actor) -> bool:
        """Return whether an account or one of its tokens changed within :data:`CHANGED_S`."""
        return actor.id in self._changed

    def look(self) -> None:
        """Forget whoever's account or tokens have changed; everybody when areas came, went or moved.

        Raises
        ------
        UnavailableError
            When the database cannot be asked.
        """
        began, before = time.monotonic(), self._head
        close_old_connections()
        try:
            head, revision = journal.head(), registry.revision()
            areas = self._areas if revision == self._revision else registry.tree_digest()
            changed = (
                registry.actors_changed(after=before) if 0 <= before < head else frozenset[str]()
            )
        except (DatabaseError, InterfaceError) as error:
            raise UnavailableError(what="accounts") from error
        everybody = head < before or before < 0 or areas != self._areas
        with self._turn:
            lately = {one: at for one, at in self._changed.items() if began - at < CHANGED_S}
            self._changed = lately | dict.fromkeys(changed, began)
            if everybody or changed:
                self._forgotten += 1
                self._refused = _nobody_refused()
                self._held = {
                    token: held
                    for token, held in self._held.items()
                    if not everybody and held.actor.id not in changed
                }
            self._head, self._looked = head, began
            self._revision, self._areas = revision, areas


def _nobody_refused() -> Remembered[bytes, tuple[type[NotAuthenticatedError], datetime]]:
    return Remembered(MOST_REFUSED)


def _digest(token: str) -> bytes:
    """Return by what a refused token is remembered: it may be another system's secret."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _life_of(token: str) -> timedelta:
    """Return for how long an answer counts: of ten thousand that came at once not all end at once."""
    return LIFE * (0.5 + (hash(token) & 1023) / 2048)


def may_send(actor: Actor) -> bool:
    """Return whether readings of an actor are kept."""
    return allowed(actor, WRITES)


def may_read(actor: Actor) -> bool:
    """Return whether readings are shown to an actor."""
    return allowed(actor, READS)
