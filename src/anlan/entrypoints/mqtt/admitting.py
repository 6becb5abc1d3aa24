"""Who comes in by MQTT: the holder of an access token, with no more than it allows now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from django.db import close_old_connections

from anlan.infra.doors import allowed
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError, UnavailableError
from anlan.registry import public as registry
from anlan.registry.domain.errors import TokenUnknownError

log = logging.getLogger(__name__)

WRITES, READS = "signs:write", "signs:read"
LONGEST_SECRET = 500
ACTORS_REMEMBERED = 10_000


class Admission:
    """Asks the registry for whom a token stands; equal actors are one object."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._actors: dict[Actor, Actor] = {}
        self._turn = threading.Lock()

    def admit(self, secret: bytes | None) -> Actor:
        """Return whom a token stands for now.

        Raises
        ------
        AnlanError
            With the code of why it lets nobody in.
        """
        if not secret or len(secret) > LONGEST_SECRET:
            raise TokenUnknownError
        try:
            found = registry.authenticate(secret.decode(), now=self._clock())
        except UnicodeDecodeError:
            raise TokenUnknownError from None
        except AnlanError:
            raise
        except Exception as error:  # the database is away
            log.exception("nobody can be admitted")
            raise UnavailableError(what="accounts") from error
        finally:
            close_old_connections()
        with self._turn:
            if len(self._actors) > ACTORS_REMEMBERED:
                self._actors.clear()
            return self._actors.setdefault(found, found)


def may_write(actor: Actor) -> bool:
    """Return whether readings of an actor are kept."""
    return allowed(actor, WRITES)


def may_read(actor: Actor) -> bool:
    """Return whether readings are shown to an actor."""
    return allowed(actor, READS)
