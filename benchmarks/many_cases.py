"""A workspace of its own with the demo city and 100,000 open cases in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import measure

CASES = 100_000
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HAZARDS = ("flood.urban", "gas.leak", "road.manhole", "fire.building", "rail.disruption")
POSTS = ("P-ROAD", "P-GAS", "P-410102", "P-FIRE", "P-METRO")


def in_a_city(measured: Callable[[list[str]], bool]) -> bool:
    """Measure in a workspace of its own, with the codes of the city's communities."""
    folder = measure.workspace_folder()
    try:
        found(folder)
        from anlan.infra.cycles import leave_what_stays
        from anlan.registry.models import Area

        leave_what_stays()  # as the clockwork does

        return measured(list(Area.objects.filter(kind="community").values_list("code", flat=True)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def found(folder: Path) -> None:
    """Make the workspace, load the demo city; Django is ready afterwards."""
    os.environ["ANLAN_WORKSPACE"] = str(folder / "workspace")
    os.environ["DJANGO_SETTINGS_MODULE"] = "anlan.conf.settings"
    from anlan.infra import workspace

    workspace.create(folder / "workspace", kind=workspace.WorkspaceKind.LIVE)
    import django

    django.setup()
    from django.core.management import call_command

    for alias in ("default", "contents"):
        call_command("migrate", database=alias, verbosity=0)
    from anlan.kernel.actor import system_actor
    from anlan.registry import public as registry
    from anlan.registry.domain.parse import (
        city_folder,
        jurisdiction_folder,
        read_city,
        read_jurisdiction,
    )

    city = read_city(city_folder("demo"))
    jurisdiction = read_jurisdiction(jurisdiction_folder(city.pack.info.jurisdiction))
    registry.load_city(system_actor("bench"), city, jurisdiction, now=NOW - timedelta(days=90))


def fill(count: int = CASES, *, spare: timedelta = timedelta(0)) -> None:
    """Put ``count`` open cases into the tables; none is due at :data:`NOW`, nor ``spare`` later."""
    from django.db import connection, transaction

    from anlan.registry import public as registry
    from anlan.response.domain.grounds import frozen_ladder
    from anlan.response.models import Case, CaseClock

    paths = [area.path for area in registry.areas_under("410100") if area.kind == "community"]
    ladder = frozen_ladder(registry.ladder_for("hidden_danger", "flood.urban", at=NOW))
    for begin in range(0, count, 10_000):
        size = min(10_000, count - begin)
        cases = Case.objects.bulk_create(
            [_case(begin + i, paths[(begin + i) % len(paths)], ladder) for i in range(size)],
            batch_size=500,
        )
        CaseClock.objects.bulk_create([_clock(case, spare) for case in cases], batch_size=500)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE response_case SET is_open = %s, state = 'assigned', "
                "running_clock_id = (SELECT id FROM response_caseclock c "
                "WHERE c.case_id = response_case.id), "
                "next_at = (SELECT due_at FROM response_caseclock c "
                "WHERE c.case_id = response_case.id) WHERE state = 'new'",
                [True],
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _case(number: int, path: str, ladder: dict[str, object]):
    from anlan.response.models import Case

    opened = NOW - timedelta(minutes=number % 100_000)
    return Case(
        number=f"B-{number:07d}",
        kind="hidden_danger",
        hazard=HAZARDS[number % 5],
        area=path.rsplit("/", 1)[-1],
        area_path=path,
        place="",
        lat=34.7 + number % 997 / 10_000,
        lon=113.6 + number % 991 / 10_000,
        priority=1 + number % 4,
        owner_post=POSTS[number % 5],
        origin="manual",
        known_at=opened,
        opened_at=opened,
        last_sign_at=opened,
        ladder=ladder,
        overdue_since=NOW - timedelta(hours=1) if number % 50 == 0 else None,
    )


def _clock(case, spare):
    from anlan.response.models import CaseClock

    return CaseClock(
        case=case,
        kind="stage",
        stage="handle",
        rule_id="danger.handle",
        rule_version=1,
        limit="7d",
        calendar="natural",
        start_event="CaseOpened",
        basis={"title": "bench"},
        started_at=case.opened_at,
        due_at=NOW + spare + timedelta(minutes=1 + case.pk % 50_000),
    )
