"""How a judge that begins finds its memory: from its file, or made again from the store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing import public as sensing
from anlan.warning import columns
from anlan.warning.domain.instants import instant, micros
from anlan.warning.models import JudgeCut
from anlan.warning.services.streams import cuts, history, memory, mending
from anlan.warning.services.streams.city import JudgedCity, Surveyor
from anlan.warning.services.streams.cuts import Cut, Mark, Written
from anlan.warning.services.streams.history import Judged
from anlan.warning.services.streams.memory import Memory
from anlan.warning.services.streams.telling import Told, of_now

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A memory that goes on from where database and store are, and what is still to be written."""

    memory: Memory
    waiting: Sequence[Cut | Told]
    made_again: bool = False


def find(root: Path, revision: str, surveyor: Surveyor, *, now: datetime) -> Found:
    """Return the memory as the database and the store leave it, whatever has happened."""
    return _Search(root, revision, surveyor, now).found()


@dataclass(frozen=True, slots=True)
class _Search:
    root: Path
    revision: str
    surveyor: Surveyor
    now: datetime

    def found(self) -> Found:
        written = cuts.read_written()
        held = memory.load(self.root)
        if held is None and written is None and not mending.open_rows():
            held = memory.fresh()
        elif held is None and written is not None and written.id:
            # Before the first checkpoint every step from the beginning is known, and done again.
            held = memory.fresh(written.id)
        rows = cuts.cuts_after(held.cut) if held is not None else []
        if held is None or not memory.fits(held, written, rows):
            return self._made_again(written, held)
        try:
            waiting = self._repeat(held, rows)
        except IntegrityBreachError:
            log.exception("frames that the judge has heard are not there: its memory is made again")
            return self._made_again(written, held)
        # A stream that was judged again in between may have told other things than it does now.
        trusted = not held.late if waiting else self._agrees(held)
        if not trusted:
            return self._made_again(written, held)
        return Found(held, waiting)

    def _repeat(self, held: Memory, rows: Sequence[JudgeCut]) -> list[Cut]:
        """Do what the database knows again; return what it has not been told to the end."""

        def city_at(at: int) -> JudgedCity:
            return self.surveyor.look(self.revision, held.versions, at=instant(at))

        return memory.repeat(held, rows, city_at)

    def _agrees(self, held: Memory) -> bool:
        city = self.surveyor.look(self.revision, held.versions, at=self.now)
        if mending.agrees(held.state, city, mending.open_rows(), held.late):
            return True
        log.warning("the judge's memory and the open alerts differ: it is made again")
        return False

    def _made_again(self, written: Written | None, before: Memory | None) -> Found:
        """Return a memory from what the store holds and what is open, and tell what that changes.

        News that came too late is not judged on the way: which streams wait for it is taken from
        the memory ``before`` and from the frames of the steps since the last checkpoint.
        """
        rows = mending.open_rows()
        mark = self._mark(written)
        kept = [(row.rule, row.rule_version) for row in rows]
        city = self.surveyor.look(self.revision, kept, at=instant(mark.at))
        opened = mending.standing_of(rows, sensing.stream_numbers(), city.columns.rules)
        judged = self._past(city, opened, mark, written)
        held = memory.fresh(written.id if written is not None else "")
        held.state, held.mark, held.digest = judged.state, mark, city.digest
        held.cut = written.number if written is not None else 0
        held.due = True
        held.late = history.came_late(*self._since_checkpoint(mark))
        waiting = before.late if before is not None and self._is_ours(before, written) else {}
        for number, since in waiting.items():
            held.late[number] = min(since, held.late.get(number, since))
        standing = columns.standing_in(held.state)
        told = mending.differences(standing, rows, judged.findings, city, now=instant(mark.at))
        log.warning(
            "the judge's memory was made again from the store",
            extra={"open": len(rows), "told": len(told), "frame": mark.frame},
        )
        return Found(held, [of_now(told, city)] if told else [], made_again=True)

    def _is_ours(self, before: Memory, written: Written | None) -> bool:
        """Return whether a memory is of this database and of this store, so that its numbers mean the same."""
        same = written is not None and before.id == written.id
        return same and memory.is_of_this_store(before.mark)

    def _past(
        self,
        city: JudgedCity,
        opened: list[columns.Standing],
        mark: Mark,
        written: Written | None,
    ) -> Judged:
        known = written.known if written is not None else ()
        try:
            return history.all_streams(city, opened, mark, known)
        except IntegrityBreachError:
            # Better without a past than not at all: what is open stays open, what comes is judged.
            log.exception("the past of the streams cannot be read")
            return history.no_past(city, opened, mark)

    def _since_checkpoint(self, mark: Mark) -> tuple[int, int]:
        """Return after and up to which frame a checkpoint that is lost knew of no late news."""
        rows = cuts.cuts_after(0)
        return (min(rows[0].before_frame, mark.frame) if rows else mark.frame), mark.frame

    def _mark(self, written: Written | None) -> Mark:
        """Return up to where everything was judged and written, as far as anybody knows."""
        mark = written.mark if written is not None else None
        if mark is None or not sensing.is_of_this_store(mark.frame):
            # Nobody knows how far the judge had come: what is open is what it had found by now.
            return Mark(sensing.last_frame(), micros(self.now))
        return mark if mark.at else Mark(mark.frame, self._received(mark.frame))

    def _received(self, frame: int) -> int:
        found = sensing.frames_after(frame - 1, 1) if frame else []
        return found[0].received_us if found else micros(self.now)
