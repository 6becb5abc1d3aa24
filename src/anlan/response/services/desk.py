"""One case on the table of one transaction: its clocks move only through here.

The database refuses to end a clock on which an open case stands.  So the desk starts
the next clock first, lets the case stand on its earliest running one, and only then
ends the old ones: always in this order, always with the event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.db import models

from anlan.infra import journal
from anlan.infra import rows as rows_of
from anlan.infra.prepared import PreparedQuery
from anlan.kernel.actor import Actor
from anlan.kernel.errors import IntegrityBreachError
from anlan.kernel.events import Event
from anlan.response.domain.grounds import Ground
from anlan.response.domain.states import stage_of
from anlan.response.domain.words import CaseState, ClockKind, Stage, Trigger
from anlan.response.models import Case, CaseClock, CaseEntry
from anlan.response.selectors.facts import ground_for
from anlan.response.services import clocks

_RUNNING = PreparedQuery(
    lambda case: CaseClock.objects.filter(case=case, met_at=None, missed_at=None, stopped_at=None),
    ((1, 2),),
)


def ground_of_clock(clock: CaseClock) -> Ground:
    """Return what a clock stands on, for another one to stand on."""
    return Ground(
        rule_id=clock.rule_id,
        version=clock.rule_version,
        limit=clock.limit,
        calendar=clock.calendar,  # type: ignore[arg-type]  # written from a CalendarKind
        starts_on=clock.start_event,
        basis=clock.basis,
    )


class Desk:
    """A locked case with its running clocks; nothing is kept before :meth:`record`."""

    def __init__(
        self,
        case: Case,
        *,
        actor: Actor,
        now: datetime,
        trigger: Trigger | None = None,
        is_new: bool = False,
    ) -> None:
        self.case = case
        self.trigger = trigger
        self.actor = actor
        self.now = now
        # A case that was just made has no clock yet: nothing to ask for.
        self._running: list[CaseClock] | None = [] if is_new else None
        self._fresh: list[CaseClock] = []
        self._ended: list[CaseClock] = []
        self._others: list[models.Model] = []

    @property
    def state(self) -> CaseState:
        """The state the case is in."""
        return CaseState(self.case.state)

    @property
    def running(self) -> list[CaseClock]:
        """The clocks that run now, those just started included; earliest first."""
        if self._running is None:
            self._running = _RUNNING.models(self.case.pk)
            for clock in self._running:
                clock.case = self.case
        return sorted(self._running, key=lambda clock: (clock.due_at, clock.pk))

    def running_of(self, *kinds: ClockKind) -> list[CaseClock]:
        """Return the running clocks of some kinds."""
        return [clock for clock in self.running if clock.kind in kinds]

    def start(
        self,
        ground: Ground,
        *,
        kind: ClockKind,
        stage: Stage,
        started_at: datetime,
        due_at: datetime,
        **more: object,
    ) -> CaseClock:
        """Start a clock; its row is made at once, for the case must be able to stand on it."""
        running = self.running
        clock = CaseClock(
            case=self.case,
            kind=kind.value,
            stage=stage.value,
            rule_id=ground.rule_id,
            rule_version=ground.version,
            limit=ground.limit,
            calendar=ground.calendar,
            start_event=ground.starts_on,
            basis=ground.basis,
            started_at=started_at,
            due_at=max(due_at, started_at),
            **more,
        )
        rows_of.insert(clock)
        self._running = [*running, clock]
        self._fresh.append(clock)
        return clock

    def start_again(
        self, clock: CaseClock, *, due_at: datetime, told_post: str | None = None
    ) -> CaseClock:
        """Start a copy of a clock, with another due instant or another post to climb from."""
        return self.start(
            ground_of_clock(clock),
            kind=ClockKind(clock.kind),
            stage=Stage(clock.stage),
            started_at=clock.started_at,
            due_at=due_at,
            missed_clock=clock.missed_clock,
            rung=clock.rung,
            told_post=clock.told_post if told_post is None else told_post,
            approver=clock.approver,
        )

    def start_stage(self, *, from_now: str = "") -> CaseClock:
        """Start the clock of the state the case is in, by the rule that counts now.

        ``from_now`` names the event from which time runs anew, where the rule would count
        from the opening: work that was rejected, a duty that an arbiter gave.
        """
        stage = stage_of(self.state)
        ground = ground_for(self.case, stage, at=self.now)
        if from_now:
            ground = replace(ground, starts_on=from_now)
        start = clocks.start_of(self.case, ground, now=self.now)
        pauses = clocks.pauses_of(self.case, since=start, now=self.now) if start < self.now else ()
        ground, due_at = clocks.due_of(ground, start, now=self.now, pauses=pauses)
        return self.start(
            ground, kind=ClockKind.STAGE, stage=stage, started_at=start, due_at=due_at
        )

    def meet(self, clock: CaseClock) -> None:
        """What the clock waited for was done (or, for a rung, it was told)."""
        clock.met_at = self._no_earlier_than(clock)
        self._end(clock)

    def miss(self, clock: CaseClock) -> None:
        """Note that the deadline passed unmet."""
        clock.missed_at = self._no_earlier_than(clock)
        self._end(clock)

    def stop(self, clock: CaseClock, reason: str) -> None:
        """Stop a clock that has become meaningless."""
        clock.stopped_at, clock.stop_reason = self._no_earlier_than(clock), reason
        self._end(clock)

    def _no_earlier_than(self, clock: CaseClock) -> datetime:
        """Return now; the clock's own start where the machine's time was put back since.

        New clocks start at the time the machine has now: a deadline must not lie further off
        because the time was wrong for a while.
        """
        return max(self.now, clock.started_at)

    def _end(self, clock: CaseClock) -> None:
        self._running = [item for item in self.running if item.pk != clock.pk]
        self._ended.append(clock)

    def end_stage(self, *, met: bool, reason: str = "") -> None:
        """End the stage's clock and every climb that its missing began."""
        for clock in self.running_of(ClockKind.STAGE):
            if met:
                self.meet(clock)
            else:
                self.stop(clock, reason)
        for clock in self.running_of(ClockKind.ESCALATION):
            if clock.stage != Stage.TASK:
                self.stop(clock, reason or "stage_done")
        if met:
            self._note_late_meeting()
        self.case.overdue_since = None
        self.case.rung = 0

    def _note_late_meeting(self) -> None:
        late = (
            CaseClock.objects.filter(
                case=self.case, kind=ClockKind.STAGE, met_at=None, stopped_at=None
            )
            .exclude(missed_at=None)
            .order_by("-id")
        )
        ended = {clock.pk for clock in self._ended}
        for clock in late:
            if clock.pk not in ended:
                clock.met_at = self._no_earlier_than(clock)
                self._ended.append(clock)

    def end_all(self, reason: str) -> None:
        """Stop every clock: the case ends or stands still."""
        for clock in self.running:
            self.stop(clock, reason)

    def also(self, row: models.Model) -> None:
        """Keep another changed row with the next event."""
        self._others.append(row)

    def record(
        self,
        event: Event,
        rows: Iterable[models.Model] = (),
        *,
        made: Iterable[models.Model] = (),
    ) -> None:
        """Let the case stand on its earliest clock, and keep everything with ``event``.

        Of ``rows`` those in ``made`` were written just now.

        Raises
        ------
        IntegrityBreachError
            When an open case would be left without a running clock (I1).
        """
        case = self.case
        if case.is_open:
            running = self.running
            if not running or not case.owner_post:
                raise IntegrityBreachError(invariant="I1", case=case.pk)
            case.running_clock, case.next_at = running[0], running[0].due_at
        else:
            case.running_clock, case.next_at = None, None
        fresh = [clock for clock in self._fresh if clock not in self._ended]
        entry = journal.record(
            event,
            actor=self.actor,
            now=self.now,
            rows=[*fresh, case, *self._ended, *self._others, *rows],
            made=[*fresh, *made],
        )
        rows_of.insert(CaseEntry(case=case, seq=entry.seq))
        self._fresh, self._ended, self._others = [], [], []
