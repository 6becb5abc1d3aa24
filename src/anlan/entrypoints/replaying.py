"""Replays: run in this process for the terminal, or in a child process for the pages.

A page never runs one itself.  It writes down what was asked, hands the lock of running replays
to a child process of its own session, and goes on serving; the child works in a rehearsal
workspace of its own (I10), writes how far it is, and leaves its results as files.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from anlan.conf import env
from anlan.kernel.actor import system_actor
from anlan.kernel.errors import AnlanError
from anlan.learning.domain import library
from anlan.learning.domain.policy import NOBODY, Policy, everybody
from anlan.learning.domain.runs import RunEnd, RunOrder, RunProgress, StoppedError
from anlan.learning.domain.scenario import Scenario
from anlan.learning.services import runs

if TYPE_CHECKING:
    from anlan.entrypoints.clock import SimulatedClock
    from anlan.learning.domain.summary import Summary

log = logging.getLogger(__name__)
NICENESS = 10
REPLAY = system_actor("replay")
#: What leads out of the house or to the live city's databases is not even told to the child.
KEPT_FROM_CHILD = ("ANLAN_DATABASE_URL", "ANLAN_CONTENTS_URL", "ANLAN_SMTP_", "ANLAN_CHECKPOINTS")


@dataclass(frozen=True, slots=True)
class Choice:
    """How a replay differs from the plain one."""

    policy: Policy = NOBODY
    without: tuple[str, ...] = ()
    pack: Path | None = None  # another city pack than the shipped one


def rehearse(
    scenario: Scenario,
    root: Path,
    choice: Choice,
    *,
    progress: Callable[[datetime, int, int], None],
) -> tuple[Summary, float]:
    """Run a scenario in a fresh rehearsal workspace at ``root``, which this process then serves.

    Return its summary and how many seconds it took; summary, story and review lie at ``root``.
    """
    from anlan.entrypoints import rehearse as opening

    root.parent.mkdir(parents=True, exist_ok=True)
    opening.open_rehearsal(root, timezone=scenario.timezone)

    from anlan.entrypoints import clock, logs, worker
    from anlan.infra import workspace
    from anlan.learning import public as learning

    logs.set_up(workspace.load(root).logs, process="replay")
    start = scenario.instant(scenario.starts_at).astimezone(UTC)
    ticking = clock.current()
    if not isinstance(ticking, clock.SimulatedClock):
        raise TypeError("a rehearsal has a simulated clock")
    ticking.set(start)
    _load_city(scenario, root, choice, now=start)
    rehearsal = learning.Rehearsal(
        door=opening.WsgiDoor(),
        clock=ticking,
        tick=worker.tick,
        tokens=learning.ReplayTokens(now=start),
    )
    began = datetime.now(UTC)
    summary = learning.run_replay(
        scenario, root, rehearsal, policy=choice.policy, progress=progress
    )
    # What came in since the last hour is sealed and proven, too.
    worker.reset()
    worker.tick(now=ticking.now())
    took = (datetime.now(UTC) - began).total_seconds()
    _store_review(scenario, root, ticking)
    ticking.keep()
    return summary, took


def _load_city(scenario: Scenario, root: Path, choice: Choice, *, now: datetime) -> None:
    """Load the city of that day: only the sensors whose readings are known, without some rules."""
    from anlan.entrypoints.cli.city import read_packs
    from anlan.learning import public as learning
    from anlan.registry import public as registry

    folder = learning.write_replay_city(scenario, root / "city", pack=choice.pack)
    city, law = read_packs(folder)
    packs = learning.left_out(city.pack, law.pack, choice.without)
    registry.load_city(
        REPLAY, replace(city, found_pack=packs[0]), replace(law, found_pack=packs[1]), now=now
    )


def _store_review(scenario: Scenario, root: Path, ticking: SimulatedClock) -> None:
    """Count what became of the cases, as for a period of the live city."""
    from anlan.accountability import public as accountability
    from anlan.entrypoints import reviewing

    since = scenario.instant(scenario.starts_at)
    until = scenario.instant(scenario.ends_at)
    accountability.count_ahead()
    read = accountability.review_period(REPLAY, since, until, now=ticking.now())
    runs.write(root / runs.REVIEW_FILE, reviewing.to_json(reviewing.named(read)))


def start(replays: Path, order: RunOrder) -> int:
    """Begin a replay in a child process and return its number.

    Raises
    ------
    RunningError
        When one is running already.
    ScenarioUnknownError
        When there is no such scenario.
    """
    library.scenario(order.scenario)
    with runs.the_only_one(replays) as lock:
        number = runs.new_run(replays, order)
        runs.mark(lock, number)
        if order.packs == "here":
            _write_pack_of_here(runs.folder_of(replays, number) / runs.PACK)
        command = [sys.executable, "-m", "anlan", "replay", "--run", str(number)]
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(KEPT_FROM_CHILD)
        }
        environment["ANLAN_WORKSPACE"] = str(replays.parent)
        child = subprocess.Popen(  # noqa: S603  our own program; the number is ours
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(lock,),
        )
    log.info("replay begun", extra={"run": number, "scenario": order.scenario, "by": order.by})
    # Whoever starts a child takes note of its end, or it stays in the table of processes.
    threading.Thread(target=child.wait, daemon=True, name="replay").start()
    return number


def _write_pack_of_here(folder: Path) -> None:
    """Write this city's own pack as it stands, without what tells who its people are."""
    from anlan.registry import public as registry
    from anlan.registry.domain.write import write_city

    pack = registry.city_pack(REPLAY)
    nobody = tuple(
        msgspec.structs.replace(one, name=one.code, email="", phone="", webhook="")
        for one in pack.holders
    )
    folder.mkdir()
    write_city(msgspec.structs.replace(pack, holders=nobody), folder)


