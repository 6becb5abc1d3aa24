"""Judging what the edge keeps: in its commits, and in a thread that writes what they find."""

from __future__ import annotations

import logging
import threading
import time

from django.db import close_old_connections

from anlan.entrypoints import clock, probes
from anlan.infra.asking import asking
from anlan.sensing import public as sensing
from anlan.warning import public as warning

log = logging.getLogger(__name__)
TICK_S = 0.25
ENDING_S = 30.0
BEAT_S = 10.0
NOTED_S = 60.0


class Judging:
    """Judges from :meth:`start` to :meth:`stop`; until its kernels are loaded the clockwork does."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._beat_due = self._note_due = 0.0
        self._loaded = False
        self._thread = threading.Thread(target=asking(self._run), name="judge", daemon=True)

    def start(self) -> None:
        """Begin; loading takes a second or two, and a minute the first time on a machine."""
        self._thread.start()

    @property
    def behind(self) -> int | None:
        """Return how many messages were kept and are not judged yet; None while nobody knows.

        That is so from the start until the judge has found its memory; then commits are judged in the commit.
        """
        if not self._loaded:
            return None
        judge = warning.stream_judge()
        return judge.behind if judge.ready else None

    def _run(self) -> None:
        try:
            judge = warning.stream_judge()
            self._loaded = True
            self._beat()
            judge.start()
        except Exception:  # readings are taken in all the same, and the clockwork judges them
            log.exception("the edge does not judge")
            return
        while not self._stop.wait(TICK_S):
            try:
                judge.tick(now=clock.now())
                if judge.claims.judges:
                    self._beat()
            except Exception:  # what was found waits in memory, or is found again
                log.exception("what was judged could not be written")
            self._note()
            close_old_connections()
        try:
            judge.tick(now=clock.now())
            warning.stop_judging()
        except Exception:  # the next judge finds the memory again; it only takes longer
            log.exception("the judge's memory was not saved")

    def _beat(self) -> None:
        """Say now and then that what comes in is judged: the clockwork misses it when it does not."""
        steady = time.monotonic()
        if steady >= self._beat_due:
            probes.beat(clock.now(), probes.JUDGED)
            self._beat_due = steady + BEAT_S

    def _note(self) -> None:
        """Let the database know how far readings are kept, also while no clockwork runs."""
        steady = time.monotonic()
        if steady < self._note_due:
            return
        self._note_due = steady + NOTED_S
        try:
            sensing.note_kept(now=clock.now())
        except Exception:  # the clockwork notes it as well, and the next minute does again
            log.exception("how far readings are kept was not noted")

    def stop(self) -> None:
        """Write what was found, save the memory, and let the clockwork judge; when nobody commits."""
        self._stop.set()
        self._thread.join(timeout=ENDING_S)
