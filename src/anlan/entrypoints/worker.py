"""The clockwork: what happens without anybody pressing a button.

One :func:`tick` does everything that is due at ``now``.  Live, :func:`run`
calls it several times a second; a replay calls it with its simulated time.
A step that fails is logged and tried again, soon; it never stops the others.
One that keeps failing is a sickness, with a case, and on every screen.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import FrameType

from django.conf import settings
from django.db import close_old_connections

from anlan import flow
from anlan.entrypoints import clock, here, probes, retaining
from anlan.entrypoints.beside import Beside
from anlan.entrypoints.lease import Lease
from anlan.entrypoints.web import origins
from anlan.infra import delivery, passing
from anlan.infra.cycles import leave_what_stays
from anlan.infra.sqlite.base import step_back
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.actor import system_actor
from anlan.kernel.errors import IntegrityBreachError

log = logging.getLogger(__name__)

TICK = timedelta(milliseconds=250)
NICENESS = 5
STEP_BACK = timedelta(milliseconds=8)
HEARING = timedelta(seconds=1)
HEARD_AT_ONCE = 20  # by one listener, before the next one's turn
SEND_EVERY = timedelta(milliseconds=500)
COUNTING = timedelta(milliseconds=500)  # of a second: who catches up leaves time to the others
STAND_BY = timedelta(seconds=1)
TRY_AGAIN = timedelta(minutes=10)  # a daily duty that failed does not wait a day


@dataclass(frozen=True, slots=True)
class Step:
    """One duty of the clockwork and how often it comes round."""

    name: str
    every: timedelta
    run: Callable[[datetime], object]


@dataclass(slots=True)
class Clockwork:
    """The steps, when each last ran, and since when those that fail have failed."""

    steps: tuple[Step, ...] = ()
    last: dict[str, datetime] = field(default_factory=dict)
    failing: dict[str, datetime] = field(default_factory=dict)

    def tick(self, *, now: datetime) -> None:
        """Run every step whose time has come."""
        before = dict(self.failing)
        for step in self.steps:
            if self._is_due(step, now):
                self.last[step.name] = now
                self._run(step, now)
        if self.failing != before:
            probes.note_failing(self.failing)

    def _is_due(self, step: Step, now: datetime) -> bool:
        last = self.last.get(step.name)
        if last is None or now < last:  # a clock that was put back must not make anything wait
            return True
        return now - last >= (
            min(step.every, TRY_AGAIN) if step.name in self.failing else step.every
        )

    def _run(self, step: Step, now: datetime) -> None:
        try:
            step.run(now)
            self.failing.pop(step.name, None)
        except Exception:
            # Not after now: a clock that was put back must not hide for how long it fails.
            self.failing[step.name] = min(self.failing.get(step.name, now), now)
            log.exception("step failed", extra={"step": step.name})


def _deliver(now: datetime) -> int:
    """Let listeners hear what is new; live no longer at once than clocks and others can wait.

    A rehearsal stops its clock meanwhile, and must come to the same end on any machine.
    """
    if here.workspace().kind is not WorkspaceKind.LIVE:
        return delivery.settle(flow.REACTIONS, now=now)
    end = time.monotonic() + HEARING.total_seconds()
    return delivery.settle(
        flow.REACTIONS,
        now=now,
        rounds=100_000,
        most=HEARD_AT_ONCE,
        goes_on=lambda: time.monotonic() < end,
    )


def _count_ahead(_now: datetime) -> object:
    """Count for reports what was journalled since; after an upgrade that may be years of it."""
    from anlan.accountability import public as accountability

    end = time.monotonic() + COUNTING.total_seconds()
    return accountability.count_ahead(goes_on=lambda: time.monotonic() < end)


def _count_rules(now: datetime) -> object:
    """Count what became of the alerts of each rule; a week that changed is counted anew."""
    from anlan.accountability import public as accountability

    end = time.monotonic() + COUNTING.total_seconds()
    return accountability.count_rules(now=now, goes_on=lambda: time.monotonic() < end)


def _verify_ledger(_now: datetime) -> None:
    """Recompute the whole ledger once a day; the watcher looks at what is new."""
    from anlan.accountability import public as accountability

    verdict = accountability.verify()
    if not verdict.holds:
        raise IntegrityBreachError(what=f"ledger: {len(verdict.findings)} findings")


def _tend_contacts(now: datetime) -> object:
    from anlan.registry import public as registry

    return (
        registry.tend_contacts(system_actor("retention"), now=now) if registry.is_loaded() else None
    )


def _showing() -> tuple[Step, ...]:
    """In a rehearsal nothing is sent: messages are only marked as shown."""
    if here.workspace().kind is WorkspaceKind.LIVE:
        return ()
    from anlan.notices import public as notices

    nowhere = probes.transports()
    return (
        Step(
            "show messages",
            timedelta(0),
            lambda now: notices.send_due(now=now, transports=nowhere),
        ),
    )


def clockwork() -> Clockwork:
    """Return the clockwork of this workspace, without what goes outside."""
    from anlan.accountability import public as accountability
    from anlan.notices import public as notices
    from anlan.response import public as response
    from anlan.sensing import public as sensing
    from anlan.warning import public as warning

    works = Clockwork()
    often, minute, daily = timedelta(0), timedelta(minutes=1), timedelta(days=1)
    quarter = timedelta(minutes=15)
    # A rehearsal's time leaps: what seals and proves without changing what people are told
    # comes round once in an hour of it, and once more when it ends.
    is_live = here.workspace().kind is WorkspaceKind.LIVE
    proving = minute if is_live else timedelta(hours=1)
    examining = timedelta(seconds=10) if is_live else timedelta(minutes=10)
    steps = [
        Step("beat", timedelta(seconds=10), probes.beat),
        Step("deliver", often, _deliver),
        Step("judge", often, lambda now: warning.judge(now=now)),
        Step("deliver judged", often, _deliver),
        Step("examine", examining, lambda now: sensing.examine(now=now)),
        Step("sweep cases", often, lambda now: response.sweep(now=now)),
        Step("release gathered", minute, _release_gathered),
        Step("tell of incidents", minute, lambda now: response.tell_of_grown(now=now)),
        Step("sweep notices", often, lambda now: notices.sweep_notices(now=now)),
        *_showing(),
        Step("hand over", minute, lambda now: notices.hand_over(now=now)),
        Step("seal segments", proving, lambda now: sensing.seal_segments(now=now)),
        Step("agree", proving, _agree),
        Step("seal ledger", proving, lambda now: accountability.seal(now=now)),
        Step("count ahead", timedelta(seconds=1) if is_live else proving, _count_ahead),
        Step("count rules", minute if is_live else proving, _count_rules),
        Step("recheck counted", proving, lambda _now: accountability.recheck()),
        Step("prove readings", timedelta(seconds=1) if is_live else daily, _prove_readings),
        Step("watch", proving, _watch),
        Step("health", proving, lambda now: _health(now, works.failing)),
        Step("sweep passing", quarter, lambda now: passing.sweep(here.workspace(), now=now)),
        Step("tend contacts", daily, _tend_contacts),
        Step("forget sources", minute, _forget_sources),
        Step("sweep uploads", timedelta(hours=1), lambda now: sensing.sweep_uploads(now=now)),
        Step("forget keys", daily, lambda now: sensing.forget_keys(now=now)),
        Step("bring tables in", timedelta(seconds=1), _bring_tables_in),
        Step("sweep tables", timedelta(hours=1), lambda now: sensing.sweep_tables(now=now)),
        Step("retire readings", timedelta(hours=1), retaining.at_night),
        Step("verify ledger", daily, _verify_ledger),
        Step("expire contents", daily, lambda now: accountability.expire_contents(now=now)),
    ]
    works.steps = tuple(steps)
    return works


def _release_gathered(now: datetime) -> object:
    """Give reports that were held with many of one source their turn."""
    from anlan.response import public as response

    rule = origins.flood_rule()
    return response.release_gathered(most=rule.reports, within=rule.within, now=now)


def _bring_tables_in(now: datetime) -> object:
    """Count or keep some of the tables that people brought, and leave time to the clocks."""
    from anlan.sensing import public as sensing

    end = time.monotonic() + COUNTING.total_seconds()
    return sensing.advance_tables(now=now, goes_on=lambda: time.monotonic() < end)


def _agree(now: datetime) -> object:
    """See that database and readings are of one time; those of a rehearsal are made together."""
    from anlan.sensing import public as sensing

    return sensing.agree(now=now) if here.workspace().kind is WorkspaceKind.LIVE else None


def _prove_readings(now: datetime) -> object:
    """Read some of the sealed readings again; a rehearsal's readings are made again instead."""
    from anlan.sensing import public as sensing

    most = settings.ANLAN.proof_bytes
    if here.workspace().kind is not WorkspaceKind.LIVE or not most:
        return None
    end = time.monotonic() + COUNTING.total_seconds()
    return sensing.prove_on(now=now, most_bytes=most, goes_on=lambda: time.monotonic() < end)


