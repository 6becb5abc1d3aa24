"""Ticks of the judge over the demo city: rows, events, memory and cursors."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from anlan.infra import failpoints, journal
from anlan.infra.failpoints import FailpointError
from anlan.infra.models import JournalEntry
from anlan.warning.models import AlertInstance, JudgeInbox, JudgeState, WarningInForce
from tests.warning import town
from tests.warning.town import a_report, a_signal, at, readings, tick

pytestmark = pytest.mark.django_db(databases="__all__")


def events(*names: str) -> list[dict]:
    found = JournalEntry.objects.filter(event__in=names).order_by("seq")
    return [{"event": entry.event, **entry.payload} for entry in found]


def test_a_reading_becomes_an_alert_with_its_event_and_evidence(demo) -> None:
    readings("TUN-01", 0, 10, 30, 45, 45)
    assert tick(4).changes == 2
    row = AlertInstance.objects.get(rule="water.tunnel")
    assert (row.subject, row.level, row.place) == ("stream:TUN-01", "red", "RP-TUNNEL-JG")
    assert row.area_path == "410100/410108/410108001/410108001001"
    assert row.active_at == at(2)
    assert row.raised_at == at(3)
    assert row.reason["code"] == "threshold.beyond"
    assert row.evidence["readings"][-1]["value"] == 45
    told = [item for item in events("AlertRaised") if item["rule"] == "water.tunnel"]
    assert [(item["alert"], item["level"]) for item in told] == [(row.pk, "orange")]
    changed = [x for x in events("AlertLevelChanged") if x["rule"] == "water.tunnel"]
    assert [(item["before"], item["level"]) for item in changed] == [("orange", "red")]


def test_an_alert_clears_and_may_come_again(demo) -> None:
    readings("CROWD-01", 3.5, 3.5, 3.5)
    tick(2)
    readings("CROWD-01", *[1] * 11, start=3)
    tick(13)
    row = AlertInstance.objects.get(rule="crowd.density")
    assert row.cleared_at == at(13)
    assert row.cleared_reason == "threshold.calm"
    readings("CROWD-01", 4, 4, 4, start=14)
    tick(16)
    again = AlertInstance.objects.get(rule="crowd.density", cleared_at__isnull=True)
    assert again.level == "orange"


def test_rows_rebuilt_from_the_journal_are_the_live_rows(demo) -> None:
    a_signal(0)
    readings("TUN-01", 45, 45, 45)
    tick(2)
    tables = {"warning.alertinstance", "warning.warninginforce"}
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
    live = journal.live_state()
    for table in tables:
        assert rebuilt[table] == live[table]
        assert live[table]


@pytest.mark.parametrize("rows_too", [False, True])
def test_a_judge_that_lost_its_memory_raises_nothing_twice(demo, rows_too) -> None:
    readings("TUN-01", 45, 45, 45)
    tick(2)
    before = AlertInstance.objects.count()
    town.begin_anew(keep_file=False)
    if rows_too:
        JudgeState.objects.all().delete()
    tick(2)
    assert AlertInstance.objects.count() == before
    assert len(events("AlertRaised")) == before


def test_history_judged_again_raises_nothing_that_is_past(demo) -> None:
    readings("CROWD-01", 3.5, 4.5, 4.5, 4.5, *[1] * 12)
    tick(15)
    readings("CROWD-01", 4, 4, 4, start=16)
    tick(18)
    rows = list(AlertInstance.objects.order_by("pk").values())
    assert len([row for row in rows if row["rule"] == "crowd.density"]) == 2
    told = JournalEntry.objects.count()
    town.begin_anew(keep_file=False)
    tick(18)
    assert list(AlertInstance.objects.order_by("pk").values()) == rows
    assert JournalEntry.objects.count() == told


def test_a_tick_that_breaks_leaves_nothing_and_the_next_one_does_all(demo) -> None:
    readings("TUN-01", 45, 45, 45)
    a_report(0)
    failpoints.arm("judge.findings_kept:raise")
    with pytest.raises(FailpointError):
        tick(2)
    # What concerns the city as a whole does not wait for the streams.
    assert not AlertInstance.objects.filter(subject__startswith="stream:").exists()
    assert not JudgeInbox.objects.exists()
    a_report(1)
    failpoints.arm("judge.city_kept:raise")
    with pytest.raises(FailpointError):
        tick(2)
    assert JudgeInbox.objects.count() == 1
    tick(2)
    assert AlertInstance.objects.filter(subject="stream:TUN-01").exists()
    assert not JudgeInbox.objects.exists()


def test_one_open_alert_for_a_rule_and_subject_is_a_constraint(demo) -> None:
    readings("TUN-01", 45, 45, 45)
    tick(2)
    row = AlertInstance.objects.filter(rule="water.tunnel").get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_repeat_calls_rise_as_one_alert_of_the_rule(demo) -> None:
    numbers = []
    for minute, strong in [(0, False), (30, True), (50, False), (55, True), (58, True)]:
        numbers.append(a_report(minute, strong=strong))
        tick(minute)
    row = AlertInstance.objects.get(rule="reports.crowd")
    assert row.level == "red"
    assert row.area == "410108001002"
    assert row.evidence["reports"] == numbers
    assert [x["level"] for x in events("AlertLevelChanged")] == ["orange", "red"]


def test_a_red_signal_reaches_every_kind_of_place_and_the_lag_is_told(demo) -> None:
    a_signal(0)
    assert tick(0).changes
    places = set(AlertInstance.objects.exclude(place="").values_list("place", flat=True))
    assert {
        "RP-METRO-5",
        "RP-YARD-WLK",
        "RP-TUNNEL-JG",
        "RP-RES-GJZ",
        "RP-HOSP-FW",
    } <= places
    lag = AlertInstance.objects.get(rule="lag.rainstorm_red")
    assert (lag.subject, lag.reason["params"]["asked"]) == ("area:410100", "I")
    assert lag.area_path == "410100"


def test_a_signal_that_ends_clears_what_rested_on_it(demo) -> None:
    a_signal(0, ends_at=at(60))
    tick(0)
    tick(61)
    assert not AlertInstance.objects.filter(
        cleared_at__isnull=True, rule__startswith="rain_red."
    ).exists()
    row = WarningInForce.objects.get()
    assert (row.ended_why, row.ended_at) == ("expired", at(60))
    reasons = set(
        AlertInstance.objects.filter(rule__startswith="rain_red.").values_list(
            "cleared_reason", flat=True
        )
    )
    assert reasons == {"conjunction.signal_ended"}


def test_silence_of_a_sensor_is_found_without_any_news(demo) -> None:
    tick(0)
    tick(6)
    assert AlertInstance.objects.filter(rule="device.silence", subject="stream:TUN-01").exists()
    assert not AlertInstance.objects.filter(subject="stream:RAIN-01").exists()
    readings("TUN-01", 0, start=7)
    tick(7)
    row = AlertInstance.objects.get(subject="stream:TUN-01")
    assert row.cleared_reason == "silence.heard_again"


def test_many_batches_at_once_are_not_taken_for_silence(demo, monkeypatch) -> None:
    monkeypatch.setattr("anlan.warning.services.streams.judge.FRAMES_AT_ONCE", 3)
    tick(0)
    for minute in range(0, 40, 2):
        readings("TUN-01", 0, 0, start=minute)
    tick(40)
    assert not AlertInstance.objects.filter(subject="stream:TUN-01").exists()


def test_readings_known_to_be_bad_are_not_judged(demo) -> None:
    readings("GAS-01", 5000, 5000, 5000)  # beyond what the quantity can be
    tick(2)
    assert not AlertInstance.objects.filter(rule="gas.space").exists()


def test_an_idle_tick_is_a_few_queries_and_reads_no_memory(demo) -> None:
    readings("TUN-01", 0, 0, 0)
    tick(2)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert tick(2.5) == type(tick(2.5))()
    assert len(queries) <= 10  # two ticks
    assert not any('"blob"' in query["sql"] for query in queries.captured_queries)


def test_a_tick_with_news_asks_a_bounded_number_of_queries(demo) -> None:
    tick(0)
    counts = []
    for streams in (["TUN-01"], ["TUN-01", "POND-01", "YARD-01", "CROWD-01", "GAS-01", "LIFT-01"]):
        for stream in streams:
            readings(stream, 0, start=len(counts) + 1)
        with CaptureQueriesContext(connection) as queries:
            tick(len(counts) + 1)
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 1
    assert counts[0] <= 30


def test_without_a_city_there_is_nothing_to_judge() -> None:
    assert tick(0).changes == 0


def test_town_has_the_rules_that_these_tests_rest_on(demo) -> None:
    from anlan.registry import public as registry

    known = {rule.id for rule in registry.rules_in_force(at=town.NOW)}
    assert {"water.tunnel", "reports.crowd", "device.silence", "lag.rainstorm_red"} <= known
