"""Run one scenario in a rehearsal workspace, on its simulated clock.

Between two inputs the clock goes on in steps and the live worker's own round runs
at each; after an input the rounds follow one another by a second, as they do live,
until nothing new is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from django.db import connections

from anlan.infra import workspace as workspaces
from anlan.kernel.events import Told
from anlan.learning import selectors
from anlan.learning.domain.doors import NotRehearsalError, Rehearsal
from anlan.learning.domain.policy import NOBODY, Policy
from anlan.learning.domain.scenario import HandlerClaim, Input, Scenario, timeline
from anlan.learning.domain.story import STORY_FILE
from anlan.learning.domain.story import to_json as story_bytes
from anlan.learning.domain.summary import SUMMARY_FILE, ClaimRow, Summary, to_json
from anlan.learning.services.answering import Answerer
from anlan.learning.services.claiming import put_claim
from anlan.learning.services.giving import Giver
from anlan.learning.services.summing import recount, summarise

STEP = timedelta(minutes=15)
SECOND = timedelta(seconds=1)
MOST_ROUNDS = 20

Progress = Callable[[datetime, int, int], None]  # instant, inputs given, inputs in all


def _silent(_at: datetime, _given: int, _all: int) -> None:
    return None


@dataclass(slots=True)
class _Run:
    """One replay under way."""

    scenario: Scenario
    rehearsal: Rehearsal
    giver: Giver
    answerer: Answerer
    told: list[Told] = field(default_factory=list)
    claims: list[ClaimRow] = field(default_factory=list)
    heard: int = 0

    def listen(self) -> None:
        """Read what the journal has gained since the last time."""
        head = selectors.head()
        new = selectors.told_after(self.heard)
        self.heard = head
        self.told += new
        self.answerer.hear(new)

    def settle(self, at: datetime) -> None:
        """Let the clockwork run at ``at`` and the following seconds until nothing is written."""
        now = at
        for _ in range(MOST_ROUNDS):
            before = selectors.head()
            self.rehearsal.clock.set(now)
            self.rehearsal.tick(now=now)
            if selectors.head() == before:
                break
            now += SECOND
        self.listen()

    def give(self, at: datetime, inputs: Sequence[Input]) -> None:
        """Give what became known at ``at``."""
        self.rehearsal.clock.set(max(at, self.rehearsal.clock.now()))
        self.giver.give(inputs)
        for item in inputs:
            if isinstance(item.fact, HandlerClaim):
                self.settle(self.rehearsal.clock.now())
                now = self.rehearsal.clock.now()
                self.claims += put_claim(
                    self.scenario, item.fact, self.told, self.rehearsal, now=now
                )


def instants(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """Return ``start``, then every ``step``, up to and including ``end``."""
    at = start
    while at < end:
        yield at
        at += step
    yield end


def _next_stop(
    grid: Iterator[datetime], given_at: datetime | None, acts_at: datetime | None, pending: datetime
) -> tuple[datetime, datetime | None]:
    """Return the next instant to stop at, and the grid instant that is still ahead."""
    stops = [stop for stop in (pending, given_at, acts_at) if stop is not None]
    at = min(stops)
    return at, (pending if pending > at else next(grid, None))


def run_replay(
    scenario: Scenario,
    root: Path,
    rehearsal: Rehearsal,
    *,
    policy: Policy = NOBODY,
    step: timedelta = STEP,
    progress: Progress = _silent,
) -> Summary:
    """Run ``scenario`` in the rehearsal workspace at ``root``; store its summary and story there.

    The workspace is the one this process serves, with the scenario's city loaded;
    ``rehearsal`` are its doors, clock and clockwork.

    Raises
    ------
    NotRehearsalError
        When ``root`` is a live workspace.
    DoorRefusedError
        When a door does not take an input: the scenario does not fit the city pack.
    """
    if workspaces.load(root).kind is not workspaces.WorkspaceKind.REHEARSAL:
        raise NotRehearsalError
    do_not_wait_for_the_disk()
    inputs = timeline(scenario)
    run = _Run(scenario, rehearsal, Giver(scenario, rehearsal), Answerer(policy, rehearsal))
    _walk(run, inputs, step=step, progress=progress)
    summary = summarise(
        scenario,
        run.told,
        run.giver.given,
        policy=policy,
        claims=tuple(run.claims),
        refused=run.answerer.refused,
    )
    store(summary, root)
    _write(root / STORY_FILE, story_bytes(recount(scenario, run.told, summary.inputs)))
    return summary


def do_not_wait_for_the_disk() -> None:
    """Let commits return before the disk has them: a rehearsal that is cut off is run again."""
    for connection in connections.all():
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA synchronous=OFF")


def _walk(run: _Run, inputs: Sequence[Input], *, step: timedelta, progress: Progress) -> None:
    start = run.scenario.instant(run.scenario.starts_at).astimezone(UTC)
    end = run.scenario.instant(run.scenario.ends_at).astimezone(UTC)
    batches = [(at, list(items)) for at, items in groupby(inputs, lambda item: item.known_at)]
    grid = instants(start, end, step)
    pending = next(grid, None)
    done = 0
    while pending is not None:
        given_at = batches[0][0].astimezone(UTC) if batches else None
        at, pending = _next_stop(grid, given_at, run.answerer.next_at(), pending)
        run.rehearsal.clock.set(max(at, run.rehearsal.clock.now()))
        if batches and given_at is not None and given_at <= at:
            _, items = batches.pop(0)
            run.give(at, items)
            done += len(items)
        run.answerer.act(now=at)
        run.settle(max(at, run.rehearsal.clock.now()))
        progress(at, done, len(inputs))


def store(summary: Summary, root: Path) -> Path:
    """Write a summary into its workspace, whole or not at all."""
    return _write(root / SUMMARY_FILE, to_json(summary))


def _write(path: Path, data: bytes) -> Path:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
    return path
