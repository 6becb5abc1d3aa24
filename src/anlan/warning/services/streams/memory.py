"""The judge's memory in its file, and how it is found again after whatever has happened."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from anlan.infra import failpoints
from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing import public as sensing
from anlan.warning import columns
from anlan.warning.columns.programs import Named
from anlan.warning.models import JudgeCut
from anlan.warning.services.streams.city import JudgedCity
from anlan.warning.services.streams.cuts import Cut, Mark, Written

log = logging.getLogger(__name__)

FILE = "streams.npz"
FRAMES_AT_ONCE = 200
CITY_COSTS = 100  # as many cuts as a city that is taken over counts for


@dataclass(slots=True)
class Memory:
    """Everything that the judge of streams carries from step to step."""

    state: columns.State
    mark: Mark
    id: str  # of the database's row that it belongs to
    cut: int = 0  # the number of the last step that found something
    digest: str = ""  # of the city that was taken over last
    late: dict[int, int] = field(default_factory=dict)  # streams, and from when news came too late
    readings: int = 0  # judged since the last checkpoint
    cuts: int = 0  # … and steps that found something
    due: bool = False  # to be saved soon
    saved_at: int = 0  # the instant of the last step that the file holds
    all_readings: int = 0
    too_late: int = 0

    @property
    def versions(self) -> set[Named]:
        """The rule versions by which anything is judged."""
        return {*self.state.rules, *self.state.silences}

    def apart(self, spare: columns.Spare) -> Memory:
        """Return the same, apart from what changes later; ``spare`` is memory for the copy."""
        return replace(self, state=columns.copied(self.state, spare), late=dict(self.late))

    def step(
        self,
        frames: Sequence[sensing.Frame],
        city: JudgedCity | None,
        *,
        now: int,
        hands: Executor | None = None,
    ) -> columns.Step:
        """Judge frames and what time alone has changed."""
        batch = batch_of(frames)
        told = None if city is None else city.columns
        done = columns.step(self.state, batch, now=now, city=told, hands=hands)
        self.mark = Mark(frames[-1].seq if frames else self.mark.frame, now)
        self.readings += len(batch.stream)
        self.all_readings += len(batch.stream)
        self.too_late += done.too_late
        for stream, at in zip(done.missed.tolist(), done.missed_from.tolist(), strict=True):
            self.late[stream] = min(at, self.late.get(stream, at))
        if city is not None:
            # To take over a city again costs more than to do other steps again.
            self.due = self.due or not self.digest
            self.cuts += CITY_COSTS
            self.digest = city.digest
        return done

    def cut_of(
        self, before: Mark, done: columns.Step, city: JudgedCity, *, new_city: bool
    ) -> Cut | None:
        """Return a step as a cut; None when it may as well be done together with the next one."""
        # With news that change what was told without being worth telling, the next step is another
        # than both of them together would be.
        changed = len(done.findings.row) or len(done.missed) or done.otherwise
        if not (changed or new_city):
            return None
        self.cut += 1
        self.cuts += 1
        return Cut(self.cut, before, self.mark, done, city, new_city)


def batch_of(frames: Sequence[sensing.Frame]) -> columns.Batch:
    """Return frames as the judge takes them: the number of the message decides what stands."""
    if not frames:
        return columns.NO_READINGS
    if len(frames) == 1:
        one = frames[0]
        return columns.batch_of(
            one.stream, one.at_us, one.value, quality=one.quality, arrival=one.seq
        )
    seqs = np.array([frame.seq for frame in frames], np.int64)
    return columns.batch_of(
        np.concatenate([frame.stream for frame in frames]),
        np.concatenate([frame.at_us for frame in frames]),
        np.concatenate([frame.value for frame in frames]),
        quality=np.concatenate([frame.quality for frame in frames]),
        arrival=np.repeat(seqs, [frame.rows for frame in frames]),
    )


def fresh(identity: str = "") -> Memory:
    """Return the memory of a judge that has heard nothing yet."""
    return Memory(columns.new_state(), Mark(0, 0), identity or secrets.token_hex(8))


def save(memory: Memory, root: Path) -> None:
    """Write the memory into its file, whole or not at all."""
    said = {
        "at": memory.mark.at,
        "id": memory.id,
        "cut": memory.cut,
        "digest": memory.digest,
        "late": list(memory.late.items()),
    }
    columns.save(memory.state, root / FILE, cursor=memory.mark.frame, more=said)
    failpoints.reach("judge.checkpoint_saved")


def load(root: Path) -> Memory | None:
    """Return the memory in the file; None when there is none that can be read."""
    path = root / FILE
    if not path.exists():
        return None
    try:
        found = columns.load(path)
        said = found.more
        mark = Mark(found.cursor, int(said["at"]))
        late = {int(stream): int(at) for stream, at in said["late"]}
        return Memory(
            found.state, mark, said["id"], int(said["cut"]), said["digest"], late, saved_at=mark.at
        )
    except (IntegrityBreachError, KeyError, TypeError, ValueError):
        log.warning("the judge's memory cannot be read", exc_info=True)
        return None


def fits(memory: Memory, written: Written | None, cuts: Sequence[JudgeCut]) -> bool:
    """Return whether a memory belongs to this database and this store, and leads on to them.

    It may be behind the database, as long as every step in between is known; one that is ahead
    belongs to a database that was lost, and so does one of frames that were lost to the store.
    """
    if not is_of_this_store(memory.mark):
        return False
    if written is None:
        return memory.cut == 0 and memory.mark.frame == 0
    numbers = [cut.number for cut in cuts]
    led_on = memory.cut <= written.number
    known = numbers == [*range(memory.cut + 1, written.number + 1)]
    return written.id == memory.id and led_on and known


def is_of_this_store(mark: Mark) -> bool:
    """Return whether what was remembered at a frame can be of the store as it is now.

    Also from before frames were lost it is of another one, in which streams may have other numbers.
    """
    return mark.frame >= sensing.passed_over()[1] and sensing.is_of_this_store(mark.frame)


def repeat(
    memory: Memory, cuts: Sequence[JudgeCut], city_at: Callable[[int], JudgedCity]
) -> list[Cut]:
    """Do every step again that found something, as it was done, and those between them together.

    Return the last of them when its findings are not all written.
    """
    waiting = []
    for row in cuts:
        _go_to(memory, Mark(row.before_frame, row.before_us))
        frames = _frames(memory.mark.frame, row.frame)
        before = memory.mark
        city = city_at(row.at_us) if row.city or not row.whole else None
        done = memory.step(frames, city if row.city else None, now=row.at_us)
        memory.cut, memory.cuts = row.number, memory.cuts + 1
        if city is not None and not row.whole:
            waiting.append(Cut(row.number, before, memory.mark, done, city, row.city, row.told))
    return waiting


def _go_to(memory: Memory, mark: Mark) -> None:
    """Do the steps that found nothing: in which pieces makes no difference."""
    while memory.mark.frame < mark.frame:
        upto = min(mark.frame, memory.mark.frame + FRAMES_AT_ONCE)
        frames = _frames(memory.mark.frame, upto)
        memory.step(frames, None, now=min(mark.at, frames[-1].received_us))
    memory.mark = mark


def _frames(after: int, upto: int) -> list[sensing.Frame]:
    if after == upto:
        return []
    found = sensing.frames_after(after, upto - after)
    if not found or found[-1].seq != upto:
        raise IntegrityBreachError(what=f"readings of frames {after + 1} to {upto} are not there")
    return found
