"""Simulated cities: their packs, and letting one live in a rehearsal workspace of its own (I10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from anlan.learning.domain.simulator.cityplan import simulated_city
from anlan.learning.domain.simulator.planting import Planted, plant
from anlan.learning.domain.simulator.truth import Truth, truth_of
from anlan.registry.domain.parse import city_folder, law_folder, read_city, read_jurisdiction

if TYPE_CHECKING:
    from anlan.learning.domain.simulator.scoring import Score
    from anlan.registry.domain.city import City
    from anlan.registry.domain.jurisdiction import Jurisdiction
    from anlan.registry.domain.parse import Parsed


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be simulated."""

    city: str  # a folder, or the name of a shipped city
    sensors: int  # 0: the city's own
    hours: float
    seed: int
    begins: datetime | None  # none: midnight of `today`, in the city's zone
    each: int  # incidents of each kind
    faults: float  # share of streams that fail
    every: timedelta | None = None
    tick: timedelta = timedelta(minutes=1)  # of the clockwork in a rehearsal


@dataclass(frozen=True)
class Simulated:
    """A city and everything planted in it."""

    city: Parsed[City]
    law: Parsed[Jurisdiction]
    planted: Planted
    truth: Truth


def simulated(order: Order, *, now: datetime) -> Simulated:
    """Read the packs, make the city and plant what is asked for.

    Raises
    ------
    PackUnknownError, PackUnreadableError, NothingToMeasureError
        When the city will not do.
    """
    folder = Path(order.city)
    city = read_city(folder if folder.is_dir() else city_folder(order.city))
    law = read_jurisdiction(law_folder(city.folder.resolve(), city.pack.info.jurisdiction))
    if order.sensors:
        made = simulated_city(
            city.pack, law.pack, sensors=order.sensors, seed=order.seed, every=order.every
        )
        city = replace(city, found_pack=made)
    zone = ZoneInfo(city.pack.info.timezone)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = order.begins or midnight
    planted = plant(
        city.pack,
        law.pack,
        begins=begins.astimezone(zone),
        hours=order.hours,
        seed=order.seed,
        each=order.each,
        faults=order.faults,
    )
    return Simulated(city, law, planted, truth_of(planted, city=city.pack.info.id))


def rehearse(
    made: Simulated, root: Path, *, step: timedelta, progress: Callable[[datetime, int], None]
) -> tuple[Score, float]:
    """Let the city live in a fresh rehearsal workspace at ``root``, which this process then serves.

    Return how it did against the truth, and the seconds it took.
    """
    from anlan.entrypoints import rehearse as opening

    root.parent.mkdir(parents=True, exist_ok=True)
    opening.open_rehearsal(root, timezone=made.city.pack.info.timezone)

    from anlan.entrypoints import clock, logs, worker
    from anlan.infra import workspace
    from anlan.learning import public as learning
    from anlan.registry import public as registry

    logs.set_up(workspace.load(root).logs, process="simulation")
    ticking = clock.current()
    if not isinstance(ticking, clock.SimulatedClock):
        raise TypeError("a rehearsal has a simulated clock")
    ticking.set(made.truth.begins)
    registry.load_city(learning.SIMULATOR, made.city, made.law, now=made.truth.begins)
    began = clock.WallClock().now()
    score = learning.run_simulation(
        made.planted,
        made.truth,
        root,
        clock=ticking,
        tick=worker.tick,
        step=step,
        progress=progress,
    )
    worker.reset()
    worker.tick(now=ticking.now())
    ticking.keep()
    return score, (clock.WallClock().now() - began).total_seconds()