def _forget_sources(now: datetime) -> object:
    from anlan.sensing import public as sensing

    return sensing.forget_sources(within=origins.flood_rule().within, now=now)


def _health(now: datetime, failing: Mapping[str, datetime]) -> object:
    from anlan.accountability import public as accountability

    listeners = [delivery.listener_name(one) for heard in flow.REACTIONS.values() for one in heard]
    return accountability.health(
        now=now, probes=probes.take(now, failing), limits=probes.limits(), listeners=listeners
    )


def _watch(now: datetime) -> object:
    from anlan.accountability import public as accountability

    listeners = [delivery.listener_name(one) for heard in flow.REACTIONS.values() for one in heard]
    return accountability.watch(now=now, listeners=listeners)


def _send_until(stop: threading.Event) -> None:
    """Send what waits, apart from the clocks: a slow mail server must not hold them up."""
    from anlan.notices import public as notices

    transports = probes.transports()
    while not stop.is_set():
        try:
            notices.send_due(now=clock.now(), transports=transports)
        except Exception:  # the outbox keeps what was not sent; the next round tries again
            log.exception("sending failed")
        close_old_connections()
        stop.wait(SEND_EVERY.total_seconds())


_current: Clockwork | None = None


def tick(*, now: datetime) -> None:
    """Do everything that is due at ``now``, without sending anything outside (replays, tests)."""
    global _current  # noqa: PLW0603  one process serves one workspace
    if _current is None:
        _current = clockwork()
    _current.tick(now=now)


