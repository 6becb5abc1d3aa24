"""Run one replay in this process's own workspace and print its summary (a child process).

    python -m tests.replays.drive NAME WORKSPACE [FROM TO]

With FROM and TO (local) only that stretch of the scenario is run.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC
from pathlib import Path

import msgspec

from anlan.entrypoints import rehearse
from anlan.learning.domain import library
from anlan.learning.domain.scenario import Scenario

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anlan.conf.settings")


def cut(scenario: Scenario, start: str, end: str) -> Scenario:
    """Return the stretch of ``scenario`` from ``start`` to ``end``, and only its inputs."""

    def within(at: str) -> bool:
        return start <= at <= end

    inputs = scenario.inputs
    series = tuple(
        msgspec.structs.replace(
            one, before=None, rows=tuple(row for row in one.rows if within(row[0]))
        )
        for one in inputs.series
    )
    kept = {
        name: tuple(row for row in getattr(inputs, name) if within(row.known_at))
        for name in ("signals", "reports", "state", "claims")
    }
    return msgspec.structs.replace(
        scenario,
        starts_at=start,
        ends_at=end,
        inputs=msgspec.structs.replace(inputs, series=series, **kept),
    )


def main(name: str, root: Path, stretch: list[str]) -> None:
    scenario = library.scenario(name)
    if stretch:
        scenario = cut(scenario, *stretch)
    rehearse.open_rehearsal(root, timezone=scenario.timezone)

    from anlan.entrypoints import clock, worker
    from anlan.kernel.actor import system_actor
    from anlan.learning import public as learning
    from anlan.registry import public as registry
    from anlan.registry.domain.parse import jurisdiction_folder, read_city, read_jurisdiction

    start = scenario.instant(scenario.starts_at).astimezone(UTC)
    ticking = clock.current()
    assert isinstance(ticking, clock.SimulatedClock)
    ticking.set(start)
    city = read_city(learning.write_replay_city(scenario, root / "city"))
    law = read_jurisdiction(jurisdiction_folder(city.pack.info.jurisdiction))
    registry.load_city(system_actor("replay"), city, law, now=start)
    rehearsal = learning.Rehearsal(
        door=rehearse.WsgiDoor(),
        clock=ticking,
        tick=worker.tick,
        tokens=learning.ReplayTokens(now=start),
    )
    summary = learning.run_replay(scenario, root, rehearsal)
    worker.reset()
    worker.tick(now=ticking.now())
    sys.stdout.write(learning.to_json(summary).decode())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:5])
