"""A simulated run in a rehearsal workspace: through the intake, the judge and the clockwork."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from anlan.infra import workspace as workspaces
from anlan.kernel.actor import Actor, system_actor
from anlan.learning.domain.doors import Clock, NotRehearsalError, Tick
from anlan.learning.domain.simulator.planting import Planted
from anlan.learning.domain.simulator.run import Readings, readings
from anlan.learning.domain.simulator.scoring import Doubted, Heard, Score, score
from anlan.learning.domain.simulator.truth import Truth
from anlan.learning.services.replay import do_not_wait_for_the_disk
from anlan.registry.domain.rulespecs import SilenceRule
from anlan.sensing import public as sensing
from anlan.sensing.domain.observations import MAX_ROWS
from anlan.warning import public as warning
from anlan.warning.domain.instants import instant

SIMULATOR = system_actor("simulator")
STEP = timedelta(minutes=1)
LAST_ROUNDS = 3
#: The reading after a pause comes when the fault is over.
LATE = timedelta(minutes=15)
STREAM = "stream:"
Progress = Callable[[datetime, int], None]  # instant, readings so far


def _silent(_at: datetime, _kept: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Rows:
    """Turns columns into rows as the intake takes them."""

    codes: tuple[str, ...]
    units: tuple[str, ...]  # in which the values stand: the quantity's

    @classmethod
    def of(cls, planted: Planted) -> Rows:
        """Return the names and units of a run's streams."""
        units = planted.packs.world.units
        sensors = planted.run.sensors
        return cls(planted.run.codes, tuple(units[one.quantity].unit for one in sensors))

    def batches(self, part: Readings, most: int) -> Iterator[tuple[sensing.RowIn, ...]]:
        """Yield the readings in batches of at most ``most``, in their order."""
        columns = (part.stream.tolist(), part.at_us.tolist(), part.value.tolist())
        rows = [
            sensing.RowIn(self.codes[stream], instant(at), value, "", self.units[stream])
            for stream, at, value in zip(*columns, strict=True)
        ]
        for start in range(0, len(rows), most):
            yield tuple(rows[start : start + most])


def run_simulation(
    planted: Planted,
    truth: Truth,
    root: Path,
    *,
    clock: Clock,
    tick: Tick,
    step: timedelta = STEP,
    progress: Progress = _silent,
) -> Score:
    """Let a run happen in the rehearsal workspace at ``root``, and say how it was noticed.

    The city is loaded and this process serves the workspace.  Every reading is kept by the intake
    in the ``step`` in which it arrives, and the live worker's own round runs at the end of each.

    Raises
    ------
    NotRehearsalError
        When ``root`` is a live workspace (I10).
    """
    if workspaces.load(root).kind is not workspaces.WorkspaceKind.REHEARSAL:
        raise NotRehearsalError
    do_not_wait_for_the_disk()
    rows, kept = Rows.of(planted), 0
    now = planted.run.begins.astimezone(UTC)
    for part in readings(planted.run, step=step):
        now += step
        clock.set(now)
        for batch in rows.batches(part, MAX_ROWS):
            kept += sensing.keep_observations(SIMULATOR, sensing.BatchIn(batch), now=now).kept
        tick(now=now)
        progress(now, kept)
    for _ in range(LAST_ROUNDS):
        now += timedelta(seconds=1)
        clock.set(now)
        tick(now=now)
    device = {rule.hazard for rule in planted.packs.rules.in_force if isinstance(rule, SilenceRule)}
    return score(
        truth,
        list(heard(SIMULATOR)),
        readings=kept,
        device=device,
        doubted=doubted(truth),
        flags=flags(truth, now=now),
    )


def doubted(truth: Truth) -> list[Doubted]:
    """Return every fault that the checks of quality found while the run lasted."""
    return [
        Doubted(
            check=row.kind,
            stream=row.stream,
            since=row.since,
            until=row.until,
            known_at=row.recorded_at,
        )
        for row in sensing.faults_between(truth.begins, truth.ends + LATE)
    ]


def flags(truth: Truth, *, now: datetime) -> dict[str, tuple[str, ...]]:
    """Return the flags of readings of each stream with a planted fault, while it lasted."""
    found = {}
    for one in truth.faults:
        flagged = sensing.flags_of(one.stream, one.begins - STEP, one.ends + LATE, now=now)
        bits = int(np.bitwise_or.reduce(flagged.flags, initial=0))
        found[one.stream] = sensing.flag_names(bits)
    return found


def heard(actor: Actor) -> Iterator[Heard]:
    """Yield every alert instance of this workspace, the newest first."""
    before: int | None = None
    while page := warning.alerts(actor, warning.AlertFilters(before=before, limit=200)):
        for row in page:
            is_stream = row.subject.startswith(STREAM)
            yield Heard(
                rule=row.rule,
                hazard=row.hazard,
                stream=row.subject.removeprefix(STREAM) if is_stream else "",
                place=row.place,
                level=row.peak_level,
                raised_at=row.raised_at,
                known_at=row.recorded_at,
            )
        before = page[-1].pk