def reset() -> None:
    """Forget when the steps last ran (a new rehearsal in the same process)."""
    global _current  # noqa: PLW0603
    _current = None


def run() -> None:
    """Tick until told to stop (SIGTERM, SIGINT).

    A second clockwork on the same workspace stands by and takes over when the first ends.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)

    def goes_on() -> bool:
        return not stop.is_set()

    with Lease(here.workspace().root) as lease:
        if _await(lease, stop, goes_on):
            _work(stop, goes_on)


def _await(lease: Lease, stop: threading.Event, goes_on: Callable[[], bool]) -> bool:
    """Wait until no other clockwork runs on this workspace; return whether to begin."""
    if not lease.take():
        log.warning("another clockwork runs on this workspace: standing by")
        while goes_on() and not lease.take():
            stop.wait(STAND_BY.total_seconds())
    return goes_on()


def _work(stop: threading.Event, goes_on: Callable[[], bool]) -> None:
    # A sign must be kept before it is worked on: whoever is at the door goes first.
    step_back(STEP_BACK.total_seconds())
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    probes.note_start()
    works = clockwork()
    leave_what_stays()
    # A disk that fails makes who reads it wait, half a minute for each block.
    proving = Beside(_prove_readings, "proving readings")
    works.steps = tuple(
        Step(one.name, one.every, proving) if one.run is _prove_readings else one
        for one in works.steps
    )
    sender = threading.Thread(target=_send_until, args=(stop,), daemon=True, name="sender")
    sender.start()
    while goes_on():
        works.tick(now=clock.now())
        close_old_connections()
        stop.wait(TICK.total_seconds())
    stop.set()
    proving.end()
    _stop_judging()
    sender.join(timeout=15)


def _stop_judging() -> None:
    from anlan.warning import public as warning

    try:
        warning.stop_judging()
    except Exception:  # the next clockwork finds the memory again; it only takes longer
        log.exception("the judge's memory was not saved")
