"""The clockwork: what fails is seen by everyone, tried again, and one clockwork runs at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from anlan.accountability import public as accountability
from anlan.accountability.models import Sickness
from anlan.entrypoints import clock, here, probes, worker
from anlan.entrypoints.edge import judging
from anlan.entrypoints.edge.judging import Judging
from anlan.entrypoints.lease import Lease
from anlan.infra.workspace import WorkspaceKind, create
from anlan.kernel.errors import IntegrityBreachError
from anlan.response.models import Case
from anlan.sensing import public as sensing
from anlan.sensing.models import StoreMark
from anlan.warning import public as warning
from anlan.warning.services.streams.judge import StreamJudge
from tests.readings import heard

NOW = datetime(2026, 7, 20, 2, 0, tzinfo=UTC)


@pytest.fixture
def instant(monkeypatch, tmp_path):
    """A wall that the test moves, over a workspace of its own."""
    place = create(tmp_path / "workspace", kind=WorkspaceKind.LIVE)
    monkeypatch.setattr(settings, "WORKSPACE", place)
    values = replace(settings.ANLAN, workspace=str(place.root), checkpoints="")
    monkeypatch.setattr(settings, "ANLAN", values)

    class Standing:
        at = NOW

        def now(self):
            return self.at

    standing = Standing()
    monkeypatch.setattr(clock, "_current", standing)
    monkeypatch.setattr(probes, "disk_share", lambda: 0.5)
    monkeypatch.setattr(probes, "clock_jump_s", lambda: 0.0)
    return standing


@pytest.fixture
def works(demo_of_the_module, db, instant):
    made = worker.clockwork()

    def run_until(minutes, *, every=1.0):
        end = NOW + timedelta(minutes=minutes)
        while instant.at < end:
            instant.at = min(end, instant.at + timedelta(minutes=every))
            made.tick(now=instant.at)

    made.tick(now=NOW)
    made_until = run_until
    return made, made_until


def broken(works, name, error=OSError):
    """Let one step fail; return the way to mend it."""

    def fail(_now):
        raise error

    before = works.steps
    works.steps = tuple(
        worker.Step(one.name, one.every, fail) if one.name == name else one for one in before
    )

    def mend():
        works.steps = before

    return mend


pytestmark = pytest.mark.django_db(databases="__all__")


def open_parts():
    return {item.part for item in accountability.sicknesses()}


def test_a_step_that_keeps_failing_is_a_sickness_with_a_case_on_every_screen(works, instant):
    made, run_until = works
    mend = broken(made, "seal ledger")
    run_until(0.5, every=0.5)
    assert open_parts() == set()
    run_until(3)
    assert "step:seal ledger" in open_parts()
    (sick,) = Sickness.objects.filter(part="step:seal ledger")
    assert Case.objects.get(pk=sick.case).cause == "sick:step:seal ledger"
    page = Client().get("/", headers={"Accept-Language": "en"}).content.decode()
    assert "A duty of the clockwork keeps failing: step:seal ledger" in page
    answer = Client().get("/healthz")
    assert answer.status_code == 503
    assert "step:seal ledger" in answer.json()["sick"]
    mend()
    run_until(5)
    assert open_parts() == set()
    assert Sickness.objects.filter(part="step:seal ledger").count() == 1


def test_a_step_that_failed_once_is_no_sickness(works):
    made, run_until = works
    mend = broken(made, "judge")
    run_until(0.4, every=0.2)
    assert "judge" in made.failing
    mend()
    run_until(4)
    assert open_parts() == set()
    assert made.failing == {}


def test_health_that_cannot_be_noted_is_shown_all_the_same(works, instant):
    made, run_until = works
    broken(made, "health")
    run_until(3)
    assert open_parts() == set()
    answer = Client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["sick"] == ["step:health"]
    assert "step:health" in Client().get("/").content.decode()


def test_a_full_disk_is_shown_before_anything_could_be_noted(works, monkeypatch):
    monkeypatch.setattr(probes, "disk_share", lambda: 0.97)
    assert open_parts() == set()
    assert Client().get("/healthz").json()["sick"] == ["disk:workspace"]


def test_a_nearly_full_disk_raises_its_case_through_the_clockwork(works, monkeypatch):
    _, run_until = works
    monkeypatch.setattr(probes, "disk_share", lambda: 0.90)
    run_until(1)
    assert open_parts() == {"disk:workspace"}
    assert Case.objects.filter(cause="sick:disk:workspace", is_open=True).count() == 1


def test_an_edge_that_falls_silent_raises_its_case_and_is_on_every_screen(works):
    _, run_until = works
    run_until(45, every=15.0)
    # Nothing ever spoke here: each sensor has its own case.  (No mail server: that is told too.)
    assert open_parts() == {"outbox"}
    heard("RAIN-01", NOW)
    run_until(46)
    assert open_parts() == {"door:observations", "outbox"}
    assert Case.objects.filter(cause="sick:door:observations", is_open=True).count() == 1
    assert "door:observations" in Client().get("/").content.decode()
    heard("RAIN-01", NOW, received_at=NOW + timedelta(minutes=46))
    run_until(47)
    assert open_parts() == {"outbox"}


def test_the_daily_verification_that_fails_is_a_sickness_and_is_tried_again_soon(works):
    made, run_until = works
    tried = []

    def fail(now):
        tried.append(now)
        raise IntegrityBreachError(what="ledger")

    made.steps = tuple(
        worker.Step(one.name, one.every, fail) if one.name == "verify ledger" else one
        for one in made.steps
    )
    run_until(24 * 60, every=24 * 60.0)
    run_until(24 * 60 + 22, every=2.0)
    assert "step:verify ledger" in open_parts()
    assert [round((at - tried[0]).total_seconds() / 60) for at in tried] == [0, 10, 20]


def sealed_files(place):
    return sorted((place.observations / "segments").rglob("obs-*.parquet"))


@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_a_harmed_file_of_readings_is_found_by_itself_told_and_taken_back(works, instant, fault):
    made, run_until = works
    heard("RAIN-01", NOW)
    run_until(70, every=35.0)
    (path,) = sealed_files(settings.WORKSPACE)
    whole = path.read_bytes()
    path.unlink() if fault == "missing" else path.write_bytes(whole[:-1])
    part = f"readings:segments/{path.parent.name}/{path.name}"
    run_until(75)
    assert part not in open_parts()  # the round of that day had seen it whole
    run_until(24 * 60 + 75, every=12 * 60.0)
    run_until(24 * 60 + 77)
    (sick,) = Sickness.objects.filter(part=part)
    assert sick.ailment == f"readings_{fault}"
    case = Case.objects.get(pk=sick.case)
    assert (case.is_open, case.hazard) == (True, "system.sick")
    assert path.name in case.title["zh"]
    path.write_bytes(whole)
    run_until(24 * 60 + 79)
    assert part not in open_parts()
    assert made.failing == {}


def test_a_round_that_is_switched_off_reads_nothing(works, monkeypatch):
    _made, run_until = works
    heard("RAIN-01", NOW)
    monkeypatch.setattr(settings, "ANLAN", replace(settings.ANLAN, proof_rate="0"))
    run_until(70, every=35.0)
    (path,) = sealed_files(settings.WORKSPACE)
    path.unlink()
    run_until(24 * 60 + 80, every=12 * 60.0)
    assert not any(part.startswith("readings:") for part in open_parts())


def test_an_idle_hour_is_no_sickness(works):
    _made, run_until = works
    run_until(2)
    run_until(62, every=60.0)
    run_until(63)
    assert open_parts() == set()


@pytest.mark.parametrize("hours", [-30, -1, 3])
def test_a_clock_that_is_moved_makes_no_step_wait(works, instant, hours):
    made, _ = works
    instant.at = NOW + timedelta(hours=hours)
    made.tick(now=instant.at)
    minutely = [one.name for one in made.steps if one.every <= timedelta(minutes=1)]
    assert {made.last[name] for name in minutely} == {instant.at}
    daily = next(one.name for one in made.steps if one.every == timedelta(days=1))
    assert made.last[daily] <= instant.at
    assert made.failing == {}


HOLDER = """
import sys, time
from pathlib import Path
from anlan.entrypoints.lease import Lease
with Lease(Path(sys.argv[1])) as lease:
    print(lease.take(), flush=True)
    sys.stdin.read()
