"""What is found in readings becomes rows: once, through restarts, with an end."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.infra.models import JournalEntry
from anlan.sensing import public as sensing
from anlan.sensing.domain.errors import (
    MaintenanceSpanError,
    MaintenanceUnknownError,
    MaintenanceWhyError,
)
from anlan.sensing.models import StreamFault
from anlan.sensing.quality import state as quality
from anlan.sensing.services import examining
from tests.sensing.conftest import NOW
from tests.sensing.quality.city import CHECKS, MINUTE, START, load, moving, send, sensor

pytestmark = pytest.mark.django_db(databases="__all__")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def nothing_remembered():
    examining.forget()
    yield
    examining.forget()


def faults(**wanted):
    rows = StreamFault.objects.filter(**wanted).order_by("since", "pk")
    return [(row.stream, row.kind, row.since, row.until) for row in rows]


def test_a_stuck_stream_is_doubted_from_then_until_it_moves():
    load(now=START)
    stuck = send("s1", moving(6), start=START)
    end = send("s1", [7.0] * 30, start=stuck)
    sensing.examine(now=end)
    assert faults() == [("s1", "stuck", stuck, None)]
    row = StreamFault.objects.get()
    assert (row.rule, row.rule_version, row.asked) == ("stuck.test", 1, True)
    assert (row.found, row.limit) == (7.0, 1.0)  # cm, hours
    send("s1", moving(3), start=end)
    sensing.examine(now=end + HOUR)
    assert faults() == [("s1", "stuck", stuck, end)]
    assert sensing.doubts_of(["s1", "s2"]) == {}
    assert [row.kind for row in sensing.faults_of("s1", START, end)] == ["stuck"]


def test_what_was_told_is_not_told_again_after_a_crash():
    load(now=START)
    at = send("s1", moving(6), start=START)
    at = send("s1", [7.0] * 20, start=at)
    sensing.examine(now=at)
    before = faults(), JournalEntry.objects.count()
    assert before[0]
    for file in (False, True):  # with the file that was kept, and without it
        examining.forget()
        if file:
            examining.file_of(examining.workspace_here().observations).unlink()
        sensing.examine(now=at + MINUTE)
        assert (faults(), JournalEntry.objects.count()) == before
    end = send("s1", moving(2), start=at)
    examining.forget()
    sensing.examine(now=end)
    assert [row[3] for row in faults()] == [at]


def test_a_memory_that_is_ahead_of_the_store_passes_no_reading_over():
    load(now=START)
    store = examining.workspace_here().observations
    quality.save(examining.file_of(store), quality.Kept(quality.blank(8), 1_000, 0, 0))
    examining.forget()
    at = send("s1", moving(6), start=START)
    at = send("s1", [7.0] * 30, start=at)
    sensing.examine(now=at)
    assert [kind for _, kind, *_ in faults()] == ["stuck"]


def test_a_fault_without_an_end_in_what_is_kept_ends_when_memory_is_made_anew():
    load(now=START)
    at = send("s1", moving(30), start=START)
    StreamFault.objects.create(
        stream="s1", kind="drift", rule="x", rule_version=1, since=START, found=1, limit=1, recorded_at=START
    )  # fmt: skip
    load(checks=(*CHECKS,), now=START)
    sensing.examine(now=at)
    assert [row.ended_why for row in StreamFault.objects.all()] == ["unchecked"]


def test_too_few_readings_of_a_day_are_told_and_silence_is_not_told_twice():
    load(now=START - 3 * 24 * HOUR)
    begin = START - 2 * 24 * HOUR
    send("s2", moving(24), start=begin)  # then silent: another duty
    at = begin
    for _ in range(150):  # every second reading is missing
        at = send("s1", [5.0 + at.minute / 100], start=at) + 5 * MINUTE
    sensing.examine(now=at)
    assert [(stream, kind) for stream, kind, *_ in faults()] == [("s1", "gaps")]
    row = StreamFault.objects.get()
    assert 0.45 < row.found < 0.55
    assert row.limit == 0.8


def test_a_replaced_device_begins_anew_and_the_stream_keeps_its_past():
    load(sensor("s1", device="A-1", installed_on=date(2024, 1, 1)), now=START)
    at = send("s1", moving(6), start=START)
    at = send("s1", [7.0] * 30, start=at)
    sensing.examine(now=at)
    assert [row[3] for row in faults(kind="stuck")] == [None]
    load(sensor("s1", device="B-2", installed_on=date(2026, 7, 20)), now=at)
    sensing.examine(now=at + MINUTE)
    row = StreamFault.objects.get(kind="stuck")
    assert (row.until, row.ended_why) == (at + MINUTE, "replaced")
    assert len(sensing.read_observations("s1", START, at)) == 36


def test_entering_the_number_of_a_device_that_has_stood_there_long_ends_nothing():
    load(now=START)
    at = send("s1", moving(6), start=START)
    at = send("s1", [7.0] * 30, start=at)
    sensing.examine(now=at)
    load(sensor("s1", device="A-1", installed_on=date(2020, 1, 1)), now=at)
    sensing.examine(now=at + MINUTE)
    assert [row[3] for row in faults(kind="stuck")] == [None]


def test_overdue_calibration_is_shown_from_the_day_after_and_asks_for_nobody():
    load(sensor("s1", calibration_due=date(2026, 7, 18)), now=START)
    at = send("s1", moving(3), start=START)
    sensing.examine(now=at)
    row = StreamFault.objects.get()
    assert (row.kind, row.asked, row.until) == ("calibration", False, None)
    assert row.since.isoformat() == "2026-07-18T16:00:00+00:00"  # midnight of the city
    load(sensor("s1", calibration_due=date(2027, 7, 18)), now=at)
    sensing.examine(now=at + HOUR)
    assert [row.until for row in StreamFault.objects.all()] == [at.replace(minute=0) + HOUR]


def test_in_maintenance_a_fault_is_shown_and_asked_for_only_when_it_outlasts_the_work(admin):
    load(now=START)
    end = START + 6 * HOUR
    sensing.set_maintenance(
        admin, "s1", starts_at=START, ends_at=end, why="Yearly check", now=START
    )
    assert sensing.in_maintenance(at=START) == {"s1"}
    at = send("s1", moving(6), start=START)
    at = send("s1", [7.0] * 30, start=at)
    sensing.examine(now=at)
    row = StreamFault.objects.get()
    assert (row.asked, row.waits) == (False, True)
    sensing.examine(now=end + MINUTE)
    row.refresh_from_db()
    assert (row.asked, row.waits) == (True, False)
    told = JournalEntry.objects.filter(event="StreamFaultFound").order_by("seq")
    assert [entry.payload["asks"] for entry in told] == [False, True]


def test_a_maintenance_says_when_and_why_and_ends_when_it_is_over(admin):
    load(now=START)
    span = {"starts_at": START, "ends_at": START + HOUR, "now": START}
    for why in ("", "call 13800138000", "x" * 301):
        with pytest.raises(MaintenanceWhyError):
            sensing.set_maintenance(admin, "s1", why=why, **span)
    for ends_at in (START, START - HOUR, START + timedelta(days=32)):
        with pytest.raises(MaintenanceSpanError):
            sensing.set_maintenance(admin, "s1", why="Check", **span | {"ends_at": ends_at})
    row = sensing.set_maintenance(admin, "s1", why="Check", **span)
    assert [x.pk for x in sensing.maintenance_of("s1", after=START)] == [row.pk]
    sensing.end_maintenance(admin, row.pk, now=START + MINUTE)
    assert sensing.in_maintenance(at=START + 2 * MINUTE) == set()
    with pytest.raises(MaintenanceUnknownError):
        sensing.end_maintenance(admin, row.pk, now=START + 2 * MINUTE)


@pytest.mark.parametrize("streams", [1, 40])
def test_an_idle_round_costs_the_same_for_any_number_of_streams(streams):
    load(*(sensor(f"s{n}") for n in range(streams)), now=START)
    for n in range(streams):
        send(f"s{n}", [5.0], start=START)
    sensing.examine(now=START + MINUTE)
    with CaptureQueriesContext(connection) as seen:
        sensing.examine(now=START + 2 * MINUTE)
    assert len(seen) <= 6, [q["sql"] for q in seen]


def test_nothing_happens_before_a_city_is_loaded():
    assert sensing.examine(now=NOW) == sensing.Examined()