def carry_out(number: int) -> int:
    """Run what a page asked for (the child process); return the exit code."""
    replays = env.load().workspace_path / "replays"
    folder = runs.folder_of(replays, number)
    order = runs.order_of(replays, number)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    began = datetime.now(UTC)
    error: AnlanError | None = None
    try:
        _carried_out(order, folder)
    except StoppedError as stopped:
        error = stopped
    except AnlanError as refused:
        log.exception("replay refused")
        error = refused
    except Exception:
        log.exception("replay failed")
        error = AnlanError(reference=f"replay {number}")
    ended = datetime.now(UTC)
    try:
        runs.end(
            folder,
            RunEnd(
                ended_at=ended,
                took_s=(ended - began).total_seconds(),
                code=error.code if error else "",
                params={name: str(value) for name, value in error.params.items()} if error else {},
            ),
        )
    finally:
        runs.forget_workspaces(replays)  # all the more when the disk is full
    return 1 if error else 0


def _carried_out(order: RunOrder, folder: Path) -> None:
    scenario = library.scenario(order.scenario)
    root = folder / runs.WORKSPACE
    pack = folder / runs.PACK if order.packs == "here" else None
    policy = everybody(order.answer_after) if order.answer_after else NOBODY
    runs.note_progress(folder, RunProgress(stage="city"))

    def walked(at: datetime, done: int, total: int) -> None:
        local = at.astimezone(scenario.instant(scenario.starts_at).tzinfo)
        here = local.replace(tzinfo=None).isoformat(timespec="seconds")
        runs.note_progress(folder, RunProgress(stage="replay", at=here, done=done, total=total))

    def counted(done: int, total: int) -> None:
        runs.note_progress(folder, RunProgress(stage="weeks", done=done, total=total))

    summary, _ = rehearse(scenario, root, Choice(policy, order.without, pack), progress=walked)
    if order.weeks:
        with_weeks(summary, root, pack, weeks=order.weeks, without=order.without, progress=counted)
    runs.keep_results(root, folder)


def with_weeks(
    summary: Summary,
    root: Path,
    pack: Path | None,
    *,
    weeks: int,
    without: tuple[str, ...] = (),
    workers: int = 1,
    progress: Callable[[int, int], None],
) -> Summary:
    """Add the false alarms of ordinary weeks of the same packs, and store the summary anew."""
    from anlan.learning import public as learning
    from anlan.registry.domain.parse import city_folder

    row = learning.run_weeks(
        pack or city_folder(summary.city),
        weeks=weeks,
        workers=workers,
        without=without,
        progress=progress,
    )
    whole = learning.with_ordinary(summary, row)
    learning.store(whole, root)
    return whole


def keep_as_run(replays: Path, root: Path, order: RunOrder, *, took_s: float) -> int:
    """Keep the results of a replay from the terminal where the pages find them."""
    number = runs.new_run(replays, order)
    folder = runs.folder_of(replays, number)
    runs.keep_results(root, folder)
    runs.end(folder, RunEnd(ended_at=datetime.now(UTC), took_s=took_s))
    return number