"""


def test_a_second_clockwork_stands_by_and_takes_over_from_one_that_was_killed(tmp_path):
    first = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": "src"},
    )  # fmt: skip
    assert first.stdout.readline() == "True\n"
    with Lease(tmp_path) as second:
        assert not second.take()
        assert not second.take()
        first.kill()
        first.communicate()
        assert second.take()
        with Lease(tmp_path) as third:
            assert not third.take()
    with Lease(tmp_path) as fourth:
        assert fourth.take()


def test_what_fails_is_written_beside_the_database_and_read_again(instant):
    probes.note_failing({"judge": NOW})
    assert probes.failing() == {"judge": NOW}
    file = here.workspace().root / probes.FAILING
    assert set(json.loads(file.read_text())) == {"judge"}
    file.write_text("{half")
    assert probes.failing() == {}


def test_an_edge_that_keeps_readings_and_does_not_judge_them_is_noticed(works):
    """The clockwork has given way: what is kept and judged by nobody must not look like calm."""
    _, run_until = works
    edge, judge = Judging(), StreamJudge(here.workspace().judge)
    edge._beat()
    judge.start()
    try:
        run_until(1)
        assert open_parts() == set()
        run_until(4)
        assert open_parts() == {"process:judge"}
        assert Case.objects.filter(cause="sick:process:judge").count() == 1
        edge._beat_due = 0.0
        edge._beat()
        run_until(5)
        assert open_parts() == set()
    finally:
        judge.close()
    run_until(9)  # the clockwork judges again: nobody else is missed
    assert open_parts() == set()


def test_the_edge_lets_the_database_know_how_far_readings_are_kept(
    instant, db, monkeypatch, django_assert_num_queries
):
    """Also while no clockwork runs: else a store put back as it was an hour ago would pass for the newest."""
    edge = Judging()

    class Judge:
        claims = SimpleNamespace(judges=False)

        def __init__(self):
            here.workspace().judge.mkdir()

        def start(self):
            pass

        def tick(self, *, now):
            edge._stop.set()
            raise OperationalError("the database went away for a moment")

    monkeypatch.setattr(warning, "stream_judge", Judge)
    monkeypatch.setattr(judging, "TICK_S", 0.0)
    monkeypatch.setattr(judging, "close_old_connections", lambda: None)  # it is the test's own
    sensing.note_kept(now=NOW)
    assert not StoreMark.objects.exists()
    for minute in range(3):
        heard("RAIN-01", NOW + timedelta(minutes=minute))
    edge._run()
    assert StoreMark.objects.get().frame == 3
    with django_assert_num_queries(0):
        edge._note()
    edge._note_due = 0.0
    with django_assert_num_queries(1):
        edge._note()
