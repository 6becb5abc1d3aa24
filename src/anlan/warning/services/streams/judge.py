"""The judge of the streams: one per workspace, in the process that takes readings in or in the clockwork.

The memory is changed by two callers: :meth:`StreamJudge.heard`, inside the group commit, and
:meth:`StreamJudge.tick`.  What a step finds waits in memory until a tick has written it; what a
commit cannot have judged at once stays in the store until a tick reads it from there.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anlan.infra import failpoints
from anlan.kernel.errors import ConflictError
from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.warning import columns
from anlan.warning.domain.evidence import subject_of
from anlan.warning.domain.instants import instant, micros
from anlan.warning.services.streams import cuts as written_cuts
from anlan.warning.services.streams import history, mending, recovery
from anlan.warning.services.streams.city import JudgedCity, Surveyor, worked_on
from anlan.warning.services.streams.claims import Claims
from anlan.warning.services.streams.cuts import Cut
from anlan.warning.services.streams.left import Left
from anlan.warning.services.streams.memory import FRAMES_AT_ONCE, Memory
from anlan.warning.services.streams.saving import Saving
from anlan.warning.services.streams.telling import Told, of_the_past

log = logging.getLogger(__name__)

PATIENCE_S = 0.005
"""How long a commit waits for a tick that has the memory; then its frames are left to the tick."""
MOST_WAITING = 50
"""Steps whose findings wait to be written; with more, frames are left."""
MOST_LEFT = 500_000
"""Readings left to a tick in memory; with more, it reads them from the store."""
HANDS = 1  # beside the caller
ROUNDS = 50  # of one tick
LOOK_AGAIN = timedelta(minutes=10)  # rules and sensors may begin or end with the time
LATE_AT_ONCE = 8  # streams judged again in one tick; each costs some hundredths of a second
FURTHEST_BACK = timedelta(days=31)  # what comes later still is kept and counted, not judged


@dataclass(frozen=True, slots=True)
class StreamsJudged:
    """What a tick did, or what commits did since the tick before."""

    readings: int = 0
    changes: int = 0  # alert instances raised, changed or cleared
    too_late: int = 0  # readings that came later than the judge waits


class StreamJudge:
    """Judges the streams of one workspace.

    A process that takes readings in calls :meth:`start` once, :meth:`tick` four times a second,
    and :meth:`close` at its end.  Its commits call :meth:`heard`.  The clockwork calls
    :meth:`tick_if_free`.
    """

    def __init__(self, root: Path) -> None:
        self.claims = Claims(root)
        self.root = root
        self.mended = 0  # how often the memory had to be made again from the store
        self._turn = threading.Lock()  # the memory
        self._ticking = threading.Lock()
        self._memory: Memory | None = None
        self._city: JudgedCity | None = None
        self._surveyor = Surveyor()
        self._looked: tuple[object, datetime] = ("", datetime.max.replace(tzinfo=UTC))
        self._waiting: deque[Cut | Told] = deque()
        self._seen_mark: tuple[int, int] | None = None  # of the store, when all of it was judged
        # The mark moves before a commit is heard: a new one is passed over once.
        self._passed_mark: tuple[int, int] | None = None
        self._offered = 0  # the last frame that a commit has brought
        self._hooked = False
        self._left = Left(MOST_LEFT)
        self._hands: Executor | None = None  # for the steps of large commits
        self._saving = Saving(root)
        self._counted = (0, 0)

    @property
    def behind(self) -> int:
        """How many frames of this process's commits are in the store and not judged yet."""
        held = self._memory
        return max(0, self._offered - (held.mark.frame if held is not None else 0))

    @property
    def ready(self) -> bool:
        """Whether commits of this process are judged in the commit: it judges, and has found its memory."""
        return self._hooked and self.claims.judges and self._memory is not None

    # -- for the process that takes readings in ------------------------------------------------

    def start(self) -> None:
        """Judge in the group commits of this process from now on, as soon as the clockwork gives way.

        Raises
        ------
        ConflictError
            When another process does so already.
        """
        if not self.claims.want():
            raise ConflictError(what="another process judges what comes in")
        if self._hands is None:
            self._hands = ThreadPoolExecutor(HANDS, "judge")
        self._saving.begin_beside()
        self._hooked = True
        sensing.hear_kept(self.heard)

    def heard(self, frames: Sequence[sensing.Frame]) -> None:
        """Judge frames that have just been kept; what cannot be done at once is left to the tick.

        Costs the step over arrays and nothing else: no database, no file.  What breaks here leaves no
        memory, and the next tick finds it again.
        """
        self._offered = frames[-1].seq
        self._left.add(frames)
        if not self._turn.acquire(timeout=PATIENCE_S):
            return
        try:
            held, city = self._memory, self._city
            if held is None or city is None or held.digest != city.digest:
                return
            if len(self._waiting) < MOST_WAITING:
                new = self._left.take(after=held.mark.frame)
                if new:
                    self._step(held, new, city, now=max(frame.received_us for frame in new))
                    failpoints.reach("judge.stepped_in_commit")
        except Exception:
            self._forget()
            raise
        finally:
            self._turn.release()

    def close(self) -> None:
        """Write what waits and what is remembered, and let another process judge."""
        if self._hooked:
            sensing.hear_kept(None)
            self._hooked = False
        with self._ticking:
            try:
                self._saving.end_beside()
                if self._memory is not None:
                    self._save(self._memory)
            finally:
                with self._turn:
                    self._forget()
                if self._hands is not None:
                    self._hands.shutdown()
                self._hands = None
                self.claims.let_go()

    def drop(self) -> None:
        """In a forked child: the locks and the memory are the parent's."""
        self.claims.let_go()
        self._turn, self._ticking = threading.Lock(), threading.Lock()
        self._left, self._hands = Left(MOST_LEFT), None
        self._saving.drop()
        self._hooked = False
        self._forget()

    # -- the tick --------------------------------------------------------------------------------

    def tick_if_free(self, *, now: datetime) -> StreamsJudged:
        """Tick, unless another process judges or wants to: then let it."""
        if self.claims.is_wanted():
            if self.claims.judges:
                self.close()
            return StreamsJudged()
        return self.tick(now=now)

    def tick(self, *, now: datetime) -> StreamsJudged:
        """Write what commits have found, catch up with the store, and let time go on.

        Does nothing while another process judges.
        """
        if not self.claims.judge():
            return StreamsJudged()
        with self._ticking:
            changes = self._tick(now=now)
        return self._report(changes)

    def _report(self, changes: int) -> StreamsJudged:
        held = self._memory
        readings, too_late = (held.all_readings, held.too_late) if held is not None else (0, 0)
        before, self._counted = self._counted, (readings, too_late)
        return StreamsJudged(max(0, readings - before[0]), changes, max(0, too_late - before[1]))

    def _tick(self, *, now: datetime) -> int:
        changes = self._write(now=now)
        for _ in range(ROUNDS):
            # Asked beforehand: commits wait for whoever has the memory.
            revision, maintained = registry.revision(), worked_on(now)
            with self._changing():
                more = self._round(revision, maintained, now=now)
            changes += self._write(now=now)
            if not more:
                break
        if self._memory is not None and self._memory.late:
            with self._changing():
                self._judge_late(now=now)
            changes += self._write(now=now)
        self._save_if_due()
        return changes

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Have the memory alone; what breaks in the middle leaves none, and it is found again."""
        with self._turn:
            try:
                yield
            except Exception:
                self._forget()
                raise

    def _round(self, revision: str, maintained: frozenset[str], *, now: datetime) -> bool:
        """Take some frames that wait in the store, or let time go on; return whether more wait."""
        if not revision:
            return False
        held = self._memory
        if held is None:
            held = self._remember(revision, now=now)
            if self._waiting:
                return True  # first what the database does not know of it yet
        frames, more = self._frames(held)
        # With frames still to come the judge must not take for silence what it has not read yet.
        as_of = min(now, instant(frames[-1].received_us)) if more else now
        if as_of != now:
            maintained = worked_on(as_of)
        city = self._look(revision, held, maintained, at=as_of)
        due = held.state.next_at
        if frames or held.digest != city.digest or (due is not None and due <= micros(as_of)):
            self._step(held, frames, city, now=micros(as_of))
        return more

    def _frames(self, held: Memory) -> tuple[list[sensing.Frame], bool]:
        """Return frames that the commits have not brought, and whether there are more of them."""
        if self._hooked and (left := self._left.take(after=held.mark.frame)):
            return left, False
        mark = sensing.frames_mark()
        if mark == self._seen_mark:
            return [], False
        if self._hooked and 0 < self._offered <= held.mark.frame and mark != self._passed_mark:
            # A commit is about to bring it; what still stands there at the next look is read.
            self._passed_mark = mark
            return [], False
        frames = sensing.frames_after(held.mark.frame, FRAMES_AT_ONCE)
        more = len(frames) == FRAMES_AT_ONCE
        if not more:
            self._seen_mark = mark
        return frames, more

    def _step(
        self, held: Memory, frames: Sequence[sensing.Frame], city: JudgedCity, *, now: int
    ) -> None:
        before = held.mark
        new_city = held.digest != city.digest
        done = held.step(frames, city if new_city else None, now=now, hands=self._hands)
        cut = held.cut_of(before, done, city, new_city=new_city)
        if cut is not None:
            self._waiting.append(cut)

    def _look(
        self, revision: str, held: Memory, maintained: frozenset[str], *, at: datetime
    ) -> JudgedCity:
        """Return the city at an instant; asked anew when its data have changed, and now and then."""
        known, looked = self._looked
        city = self._city
        is_known = known == (revision, maintained) and looked <= at < looked + LOOK_AGAIN
        if city is None or not is_known:
            city = self._surveyor.look_at(revision, held.versions, maintained, at=at)
            self._city, self._looked = city, ((revision, maintained), at)
        return city

    # -- writing ---------------------------------------------------------------------------------

    def _write(self, *, now: datetime) -> int:
        """Write what was found, step by step, in transactions of their own."""
        changes = 0
        while (found := self._first_waiting()) is not None:
            first, identity = found
            if isinstance(first, Told):
                changes += first.write(now=now)
            else:
                try:
                    changes += written_cuts.write_some(first, identity, now=now)
                except ConflictError:
                    with self._turn:
                        self._forget()
                    raise
                if first.told < len(first.findings):
                    continue
            with self._turn:
                if self._waiting and self._waiting[0] is first:
                    self._waiting.popleft()
        return changes

    def _first_waiting(self) -> tuple[Cut | Told, str] | None:
        with self._turn:
            held = self._memory
            return (self._waiting[0], held.id) if self._waiting and held is not None else None

    def _save_if_due(self) -> None:
        held = self._memory
        if held is not None and not self._waiting and self._saving.is_due(held):
            self._save(held)

    def _save(self, held: Memory) -> None:
        """Put the memory as it is now into its file; commits go on meanwhile."""
        spare = columns.spare_for(held.state)
        with self._turn:
            if self._waiting or self._memory is not held:
                return  # or a commit broke meanwhile, and what it left is half a step
            kept = held.apart(spare)
            held.readings = held.cuts = 0
            held.due, held.saved_at = False, held.mark.at
        self._saving.write(kept)

    # -- finding the memory again ----------------------------------------------------------------

    def _forget(self) -> None:
        self._memory, self._city = None, None
        self._waiting.clear()
        self._seen_mark, self._passed_mark, self._counted = None, None, (0, 0)

    def _remember(self, revision: str, *, now: datetime) -> Memory:
        self._surveyor = Surveyor()
        found = recovery.find(self.root, revision, self._surveyor, now=now)
        self._memory = found.memory
        self._waiting.extend(found.waiting)
        self.mended += found.made_again
        return found.memory

    # -- what comes later than the budget ----------------------------------------------------------

    def _judge_late(self, *, now: datetime) -> None:
        """Judge some streams again from before the news that came too late."""
        held, city = self._memory, self._city
        if held is None or city is None or self._waiting:
            return
        # In the order in which they came: who is always late does not hold up the others.
        for number in list(held.late)[:LATE_AT_ONCE]:
            since = held.late.pop(number)
            if instant(since) >= instant(held.mark.at) - FURTHEST_BACK:
                self._judge_again(held, city, number, since, now=now)

    def _judge_again(
        self, held: Memory, city: JudgedCity, number: int, since: int, *, now: datetime
    ) -> None:
        stream = city.stream_of(number)
        if stream.code not in city.of.streams:
            return
        alone = city.alone(number)
        floor = instant(since) - 2 * FURTHEST_BACK
        rows = mending.rows_since(subject_of(stream), floor)
        start = history.start_before(
            since, [mending.span_of(row) for row in rows], history.margin(alone.columns.rules)
        )
        then = [row for row in rows if mending.was_open(row, start)]
        opened = mending.standing_of(then, {stream.code: 0}, alone.columns.rules)
        past = history.one_stream(alone, number, opened, start, held.mark)
        columns.put_stream(held.state, number, past.state, 0)
        standing = columns.standing_of(held.state, number)
        told = of_the_past(standing, past.findings, rows, city, since=instant(since), now=now)
        if told is not None:
            self._waiting.append(told)
