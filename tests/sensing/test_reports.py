"""Reports: never refused for a missing field, never lost once acknowledged, nothing personal outside."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, connections
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext

from anlan.infra import contents, failpoints, journal
from anlan.infra.contents import ALIAS
from anlan.infra.failpoints import FailpointError
from anlan.infra.models import ContentItem, JournalEntry
from anlan.kernel.canonical import canonical_bytes
from anlan.kernel.errors import NotFoundError
from anlan.sensing import access, public, selectors
from anlan.sensing.domain.errors import KeyReusedError, TextTooLongError
from anlan.sensing.models import IdempotencyKey, Report
from tests.sensing.conftest import DUTY, GATEWAY, NOW, STREET

pytestmark = pytest.mark.django_db(databases="__all__")
PERSONAL = ("张三", "13900001111", "z3@example.invalid", "三单元门口", "燃气味很重")
FULL = public.ReportIn(
    text="张三家燃气味很重，怕爆炸",
    lat=34.2,
    lon=113.2,
    place_text="三单元门口",
    contact=public.Contact(name="张三", phone="13900001111", email="z3@example.invalid"),
    channel="hotline",
    language="zh",
    known_at=NOW - timedelta(minutes=7),
)


def keep(report=FULL, *, now=NOW, once=None, secret="secret"):
    return public.keep_report(GATEWAY, report, secret=secret, now=now, once=once)


def test_a_report_is_understood_and_numbered(city):
    row = Report.objects.get(pk=keep().pk)
    assert row.number == f"AL-20260720-{row.pk:06d}"
    assert (row.hazard, row.hazard_from, row.strong) == ("gas.leak", "recognised", True)
    assert (row.area, row.area_path) == ("410102001", "410100/410102/410102001")
    assert (row.known_at, row.received_at) == (NOW - timedelta(minutes=7), NOW)
    assert row.flags == []
    assert selectors.report_said(row.pk).text == FULL.text
    assert selectors.report_said(row.pk).place == "三单元门口"
    assert selectors.report_said(row.pk).contact["phone"] == "13900001111"


def test_the_number_carries_the_local_day(city):
    late = NOW.replace(hour=16, minute=30)  # half past midnight in Shanghai
    assert keep(now=late).number.startswith("AL-20260721-")


def test_nothing_personal_leaves_the_content_store(city):
    row = keep()
    kept = canonical_bytes(
        [[entry.payload, entry.images] for entry in JournalEntry.objects.all()]
    ).decode()
    kept += str(vars(row))
    assert "ReportReceived" in set(JournalEntry.objects.values_list("event", flat=True))
    for word in PERSONAL:
        assert word not in kept
    assert "爆炸" in kept  # the lexicon's word is no one's


def test_the_event_and_the_image_give_the_row_again(city):
    row = keep()
    entry = JournalEntry.objects.get(event="ReportReceived")
    event = journal.told(entry).event
    assert (event.report, event.number, event.known_at) == (row.pk, row.number, row.known_at)
    live = journal.live_state()["sensing.report"]
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))["sensing.report"]
    assert rebuilt == live
    assert "follow_hash" not in live[row.pk]


@pytest.mark.parametrize(
    ("report", "area", "flags"),
    [
        (public.ReportIn(), "", ["empty"]),
        (public.ReportIn(text="help"), "", []),
        (public.ReportIn(text="x", area="410103"), "410103", []),
        (public.ReportIn(text="x", area="999"), "", ["unknown_area"]),
        (public.ReportIn(text="x", lat=1.0, lon=1.0), "", ["outside_city"]),
        (public.ReportIn(text="x", lat=95.0, lon=1.0), "", ["bad_position"]),
        (public.ReportIn(text="x", lat=34.2), "", ["bad_position"]),
        (public.ReportIn(text="x", hazard="no.such"), "", ["unknown_hazard"]),
        (public.ReportIn(text="x", channel="<b>"), "", ["odd_channel"]),
        (public.ReportIn(text="x", lat=34.9, lon=113.9, area="kfq"), "kfq", []),
        (public.ReportIn(text="x", lat=34.2, lon=113.2, area="410102"), "410102001", []),
        (
            public.ReportIn(text="x", lat=34.2, lon=113.2, area="410103"),
            "410102001",
            ["area_contradicts_position"],
        ),
        (public.ReportIn(text="x", known_at=NOW + timedelta(hours=1)), "", ["clock_ahead"]),
        (public.ReportIn(text="x", extra='{"mood":1}'), "", ["extra_fields"]),
    ],
)
def test_whatever_is_missing_or_odd_is_kept_and_flagged(city, report, area, flags):
    row = keep(report)
    assert (row.area, row.flags) == (area, flags)
    assert Report.objects.filter(pk=row.pk).exists()


def test_a_wrong_clock_is_kept_beside_what_counts(city):
    claimed = NOW + timedelta(days=3)
    row = keep(public.ReportIn(text="x", known_at=claimed))
    assert (row.known_claimed_at, row.known_at) == (claimed, NOW)


def test_the_time_of_knowledge_cannot_come_after_receipt_even_by_hand(city):
    row = keep()
    with pytest.raises(IntegrityError):
        Report.objects.filter(pk=row.pk).update(known_at=NOW + timedelta(seconds=1))


def test_a_stated_hazard_beats_the_recognised_one(city):
    row = keep(public.ReportIn(text="燃气", hazard="met.rain"))
    assert (row.hazard, row.hazard_from, row.words) == ("met.rain", "stated", ["燃气"])


def test_a_workspace_without_a_city_takes_reports_too(db):
    row = keep(public.ReportIn(text="燃气", lat=34.2, lon=113.2, hazard="gas.leak"))
    assert (row.area, row.hazard, row.flags) == ("", "", ["unknown_hazard"])


def test_a_text_that_is_too_long_leaves_nothing_behind(city):
    before = JournalEntry.objects.count()
    with pytest.raises(TextTooLongError):
        keep(public.ReportIn(text="x" * 10_000_000))
    assert not Report.objects.exists()
    assert not ContentItem.objects.using(ALIAS).filter(kind="report").exists()
    assert JournalEntry.objects.count() == before


def test_hostile_text_comes_back_as_it_was_sent(city):
    hostile = "'; DROP TABLE sensing_report; --\x00<script>alert(1)</script>{{7*7}}%s\u202e"
    assert selectors.report_said(keep(public.ReportIn(text=hostile)).pk).text == hostile


def test_following_needs_number_and_secret(city):
    row = keep(secret="right")
    assert access.report_followed(row.number, "right") == row
    for number, secret in [
        (row.number, "wrong"),
        (row.number, ""),
        ("AL-20260720-999999", "right"),
    ]:
        with pytest.raises(NotFoundError):
            access.report_followed(number, secret)


def test_officers_see_their_own_area_only(city):
    inside = keep()
    outside = keep(public.ReportIn(text="x", area="410103"))
    nowhere = keep(public.ReportIn(text="x"))
    assert access.report_for(STREET, inside.number) == inside
    for row in (outside, nowhere):
        assert access.report_for(DUTY, row.number) == row
        with pytest.raises(NotFoundError):
            access.report_for(STREET, row.number)


def test_after_lawful_destruction_the_report_stays_and_the_words_are_gone(city):
    row = keep()
    contents.destroy([row.said_content], reason="expired", now=NOW)
    assert selectors.report_said(row.pk).text == ""
    assert selectors.report_said(row.pk).contact == {}
    assert public.report(row.pk).number == row.number


def test_what_is_kept_has_a_purpose_and_an_end(city):
    item = ContentItem.objects.using(ALIAS).get(pk=keep().said_content)
    assert item.purpose == "report"
    assert item.legal_ground
    assert (item.expires_on - NOW.date()).days == 365


def test_the_cost_of_a_report_is_bounded(city):
    keep()  # caches filled
    once = public.Once("k", "0" * 64)
    with (
        CaptureQueriesContext(connection) as default,
        CaptureQueriesContext(connections[ALIAS]) as apart,
    ):
        keep(once=once)
    statements = [query["sql"].split()[0].upper() for query in default.captured_queries]
    writes = [word for word in statements if word in {"INSERT", "UPDATE", "DELETE"}]
    # number, report, journal head (read and write on PostgreSQL), journal entry, key
    assert len(writes) == 5, default.captured_queries
    # key, city revision, revision and outlines for the position
    assert statements.count("SELECT") <= 5, default.captured_queries
    inserts = [query for query in apart.captured_queries if query["sql"].startswith("INSERT")]
    assert len(inserts) == 1


@pytest.mark.parametrize(
    "point", ["journal.rows_saved", "journal.appended", "sensing.before_commit"]
)
def test_a_failure_before_the_end_leaves_no_half_report(city, point):
    once = public.Once("k", "0" * 64)
    before = JournalEntry.objects.count()
    failpoints.arm(f"{point}:raise")
    with pytest.raises(FailpointError):
        keep(once=once)
    assert not Report.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert JournalEntry.objects.count() == before
    assert keep(once=once).pk == Report.objects.get().pk


def test_a_failure_after_the_commit_is_answered_by_the_same_key(city):
    once = public.Once("k", "0" * 64)
    failpoints.arm("sensing.committed:raise")
    with pytest.raises(FailpointError):
        keep(once=once)
    kept = Report.objects.get()
    assert keep(once=once) == kept


def test_the_same_key_is_one_report_and_another_body_is_refused(city):
    first = keep(once=public.Once("k", "a" * 64))
    assert keep(once=public.Once("k", "a" * 64)) == first
    with pytest.raises(KeyReusedError):
        keep(once=public.Once("k", "b" * 64))
    assert Report.objects.count() == 1


def test_keys_belong_to_their_sender_and_are_forgotten_after_a_week(city):
    once = public.Once("k", "a" * 64)
    first = keep(once=once)
    other = public.keep_report(STREET, FULL, secret="s", now=NOW, once=once)
    assert other != first
    week = NOW + timedelta(days=7)
    assert public.forget_keys(now=week) == 2
    assert keep(once=once, now=week) not in (first, other)
