"""When the judge's memory is written into its file, and how steps go on meanwhile."""

from __future__ import annotations

import logging
from concurrent.futures import Executor, Future
from pathlib import Path

from anlan.infra import failpoints
from anlan.infra.asking import AskingThreads
from anlan.warning.services.streams import cuts, memory
from anlan.warning.services.streams.memory import Memory

log = logging.getLogger(__name__)

LONGEST_US = 3_600_000_000
CUTS, CUTS_US = 500, 60_000_000
"""After so many steps that found something, but no sooner: to copy a gigabyte takes a second or two."""
READINGS, READINGS_OF_EACH, READINGS_US = 200_000, 20, 300_000_000
"""After so many readings, and so many of each stream, but no sooner."""


class Saving:
    """Writes the memory of one judge."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._beside: Executor | None = None
        self._writing: Future[None] | None = None
        self._failed = False

    def begin_beside(self) -> None:
        """Write in a thread of its own from now on: no alert must wait for a gigabyte."""
        if self._beside is None:
            self._beside = AskingThreads(1, "judge saves")

    def is_due(self, held: Memory) -> bool:
        """Return whether the memory should be written now."""
        if self._writing is not None and not self._writing.done():
            return False
        since = held.mark.at - held.saved_at
        readings = READINGS + READINGS_OF_EACH * len(held.state.columns.hot)
        return bool(
            held.due
            or (since >= LONGEST_US and (held.readings or held.cuts))
            or (since >= READINGS_US and held.readings >= readings)
            or (since >= CUTS_US and (held.cuts >= CUTS or self._failed))
        )

    def write(self, kept: Memory) -> None:
        """Write a memory that nobody changes any more."""
        if self._beside is None:
            self._write(kept)
        else:
            self._writing = self._beside.submit(self._write_beside, kept)

    def _write_beside(self, kept: Memory) -> None:
        try:
            self._write(kept)
        except Exception:  # the file before it counts on: restarting only takes longer
            log.exception("the judge's memory was not saved")
            self._failed = True

    def _write(self, kept: Memory) -> None:
        memory.save(kept, self.root)
        self._failed = False
        cuts.note_checkpoint(kept.mark, kept.cut, kept.id)
        failpoints.reach("judge.checkpoint_noted")

    def end_beside(self) -> None:
        """Wait for what is being written, and write at once from now on."""
        if self._beside is not None:
            self._beside.shutdown()
        self._beside = self._writing = None

    def drop(self) -> None:
        """In a forked child: the thread is the parent's."""
        self._beside = self._writing = None
