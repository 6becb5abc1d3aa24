"""A duty that waits for a disk, done beside the clockwork: nobody else's clock waits with it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta

from anlan.infra.asking import AskingThreads

LONGEST = timedelta(minutes=10)


class Beside:
    """Does a duty in a thread of its own, one turn at a time.

    What a turn raised is raised when the next one is due, so that a duty that keeps failing is seen
    like every other; so is one that does not come to an end.
    """

    def __init__(self, run: Callable[[datetime], object], name: str) -> None:
        self._run = run
        self._thread = AskingThreads(1, name)
        self._doing: Future[object] | None = None
        self._since: datetime | None = None
        self._failed: BaseException | None = None

    def __call__(self, now: datetime) -> None:
        """Begin a turn, unless one is under way.

        Raises
        ------
        Exception
            What the last turn that came to its end raised.
        TimeoutError
            When one has been under way for longer than :data:`LONGEST`.
        """
        doing, since = self._doing, self._since
        if doing is None or doing.done():
            self._failed = doing.exception() if doing is not None else None
            self._doing, self._since = self._thread.submit(self._run, now), now
        elif since is not None and now - since > LONGEST:
            raise TimeoutError("a turn does not come to an end")
        if self._failed is not None:
            raise self._failed

    def end(self) -> None:
        """Begin no turn any more; one that hangs is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)
